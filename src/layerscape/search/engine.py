"""What an engine is given and what it gives: the words that the files of this folder share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from layerscape.core.threads import Workers
from layerscape.search.radii import Radii
from layerscape.search.rows import Rows

UNDERFLOW = 2.0**-100  # what float32 can lose below its smallest number when the largest coordinate is near 1
SPARE = 12  # candidates beyond k: on clouds of points these suffice, and copies were taken out before
ULPS = 1 + 2.0**-50  # ties are judged after the square root, which can make two neighboring values one


@dataclass(frozen=True)
class Windows:
    """Points that are left out of lists beside the query itself: those of which all marks lie in the query's window.

    Attributes
    ----------
    low, high
        Shape (M,): the window of each query; ``low`` above ``high`` leaves out nothing.
    first, last
        Shape (N,): the lowest and the highest mark of the samples that each point stands for.
    """

    low: np.ndarray
    high: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def none(cls, n_queries: int, n_points: int) -> Windows:
        """Windows that leave out nothing."""
        return cls(np.ones(n_queries, np.int64), np.zeros(n_queries, np.int64), *np.zeros((2, n_points), np.int64))

    @property
    def any(self) -> bool:
        """Whether anything can be left out."""
        return bool((self.low <= self.high).any())

    def leave_out(self, queries: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Whether points are left out for queries, pair by pair."""
        return (self.low[queries] <= self.first[points]) & (self.last[points] <= self.high[queries])

    def filled(self, multiple: int) -> tuple[np.ndarray, np.ndarray]:
        """The windows, shape (2, M), and the marks, shape (2, N), with points filled up to a multiple of so many."""
        missing = -len(self.first) % multiple
        ends = np.pad(np.stack([self.first, self.last]), ((0, 0), (0, missing)))
        return np.stack([self.low, self.high]).astype(np.int32), ends.astype(np.int32)

    def among(self, k: int) -> np.ndarray:
        """Points among which every query finds k that are not left out, if there are as many."""
        if not self.any:
            return np.arange(min(k, len(self.first)))
        lowest, highest = np.argsort(self.first, kind="stable")[:k], np.argsort(self.last, kind="stable")[-k:]
        return np.union1d(lowest, highest)


@dataclass(frozen=True)
class Job:
    """A search among distinct points.

    Attributes
    ----------
    points
        The N points, no two of which are equal.
    queries
        The M queries; the very object ``points`` when all points are asked for.
    own
        Shape (M,): which point each query is, since none is its own neighbor; −1 if it is none.
    windows
        Which other points are left out. Where all points are asked for, each of a pair leaves out the other or neither.
    k
        How many neighbors to find: at most as many points as are not left out for any query.
    memory
        Bytes to work with, beside what grows with M·k.
    pool
        The threads that may run.
    progress
        Called with the number of queries finished since the last call.
    """

    points: Rows
    queries: Rows
    own: np.ndarray
    windows: Windows
    k: int
    memory: int
    pool: Workers
    progress: Callable[[int], None]

    @property
    def symmetric(self) -> bool:
        """Whether every point is asked for, so that each pair needs to be looked at only once."""
        return self.queries is self.points


@dataclass(frozen=True)
class Candidates:
    """For each query some points, and how near every other point is at the least. `finish` uses the lists up.

    Attributes
    ----------
    lists
        Shape (M, capacity), uint64: the bits of a float32 bound over the number of its point. A bound is at most
        d²/2, half of the squared distance in the scale of `Rows.centered`.
    counts
        Shape (M,): how many entries of each list are used.
    limits
        Shape (M,), float32: the bounds of all points that are not in the list are at least this.
    row_doubts, column_doubts
        Shapes (M,) and (N,), float32: d²/2 is at most a bound and the doubts of its query and its point.
    """

    lists: np.ndarray
    counts: np.ndarray
    limits: np.ndarray
    row_doubts: np.ndarray
    column_doubts: np.ndarray


@dataclass(frozen=True)
class Block:
    """Consecutive rows, from number ``first`` on: ``n`` of those that an arithmetic holds, from place ``at`` on."""

    first: int
    at: int
    n: int
    held: Any

    def __len__(self) -> int:
        return self.n

    @property
    def where(self) -> slice:
        """Their numbers."""
        return slice(self.first, self.first + self.n)

    @property
    def here(self) -> slice:
        """Their places."""
        return slice(self.at, self.at + self.n)

    def parts(self, length: int, start: int = 0) -> Iterator[Block]:
        """Blocks of some rows each, from row ``start`` of this one on."""
        for at in range(start, self.n, length):
            yield replace(self, first=self.first + at, at=self.at + at, n=min(length, self.n - at))


