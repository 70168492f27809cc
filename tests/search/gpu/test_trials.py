"""Devices that multiply worse than is allowed for are seen and not used; those that are as good as cards are pass."""

import re
import warnings

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors
from layerscape.search.distances import squared_distances
from tests.search.gpu.devices import MODULES, assert_same, on_torch, tensor_core
from tests.search.reference import cloud

torch = pytest.importorskip("torch")
trials, halves, singles = MODULES["trials"], MODULES["halves"], MODULES["singles"]
multiply = halves.multiply


@pytest.fixture(autouse=True)
def fresh():
    def clear():
        trials.halves_hold.cache_clear()
        trials.distances_hold.cache_clear()

    clear()
    yield
    clear()


def no_such_product(a, b):
    raise NotImplementedError("Could not run 'aten::mm.dtype' with arguments from this backend.\nAnd so on.")


FALSE = {
    "off by a little": lambda a, b: multiply(a, b) * (1 + 2.0**-10),
    "saturates at what float16 holds": lambda a, b: multiply(a, b).clamp(-65504, 65504),
    "adds in float16": lambda a, b: multiply(a, b).half().float(),
    "keeps a bit less": tensor_core(22, 16),
    "keeps a bit less, one by one": tensor_core(22, 1),
    "adds as float8 is added": tensor_core(13, 16),
    "no number": lambda a, b: multiply(a, b) * float("nan"),
    "one sum is no number": lambda a, b: multiply(a, b).index_fill(0, torch.tensor([3]), float("nan")),
    "zeros": lambda a, b: torch.zeros(len(a), len(b)),
}
WRONG = r"sums of \d+ products were wrong by more than is allowed for in a test"


@pytest.mark.parametrize("name", FALSE)
def test_a_false_device_is_seen_and_said_once_and_float32_is_used(name, monkeypatch):
    monkeypatch.setattr(trials, "TILE", 256)
    monkeypatch.setattr(halves, "multiply", FALSE[name])
    x = cloud("gaussian", 120, 70, 3)
    text = rf"^float16 products of device='cpu' are not used: {WRONG}. Searches give the same graphs, and take longer.$"
    with pytest.warns(RuntimeWarning, match=text):
        graph = on_torch(x, 9, constants="as they are")
    assert_same(graph, find_neighbors(x, 9, device="cpu"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        on_torch(x, 9, constants="as they are")


def test_a_torch_without_such_products_uses_float32(monkeypatch):
    monkeypatch.setattr(halves, "multiply", no_such_product)
    x = cloud("gaussian", 120, 7, 3)
    text = (
        "float16 products of device='cpu' are not used: NotImplementedError: Could not run 'aten::mm.dtype' with "
        "arguments from this backend.. Searches give the same graphs, and take longer."
    )
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(text)}$"):
        graph = on_torch(x, 9)
    assert_same(graph, find_neighbors(x, 9, device="cpu"))


@pytest.mark.parametrize(("bits", "block"), [(23, 1), (23, 4), (24, 4), (24, 8), (25, 16), (25, 64)])
def test_tensor_cores_as_they_are_known_pass(bits, block, monkeypatch):
    """From Volta (23 bits, 4 at a time) to Blackwell (25); and one by one, the worst that is allowed for."""
    monkeypatch.setattr(trials, "TILE", 256)
    monkeypatch.setattr(halves, "multiply", tensor_core(bits, block))
    assert trials._sums_hold(torch.device("cpu"), 384) == ""


def test_a_full_device_is_not_taken_for_a_false_one(monkeypatch):
    def full(a, b):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with monkeypatch.context() as patch:
        patch.setattr(halves, "multiply", full)
        with pytest.raises(torch.cuda.OutOfMemoryError):
            trials.halves_hold("cpu", 5)
    assert trials.halves_hold("cpu", 5)


def fused(values, rows, columns):
    """As if products were fused into sums: in longer numbers, rounded once at the end."""
    difference = values[rows].double().numpy().astype(np.longdouble) - values[columns].double().numpy()
    return torch.from_numpy((difference**2).sum(axis=1).astype(np.float64))


def flushed(values, rows, columns):
    """As if the smallest numbers were 0."""
    a, b = (values[which].double().numpy() for which in (rows, columns))
    made = squared_distances(a, b)
    return torch.from_numpy(np.where(made < 2.0**-1022, 0, made))


@pytest.mark.parametrize("other", [fused, flushed])
def test_distances_of_other_bits_are_seen_and_those_of_the_processor_are_used(other, monkeypatch):
    monkeypatch.setattr(MODULES["engine"].trials.distances, "squared_pairs", other)
    x = cloud("gaussian", 150, 33, 2)
    text = (
        "distances in float64 of device='cpu' are not used: they are not those of the processor to the bit in a test. "
        "Searches give the same graphs, and take longer."
    )
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(text)}$"):
        graph = on_torch(x, 9, constants="as they are")
    assert_same(graph, find_neighbors(x, 9, device="cpu"))


def test_float32_of_less_than_full_precision_is_refused(monkeypatch):
    full = singles.multiply
    monkeypatch.setattr(trials, "halves_hold", lambda *_: False)
    monkeypatch.setattr(singles, "multiply", lambda a, b: full(a.bfloat16().float(), b))
    text = "device='cpu' multiplies float32 at less than full precision here; use device='cpu'."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        on_torch(cloud("gaussian", 20, 3, 0), 2)


@pytest.mark.gpu
def test_a_card_with_tensor_cores_passes():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if torch.cuda.get_device_capability()[0] < 7:
        pytest.skip("this card has no tensor cores")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(trials.halves_hold("cuda", width) for width in (3, 100, 1024, 5000))
        assert trials.distances_hold("cuda")
