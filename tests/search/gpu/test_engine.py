"""The torch engine, on torch's processor device everywhere and on a GPU where there is one; and who searches where."""

import re
import sys
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerscape.search
from layerscape.errors import InvalidValue, MissingExtra, UnknownName
from layerscape.search import again, compiled, engines, find_neighbors
from tests.search.gpu.devices import CONSTANTS, FREE, assert_same, on_torch
from tests.search.reference import KINDS, cloud, plain
from tests.search.test_arithmetic import HARD

torch = pytest.importorskip("torch")
gpu = import_module("layerscape.search.gpu")
sweep, distances, engine = (import_module(f"layerscape.search.gpu.{name}") for name in ("sweep", "distances", "engine"))


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 64),
    d=st.integers(1, 40),
    seed=st.integers(0, 99),
    free=st.sampled_from(list(FREE)),
    constants=st.sampled_from(list(CONSTANTS)),
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
    free=st.sampled_from(list(FREE)),
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


@pytest.mark.parametrize("free", FREE)
def test_many_panels_blocks_and_tiles_are_met_and_every_query_is_counted(free, monkeypatch):
    cuts, tiles, told = [], [], []
    cut, look = sweep.sizes_for, sweep.DeviceSweep._look
    monkeypatch.setattr(sweep, "sizes_for", lambda *given: cuts.append(cut(*given)) or cuts[-1])
    monkeypatch.setattr(sweep.DeviceSweep, "_look", lambda *given: tiles.append(given[1].first) or look(*given))
    x = cloud("gaussian", 400, 2, 3)
    graph = on_torch(x, 2, free=free, progress=told.append)
    assert_same(graph, find_neighbors(x, 2, device="cpu"))
    assert sum(told) == 400
    assert len(told) > 20
    assert (cuts[0].whole, cuts[0].kept) == (free != "streamed", free != "streamed")
    assert cuts[0].block < 200 or cuts[0].whole
    assert cuts[0].panel < 200 or cuts[0].whole
    once = len(range(0, 400, 5)) * len(range(0, 400, 24))
    assert len(tiles) < 0.6 * once if cuts[0].whole else len(tiles) >= once


@pytest.mark.parametrize("free", [1_700_000, 2_500_000])
def test_a_tile_that_is_a_row_higher_than_wide_gives_each_pair_once(free, monkeypatch):
    """As on a card with rows of more than 2,048 units, where the memory of a tile is no square of rows."""
    cuts, cut = [], sweep.sizes_for
    monkeypatch.setattr(sweep, "sizes_for", lambda *given: cuts.append(cut(*given)) or cuts[-1])
    x = cloud("float32", 400, 8, 0)
    graph = on_torch(x, 10, free=free, constants="as they are")
    assert cuts[0].whole
    assert cuts[0].rows == cuts[0].columns + 1 < 400
    np.testing.assert_array_equal(graph.indices, plain(x, 10)[0])


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize(("free", "ks"), [(2**18, (30,)), (2**24, (1, 30, 259))], ids=["streamed", "each pair once"])
def test_hard_rows(name, free, ks):
    x = HARD[name]
    for k in ks:
        assert_same(on_torch(x, k, free=free, constants="as they are"), find_neighbors(x, k, device="cpu"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "d", "k"), [(300, 20, 17), (700, 129, 30), (40, 4100, 7)])
def test_clouds_of_any_width(kind, n, d, k):
    x = cloud(kind, n, d, n + d)
    assert_same(on_torch(x, k, free="with values", constants="as they are"), find_neighbors(x, k, device="cpu"))


@pytest.mark.parametrize("constants", CONSTANTS)
def test_tight_clusters_far_from_the_center_are_searched_around_themselves(constants, rng):
    x = 3 * rng.standard_normal((500, 20)).astype(np.float32)
    x[100:250] = x[0] + 1e-4 * rng.standard_normal((150, 20))
    x[300:420] = x[1] + 1e-5 * rng.standard_normal((120, 20))
    for options in ({}, {"queries": np.arange(90, 260)}, {"queries": x[200:320] + 1e-5}):
        assert_same(on_torch(x, 12, constants=constants, **options), find_neighbors(x, 12, device="cpu", **options))


