"""The Gaussian kernel whose width is the median distance, and what it becomes when one sample is deleted."""

from __future__ import annotations

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
    off = distances[np.triu_indices(len(distances), 1)]
    return float(np.median(off[off > 0])) if (off > 0).any() else 1.0


def _medians_without_each(distances: np.ndarray) -> np.ndarray:
    """The median of the distances above 0 between all other samples, without each sample; shape (n,).

    Parameters
    ----------
    distances
        Shape (n, n), symmetric, 0 on the diagonal.
    """
    n, own = len(distances), (distances > 0).sum(axis=1)
    pairs = distances[np.triu_indices(n, 1)]
    pairs = pairs[pairs > 0]
    kept = len(pairs) - own
    wanted = np.stack([(kept - 1) // 2, kept // 2])
    # Each sample takes out n − 1 distances at most, so that only those near the middle have to be put in order.
    low, high = max(0, int(wanted.min())), min(int(wanted.max()) + n, len(pairs)) - 1
    middle = np.sort(np.partition(pairs, (low, high))[low : high + 1])
    sample, other = np.nonzero((middle[0] <= distances) & (distances <= middle[-1]) & (distances > 0))
    there = distances[sample, other]
    order = np.lexsort((there, sample))
    sample, place = sample[order], low + np.searchsorted(middle, there[order])
    below = ((distances > 0) & (distances < middle[0])).sum(axis=1)
    number = below[sample] + np.arange(len(sample)) - np.searchsorted(sample, sample)  # of its sample's, in order
    # A place stays free of those taken out before it; of equal distances each takes one place more.
    free = np.maximum.accumulate(place - number + sample * len(pairs)) - sample * len(pairs)
    taken = np.stack([np.bincount(sample, free <= of[sample], n).astype(int) for of in wanted])
    return middle[wanted + below + taken - low].mean(axis=0)
