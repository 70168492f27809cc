"""The torch engine, on torch's processor device everywhere and on a GPU where there is one; and who searches where."""

import re
import sys
from functools import partial
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerscape.search
from layerscape.errors import InvalidValue, MissingExtra, UnknownName
from layerscape.search import compiled, engines, find, find_neighbors
from tests.search.reference import KINDS, cloud, plain

torch = pytest.importorskip("torch")
gpu = import_module("layerscape.search.gpu")
MATMUL = torch.backends.cuda.matmul
TF32 = ("fp32_precision", "tf32") if hasattr(MATMUL, "fp32_precision") else ("allow_tf32", True)

TINY = {"TILE_ROWS": 5, "TILE_COLUMNS": 24, "GROUP": 2, "SPARE": 1}
STREAMED, RESIDENT = 2**12, 2**20  # bytes of free memory


def on_torch(x, k, *, free=RESIDENT, constants=TINY, **options):
    """The graph by the torch engine, without a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "engine_for", lambda *_: partial(gpu.search, device="cpu"))
        patch.setattr(gpu, "_free_memory", lambda *_: free)
        for name, value in constants.items():
            patch.setattr(gpu, name, value)
        return find_neighbors(x, k, **options)


def assert_same(graph, other):
    for name in ("indices", "distances", "copies", "border_starts", "border_copies"):
        np.testing.assert_array_equal(getattr(graph, name), getattr(other, name))


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 64),
    d=st.integers(1, 40),
    seed=st.integers(0, 99),
    free=st.sampled_from([1, STREAMED, RESIDENT]),
    constants=st.sampled_from([TINY, {}]),
    data=st.data(),
)
def test_graph_is_exact_for_every_size_and_tile(kind, n, d, seed, free, constants, data):
    x, k = cloud(kind, n, d, seed), data.draw(st.one_of(st.just(n - 1), st.integers(1, n - 1)))
    graph = on_torch(x, k, free=free, constants=constants)
    indices, distances = plain(x, k)
    np.testing.assert_array_equal(graph.indices, indices)
    np.testing.assert_array_equal(graph.distances, distances)
    assert_same(graph, find_neighbors(x, k, device="cpu"))


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(3, 60),
    m=st.integers(1, 30),
    external=st.booleans(),
    free=st.sampled_from([STREAMED, RESIDENT]),
    data=st.data(),
)
def test_some_queries_and_other_points_are_exact(kind, n, m, external, free, data):
    x = cloud(kind, n, 6, 1)
    queries = cloud(kind, m, 6, 2) if external else data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=m))
    k = data.draw(st.integers(1, n if external else n - 1))
    graph = on_torch(x, k, free=free, queries=queries)
    assert_same(graph, find_neighbors(x, k, queries=queries, device="cpu"))
    if not external:
        np.testing.assert_array_equal(graph.indices, plain(x, k, queries)[0])


@pytest.mark.parametrize("free", [STREAMED, RESIDENT])
def test_many_panels_blocks_and_tiles_are_met_and_every_query_is_counted(free, monkeypatch):
    sizes, calls, told = [], [], []
    cut, smallest = gpu._sizes, gpu._smallest
    monkeypatch.setattr(gpu, "_sizes", lambda *given: sizes.append(cut(*given)) or sizes[0])
    monkeypatch.setattr(
        gpu, "_smallest", lambda b, width: calls.append(gpu._grouped(b.shape[1], width)) or smallest(b, width)
    )
    x = cloud("gaussian", 400, 2, 3)
    graph = on_torch(x, 2, free=free, progress=told.append)
    assert_same(graph, find_neighbors(x, 2, device="cpu"))
    assert sum(told) == 400
    assert len(told) > 20
    assert sizes[0].resident == (free == RESIDENT)
    assert sizes[0].panel * sizes[0].part < 200
    assert sizes[0].block < 200 or sizes[0].resident
    assert len(calls) > 400
    assert any(calls)  # by groups


def test_cosine_is_the_graph_of_the_other_engine():
    x = cloud("gaussian", 100, 7, 6) * 1e-30
    assert_same(on_torch(x, 8, metric="cosine"), find_neighbors(x, 8, metric="cosine", device="cpu"))


def cut_for(n_points, n_units, width, free):
    rows = SimpleNamespace(n_points=n_points, n_units=n_units)
    return gpu._sizes(SimpleNamespace(points=rows, queries=rows, memory=2**29), width, free)


@pytest.mark.parametrize("n_points", [10**3, 10**6, 10**8])
@pytest.mark.parametrize("n_units", [3, 1024, 50_000])
@pytest.mark.parametrize("width", [43, 900])
@pytest.mark.parametrize("free", [2 * 10**9, 6 * 10**9, 60 * 10**9])
def test_what_is_on_the_device_fits_into_its_memory(n_points, n_units, width, free):
    sizes = cut_for(n_points, n_units, width, free)
    points = (4 * n_units + 4) * (n_points if sizes.resident else 2 * sizes.block)
    queries = (4 * n_units + 12 * width) * sizes.part * (2 if sizes.resident else sizes.panel)
    tile = sizes.part * (5 * sizes.columns + 60 * width)
    assert points + queries + tile <= free


def test_a_million_points_stay_on_a_large_card_and_pass_twice_through_a_small_one():
    large, small = cut_for(10**6, 1024, 43, 60 * 10**9), cut_for(10**6, 1024, 43, 6 * 10**9)
    assert large.resident
    assert not small.resident
    assert 500_000 < small.panel * small.part < 1_000_000
    for sizes in (large, small):
        assert sizes.part > 2000
        assert sizes.columns > 10_000


@pytest.fixture
def tf32():
    """TF32 allowed; gives whether it still is."""
    before = getattr(MATMUL, TF32[0])
    setattr(MATMUL, *TF32)
    yield lambda: getattr(MATMUL, TF32[0]) == TF32[1]
    setattr(MATMUL, TF32[0], before)


def test_settings_of_torch_neither_matter_nor_change(tf32, monkeypatch):
    x = cloud("offset", 150, 30, 8)
    expected = find_neighbors(x, 5, device="cpu")
    meanwhile = []
    smallest = gpu._smallest
    monkeypatch.setattr(gpu, "_smallest", lambda *given: meanwhile.append(tf32()) or smallest(*given))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(on_torch(x, 5), expected)
    assert meanwhile
    assert not any(meanwhile)
    assert tf32()
    monkeypatch.setattr(gpu, "_smallest", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        on_torch(x, 5)
    assert tf32()


def test_products_of_less_than_full_precision_are_refused(monkeypatch):
    full = gpu._bounds
    monkeypatch.setattr(gpu, "_bounds", lambda rows, *rest: full(rows.bfloat16().float(), *rest))
    text = "device='cpu' multiplies float32 at less than full precision here; use device='cpu'."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        on_torch(cloud("gaussian", 20, 3, 0), 2)


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_full_device_is_said_in_one_line(error, monkeypatch):
    def fail(_):
        raise error

    monkeypatch.setattr(gpu._Sweep, "candidates", fail)
    text = (
        "device='cpu' ran out of memory; free some of it, give a smaller memory= than 1048576 bytes, "
        "or use device='cpu'."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        on_torch(cloud("gaussian", 20, 3, 0), 2, memory=2**20)


def test_other_errors_of_torch_are_not_hidden(monkeypatch):
    def fail(_):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(gpu._Sweep, "candidates", fail)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        on_torch(cloud("gaussian", 20, 3, 0), 2)


@pytest.mark.parametrize(
    ("device", "seen"),
    [
        ("cuda", "no CUDA device"),
        ("cuda:0", "no CUDA device"),
        ("cuda:2", "only cuda:0, cuda:1"),
    ],
)
def test_a_device_that_is_not_there_is_an_error(device, seen, monkeypatch):
    n_devices = 2 * (device == "cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: n_devices > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_devices)
    text = f"device={device!r} asked for, and torch sees {seen} here; use device='cpu' or 'auto'."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        find_neighbors(cloud("gaussian", 20, 3, 0), 2, device=device)


@pytest.mark.parametrize(
    ("device", "near"), [("gpu", "cpu"), ("cuda:", "cuda:1, cuda, cpu"), ("cuda:-1", "cuda:1, cuda")]
)
def test_an_unknown_device_is_an_error(device, near):
    text = f"unknown device {device!r}; nearest: {near}. There are: auto, cpu, cuda, cuda:1."
    with pytest.raises(UnknownName, match=f"^{re.escape(text)}$"):
        find_neighbors(cloud("gaussian", 20, 3, 0), 2, device=device)


def test_apples_products_are_refused_and_why_is_said():
    text = (
        "device='mps': Apple's float32 products can be wrong without an error (pytorch issues 193487 and 195163), "
        "so that nothing could be proven from them; use device='cpu'."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        find_neighbors(cloud("gaussian", 20, 3, 0), 2, device="mps")


def test_the_device_that_is_named_searches(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for device in ("cuda", "cuda:1"):
        assert engines.engine_for(device, 1).keywords == {"device": device}
    assert engines.engine_for("cpu", 10**15) is compiled.search


def test_auto_takes_cuda_for_large_searches_only(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert engines.engine_for("auto", 10**12).keywords == {"device": "cuda"}
    assert engines.engine_for("auto", 10**9) is compiled.search
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert engines.engine_for("auto", 10**12) is compiled.search


def test_auto_loads_torch_only_where_there_is_a_sign_of_a_gpu(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(engines, "DRIVERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.engine_for("auto", 10**12) is compiled.search
    assert "torch" not in sys.modules
    (tmp_path / "driver").touch()
    monkeypatch.setattr(engines, "DRIVERS", (str(tmp_path / "driver"),))
    assert engines._gpu_in_sight()
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    assert not engines._gpu_in_sight()


def test_a_gpu_without_torch_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "layerscape.search.gpu")
    monkeypatch.delattr(layerscape.search, "gpu")
    text = "this needs torch, which is not installed; run: pip install 'layerscape[models]'"
    with pytest.raises(MissingExtra, match=f"^{re.escape(text)}$"):
        find_neighbors(cloud("gaussian", 20, 3, 0), 2, device="cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fits", [True, False])
def test_cuda_gives_the_graph_of_the_processor(kind, fits, tf32, monkeypatch):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if not fits:
        monkeypatch.setattr(gpu, "_free_memory", lambda *_: 2**22)
    x = cloud(kind, 6000, 100, 0)
    for queries in (None, [5, 1, 5999], cloud(kind, 500, 100, 1)):
        assert_same(
            find_neighbors(x, 20, queries=queries, device="cuda"), find_neighbors(x, 20, queries=queries, device="cpu")
        )
    assert tf32()


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["lattice", "copies", "gaussian", "binary"]),
    n=st.integers(4, 64),
    seed=st.integers(0, 99),
    free=st.sampled_from([1, STREAMED, RESIDENT]),
    constants=st.sampled_from([TINY, {}]),
    data=st.data(),
)
def test_samples_that_are_left_out_are_those_of_the_processor(kind, n, seed, free, constants, data):
    x, groups = cloud(kind, n, 3, seed), np.random.default_rng(seed).integers(0, 4, n)
    groups[:2] = 0, 1
    left_out = data.draw(st.sampled_from([{"groups": groups}, {"lag": n // 4}]))
    most = n - (np.bincount(groups).max() if "groups" in left_out else 2 * (n // 4) + 1)
    k = data.draw(st.one_of(st.just(most), st.integers(1, most)))
    assert_same(
        on_torch(x, k, free=free, constants=constants, **left_out), find_neighbors(x, k, device="cpu", **left_out)
    )
