"""Which rows are looked at: some of them, drawn at random, and how many at a time."""

from __future__ import annotations

import numpy as np


def drawn(n_samples: int, most: int, seed: int) -> np.ndarray:
    """Increasing numbers of so many rows at most, always the same; all of them if there are fewer.

    >>> drawn(3, 5, seed=0).tolist(), drawn(5, 3, seed=0).tolist()
    ([0, 1, 2], [2, 3, 4])
    """
    if n_samples <= most:
        return np.arange(n_samples)
    return np.sort(np.random.default_rng(seed).choice(n_samples, most, replace=False))


def slices(n_rows: int, at_once: int) -> list[slice]:
    """All rows, so many at a time, one at least.

    >>> slices(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, at_once)
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]
