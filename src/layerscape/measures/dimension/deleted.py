"""What a sorted list of log ratios becomes when one sample is deleted: for estimates that read it by rank.

The sample takes its own ratio with it, and those who had it among their first two neighbors get another one. Between
these few changes all ratios keep their order and move by whole ranks, so that sums over them are differences of sums
that were made once for each such move.
"""

from __future__ import annotations

import numpy as np

from layerscape.core.jit import compiled_when_called
from layerscape.core.neighbors import Neighbors
from layerscape.measures.deletion import shortened

MOVES = 16  # ranks by which a ratio may move before its sums are made anew


def sums_without_each(
    graph: Neighbors, x: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sums over the m smallest ratios of the others, without each sample.

    Parameters
    ----------
    graph
        At least 3 neighbors of N samples.
    x
        Shape (N,): log(r₂/r₁).
    levels
        Shape (m,), m < N: what the ratio of each rank is multiplied with.

    Returns
    -------
    sums, squares, products, last
        Shape (N,) each: Σ x₍ᵣ₎, Σ x₍ᵣ₎², Σ levelsᵣ·x₍ᵣ₎ for r ≤ m, and x₍ₘ₎.
    """
    n = len(x)
    order = np.argsort(x, kind="stable")
    rank, ranked = np.empty(n, np.int64), x[order]
    rank[order] = np.arange(n)
    members = graph.indices[:, :2].T.ravel()
    new = np.concatenate([ratios_of(shortened(graph, 2, place)) for place in (0, 1)])
    by_member = np.argsort(members, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(members, minlength=n))])
    found = np.zeros((4, n))
    gone, come = rank[by_member % n], new[by_member]
    _without_each(ranked, rank, starts, gone, come, levels, _moved(ranked, levels), found)
    return found[0], found[1], found[2], found[3]


def ratios_of(distances: np.ndarray) -> np.ndarray:
    """log(r₂/r₁) from the first two distances."""
    return np.log(distances[:, 1] / distances[:, 0])


def _moved(ranked: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Sums of x₍ᵣ₎ times the level of rank r + s over the first r, for every move s."""
    n, m = len(ranked), len(levels)
    sums = np.zeros((2 * MOVES + 1, n + 1))
    for s in range(-MOVES, MOVES + 1):
        first, last = max(0, -s), min(n, m - s)
        if last > first:
            sums[s + MOVES, first + 1 : last + 1] = np.cumsum(ranked[first:last] * levels[first + s : last + s])
            sums[s + MOVES, last + 1 :] = sums[s + MOVES, last]
    return sums


@compiled_when_called
def _without_each(ranked, rank, starts, gone, come, levels, moved, found):
    """Fill found[:, j] by a walk along the ranks that stops where a ratio leaves or comes in."""
    n, m, half = len(ranked), len(levels), len(moved) // 2
    sums, squares = np.zeros(n + 1), np.zeros(n + 1)
    for p in range(n):
        sums[p + 1], squares[p + 1] = sums[p] + ranked[p], squares[p] + ranked[p] ** 2
    for j in range(n):
        leaving = np.sort(np.append(gone[starts[j] : starts[j + 1]], rank[j]))
        coming = np.sort(come[starts[j] : starts[j + 1]])
        places = np.searchsorted(ranked, coming)
        p, r, a, b = 0, 0, 0, 0
        while r < m:
            stop = min(n, p + m - r)
            if a < len(leaving):
                stop = min(stop, leaving[a])
            if b < len(coming):
                stop = min(stop, places[b])
            if stop > p:
                found[0, j] += sums[stop] - sums[p]
                found[1, j] += squares[stop] - squares[p]
                s = r - p
                if -half <= s <= half:
                    found[2, j] += moved[s + half, stop] - moved[s + half, p]
                else:
                    for t in range(p, stop):
                        found[2, j] += ranked[t] * levels[t + s]
                found[3, j] = ranked[stop - 1]
                r, p = r + stop - p, stop
            elif b < len(coming) and places[b] == p:
                found[0, j] += coming[b]
                found[1, j] += coming[b] ** 2
                found[2, j] += coming[b] * levels[r]
                found[3, j] = coming[b]
                r, b = r + 1, b + 1
            else:
                p, a = p + 1, a + 1
    return found
