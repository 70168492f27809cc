"""Projection: of maps too large to keep, random combinations of their values that keep distances nearly as they are.

The subsampled randomized Hadamard transform: signs at random, a Hadamard transform, some of its values at random. A
squared distance is then right in expectation, with a relative standard deviation of at most √(2 / n_units), as with
a matrix of independent random numbers (Johnson & Lindenstrauss 1984), which would have D × n_units numbers. It adds and
subtracts in one stated order and draws from the raw stream of a counter-based generator, so that one seed gives the
same bits on every machine.

Ailon & Chazelle 2009, doi:10.1137/060673096; Tropp 2011, doi:10.1142/S1793536911000787.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import numpy as np
import torch

_AT_ONCE = 2**24  # values that are transformed at a time, 64 MiB of them
_SIGNS, _ROWS = 0, 1  # what is drawn


def project(x: torch.Tensor, n_units: int, seed: int) -> torch.Tensor:
    """Fewer units at nearly the same distances, float32 of shape (N, n_units); as they are where D is no greater.

    Parameters
    ----------
    x
        Shape (N, D), floating-point.
    n_units
        1 or more.
    seed
        0 or more.

    Examples
    --------
    >>> x = torch.arange(100_000.0)[None]
    >>> project(x, 4096, seed=0).shape, round(float(project(x, 4096, seed=0).norm() / x.norm()), 1)
    (torch.Size([1, 4096]), 1.0)
    """
    n_values = x.shape[1]
    if n_values <= n_units:
        return x.to(torch.float32, copy=True)
    size = 1 << (n_values - 1).bit_length()
    signs = torch.from_numpy(_signs(n_values, seed)).to(x.device)
    rows = torch.from_numpy(_rows(size, n_units, seed)).to(x.device)
    parts = []
    for part in x.split(max(1, _AT_ONCE // size)):
        padded = torch.nn.functional.pad(part.float() * signs, (0, size - n_values))
        parts.append(_hadamard(padded)[:, rows])
    return torch.cat(parts) * (1 / sqrt(n_units))


def _hadamard(x: torch.Tensor) -> torch.Tensor:
    """Every row times the Hadamard matrix of Sylvester, for a power of two of columns."""
    n_rows, size = x.shape
    step = 1
    while step < size:
        pairs = x.view(n_rows, -1, 2, step)
        x = torch.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], dim=2).view(n_rows, size)
        step *= 2
    return x


def _signs(n_values: int, seed: int) -> np.ndarray:
    """1 or −1 for each value, float32."""
    bits = np.unpackbits(_raw(seed, _SIGNS).random_raw(-(-n_values // 64)).astype("<u8").view(np.uint8))
    return 1 - 2 * bits[:n_values].astype(np.float32)


@lru_cache(maxsize=128)
def _rows(size: int, n_units: int, seed: int) -> np.ndarray:
    """Different numbers below a power of two, in the order in which they are drawn."""
    stream, drawn = _raw(seed, _ROWS), np.empty(0, dtype=np.uint64)
    while True:
        drawn = np.concatenate([drawn, stream.random_raw(2 * n_units) & np.uint64(size - 1)])
        _, first = np.unique(drawn, return_index=True)
        if len(first) >= n_units:
            return drawn[np.sort(first)[:n_units]].astype(np.int64)


def _raw(seed: int, what: int) -> np.random.Philox:
    """The stream of a generator that numpy keeps the same in all versions, which it does not of its distributions."""
    return np.random.Philox(key=np.array([seed, what], dtype=np.uint64))
