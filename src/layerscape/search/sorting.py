"""Ranks by sorting: of many pairs of one sample, all its distances in order tell more cheaply than counts for each.

Distances are those that the search states, to the bit, so that ties are ties.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layerscape.core.threads import Workers
from layerscape.search import kernels
from layerscape.search.rows import Rows

MANY = 8  # pairs of a sample from which sorting pays, of few units
UNITS = 20  # that cost as much as counting for one pair does
AT_ONCE = 2**20  # distances of a thread at the most, but for those of one sample


def pays(n_pairs: int, n_rows: int, points: Rows) -> bool:
    """Whether the first samples of pairs have so many that sorting takes less."""
    return n_pairs >= n_rows * (MANY + points.n_units / UNITS)


def rows_at_once(points: Rows, n_samples: int, memory: int, n_threads: int) -> int:
    """Of how many samples a thread may sort the distances at a time; 0 where all points and one each do not fit."""
    room = memory // 2 - points.n_points * (points.n_units + 16) * 8
    most = room // n_threads // (16 * n_samples + 8 * (points.n_units + 16))
    return max(0, min(most, max(1, AT_ONCE // n_samples)))


def places_by_sorting(
    points: Rows, sizes: np.ndarray, pairs: np.ndarray, starts: np.ndarray, step: int, pool: Workers,
    tell: Callable[[int], None],
) -> np.ndarray:  # fmt: skip
    """The first and the last rank of every pair, shape (P, 2).

    Parameters
    ----------
    points, sizes
        Distinct points, and how many samples each stands for.
    pairs, starts
        Shape (P, 2), points in the order of the first, and where each first begins; its end, too.
    step
        What `rows_at_once` allows.
    """
    y, places = points.whole_lanes(slice(0, points.n_points)), np.empty((len(pairs), 2))
    copied = bool((sizes > 1).any())

    def sort(first: int) -> None:
        last = min(first + step, len(starts) - 1)
        rows = pairs[starts[first:last], 0]
        squared = np.empty((len(rows), len(y)))
        kernels.exact_all(y[rows], y, squared)
        distances = np.sqrt(squared, out=squared)
        ordered = np.repeat(distances, sizes, axis=1) if copied else distances.copy()
        before = np.cumsum(sizes) - sizes
        ordered[np.arange(len(rows)), before[rows]] = np.inf  # the sample itself
        ordered.sort(axis=1)
        for row in range(len(rows)):
            mine = slice(starts[first + row], starts[first + row + 1])
            own = distances[row, pairs[mine, 1]]
            places[mine, 0] = 1 + np.searchsorted(ordered[row], own)
            places[mine, 1] = np.searchsorted(ordered[row], own, side="right")
        tell(int(starts[last] - starts[first]))

    pool.all(sort, range(0, len(starts) - 1, step))
    return places
