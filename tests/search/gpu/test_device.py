"""What of a device is used: its memory, its settings, and that it is there."""

import re
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors
from tests.search.gpu.devices import MODULES, assert_same, on_torch
from tests.search.reference import cloud

torch = pytest.importorskip("torch")
MATMUL = torch.backends.cuda.matmul
TF32 = ("fp32_precision", "tf32") if hasattr(MATMUL, "fp32_precision") else ("allow_tf32", True)
REDUCED = [name for name in MODULES["device"].REDUCED if hasattr(MATMUL, name)]
SETTINGS = dict([TF32, *((name, True) for name in REDUCED)])


def cut_for(n_points, n_units, width, free, kind="halves"):
    points = SimpleNamespace(n_points=n_points, n_units=n_units, precision=np.float32)
    row_bytes, pair_bytes = (2 * n_units + 8, 8) if kind == "halves" else (4 * n_units + 8, 4)
    arithmetic = SimpleNamespace(row_bytes=row_bytes, pair_bytes=pair_bytes)
    job = SimpleNamespace(points=points, queries=points, memory=2**29, symmetric=True)
    return MODULES["sizes"].sizes_for(job, arithmetic, width, free)


@pytest.mark.parametrize("kind", ["halves", "singles"])
@pytest.mark.parametrize("n_points", [10**3, 10**6, 10**8])
@pytest.mark.parametrize("n_units", [3, 1024, 50_000])
@pytest.mark.parametrize("width", [43, 900])
@pytest.mark.parametrize("free", [2 * 10**9, 6 * 10**9, 100 * 10**9])
def test_what_is_on_the_device_fits_into_its_memory(n_points, n_units, width, free, kind):
    sizes = cut_for(n_points, n_units, width, free, kind)
    row = (2 if kind == "halves" else 4) * n_units + 8
    rows = sizes.panel + (0 if sizes.whole else 2 * sizes.block) + sizes.sampled
    values = 4 * n_units * (n_points * sizes.kept + 2 * sizes.block + sizes.sampled)
    lists = 60 * (sizes.panel * width + 2 * sizes.waiting) + 66 * sizes.waiting
    tile = sizes.rows * sizes.columns * (12 if kind == "halves" else 8)
    rounding = 48 * n_units * MODULES["held"].step_for(n_units, free)
    assert rows * row + values + lists + tile + rounding <= free


def test_a_million_points_stay_on_a_large_card_and_are_searched_in_panels_on_a_small_one():
    large, small = cut_for(10**6, 1024, 45, 100 * 10**9), cut_for(10**6, 1024, 45, 6 * 10**9)
    assert (large.whole, large.kept) == (True, True)
    assert (small.whole, small.kept) == (False, False)
    assert small.panel > 200_000
    for sizes in (large, small):
        assert sizes.rows > 4000
        assert sizes.columns > 4000


@pytest.fixture
def loose():
    """All that torch may do in less than full precision allowed; gives whether it still is."""
    before = {name: getattr(MATMUL, name) for name in SETTINGS}
    torch.use_deterministic_algorithms(True)
    for name, value in SETTINGS.items():
        setattr(MATMUL, name, value)
    yield lambda: [
        torch.are_deterministic_algorithms_enabled(),
        *(getattr(MATMUL, name) == value for name, value in SETTINGS.items()),
    ]
    torch.use_deterministic_algorithms(False)
    for name, value in before.items():
        setattr(MATMUL, name, value)


