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
    n = len(distances)
    upper = np.triu_indices(n, 1)
    pairs = distances[upper]
    order = np.argsort(pairs)
    ranked = pairs[order]
    first, place = np.searchsorted(ranked, 0.0, side="right"), np.empty(len(pairs), np.int64)
    place[order] = np.arange(len(pairs))
    # Where the distances of each sample stand among all that are above 0, in order; copies stand beyond the end.
    own = np.full((n, n), len(pairs))
    own[upper] = np.where(place < first, len(pairs), place - first)
    own = np.sort(np.minimum(own, own.T), axis=1)[:, : n - 1]
    kept = len(pairs) - first - (own < len(pairs)).sum(axis=1)
    skipped = own - np.arange(n - 1)
    found = []
    for wanted in ((kept - 1) // 2, kept // 2):
        at = wanted + (skipped <= wanted[:, None]).sum(axis=1)
        found.append(ranked[first + at])
    return (found[0] + found[1]) / 2
