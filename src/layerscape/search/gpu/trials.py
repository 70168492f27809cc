"""What a device is tried with before anything is believed that it computes; docs/search.md has what is allowed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from layerscape.errors import InvalidValue, require
from layerscape.search.distances import squared_distances
from layerscape.search.gpu import distances, halves, singles
from layerscape.search.gpu.device import full_products, is_full

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

ALLOWED = 0.6  # of what a sum may be wrong by: sums that lose a bit more than is allowed for reach nearly 1
SHIFTS = range(9, 26)  # bits by which small products lie below a large one
LARGE = 2.0**14
BELOW_ONE = 1 - 2.0**-11
TILE = 1024  # rows and columns that are multiplied, since a device takes other ways for small matrices
N_PAIRS = 384


def try_singles(device: torch.device) -> None:
    """Raise unless the device multiplies float32 in full: in TF32 and bfloat16, 1 + 2⁻¹⁶ is 1."""
    rows = torch.full((256, 64), 1 + 2.0**-16, dtype=torch.float32, device=device)
    if not bool((singles.multiply(rows, torch.ones_like(rows)) == 64 + 2.0**-10).all()):
        raise InvalidValue(f"device='{device}' multiplies float32 at less than full precision here; use device='cpu'.")


@cache
def halves_hold(device: str, n_units: int) -> bool:
    """Whether sums of products of float16 are as good as is allowed for; a warning says it where they are not."""
    return _holds(device, "float16 products", lambda place: _sums_hold(place, min(n_units, 2 * halves.PIECE)))


@cache
def distances_hold(device: str) -> bool:
    """Whether distances are those of the processor to the bit; a warning says it where they are not."""
    return _holds(device, "distances in float64", _same_bits)


def _holds(name: str, what: str, trial: Callable[[torch.device], str]) -> bool:
    device = torch.device(name)
    try:
        with full_products(device):
            wrong = trial(device)
    except RuntimeError as error:
        if is_full(error):
            raise
        wrong = _words(error)
    except Exception as error:  # whatever this torch or device cannot do, the search can be done without
        wrong = _words(error)
    if wrong:
        warnings.warn(
            f"{what} of device='{device}' are not used: {wrong}. Searches give the same graphs, and take longer.",
            RuntimeWarning,
            stacklevel=2,
        )
    return not wrong


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"


def _sums_hold(device: torch.device, n_units: int) -> str:
    """What is wrong with sums over so many columns and over few, in words."""
    for width in sorted({1, 3, 63, 64, 65, 384, n_units}):
        a, b = extremes(width)
        allowed = ALLOWED * halves.wrong_by(width) * (np.abs(a) @ np.abs(b).T)
        tiles = (torch.from_numpy(x[np.arange(TILE) % len(x)].astype(np.float16)).to(device) for x in (a, b))
        made = halves.product(*tiles).to(torch.float64)
        rows, columns = (torch.arange(TILE, device=device) % len(x) for x in (a, b))
        right, allowed = (torch.from_numpy(x).to(device)[rows][:, columns] for x in (a @ b.T, allowed))
        if not bool(((made - right).abs() <= allowed).all()):
            return f"sums of {width} products were wrong by more than is allowed for in a test"
    return ""


def extremes(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that float16 holds, whose sums show what bits are lost.

    Small products lie just below a power of two, ever more bits below a large one that comes first, last or between:
    what cuts off all of each of them loses the most that it can. Some have one sign, some cancel; some are the largest,
    some drawn at random.
    """
    rng = np.random.default_rng(0)
    places = sorted({0, width // 2, width - 1})
    turned = np.where(np.arange(width) % 2, -1.0, 1.0)
    signs = [np.ones(width), -np.ones(width), turned]
    small = np.full(width, BELOW_ONE)
    a, b = [], []
    for place in places:
        large = np.arange(width) == place
        b += [np.where(large, LARGE**0.5, sign * small) for sign in signs[:2]]
        for shift in SHIFTS:
            a += [np.where(large, LARGE**0.5, sign * LARGE * 2.0**-shift) for sign in signs]
        for sign in (1.0, -1.0):  # the large one is taken away again
            b.append(np.where(np.arange(width) == (place + width // 2) % width, sign * LARGE**0.5, b[-1]))
    most = np.full(width, halves.HIGHEST)
    drawn = rng.standard_normal((2, 24, width)).astype(np.float16).astype(np.float64)
    a, b = [*a, most, -most, turned * most, *drawn[0]], [*b, most, turned * most, *drawn[1]]
    return np.array(a), np.array(b)


def _same_bits(device: torch.device) -> str:
    """What is wrong with distances of hard pairs, in words."""
    rng = np.random.default_rng(0)
    for width in (1, 15, 16, 17, 100, 1030):
        x = rng.standard_normal((N_PAIRS, width)) * 10.0 ** rng.uniform(-3, 3, (N_PAIRS, width))
        for kind, scale in ((np.float32, 1.0), (np.float64, 1.0), (np.float64, 1e-155), (np.float64, 1e145)):
            values = (x * scale).astype(kind)
            values[1::5] = values[::5][: len(values[1::5])] * kind(1 + 1e-7)  # near to another
            rows, columns = rng.integers(0, N_PAIRS, (2, N_PAIRS))
            rows[::2], columns[::2] = np.arange(0, N_PAIRS, 2), np.minimum(np.arange(0, N_PAIRS, 2) + 1, N_PAIRS - 1)
            pairs = (torch.from_numpy(which).to(device) for which in (rows, columns))
            made = distances.squared_pairs(torch.from_numpy(values).to(device), *pairs).cpu().numpy()
            right = squared_distances(values[rows].astype(np.float64), values[columns].astype(np.float64))
            if not np.array_equal(made.view(np.int64), right.view(np.int64)):
                return "they are not those of the processor to the bit in a test"
    return ""
