"""Which samples are copies of which, and who is kept apart, among more samples than one machine looks at.

What is told is what `search/members.py` tells of samples in memory. Of samples without copies nothing is kept, so that
millions of them take no room; a part of them is made into `Members` when a search asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerscape.core.apart import Apart
from layerscape.search.members import Asked, Members


@dataclass(frozen=True, eq=False)
class Census:
    """The samples behind the points of a search.

    Attributes
    ----------
    n_samples
        N.
    later
        Increasing rows of the samples that are copies of an earlier one.
    heads
        The first row that each of these equals.
    apart
        Which samples are no neighbors of each other.
    """

    n_samples: int
    later: np.ndarray
    heads: np.ndarray
    apart: Apart | None = None

    @property
    def n_points(self) -> int:
        return self.n_samples - len(self.later)

    @cached_property
    def _before(self) -> np.ndarray:
        """How many points come before each of the later copies."""
        return self.later - np.arange(len(self.later))

    def heads_of(self, rows: np.ndarray) -> np.ndarray:
        """The first row that each row equals."""
        if not len(self.later):
            return rows
        place = np.minimum(np.searchsorted(self.later, rows), len(self.later) - 1)
        return np.where(self.later[place] == rows, self.heads[place], rows)

    def points_of(self, rows: np.ndarray) -> np.ndarray:
        """The number of the point of each row."""
        heads = self.heads_of(rows)
        return heads - np.searchsorted(self.later, heads)

    def rows_of(self, points: np.ndarray) -> np.ndarray:
        """The first row of each point."""
        return points + np.searchsorted(self._before, points, side="right")

    def copies(self) -> np.ndarray:
        """Shape (N,): the point of every sample."""
        return self.points_of(np.arange(self.n_samples))

    def members(self, points: np.ndarray) -> tuple[Members, np.ndarray]:
        """The samples of some points, given by increasing number and numbered anew, and which rows they are."""
        heads = self.rows_of(points)
        place = np.minimum(np.searchsorted(heads, self.heads), len(heads) - 1)
        samples = np.union1d(heads, self.later[heads[place] == self.heads])
        copies = np.searchsorted(heads, self.heads_of(samples))
        return Members(copies, self.apart and self.apart.take(samples)), samples

    def units(self, rows: np.ndarray) -> tuple[np.ndarray, Asked, np.ndarray]:
        """The queries among rows that differ to an engine: the place of each, its point, and which of them each row is.

        Copies are one query, and with samples that are kept apart, those of one mark.
        """
        own = self.points_of(rows)
        if self.apart is None:
            _, first, which = np.unique(own, return_index=True, return_inverse=True)
            none = np.zeros(len(first), np.int64)
            return first, Asked(own[first], none + 1, none), which
        marks = np.asarray(self.apart.marks[rows])
        _, first, which = np.unique(np.stack([own, marks]), axis=1, return_index=True, return_inverse=True)
        return first, Asked(own[first], *self.apart.windows(rows[first])), which.ravel()


def suspects(read: Callable[[], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Increasing rows whose hash an earlier row has, and the first that has it; ``read`` gives the hashes, to keep.

    >>> suspects(lambda: np.array([7, 5, 7, 7, 6, 5], np.uint64))
    (array([2, 3, 5]), array([0, 0, 1]))
    """
    ordered = read()
    ordered.sort()
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered  # before they are read again, which is not often
    if not len(repeated):
        none = np.empty(0, np.int64)
        return none, none
    hashes = read()
    rows = np.flatnonzero(np.isin(hashes, repeated))
    _, first, which = np.unique(hashes[rows], return_index=True, return_inverse=True)
    heads = rows[first[which]]
    return rows[heads != rows], heads[heads != rows]


def told_apart(
    later: np.ndarray, heads: np.ndarray, equal: np.ndarray, read: Callable[[int], bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Copies only: of rows that share a hash and differ, which are of other rows, by what ``read`` gives of each."""
    seen: dict[bytes, int] = {}
    heads = heads.copy()
    for place in np.flatnonzero(~equal):
        row = int(later[place])
        heads[place] = seen.setdefault(read(row), row)
    return later[heads != later], heads[heads != later]
