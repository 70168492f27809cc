"""Ranks of given pairs: how many samples are nearer, counted tile by tile and never stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.keywords import Search, chosen, door
from layerscape.core.lists import as_vectors
from layerscape.core.nearness import Nearness
from layerscape.core.representation import Representation, as_representation
from layerscape.core.resources import Resources
from layerscape.core.threads import Workers, ahead, workers
from layerscape.errors import InvalidType, InvalidValue
from layerscape.search import kernels
from layerscape.search.asking import leaving_out
from layerscape.search.bytes import Bytes
from layerscape.search.distances import padded
from layerscape.search.engine import UNDERFLOW, Arithmetic, Block, Job, Tile, Windows
from layerscape.search.floats import Floats
from layerscape.search.processor import MOST_DOUBTFUL, bytes_for
from layerscape.search.radii import Radii
from layerscape.search.rows import Rows, check_width, distinct_points, scale_together
from layerscape.search.sorting import pays, places_by_sorting, rows_at_once

PART, COLUMNS = 512, 2048
MOST_DOUBTS = 2**17  # of a part before they are looked up
GROUP = 64  # points that an instruction multiplies at a time, at the most
PROBED = 256  # pairs that tell how many are in doubt by bytes
SURE = 2.0**-20  # share by which a bound must differ from a distance to be no tie after the square root


@door
def ranks(
    x: Any,
    pairs: Any,
    *,
    groups: Any = None,
    lag: int | None = None,
    progress: Callable[[int], None] | None = None,
    **search: Unpack[Search],
) -> np.ndarray:
    """Ranks of given samples among the neighbors of others: 1 for the nearest, N − 1 for the farthest.

    The rank of j for i is 1 + the number of samples nearer to i than j is; where distances tie it is the mean over the
    ways to break the tie (the mid-rank). Exact at any N: no N × N array is made.

    Parameters
    ----------
    x
        Shape (N, D): a `Representation`, array, memmap, Zarr array or torch tensor.
    pairs
        Shape (P, 2), row numbers: sample i and the sample j whose rank for i is asked. A sample has no rank for itself,
        nor for one that is left out of its neighbors.
    groups, lag
        Who is left out, as in `find_neighbors`: the ranks are those among all others.
    progress
        Called with the number of pairs finished since the last call.
    search
        The keywords of `find_neighbors`; pairs are counted on the processor, whatever the device.

    Returns
    -------
    np.ndarray
        Shape (P,), float64, in 1…N−1, in halves.

    Raises
    ------
    InvalidValue, InvalidType
        If pairs are no pairs of different row numbers, or x holds a value that is not finite.

    References
    ----------
    As the information imbalance uses them: Glielmo et al. 2022, doi:10.1093/pnasnexus/pgac039.

    Examples
    --------
    >>> ranks(np.array([[0.0], [1.0], [3.0], [-3.0]]), [(0, 1), (0, 2), (3, 2)])
    array([1. , 2.5, 3. ])
    >>> ranks(np.array([[0.0], [1.0], [3.0], [-3.0]]), [(0, 2)], groups=["a", "a", "b", "c"])
    array([1.5])
    """
    near, how = chosen(search)
    x = near.seen(as_vectors(x))
    return _places(x, pairs, leaving_out(near, groups, lag, x.n_samples), how, progress).mean(axis=1)


def places(x: Any, pairs: Any, **search: Unpack[Search]) -> np.ndarray:
    """The first and the last rank that each pair may have where distances tie, shape (P, 2); their mean is `ranks`.

    >>> places(np.array([[0.0], [1.0], [3.0], [-3.0]]), [(0, 1), (0, 2)])
    array([[1., 1.],
           [2., 3.]])
    """
    near, how = chosen(search)
    x = near.seen(as_representation(x))
    return _places(x, pairs, leaving_out(near, None, None, x.n_samples), how, None)


def _places(
    x: Representation, pairs: Any, near: Nearness, how: Resources, progress: Callable[[int], None] | None
) -> np.ndarray:
    check_width(x.n_units)
    apart = near.apart
    pairs = check_pairs(pairs, x.n_samples, apart)
    with workers(how.n_threads) as pool:
        points, copies, overview = distinct_points(x, near.metric, pool, apart and apart.marks)
        scale_together(points, points, [overview])
        count = _Count(points, np.bincount(copies), copies[pairs], how.memory, pool, apart and apart.of(copies))
        return count.places(progress or (lambda _: None))


def check_pairs(pairs: Any, n_samples: int, apart: Apart | None = None) -> np.ndarray:
    """Pairs of different row numbers, shape (P, 2); raises if they are none, or are of samples that are kept apart."""
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise InvalidType(
            f"pairs of shape {pairs.shape} and type {pairs.dtype}; give row numbers of shape (pairs, 2): "
            "a sample, and one whose rank is asked."
        )
    outside = (pairs < 0) | (pairs >= n_samples)
    if outside.any():
        raise InvalidValue(
            f"row {int(pairs[outside][0])} in a pair of {n_samples} samples; rows must lie in 0..{n_samples - 1}."
        )
    itself = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if len(itself):
        raise InvalidValue(
            f"pair {int(itself[0])} is sample {int(pairs[itself[0], 0])} with itself, which has no rank; "
            "give two different samples."
        )
    if apart is not None and len(kept := np.flatnonzero(apart.kept(*pairs.T))):
        i, j = pairs[kept[0]]
        raise InvalidValue(
            f"pair {int(kept[0])} is of samples {int(i)} and {int(j)}, which are no neighbors ({apart.words}) and have "
            "no rank; leave such pairs out."
        )
    return pairs.astype(np.int64)


class _Count:
    """Counts for pairs of distinct points, of which each stands for as many samples as it has copies.

    With ``apart``, of the points, copies with other marks are points of their own.
    """

    def __init__(
        self, points: Rows, sizes: np.ndarray, pairs: np.ndarray, memory: int, pool: Workers, apart: Apart | None
    ):
        self.points, self.sizes, self.pool, self.apart = points, sizes.astype(np.int32), pool, apart
        self.order = np.argsort(pairs[:, 0], kind="stable")
        self.pairs = pairs[self.order]
        rows, starts = np.unique(self.pairs[:, 0], return_index=True)
        self.starts = np.append(starts, len(pairs))
        windows = Windows.none(len(rows), points.n_points)
        if apart is not None:
            windows = Windows(*apart.windows(rows), apart.marks, apart.marks)
        self.job = Job(points, points.take(rows), rows, windows, 1, memory, pool, lambda _: None)
        self.distance, self.nearer, self.tied = (np.zeros(len(pairs)) for _ in range(3))

    def places(self, progress: Callable[[int], None]) -> np.ndarray:
        """The first and the last rank of every pair, in the order they were given in."""
        n_rows, places = self.job.queries.n_points, np.empty((len(self.pairs), 2))
        step = rows_at_once(self.points, int(self.sizes.sum()), self.job.memory, self.pool.n_threads)
        if step and self.apart is None and pays(len(self.pairs), n_rows, self.points):
            several = self.points, self.sizes, self.pairs, self.starts, step, self.pool
            places[self.order] = places_by_sorting(*several, progress)
            return places
        arithmetic = self._arithmetic()
        width = 16 * self.points.n_units + arithmetic.row_bytes  # of a point: as read, padded, held for bounds
        held = max(1, self.job.memory // 2 // width)
        step = int(np.clip(self.job.memory // 8 // width, 1, COLUMNS))
        for first in range(0, n_rows, held):
            last = min(first + held, n_rows)
            self._panel(arithmetic, first, last, step)
            progress(int(self.starts[last] - self.starts[first]))
        places[self.order] = np.stack([1 + self.nearer, self.nearer + self.tied], axis=1)
        return places

    def _arithmetic(self) -> Arithmetic:
        """Bytes, where few of the bounds of some pairs and points leave in doubt which is nearer; else float32."""
        by_bytes = bytes_for(self.job)
        if by_bytes is None:
            return Floats(self.job)
        some = np.unique(np.linspace(0, len(self.pairs) - 1, PROBED).astype(np.int64))
        few = _Count(self.points, self.sizes, self.pairs[some], self.job.memory, self.pool, self.apart)
        share = _Part(few, by_bytes, 0, few.job.queries.n_points).share_in_doubt(by_bytes)
        return by_bytes if share <= MOST_DOUBTFUL else Floats(self.job)

    def _panel(self, arithmetic: Arithmetic, first: int, last: int, step: int) -> None:
        """Count for the pairs of some rows, which are held in memory, with as many points at a time."""
        parts = [_Part(self, arithmetic, at, min(at + PART, last)) for at in range(first, last, PART)]
        self.pool.all(lambda part: part.measure(), parts)

        def load(where: slice) -> tuple[np.ndarray, Block, np.ndarray]:
            values = self.points.read(where)
            return _lanes(values), *_filled(arithmetic, self.points, where.start, values)

        for _, loaded in ahead(load, list(self.points.blocks(step))):
            self.pool.all(lambda part, loaded=loaded: part.count(arithmetic, *loaded), parts)


class _Part:
    """Rows number ``first`` to ``last``, and the pairs of which they are the first."""

    def __init__(self, whole: _Count, arithmetic: Arithmetic, first: int, last: int):
        self.whole, self.rows = whole, slice(first, last)
        self.mine = slice(int(whole.starts[first]), int(whole.starts[last]))
        self.numbers = whole.job.own[self.rows]
        values = whole.points.read(self.numbers)
        self.x = _lanes(values)
        self.block, self.doubts = _filled(arithmetic, whole.points, 0, values)
        self.places = np.searchsorted(self.numbers, whole.pairs[self.mine, 0])  # of each pair's first point
        self.low = self.high = np.empty(0, np.float32)

    def measure(self) -> None:
        """The distance of every pair."""
        points, squared = self.whole.points, np.empty(len(self.places))
        others = self.whole.pairs[self.mine, 1]
        for at in range(0, len(others), PART):
            some = slice(at, at + PART)
            numbers, places = np.unique(others[some], return_inverse=True)
            kernels.exact_pairs(self.x, _lanes(points.read(numbers)), self.places[some], places, squared[some])
        self.whole.distance[self.mine] = np.sqrt(squared)
        # Its copies are nearer to a point than anything else, or tie with the pair where that is a copy too.
        copies = self.whole.sizes[self.numbers[self.places]] - 1 if self.whole.apart is None else 0
        self.whole.nearer[self.mine] = np.where(squared > 0, copies, 0)
        self.whole.tied[self.mine] = np.where(squared > 0, 0, copies)
        half = points.in_bound_units(squared) / 2
        self.low = (half * (1 - SURE) - UNDERFLOW).astype(np.float32)
        self.high = (half * (1 + SURE) + UNDERFLOW).astype(np.float32)

    def share_in_doubt(self, by_bytes: Bytes) -> float:
        """For which share of the pairs and of a sample of the points the first bytes do not tell which is nearer."""
        self.measure()
        values, passed = self.whole.points.sampled, np.zeros(1, np.int64)
        block, doubts = _filled(by_bytes, self.whole.points, 0, values)
        none, ones = np.zeros(len(self.numbers), np.int64), np.ones(len(values), np.int32)
        tile = _tile(self.block, block, none - 1, none + 1, none, np.zeros((2, len(values)), np.int64))
        radii = self._radii(doubts, ones)
        for _ in by_bytes.counted(tile, radii, np.empty((MOST_DOUBTS, 2), np.int64), passed):
            pass
        return int(passed[0]) / (len(self.places) * len(values))

    def count(self, arithmetic: Arithmetic, y: np.ndarray, columns: Block, column_doubts: np.ndarray) -> None:
        """Count the points of a block that are surely nearer than a pair is, and look up those in doubt."""
        whole, here, windows = self.whole, columns.where, self.whole.job.windows
        marks = np.stack([windows.first[here], windows.last[here]])
        tile = _tile(self.block, columns, self.numbers, windows.low[self.rows], windows.high[self.rows], marks)
        radii = self._radii(column_doubts, whole.sizes[here])
        nearer, tied = whole.nearer[self.mine], whole.tied[self.mine]
        doubts = np.empty((max(MOST_DOUBTS, len(y), GROUP), 2), np.int64)
        for found in arithmetic.count(tile, radii, doubts):
            pair, column = doubts[:found].T
            squared = np.empty(found)
            kernels.exact_pairs(self.x, y, self.places[pair], column, squared)
            distance, limit = np.sqrt(squared), whole.distance[self.mine][pair]
            n_pairs, counted = len(self.places), radii.weights[column]
            nearer += np.bincount(pair, weights=counted * (distance < limit), minlength=n_pairs)
            tied += np.bincount(pair, weights=counted * (distance == limit), minlength=n_pairs)
        nearer += radii.surely

    def _radii(self, column_doubts: np.ndarray, weights: np.ndarray) -> Radii:
        surely = np.zeros(len(self.places), np.int64)
        return Radii(self.places, self.low, self.high, self.doubts, column_doubts, weights, surely)


def _lanes(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(padded(values))


def _filled(arithmetic: Arithmetic, points: Rows, first: int, values: np.ndarray) -> tuple[Block, np.ndarray]:
    """Rows as they were read, held for bounds, and what these are in doubt by."""
    block, doubts = arithmetic.room(first, len(values)), np.empty(len(values), np.float32)
    arithmetic.fill(points, values, block, doubts)
    return block, doubts


def _tile(rows: Block, columns: Block, own: np.ndarray, low: np.ndarray, high: np.ndarray, marks: np.ndarray) -> Tile:
    """A tile in which nothing is looked for."""
    none = np.empty(0, np.float32)
    return Tile(rows, columns, none, none, 0, own, low, high, *marks)
