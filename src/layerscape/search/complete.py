"""Every point within a known distance: for the queries whose candidates are not proven.

Such queries have more near ties than candidates (lattices, codes), or lie in clusters so small beside the whole that
float32 cannot tell their points apart. An upper bound of the k-th distance is known by now, so that the search is
complete by construction: all points whose lower bound, from a float64 product, is not above it are looked up exactly.
For a few queries all points are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from layerscape.core.threads import ahead
from layerscape.search import kernels
from layerscape.search.distances import padded
from layerscape.search.engine import ULPS, Found, Job, slack

PART = 256  # queries that one thread takes at a time
FEWEST = 128  # queries that are held, however wide: all points are read again for as many
COLUMNS = 4096
FEW = 16  # queries, whose distances from all points take less than lower bounds of them
TINY = 2.0**-1000  # what float64 can lose below its smallest number when the largest coordinate is near 1
MOST_PAIRS = 2**20  # kept for the queries of a part before farther ones are dropped


def complete(job: Job, rows: np.ndarray, upper: np.ndarray) -> Found:
    """The k nearest of all points for the queries ``rows``.

    Parameters
    ----------
    upper
        Shape (rows,): squared distances that at least k points do not exceed; infinite where none is known.
    """
    width = 24 * job.points.n_units  # bytes of a query or point: as read, padded, centered
    n_held = max(FEWEST, job.memory // 2 // width)
    step = int(np.clip(job.memory // 8 // width, 1, COLUMNS))
    parts: list[_Part] = []
    few = len(rows) <= FEW
    for start in range(0, len(rows), n_held):
        stop = min(start + n_held, len(rows))
        some = [slice(first, min(first + PART, stop)) for first in range(start, stop, PART)]
        mine = [_Part(job, rows[part], upper[part]) for part in some]

        def load(block: slice) -> tuple[np.ndarray, np.ndarray | None]:
            values = job.points.read(block)
            return np.ascontiguousarray(padded(values)), None if few else job.points.centered_wide(values)

        for block, (exact, centered) in ahead(load, list(job.points.blocks(step))):

            def add(part: _Part, first: int = block.start, y: np.ndarray = exact, b: Any = centered) -> None:
                part.add(first, y, b)

            job.pool.all(add, mine)
        for part in mine:
            part.close()
        parts += mine
    offsets = np.cumsum([0, *[len(part.rows) for part in parts[:-1]]])
    return Found(
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.squared for part in parts]),
        np.concatenate([part.border_rows + offset for part, offset in zip(parts, offsets, strict=True)]),
        np.concatenate([part.border for part in parts]),
        np.concatenate([part.border_squared for part in parts]),
    )


class _Part:
    """Some queries, and the points found within their upper bounds."""

    def __init__(self, job: Job, rows: np.ndarray, upper: np.ndarray):
        self.job, self.rows = job, rows
        self.own = job.own[rows]
        values = job.queries.read(rows)
        self.x, self.a = np.ascontiguousarray(padded(values)), job.queries.centered_wide(values)
        self.upper = upper.copy()
        self.found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
        self.n_pairs, self.most = 0, MOST_PAIRS
        if np.isinf(upper).any():
            self._reach_some()

    def _reach_some(self) -> None:
        """An upper bound from any k points."""
        points = self.job.windows.among(self.job.k + 1)
        y = np.ascontiguousarray(padded(self.job.points.read(points)))
        unknown = np.flatnonzero(np.isinf(self.upper))
        row, column = np.divmod(np.arange(len(unknown) * len(y)), len(y))
        squared = np.empty(len(row))
        kernels.exact_pairs(self.x, y, unknown[row], column, squared)
        squared[self._excluded(unknown[row], points[column])] = np.inf
        self.upper[unknown] = np.partition(squared.reshape(len(unknown), -1), self.job.k - 1, axis=1)[:, self.job.k - 1]

    def _excluded(self, rows: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Whether points are no neighbors of queries of this part, pair by pair."""
        return (points == self.own[rows]) | self.job.windows.leave_out(self.rows[rows], points)

    def add(self, first: int, y: np.ndarray, b: np.ndarray | None) -> None:
        """Look through some more points: all of them, or of those that were centered the ones whose bounds are low."""
        if b is None:
            rows, columns = np.divmod(np.arange(len(self.rows) * len(y)), len(y))
        else:
            rows, columns = self._near(b)
        other = ~self._excluded(rows, columns + first)
        rows, columns = rows[other], columns[other]
        squared = np.empty(len(rows))
        kernels.exact_pairs(self.x, y, rows, columns, squared)
        near = squared <= self.upper[rows] * ULPS
        self.found.append((rows[near], columns[near] + first, squared[near]))
        self.n_pairs += int(near.sum())
        if self.n_pairs > self.most:
            self._sort()
            self.most = max(MOST_PAIRS, 2 * self.n_pairs)  # ties stay

    def _near(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs of queries and points of which the lower bound is not above the upper bound of the query."""
        share = 1 - slack(2 * b.shape[1], bits=53)  # here the lengths are sums in this precision too
        lower = (-2 * self.a) @ b.T
        lower += share * np.einsum("ij,ij->i", self.a, self.a)[:, None]
        lower += share * np.einsum("ij,ij->i", b, b)
        lower -= TINY + self.job.points.in_bound_units(np.array(TINY))
        rows, columns = np.nonzero(lower <= self.job.points.in_bound_units(self.upper)[:, None] * ULPS)
        return rows, columns

    def _sort(self) -> tuple[np.ndarray, ...]:
        """Put what was found in order, and drop what is farther than the k-th by now."""
        rows, columns, squared = (np.concatenate(arrays) for arrays in zip(*self.found, strict=True))
        order = np.lexsort((columns, squared, rows))
        rows, columns, squared = rows[order], columns[order], squared[order]
        counts = np.bincount(rows, minlength=len(self.rows))
        starts = np.cumsum(counts) - counts
        full = counts >= self.job.k
        self.upper[full] = squared[starts[full] + self.job.k - 1]
        near = squared <= self.upper[rows] * ULPS
        self.found = [(rows[near], columns[near], squared[near])]
        self.n_pairs = int(near.sum())
        return self.found[0]

    def close(self) -> None:
        """The first k of every query, and what ties with the last of them."""
        k = self.job.k
        rows, columns, squared = self._sort()
        counts = np.bincount(rows, minlength=len(self.rows))
        place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.indices, self.squared = columns[place < k].reshape(-1, k), squared[place < k].reshape(-1, k)
        tied = (place >= k) & (np.sqrt(squared) == np.sqrt(self.squared[rows, -1]))
        self.border_rows, self.border, self.border_squared = rows[tied], columns[tied], squared[tied]
        self.found = []
        del self.x, self.a
