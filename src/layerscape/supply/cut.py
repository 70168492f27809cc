"""Some of the samples of a provision, with neighbors cut from its graphs: in place of samples that are left out stand
those that follow. Only samples that list too few of those that are kept are searched again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.folds import Folds
from layerscape.core.keywords import Search, among
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.core.tasks import Task
from layerscape.search import find_neighbors
from layerscape.supply.graphs import Graphs
from layerscape.supply.provision import Provision

if TYPE_CHECKING:
    from collections.abc import Sequence

TIES = 8  # neighbors beyond those wanted, so that what ties with the last is mostly seen without a search


class Cut:
    """Some of the samples of a provision, by increasing number, for tasks with the options that fitted all of them."""

    def __init__(self, whole: Provision, rows: np.ndarray, tasks: Sequence[Task]):
        own = _CutGraphs(whole.own, rows)
        self._provision = Provision(own, own if whole.other is whole.own else _CutGraphs(whole.other, rows))
        self._provision.search(tasks, progress=False, strict=False)
        self._rows = rows

    def values(self, task: Task, parts: Folds | None = None) -> np.ndarray:
        """The value of a task, and those of its curve; ``parts`` are those of all samples, if it learns."""
        if task.measure.score is not None and parts is None:
            return self.score(task)([np.arange(len(self._rows))])
        found = self.found(task, parts)
        return np.array([found.value, *(point.value for point in found.curve)])

    def found(self, task: Task, parts: Folds | None = None) -> Estimate:
        """What the measure says of them."""
        return task.measure.bare(*self._provision.data(task), parts=self._of(parts), **task.options)

    def score(self, task: Task, parts: Folds | None = None) -> Score:
        """The values of a task as a function of orders of one side."""
        return task.measure.score_of(*self._provision.data(task), parts=self._of(parts), **task.options)

    def _of(self, parts: Folds | None) -> Folds | None:
        return parts and parts.take(self._rows)


class _CutGraphs(Graphs):
    """The graphs of some of the samples, cut from those of all; values are standardized as among all."""

    def __init__(self, whole: Graphs, rows: np.ndarray):
        super().__init__(whole.source.take(rows), among(whole.search, rows))
        self._from, self._rows = whole, rows

    def vectors(self, layer: str) -> Representation:
        return self._from.vectors(layer).take(self._rows)

    def _searched_now(self, layer: str, k: int, tell: Callable[[int], None] | None) -> Neighbors:
        whole = self._from.whole(layer)
        return cut(whole, self._rows, min(k, self.near.most(len(self._rows))), lambda: self.vectors(layer), self.search)


def cut(whole: Neighbors, rows: np.ndarray, k: int, vectors: Callable[[], Representation], search: Search) -> Neighbors:
    """The graph of some of the samples, equal to that of a search among them.

    Parameters
    ----------
    whole
        The graph of all samples.
    rows
        Their increasing numbers.
    k
        How many neighbors each is to have.
    vectors, search
        What to search, and how, for samples that have too few neighbors left, or more that tie with the last of them
        than are listed.
    """
    n = len(rows)
    near = whole.near.among(rows)
    wide = min(k + TIES, near.most(n), whole.k)
    indices, distances, found = whole.among(rows, wide)
    open_rows = ~found
    if wide < near.most(n):
        open_rows |= distances[:, -1] == distances[:, k - 1]
    asked = np.flatnonzero(open_rows)
    options: Any = search
    if len(asked):
        x = vectors()
        fresh = find_neighbors(x, wide := max(wide, k), queries=asked, **options)
        if wide > indices.shape[1] or (fresh.distances[:, -1] == fresh.distances[:, k - 1]).any():
            return find_neighbors(x, k, **options)
        indices[asked], distances[asked] = fresh.indices, fresh.distances
    copies = None if whole.copies is None else np.unique(whole.copies[rows], return_inverse=True)[1]
    return Neighbors(indices, distances, n, whole.n_units, near, copies=copies, proven=True).first(k)
