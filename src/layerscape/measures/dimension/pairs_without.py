"""Radii and numbers of near pairs when each sample is deleted, from the distances between references and all samples.

A reference whose k-th neighbor leaves has the next one as its k-th, which moves the median that is the radius. Nearly
all pairs lie outside the range of the radii so found, so that those within each are counted from the few in the range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from layerscape.measures.dimension.pairs import Tile

BLOCK = 2**22  # distances held at once


def radii_without_each(tiles: Iterable[Tile], rows: np.ndarray, ks: tuple[int, int], n_samples: int) -> np.ndarray:
    """The medians over the references of the squared distances to neighbors k, without each sample; shape (N, 2)."""
    widest = max(ks) + 1
    first, squares = np.empty((len(rows), widest), np.int64), np.empty((len(rows), widest))
    for some, _, squared in tiles:
        near = np.argpartition(squared, widest - 1, axis=1)[:, :widest]
        values = np.take_along_axis(squared, near, axis=1)
        order = np.argsort(values, axis=1)
        first[some], squares[some] = (np.take_along_axis(each, order, axis=1) for each in (near, values))
    return np.stack([_medians(first[:, :k], np.sqrt(squares[:, k - 1 : k + 1]), rows, n_samples) for k in ks], axis=1)


def _medians(first: np.ndarray, distances: np.ndarray, rows: np.ndarray, n_samples: int) -> np.ndarray:
    """Of the k-th distances, which are the next where one of the first k is left out."""
    found, step = np.empty(n_samples), max(1, BLOCK // len(rows))
    for start in range(0, n_samples, step):
        stop = min(start + step, n_samples)
        values = np.tile(distances[:, 0], (stop - start, 1))
        reference, place = np.nonzero((first >= start) & (first < stop))
        values[first[reference, place] - start, reference] = distances[reference, 1]
        own = np.flatnonzero((rows >= start) & (rows < stop))
        values[rows[own] - start, own] = np.nan
        found[start:stop] = np.nanmedian(values, axis=1)
    return found


def counts_without_each(
    tiles: Callable[[], Iterable[Tile]], rows: np.ndarray, limits: np.ndarray, n_samples: int
) -> np.ndarray:
    """How many pairs of a reference and another sample lie within each sample's limits, without it; shape (N, 2).

    Parameters
    ----------
    limits
        Shape (N, 2), squared.
    """
    found, windows = np.zeros((n_samples, 2)), ([], [])
    lowest, highest = limits.min(axis=0), limits.max(axis=0)
    for some, columns, squared in tiles():
        mine = rows[some]
        for which in (0, 1):
            limit = limits[:, which]
            windows[which].append(squared[(squared > lowest[which]) & (squared <= highest[which])])
            found[columns, which] -= (squared <= limit[columns]).sum(axis=0)
            found[mine, which] -= (squared <= limit[mine, None]).sum(axis=1)
            found[:, which] += int((squared <= lowest[which]).sum())
    for which in (0, 1):
        found[:, which] += np.searchsorted(np.sort(np.concatenate(windows[which])), limits[:, which], side="right")
    return found
