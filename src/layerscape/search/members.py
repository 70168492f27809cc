"""The samples behind the points of a search: which point each is, and who is left out of whose neighbors.

An engine knows points, each of which stands for all samples with equal vectors, and leaves a point out of a query's
list where no sample that it stands for may be a neighbor of the query. Where only some of them may, the point is
listed, and the samples are told apart when they are put back (`search/copies.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerscape.core.apart import Apart
from layerscape.search.engine import Windows

PAIRS_AT_ONCE = 2**22


@dataclass(frozen=True)
class Asked:
    """The queries whose lists differ.

    Attributes
    ----------
    own
        Shape (U,): the point of each, −1 if it is none.
    low, high
        Shape (U,): the marks of the samples that are no neighbors of it.
    """

    own: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __getitem__(self, some: np.ndarray) -> Asked:
        return Asked(self.own[some], self.low[some], self.high[some])


class Members:
    """The samples of every point.

    Parameters
    ----------
    copies
        Shape (N,): the point of each sample.
    apart
        Which samples are no neighbors of each other. Without it each has a mark of its own, which leaves out itself.
    """

    def __init__(self, copies: np.ndarray, apart: Apart | None):
        self.copies, self.apart = copies, apart
        self.kept = apart or Apart(np.arange(len(copies)))
        self.marks = self.kept.marks
        self.sizes = np.bincount(copies)
        self.order = np.argsort(copies, kind="stable")
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.heads = self.order[self.starts]

    @cached_property
    def _keys(self) -> np.ndarray:
        """Point and mark of every sample as one number, sorted."""
        return np.sort(self.copies * self._span + self.marks)

    @cached_property
    def _span(self) -> int:
        return int(self.marks.max()) + 1

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Of every point the lowest and the highest mark."""
        lasts = self.starts + self.sizes - 1
        return self._keys[self.starts] % self._span, self._keys[lasts] % self._span

    def asked(self, rows: np.ndarray) -> tuple[Asked, np.ndarray]:
        """The queries that rows make, and which of them each is: members of one group with equal vectors are one."""
        low, high = self.kept.windows(rows)
        if self.apart is None:
            return Asked(self.copies[rows], low, high), np.arange(len(rows))
        keys = self.copies[rows] * self._span + self.marks[rows]
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        return Asked(self.copies[rows], low, high)[first], which

    def outside(self, n_queries: int) -> tuple[Asked, np.ndarray]:
        """Queries that are no samples, of which nothing is left out."""
        none = np.full(n_queries, -1)
        return Asked(none, none + 1, none), np.arange(n_queries)

    def left_out(self, asked: Asked, points: np.ndarray) -> np.ndarray:
        """How many samples of a point are no neighbors of a query, pair by pair."""
        low, high = np.maximum(asked.low, 0), np.minimum(asked.high, self._span - 1)
        begin = np.searchsorted(self._keys, points * self._span + low)
        return np.maximum(np.searchsorted(self._keys, points * self._span + high, side="right") - begin, 0)

    @cached_property
    def most_left_out(self) -> int:
        """How many samples are no neighbors of one, itself among them, at the most."""
        return 1 if self.apart is None else int(self.apart.counts(np.arange(len(self.marks))).max())

    def windows(self, asked: Asked) -> Windows:
        """Which points an engine leaves out of the lists of queries, beside their own."""
        if self.apart is None:
            return Windows.none(len(asked.own), len(self.sizes))
        return Windows(asked.low, asked.high, *self.ends)

    def every(self) -> Asked:
        """Every point as a query: of a pair each leaves out the other, where no sample of one may have one of the other
        for a neighbor, or neither does.
        """
        first, last = self.ends
        return Asked(np.arange(len(first)), last - self.kept.reach, first + self.kept.reach)

    def n_others(self, asked: Asked) -> np.ndarray:
        """How many points can be listed for each query."""
        if self.apart is None:
            return len(self.sizes) - (asked.own >= 0)
        first, last = self.ends
        single = np.sort(first[first == last])
        low, high = asked.low, asked.high
        gone = np.searchsorted(single, high, side="right") - np.searchsorted(single, low)
        gone = np.where(low <= high, gone, 0)
        wide = np.flatnonzero((first < last) & (last - first <= 2 * self.kept.reach))
        for some in _slices(len(low), max(1, PAIRS_AT_ONCE // max(1, len(wide)))):
            inside = (low[some, None] <= first[wide]) & (last[wide] <= high[some, None])
            gone[some] += inside.sum(axis=1)
        own_is_left = (low <= first[asked.own]) & (last[asked.own] <= high)
        return len(self.sizes) - gone - (~own_is_left & (asked.own >= 0))


def _slices(stop: int, step: int) -> Iterator[slice]:
    for start in range(0, stop, step):
        yield slice(start, min(start + step, stop))


@dataclass(frozen=True)
class QueryPart:
    """Queries that one job of an engine serves.

    Attributes
    ----------
    asked
        The queries of the job.
    k
        How many points to list for each.
    units, places
        For which of the queries that were asked it is, and where in the job's result each stands.
    """

    asked: Asked
    k: int
    units: np.ndarray
    places: np.ndarray


def parts(members: Members, asked: Asked, k: int) -> Iterator[QueryPart]:
    """What engines are to search for queries: every point at once where that serves, since it costs half; then those
    whose point has queries of several windows, and those that have fewer than k points beside what is left out.
    """
    n_points, left = len(members.sizes), np.arange(len(asked.own))
    engine, place = asked, left
    if members.apart is None and asked.own.min() >= 0:  # copies differ in nothing that an engine sees
        _, first, place = np.unique(asked.own, return_index=True, return_inverse=True)
        engine = asked[first]
    n_queries = np.bincount(engine.own[engine.own >= 0], minlength=n_points)
    if n_queries.all():
        every = members.every()
        widths = np.minimum(k, members.n_others(every))
        if (widths == widths[0]).all():
            served = n_queries[asked.own] == 1 if members.apart else np.ones(len(left), bool)
            yield QueryPart(every, int(widths[0]), left[served], asked.own[served])
            left = left[~served]
    widths = np.minimum(k, members.n_others(engine))
    for width in np.unique(widths[place[left]]):
        units = left[widths[place[left]] == width]
        queries, places = np.unique(place[units], return_inverse=True)
        yield QueryPart(engine[queries], int(width), units, places)