def test_settings_of_torch_neither_matter_nor_change(loose, monkeypatch):
    x = cloud("offset", 150, 30, 8)
    expected = find_neighbors(x, 5, device="cpu")
    meanwhile = []
    sweep = MODULES["sweep"].DeviceSweep
    look = sweep._look
    monkeypatch.setattr(sweep, "_look", lambda *given: meanwhile.append(loose()) or look(*given))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(on_torch(x, 5), expected)
    assert meanwhile
    assert not np.any(meanwhile)
    assert all(loose())
    monkeypatch.setattr(sweep, "_look", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        on_torch(x, 5)
    assert all(loose())


def test_of_searches_side_by_side_the_last_gives_the_settings_back(loose):
    """A search that ends would else allow TF32 to one that goes on, whose bounds were then none."""
    over, started, meanwhile = threading.Event(), threading.Event(), []

    def search_for_long():
        with MODULES["device"].full_products(torch.device("cpu")):
            started.set()
            over.wait(60)
            meanwhile.append(loose())

    with MODULES["device"].full_products(torch.device("cpu")):
        thread = threading.Thread(target=search_for_long)
        thread.start()
        assert started.wait(60)
    over.set()
    thread.join()
    assert len(meanwhile) == 1
    assert not np.any(meanwhile)
    assert all(loose())


FULL = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.mark.parametrize("error", FULL, ids=["CUDA", "cuBLAS"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_device_that_is_full_is_asked_for_less(error, times, monkeypatch):
    given = []
    cut = MODULES["sweep"].sizes_for

    def sizes_for(job, arithmetic, width, free):
        given.append(free)
        if len(given) <= times:
            raise error
        return cut(job, arithmetic, width, free)

    monkeypatch.setattr(MODULES["sweep"], "sizes_for", sizes_for)
    x, told = cloud("gaussian", 90, 12, 0), []
    assert_same(on_torch(x, 5, constants="as they are", progress=told.append), find_neighbors(x, 5, device="cpu"))
    assert given == [2**22 // 2**n for n in range(times + 1)]
    assert sum(told) == 90


@pytest.mark.parametrize("trial", ["halves_hold", "distances_hold", "try_singles"])
@pytest.mark.parametrize("times", [1, 4])
def test_a_device_that_is_full_when_it_is_tried_is_tried_again(trial, times, monkeypatch):
    made, left = getattr(MODULES["trials"], trial), [FULL[0]] * times

    def tried(*given):
        if left:
            raise left.pop()
        return made(*given)

    if trial == "try_singles":
        monkeypatch.setattr(MODULES["trials"], "halves_hold", lambda *_: False)
    monkeypatch.setattr(MODULES["trials"], trial, tried)
    x = cloud("gaussian", 90, 12, 0)
    if times == 1:
        assert_same(on_torch(x, 5, constants="as they are"), find_neighbors(x, 5, device="cpu"))
    else:
        with pytest.raises(InvalidValue, match=r"^device='cpu' ran out of memory; "):
            on_torch(x, 5, constants="as they are")
    assert not left


def test_a_device_without_a_number_is_torchs_own_of_now(monkeypatch):
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    given = ["cuda", "cuda:0", "cpu"]
    assert [str(MODULES["device"].place_of(device)) for device in given] == ["cuda:1", "cuda:0", "cpu"]


@pytest.mark.parametrize("error", FULL, ids=["CUDA", "cuBLAS"])
def test_a_full_device_is_said_in_one_line(error, monkeypatch):
    def fail(_):
        raise error

    monkeypatch.setattr(MODULES["sweep"].DeviceSweep, "candidates", fail)
    text = (
        "device='cpu' ran out of memory; free some of it, give a smaller memory= than 1048576 bytes, "
        "or use device='cpu'."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        on_torch(cloud("gaussian", 20, 3, 0), 2, memory=2**20)


def test_other_errors_of_torch_are_not_hidden(monkeypatch):
    def fail(_):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(MODULES["sweep"].DeviceSweep, "candidates", fail)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        on_torch(cloud("gaussian", 20, 3, 0), 2)


@pytest.mark.parametrize(
    ("device", "seen"), [("cuda", "no CUDA device"), ("cuda:0", "no CUDA device"), ("cuda:2", "only cuda:0, cuda:1")]
)
def test_a_device_that_is_not_there_is_an_error(device, seen, monkeypatch):
    n_devices = 2 * (device == "cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: n_devices > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_devices)
    text = f"device={device!r} asked for, and torch sees {seen} here; use device='cpu' or 'auto'."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        find_neighbors(cloud("gaussian", 20, 3, 0), 2, device=device)
