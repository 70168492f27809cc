"""Supplier: gives every measure its data, whatever it asks for and wherever they come from.

One graph per layer, at the largest k that any task needs, is searched or read from the run; narrower ones, those of
distinct rows, of subsets, and rankings are made from it when asked for, and kept while they may be asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from layerscape.core.distinct import Distinct, common_rows, distinct_rows
from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.keywords import Search, chosen
from layerscape.core.measure import Data
from layerscape.core.neighbors import Neighbors, WithoutDistances
from layerscape.core.progress import Progress, counted
from layerscape.core.ranking import Ranking
from layerscape.core.representation import Representation
from layerscape.core.sources import Source
from layerscape.core.tasks import SPARE, Task
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.search import find_neighbors
from layerscape.supply.ranking import ranking_of
from layerscape.supply.subsets import subsets_of

FEWEST = 3  # distinct rows, of which a dimension can be told
GRAPH_MEMORY = 2**32  # bytes that the graphs of a run may take


class Supplier:
    """The data of tasks.

    Parameters
    ----------
    source
        Layers and labels.
    search
        The keywords of a search.
    other
        Where the second layer of a task is; the same source when left out.
    """

    def __init__(self, source: Source, search: Search, other: Supplier | None = None):
        self.source, self.other = source, other or self
        self.near, self.how = chosen(search)
        self._search = search
        self._k, self._ready = 0, frozenset()  # how wide the graphs are, and of which layers
        self._graphs: dict[str, Neighbors] = {}
        self._distinct: dict[str, Distinct] = {}
        self._cut: dict[tuple[str, bool, int], Neighbors] = {}
        self._rankings: dict[str, Ranking] = {}
        self._labels: dict[tuple[str, int], Any] = {}  # of vectors a graph, which all layers share
        self._one_at_a_time = Lock()

    # Before the tasks

    def prepare(
        self, tasks: Sequence[Task], progress: Progress | None = None, *, more: int = 0, all_there: bool = True
    ) -> None:
        """Search what the tasks will ask for, and choose the rows for dimensions, the same in every layer.

        Parameters
        ----------
        more
            How many neighbors beyond what the measures need; an influence reads one.
        all_there
            Whether to refuse a task of more neighbors than there are, or to give it those that there are.
        """
        n = self.source.n_samples
        asked = {side: list(dict.fromkeys(self._searched(tasks, side))) for side in (self, self.other)}
        needed = max((task.neighbors(n) for task in tasks), default=0)
        k = min(max((task.width(n) for task in tasks if task.measure.searches), default=0) + more, n - 1)
        total = sum(len(layers) for layers in asked.values()) * n
        tell = counted(progress, "searching", total) if needed else None
        for side, layers in asked.items():
            if layers and needed >= n and all_there:
                which = f" of the group {self.source.group}" if self.source.group else ""
                which = " in common" if self.other is not self else which
                raise InvalidValue(f"k={needed} neighbors asked of {n} samples{which}; k must lie in 1..{n - 1}.")
            side._find(layers, k, any(task.measure.distinct for task in tasks), tell)

    def _searched(self, tasks: Sequence[Task], side: Supplier) -> Iterator[str]:
        """The layers of one side whose graphs the tasks read and nobody gave."""
        for task in tasks:
            for place, kind in enumerate(task.measure.data):
                if (self.other if place else self) is side:
                    one = [task.layer_at(place)] if kind in ("graph", "subsets") else []
                    layers = self._between(task) if kind == "graphs" else one
                    yield from (layer for layer in layers if layer not in side.source.graphs)

    def _between(self, task: Task) -> Sequence[str]:
        """The layers after the first of a task up to the other."""
        first, last = (self.source.layers.index(layer) for layer in (task.layer, task.other_layer))
        return self.source.layers[first + 1 : last + 1]

    def _find(self, layers: Sequence[str], k: int, distinct: bool, tell: Callable[[int], None] | None) -> None:
        self._k, self._ready = k, frozenset(layers)
        self._graphs, self._cut, self._distinct = {}, {}, {}
        if self.source.run is not None:
            self.source.run.search(k, layers=layers, progress=tell, **self._search)
        else:
            for layer in layers:
                x = self.vectors(layer)  # of other samples, perhaps, which the measure will say
                self._graphs[layer] = find_neighbors(x, min(k, x.n_samples - 1), progress=tell, **self._search)
        if distinct:
            found = {layer: distinct_rows(self._whole(layer), self.near.near_copies) for layer in layers}
            self._distinct = common_rows(found)

    @property
    def tile(self) -> int:
        """How many layers on each side of a map of pairs may be in memory at a time."""
        if self.source.run is None and self.other.source.run is None:
            return max(len(self.source.layers), len(self.other.source.layers))
        return max(1, GRAPH_MEMORY // (12 * self.source.n_samples * max(1, self._k)) // 2)

    # What tasks ask for

    def estimate(self, task: Task) -> Estimate:
        """What the measure says; an error says of which layer and label it is."""
        try:
            return self.attempt(task)
        except LayerscapeError as error:
            raise self._named(task, error) from None

    def attempt(self, task: Task) -> Estimate:
        """What the measure says, for whoever knows the task of an error."""
        data = self.data(task)
        found = task.measure(*data, **task.options)
        n_units = getattr(data[0], "n_units", None) if found.n_units is None else found.n_units
        return replace(found, n_units=n_units, warnings=(*self.words(task), *found.warnings))

    def influence(self, task: Task) -> Influence:
        """How each of the N samples moves the value, for tasks that were prepared with one neighbor more."""
        try:
            found = task.measure.influence_of(*self.data(task, more=1), **task.options)
        except LayerscapeError as error:
            raise self._named(task, error) from None
        return found.among(self._distinct[task.layer].rows, self.source.n_samples) if self._reduced(task) else found

    def permuted(self, task: Task, found: Estimate, number: int, seed: int) -> np.ndarray:
        """The values of a task for permuted labels, shape (number,); ``found`` is its estimate."""
        if "permutations" in task.options:
            return np.asarray(found.details["null"])
        return task.measure.permuted_of(*self.data(task), number=number, seed=seed, **task.options)

    def _named(self, task: Task, error: LayerscapeError) -> LayerscapeError:
        if isinstance(error, WithoutDistances):
            error = InvalidValue(f"{task.measure.name} reads distances: {error}")
        where = f"{task}, {self.source.group}" if self.source.group else str(task)
        return type(error)(f"{where}: {error}") if task.layer else error

    def data(self, task: Task, *, more: int = 0) -> list[Any]:
        """The data arguments of the measure, with ``more`` neighbors than it needs where there are so many."""
        n = self.source.n_samples
        k = min(task.neighbors(n) + more, n - 1)
        with self._one_at_a_time:
            return [
                (self.other if place else self)._argument(kind, task, k, place, more)
                for place, kind in enumerate(task.measure.data)
            ]

    def words(self, task: Task) -> tuple[str, ...]:
        """What the choice of rows has to say of a task's estimate."""
        return self._distinct[task.layer].words if self._reduced(task) else ()

    def vectors(self, layer: str) -> Representation:
        """The vectors of a layer as the search sees them."""
        return self.near.seen(self.source.vectors(layer))

    def graph(self, layer: str, k: int, *, distinct: bool = False) -> Neighbors:
        """The graph of a layer with k neighbors: of all samples, or of the distinct rows (fewer, where they are)."""
        if layer in self.source.graphs:
            return self.source.graphs[layer]
        key, whole = (layer, distinct, k), self._whole(layer)
        if key not in self._cut:
            self._cut[key] = self._of_distinct(layer, whole, k) if distinct else whole.first(min(k, whole.k))
        return self._cut[key]

    def _of_distinct(self, layer: str, whole: Neighbors, k: int) -> Neighbors:
        """Cut from the graph of all samples if that holds enough, and searched otherwise."""
        rows = self._distinct[layer].rows
        if len(rows) < FEWEST:
            raise InvalidValue(
                f"{self.source.vectors(layer).title} has {len(rows)} distinct rows of {whole.n_samples}: it is "
                "constant, or nearly so, and has no dimension; leave it out, or pool another token."
            )
        k = min(k, len(rows) - 1)
        if len(rows) == whole.n_samples:
            return whole.first(min(k, whole.k))
        return whole.restrict(rows, k) or find_neighbors(self.vectors(layer).take(rows), k, **self._search)

    def _reduced(self, task: Task) -> bool:
        return task.measure.distinct and task.layer in self._distinct

    def _argument(self, kind: Data, task: Task, k: int, place: int, more: int) -> Any:
        layer = task.layer_at(place)
        if kind == "labels":
            return self._label(task, k)
        if kind == "vectors":
            return self.source.vectors(layer)
        if kind == "ranking":
            return self._ranking(layer)
        if kind == "graphs":
            return tuple(self.graph(each, k, distinct=task.measure.distinct) for each in self._between(task))
        if kind == "subsets":
            return self._subsets(task, more)
        return self.graph(layer, k, distinct=task.measure.distinct)

    def _subsets(self, task: Task, more: int) -> Any:
        if task.layer in self.source.graphs:
            return subsets_of(task.measure, task.options, self.source.graphs[task.layer], more=more)
        width = min(task.width(self.source.n_samples) - SPARE * task.measure.distinct, self._whole(task.layer).k)
        graph = self.graph(task.layer, width, distinct=task.measure.distinct)
        rows = self._distinct[task.layer].rows if task.measure.distinct else None
        return subsets_of(task.measure, task.options, graph, self.vectors(task.layer), rows, self._search, more=more)

    def _label(self, task: Task, k: int) -> Any:
        found = self.source.label(task)
        if not isinstance(found, Representation):
            return found
        if (task.label, k) not in self._labels:
            plain: Search = {**self._search, "metric": "euclidean", "standardize": None}
            self._labels[task.label, k] = find_neighbors(found, k, **plain)
        return self._labels[task.label, k]

    def _ranking(self, layer: str) -> Ranking:
        if layer not in self._rankings:
            self._rankings.clear()  # what one remembers may be as large as several graphs
            whole = self._whole(layer) if layer in self._ready else None
            self._rankings[layer] = ranking_of(self.vectors(layer), whole, self._search)
        return self._rankings[layer]

    def _whole(self, layer: str) -> Neighbors:
        """The graph of all samples; of those that are kept on disk no more are in memory than tiles need."""
        run = self.source.run
        if run is None:
            return self._graphs[layer]
        if layer not in self._graphs:
            while len(self._graphs) >= 2 * self.tile:  # of both sides of a tile
                left = next(iter(self._graphs))  # the one that has not been asked for longest
                del self._graphs[left]
                self._cut = {key: graph for key, graph in self._cut.items() if key[0] != left}
            self._graphs[layer] = run.graph(layer, self._k, **self._search)
        else:
            self._graphs[layer] = self._graphs.pop(layer)
        return self._graphs[layer]


def answer(source: Source, search: Search, task: Task, *, influence: bool) -> Estimate:
    """What one task finds, from the search on, and how each sample moves it if that is asked."""
    supplier = Supplier(source, search)
    supplier.prepare([task], more=int(influence))
    found = supplier.estimate(task)
    return replace(found, influence=supplier.influence(task)) if influence else found
