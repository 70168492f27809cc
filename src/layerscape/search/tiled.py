"""The reference engine: exact neighbors by tiles of a matrix product, in numpy.

Why the result is exact. For each query every point gets a *lower bound* of its squared distance from a float32 matrix
product of the centered rows: with u = 2⁻²⁴, rounding the rows, the product and the sums is wrong by less than
2(D + 16)·u·(‖a‖² + ‖b‖²), whatever the order of summation, and this is taken off. The points with the smallest bounds
are candidates; their distances are computed again in float64 from differences of the stored values. If the smallest
bound among all *other* points is above the k-th of these distances, no other point can be nearer than it or tie with
it: the row is proven. Rows that are not proven are searched again with more candidates, in the end with all points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from layerscape.search.distances import padded, squared_lengths

SPARE = 28  # candidates beyond k: on clouds of points these suffice, and copies were taken out before
ROUNDING = 2.0**-24
UNDERFLOW = 2.0**-100  # what float32 can lose below its smallest number when the largest coordinate is near 1
ULPS = 1 + 2.0**-50  # ties are judged after the square root, which can make two neighboring values one
TILE_COLUMNS = 4096
TILE_BYTES = 32  # per element of a tile: its bound, a copy of it, its place in the selection


class Points(Protocol):
    """Rows of float64 values, the largest of which is near 1 after centering; read in order, a block at a time."""

    n_points: int
    n_units: int
    center: np.ndarray

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """The given rows, shape (rows, D)."""
        ...


@dataclass(frozen=True)
class Found:
    """Nearest first, ties by index: indices and squared distances (M, k), and for each row of the border its sample."""

    indices: np.ndarray
    squared: np.ndarray
    border_rows: np.ndarray
    border: np.ndarray


def nothing_found(n_queries: int) -> Found:
    """The result when there is no point beside the query itself."""
    none = np.empty(0, np.int64)
    return Found(np.empty((n_queries, 0), np.int64), np.empty((n_queries, 0)), none, none)


def search(
    points: Points,
    queries: Points,
    own: np.ndarray,
    k: int,
    memory: int,
    progress: Callable[[int], None],
) -> Found:
    """The k nearest of all points for each query.

    Parameters
    ----------
    own
        Shape (M,): which point each query is, since none is its own neighbor; −1 if it is none.
    k
        At most N, or N − 1 if any query is a point.
    memory
        Bytes that one tile may take.
    progress
        Called with the number of queries finished since the last call.
    """
    open_rows = np.arange(queries.n_points)
    width = k + SPARE
    indices = np.empty((len(open_rows), k), np.int64)
    squared = np.empty((len(open_rows), k))
    border_rows, border = [], []
    while len(open_rows):
        exhaustive = width >= points.n_points
        per_tile = points.n_points if exhaustive else TILE_COLUMNS + width
        step = int(np.clip(memory // (TILE_BYTES * per_tile), 1, 4096))
        failed = []
        for start in range(0, len(open_rows), step):
            rows = open_rows[start : start + step]
            x = queries.read(rows)
            if exhaustive:
                candidates = np.tile(np.arange(points.n_points), (len(rows), 1))
                beyond = np.full(len(rows), np.inf)
            else:
                candidates, beyond = _candidates(points, x, own[rows], width)
            exact = _exact(points, x, candidates)
            exact[candidates == own[rows][:, None]] = np.inf
            proven = beyond > np.partition(exact, k - 1, axis=1)[:, k - 1] * ULPS
            indices[rows[proven]], squared[rows[proven]], tied, samples = _nearest(candidates[proven], exact[proven], k)
            border_rows.append(rows[proven][tied])
            border.append(samples)
            failed.append(rows[~proven])
            progress(int(proven.sum()))
        open_rows = np.concatenate(failed)
        width *= 8
    return Found(indices, squared, np.concatenate(border_rows), np.concatenate(border))


def _tiles(points: Points) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, points.n_points, TILE_COLUMNS):
        yield start, points.read(slice(start, min(start + TILE_COLUMNS, points.n_points)))


def _candidates(points: Points, x: np.ndarray, own: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The points with the smallest lower bounds, by index: shape (m, width); and the smallest bound of the others."""
    share = 1 - 2 * (points.n_units + 16) * ROUNDING
    a = (x - points.center).astype(np.float32)
    best = np.full((len(x), 0), np.inf, np.float32)
    best_points = np.empty((len(x), 0), np.int64)
    beyond = np.full(len(x), np.inf)
    for start, block in _tiles(points):
        b = (block - points.center).astype(np.float32)
        bounds = (-2 * a) @ b.T
        bounds += (share * _norms(b) - UNDERFLOW).astype(np.float32)
        mine = np.flatnonzero((own >= start) & (own < start + len(b)))
        bounds[mine, own[mine] - start] = np.inf
        numbers = np.broadcast_to(np.arange(start, start + len(b)), bounds.shape)
        best = np.concatenate([best, bounds], axis=1)
        best_points = np.concatenate([best_points, numbers], axis=1)
        if best.shape[1] > width:
            order = np.argpartition(best, width, axis=1)
            dropped = np.take_along_axis(best, order[:, width : width + 1], axis=1)[:, 0]
            beyond = np.minimum(beyond, dropped)
            best = np.take_along_axis(best, order[:, :width], axis=1)
            best_points = np.take_along_axis(best_points, order[:, :width], axis=1)
    # A query's own norm is the same for all points, so it is added only here.
    return np.sort(best_points, axis=1), beyond + share * _norms(a)


def _norms(x: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", x, x, dtype=np.float64)


def _exact(points: Points, x: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Squared distances from each row of x to its own candidates, reading the points in order."""
    squared = np.empty(candidates.shape)
    x = padded(x)
    for start, block in _tiles(points):
        block = padded(block)
        # Candidates are sorted, so those of a row that lie in this tile stand side by side.
        inside = (candidates >= start) & (candidates < start + len(block))
        first, count = inside.argmax(axis=1), inside.sum(axis=1)
        for row in np.flatnonzero(count):  # one row at a time stays in the processor's cache
            columns = slice(first[row], first[row] + count[row])
            squared[row, columns] = squared_lengths(block[candidates[row, columns] - start] - x[row])
    return squared


def _nearest(candidates: np.ndarray, squared: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
    # Candidates are in the order of their index, so that a stable sort leaves ties to the smaller index.
    order = np.argsort(squared, axis=1, kind="stable")
    candidates, squared = np.take_along_axis(candidates, order, 1), np.take_along_axis(squared, order, 1)
    roots = np.sqrt(squared)
    rows, columns = np.nonzero(roots[:, k:] == roots[:, k - 1 : k])
    return candidates[:, :k], squared[:, :k], rows, candidates[rows, columns + k]
