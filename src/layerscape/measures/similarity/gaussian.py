"""The Gaussian kernel whose width is the median distance, and what it becomes when one sample is deleted."""

from __future__ import annotations

from typing import Any

import numpy as np


def gaussian(distances: np.ndarray) -> np.ndarray:
    """The Gaussian kernel whose width is the median distance between different samples."""
    return np.exp(-0.5 * (distances / _width(distances)) ** 2)


def by_width(distances: np.ndarray) -> np.ndarray:
    """The derivative of the kernel by the logarithm of its width, shape (n, n)."""
    squares = (distances / _width(distances)) ** 2
    return squares * np.exp(-0.5 * squares)


def width_without_each(distances: np.ndarray) -> np.ndarray:
    """How much the deletion of each row adds to the logarithm of the width, shape (n,)."""
    return np.log(_medians_without_each(distances) / _width(distances))


def _width(distances: np.ndarray) -> float:
    between = distances[np.triu(distances > 0, 1)]
    return float(np.median(between)) if len(between) else 1.0


def _medians_without_each(distances: np.ndarray) -> np.ndarray:
    """The median of the distances above 0 between all other samples, without each sample; shape (n,).

    Parameters
    ----------
    distances
        Shape (n, n), symmetric but for rounding, 0 on the diagonal; those above it count.
    """
    n = len(distances)
    first, second = np.nonzero(np.triu(distances > 0, 1))
    pairs = distances[first, second]

    def times(these: Any = slice(None)) -> np.ndarray:
        return np.bincount(first[these], minlength=n) + np.bincount(second[these], minlength=n)

    kept = len(pairs) - times()
    wanted = np.stack([(kept - 1) // 2, kept // 2])
    # Each sample takes out n − 1 distances at most, so that only those near the middle have to be put in order.
    low, high = max(0, int(wanted.min())), min(int(wanted.max()) + n, len(pairs)) - 1
    middle = np.sort(np.partition(pairs, (low, high))[low : high + 1])
    near = (middle[0] <= pairs) & (pairs <= middle[-1])
    sample, there = np.concatenate([first[near], second[near]]), np.tile(pairs[near], 2)
    order = np.lexsort((there, sample))
    sample, place = sample[order], low + np.searchsorted(middle, there[order])
    below = times(pairs < middle[0])
    number = below[sample] + np.arange(len(sample)) - np.searchsorted(sample, sample)  # of its sample's, in order
    # A place stays free of those taken out before it; of equal distances each takes one place more.
    free = np.maximum.accumulate(place - number + sample * len(pairs)) - sample * len(pairs)
    taken = np.stack([np.bincount(sample, free <= of[sample], n).astype(int) for of in wanted])
    return middle[wanted + below + taken - low].mean(axis=0)
