"""Searches by the torch engine without a GPU, and devices that multiply as tensor cores do, or worse."""

from functools import partial
from importlib import import_module

import numpy as np
import pytest

from layerscape.search import find, find_neighbors

torch = pytest.importorskip("torch")
gpu = import_module("layerscape.search.gpu")
NAMES = ("device", "engine", "halves", "held", "lists", "singles", "sizes", "sweep", "trials")
MODULES = {name: import_module(f"layerscape.search.gpu.{name}") for name in NAMES}

FREE = {"streamed": 2**16, "each pair once": 2**19, "with values": 2**22}  # bytes of free memory
TINY = {
    "sizes": {"TILE_ROWS": 5, "TILE_COLUMNS": 24, "FEWEST": 16, "MOST": 64},
    "halves": {"SPARE": 1, "PIECE": 8},
    "singles": {"SPARE": 1},
    "held": {"AT_A_TIME": 90},
    "engine": {"GPU_WORK": 0},
}
CONSTANTS = {
    "as they are": {},
    "tiny": TINY,
    "tiny and higher than wide": TINY | {"sizes": {"TILE_ROWS": 24, "TILE_COLUMNS": 5, "FEWEST": 16, "MOST": 64}},
}


def on_torch(x, k, *, free="with values", constants="tiny", device="cpu", **options):
    """The graph by the torch engine; all memory of a card where ``free`` is None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "engine_for", lambda *_: partial(gpu.search, device=device))
        if free:
            patch.setattr(MODULES["device"], "free_memory", lambda *_: FREE.get(free, free))
        for module, values in CONSTANTS[constants].items():
            for name, value in values.items():
                patch.setattr(MODULES[module], name, value)
        return find_neighbors(x, k, **options)


def assert_same(graph, other):
    for name in ("indices", "distances", "copies", "border_starts", "border_copies"):
        np.testing.assert_array_equal(getattr(graph, name), getattr(other, name))


def tensor_core(bits, block):
    """Products as a tensor core makes them, which keeps so many bits below the highest of what it adds at a time.

    It adds the products of a block and the sum so far: each is cut off so far below the largest, and so is their sum,
    24 bits from its first on.
    """

    def cut(values, exponents, kept):
        unit = np.exp2(np.maximum(exponents - kept, -1000.0))
        return np.trunc(values / unit) * unit

    def multiply(a, b):
        a, b = (x.to("cpu", torch.float64).numpy() for x in (a, b))
        sums = np.zeros((len(a), len(b)))
        high = [np.where(x != 0, np.frexp(x)[1] - 1.0, -1000.0) for x in (a, b)]  # of products before they carry
        for start in range(0, a.shape[1], block):
            part = slice(start, start + block)
            terms = a[:, None, part] * b[None, :, part]
            exponents = (high[0][:, None, part] + high[1][None, :, part]).max(axis=2)
            exponents = np.maximum(exponents, np.where(sums != 0, np.frexp(sums)[1] - 1.0, -1000.0))
            sums = cut(terms, exponents[..., None], bits).sum(axis=2) + cut(sums, exponents, bits)
            sums = cut(sums, np.frexp(sums)[1] - 1.0, min(bits, 23))
        return torch.from_numpy(sums.astype(np.float32))

    return multiply