@dataclass(frozen=True)
class Tile:
    """Some queries and some points, and which of their pairs are looked for.

    Attributes
    ----------
    rows, columns
        The queries and the points.
    row_limits, column_limits
        A pair is found if its bound is below the limit of its row or of its column.
    mirrored
        Column from which on the limits of columns count.
    own
        The number of the point that each query is.
    low, high, first, last
        What is left out, as in `Windows`.
    """

    rows: Block
    columns: Block
    row_limits: np.ndarray
    column_limits: np.ndarray
    mirrored: int
    own: np.ndarray
    low: np.ndarray
    high: np.ndarray
    first: np.ndarray
    last: np.ndarray


class Arithmetic(Protocol):
    """What bounds are made with: how rows are held for it, and which pairs of a tile have small bounds.

    Attributes
    ----------
    row_bytes
        What a row takes.
    tile
        How many rows and columns a tile has at the most.
    n_sampled
        How many points first limits are guessed from.
    """

    row_bytes: int
    tile: tuple[int, int]
    n_sampled: int

    def room(self, first: int, n: int) -> Block:
        """Memory for n rows, from number ``first`` on."""
        ...

    def fill(self, rows: Rows, values: np.ndarray, block: Block, doubts: np.ndarray) -> None:
        """Put rows as `Rows.read` gave them into a block, and what their bounds are in doubt by."""
        ...

    def guess(self, tile: Tile, rank: int) -> None:
        """Set the limits of the rows to about the ``rank``-th smallest bound of the columns, where above 0."""
        ...

    def look(self, tile: Tile, hits: np.ndarray, values: np.ndarray) -> Iterator[int]:
        """How many pairs were found, again and again until all are: row and column within the tile, and bounds."""
        ...

    def count(self, tile: Tile, radii: Radii, doubts: np.ndarray) -> Iterator[int]:
        """Count who is surely nearer; how many are in doubt, again and again: number of the radius, and column."""
        ...


@dataclass(frozen=True)
class Found:
    """Nearest first, ties by index: indices and squared distances (M, k), and for each row of the border its sample and
    squared distance.
    """

    indices: np.ndarray
    squared: np.ndarray
    border_rows: np.ndarray
    border: np.ndarray
    border_squared: np.ndarray

    def some(self, rows: np.ndarray) -> Found:
        """Of some of the queries, in increasing order."""
        mine = np.isin(self.border_rows, rows)
        places = np.searchsorted(rows, self.border_rows[mine])
        return Found(self.indices[rows], self.squared[rows], places, self.border[mine], self.border_squared[mine])


def joined(parts: list[tuple[np.ndarray, Found]], n_queries: int, k: int) -> Found:
    """One result of those for some queries each."""
    indices, squared = np.empty((n_queries, k), np.int64), np.empty((n_queries, k))
    for rows, found in parts:
        indices[rows], squared[rows] = found.indices, found.squared
    border_rows = np.concatenate([rows[found.border_rows] for rows, found in parts])
    border, far = (
        np.concatenate([getattr(found, name) for _, found in parts]) for name in ("border", "border_squared")
    )
    return Found(indices, squared, border_rows, border, far)


def enter(lists: np.ndarray, bounds: np.ndarray, numbers: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """Fill lists with bounds and the numbers of their points, those that are gone at the end; how many are, of each."""
    lists[:] = bounds.view(np.uint32)
    lists <<= np.uint64(32)
    lists |= numbers.view(np.uint32)
    n_gone = gone.sum(axis=1, dtype=np.int32)
    many = np.flatnonzero(n_gone > 1)
    lists[many] = np.take_along_axis(lists[many], np.argsort(gone[many], axis=1, kind="stable"), axis=1)
    one = np.flatnonzero(n_gone == 1)
    lists[one, gone[one].argmax(axis=1)] = lists[one, -1]
    return n_gone


def slack(n_units: int, bits: int = 24) -> float:
    """Share of ‖a‖² + ‖b‖² by which a squared distance from a matrix product can be wrong.

    With u = 2^−bits, rounding the rows costs 4u, a sum of D products D·u whatever its order, and the few operations
    around it less than 8u; twice that is taken.
    """
    return 2 * (n_units + 16) * 2.0**-bits


def nothing_found(n_queries: int) -> Found:
    """The result when there is no point beside the query itself."""
    none = np.empty(0, np.int64)
    return Found(np.empty((n_queries, 0), np.int64), np.empty((n_queries, 0)), none, none, np.empty(0))