def test_what_halves_cannot_prove_is_searched_by_float32(monkeypatch, rng):
    """Rows so long beside their distances that float16 does not tell them apart, and float32 does."""
    x = rng.standard_normal((600, 60)) * 1e-2
    x[:, 0] += np.where(np.arange(600) % 2, 1.0, -1.0)
    monkeypatch.setattr(again, "MOST_CLUSTERS", 0)
    swept, kinds = engine.DeviceSweep, []
    monkeypatch.setattr(engine, "DeviceSweep", lambda *given: kinds.append(type(given[1]).__name__) or swept(*given))
    assert_same(on_torch(x, 20), find_neighbors(x, 20, device="cpu"))
    assert kinds == ["Halves", "Singles"]


@pytest.mark.parametrize(("free", "there"), [("streamed", False), ("with values", True)])
def test_distances_are_looked_up_where_the_values_are(free, there, monkeypatch):
    pairs = []
    made = distances.squared_pairs
    monkeypatch.setattr(distances, "squared_pairs", lambda *given: pairs.append(len(given[1])) or made(*given))
    x = cloud("float16", 120, 37, 2)
    assert_same(on_torch(x, 9, free=free), find_neighbors(x, 9, device="cpu"))
    assert bool(sum(pairs)) == there


def test_a_product_that_is_no_number_is_said(monkeypatch):
    monkeypatch.setattr(engine.trials, "halves_hold", lambda *_: True)
    made = engine.Halves.bounds
    monkeypatch.setattr(engine.Halves, "bounds", lambda *given: made(*given).fill_diagonal_(float("nan")))
    text = "device='cpu' gave a product that is no number; use device='cpu'."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        on_torch(cloud("gaussian", 60, 5, 0), 4)


def test_arrays_that_may_not_be_written_or_lie_otherwise_are_read(tmp_path):
    x = cloud("float32", 80, 6, 1)
    np.save(tmp_path / "x.npy", x)
    expected = find_neighbors(x, 5, device="cpu")
    for other in (np.load(tmp_path / "x.npy", mmap_mode="r"), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        assert_same(on_torch(other, 5), expected)
    assert_same(on_torch(x[::-1], 5), find_neighbors(x[::-1], 5, device="cpu"))


def test_cosine_is_the_graph_of_the_other_engine():
    x = cloud("gaussian", 100, 7, 6) * 1e-30
    assert_same(on_torch(x, 8, metric="cosine"), find_neighbors(x, 8, metric="cosine", device="cpu"))


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
    for name in [name for name in sys.modules if name.startswith("layerscape.search.gpu")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(layerscape.search, "gpu")
    text = "this needs torch, which is not installed; run: pip install 'layerscape[models]'"
    with pytest.raises(MissingExtra, match=f"^{re.escape(text)}$"):
        find_neighbors(cloud("gaussian", 20, 3, 0), 2, device="cuda")


OPTIONS = {
    "all": {},
    "some": {"queries": [5, 1, 250]},
    "others": {"queries": cloud("gaussian", 50, 100, 1)},
    "lag": {"lag": 3},
    "cosine": {"metric": "cosine"},
}


@pytest.mark.gpu
@pytest.mark.parametrize("name", [*KINDS, *HARD])
@pytest.mark.parametrize("free", [2**22, 2**25, None], ids=["streamed", "each pair once", "all of it"])
def test_cuda_gives_the_graph_of_the_processor(name, free):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    assert_as_on_the_processor(name, free, "cuda", OPTIONS)


@pytest.mark.parametrize("free", [2**22, 2**25], ids=["streamed", "each pair once"])
def test_what_a_card_would_be_tried_with_runs(free):
    assert_as_on_the_processor("one far row", free, "cpu", {"all": {}})


def assert_as_on_the_processor(name, free, device, asked):
    x = cloud(name, 3000, 100, 0) if name in KINDS else HARD[name]
    for options in asked.values():
        if "queries" in options and np.ndim(options["queries"]) == 2:
            options = {"queries": options["queries"][:, : x.shape[1]]}
        if options == {"metric": "cosine"} and name not in KINDS:  # some have rows of zeros
            continue
        found = on_torch(x, 20, free=free, constants="as they are", device=device, **options)
        assert_same(found, find_neighbors(x, 20, device="cpu", **options))


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["lattice", "copies", "gaussian", "binary"]),
    n=st.integers(4, 64),
    seed=st.integers(0, 99),
    free=st.sampled_from(list(FREE)),
    constants=st.sampled_from(list(CONSTANTS)),
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
