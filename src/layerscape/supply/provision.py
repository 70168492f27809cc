"""The data of tasks: searched ahead as widely as they need it, and cut to what each asks for.

Tasks say how wide the graphs must be that are searched for them; subsets, rankings and the graphs of labels are made
when asked for, and kept while they may be asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from layerscape.core.distinct import Distinct
from layerscape.core.keywords import Search
from layerscape.core.progress import Show, counted
from layerscape.core.quantity import Data
from layerscape.core.representation import Representation
from layerscape.core.tasks import SPARE, Task
from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors
from layerscape.supply.deciding import Deciding
from layerscape.supply.graphs import Graphs
from layerscape.supply.held import check_holds
from layerscape.supply.labels import most_of_class, near_in_label, vectors_of
from layerscape.supply.subsets import subsets_of


class Served(NamedTuple):
    """All that a measure is given for a task.

    Attributes
    ----------
    task
        With a number of neighbors that there are, where nobody asked for one.
    data
        Its data arguments.
    words
        What the choice of rows and of the number of neighbors has to say of the estimate.
    decisive
        Which unit, or which samples, decide its value alone.
    """

    task: Task
    data: list[Any]
    words: tuple[str, ...]
    decisive: tuple[str, ...]


class Provision:
    """The graphs, vectors, rankings, subsets and labels of samples, for tasks.

    Parameters
    ----------
    own
        Where the layer of a task is; its source has the labels.
    other
        Where the second layer of a task is; the same when left out.
    """

    def __init__(self, own: Graphs, other: Graphs | None = None):
        self.own, self.other, self.source = own, other or own, own.source
        self._strict, self._more = True, 0  # whether to refuse more neighbors than there are; those beyond what is read
        self._labels: dict[tuple[str, int], Any] = {}  # of vectors a graph, which all layers share
        self._deciding = {side: Deciding(side.source, side.near) for side in (self.own, self.other)}
        self.taking_part: Callable[[Task], np.ndarray | None] = lambda _: None  # in chance, where not all samples do
        self._one_at_a_time = Lock()

    def search(
        self,
        tasks: Sequence[Task],
        progress: Show = None,
        *,
        more: int = 0,
        strict: bool = True,
        wide: Callable[[int], int] = int,
    ) -> None:
        """Search what the tasks will ask for.

        Parameters
        ----------
        more
            How many neighbors beyond what the measures need.
        strict
            Whether a task of more neighbors than there are is refused, or given those that there are.
        wide
            How wide a graph has to be from which one of so many neighbors is cut.
        """
        n, most, self._strict, self._more = self.source.n_samples, self.own.most, strict, more
        asked = {side: list(dict.fromkeys(self._searched(tasks, side))) for side in (self.own, self.other)}
        needed = max((task.neighbors(most + 1) for task in tasks), default=0)
        widths = [task.width(most + 1, more) + self._beyond(task) for task in tasks if task.measure.searches]
        k = min(wide(max(widths, default=0)), most)
        total = sum(len(layers) for layers in asked.values()) * n
        tell = counted(progress, "searching", total) if needed else None
        for side, layers in asked.items():
            side.find(layers, k, any(task.measure.distinct for task in tasks), tell)

    def _searched(self, tasks: Sequence[Task], side: Graphs) -> Iterator[str]:
        """The layers of one side whose graphs the tasks read and nobody gave."""
        for task in tasks:
            for place, kind in enumerate(task.measure.data):
                if self._at(place) is side:
                    one = [task.layer_at(place)] if kind in ("graph", "subsets") else []
                    layers = self._between(task) if kind == "graphs" else one
                    yield from (layer for layer in layers if layer not in side.source.graphs)

    def _between(self, task: Task) -> Sequence[str]:
        """The layers after the first of a task up to the other."""
        first, last = (self.source.layers.index(layer) for layer in (task.layer, task.other_layer))
        return self.source.layers[first + 1 : last + 1]

    @property
    def tile(self) -> int:
        """How many layers on each side of a map of pairs may be in memory at a time."""
        rooms = self.own.room, self.other.room
        return max(rooms) if self.source.run is None and self.other.source.run is None else min(rooms)

    def check_k(self, *tasks: Task) -> None:
        """Raise at the first task of more neighbors than there are."""
        n, most = self.source.n_samples, self.own.most
        for task in tasks:
            k = task.neighbors(most + 1)
            if k > most and not {task.layer, task.layer_at(1)} <= set(self.source.graphs):
                which = f" of the group {self.source.group}" if self.source.group else ""
                which = " in common" if self.other is not self.own else which
                which += f", {self.own.near.apart.words}" if self.own.near.apart else ""
                allowed = f"k must lie in 1..{most}" if n > 1 else "a graph needs at least two"
                raise InvalidValue(f"k={k} neighbors asked of {n} samples{which}; {allowed}.")

    def _check_given(self, task: Task) -> None:
        """Raise where a graph that was given lists too few samples beside those that are left out of it."""
        for place, kind in enumerate(task.measure.data):
            side = self._at(place)
            layers = self._between(task) if kind == "graphs" else [task.layer_at(place)]
            for layer in side.source.graphs.keys() & (layers if side.near.apart else ()):
                k = min(self.fitted(task)[0].neighbors(side.most + 1) + self._beyond(task), side.most)
                check_holds(side.source.graphs[layer], side.near.apart, k)

    def serve(self, task: Task, *, more: int = 0) -> Served:
        """All that the measure is given, with ``more`` neighbors than it needs where there are so many."""
        if self._strict:
            self.check_k(task)
        self._check_given(task)
        one, words = self.fitted(task)
        return Served(one, self.data(one, more=more), words, self._decisive(one))

    def fitted(self, task: Task) -> tuple[Task, tuple[str, ...]]:
        """The task with a number of neighbors that there are, where nobody asked for one, and what is to be said."""
        distinct = self.distinct(task)
        n, most = self._room_for(distinct)
        one, words = task.fitted(most, self.own.most, f"there are {n} samples")
        if (rows := self.taking_part(task)) is not None:
            others = self.own.near.among(rows).most(len(rows))
            fewer, said = task.fitted(most, others, f"chance is of {len(rows)} of {n} samples")
            one, words = (one, words) if fewer.options == one.options else (fewer, said)
        one, words = self._no_wider(task, one, words)
        return one, (*(self.own.left_out(task.layer) if distinct else ()), *words)

    def _no_wider(self, task: Task, one: Task, words: tuple[str, ...]) -> tuple[Task, tuple[str, ...]]:
        """The same with no more neighbors than all graphs that were given hold, and an interval reads beside them."""
        name = task.measure.neighbors
        given = [side.narrowest for side in (self.own, self.other) if side.narrowest]
        if not given or not task.measure.searches or task.measure.distinct:
            return one, words
        if not isinstance(name, str) or name in task.options:
            return one, words
        holds, layer = min(given)
        k = max(1, holds - max(self._more, task.measure.spare))
        if k >= {**task.measure.options, **one.options}[name]:
            return one, words
        which = f"the graph of layer {layer!r}" if layer else "the graph"
        return replace(one, options={**one.options, name: k}), (f"{name} = {k}, since {which} holds {holds}",)

    def _room_for(self, distinct: Distinct | None) -> tuple[int, int]:
        """How many samples a task is of, and how many neighbors each has at the most, less those beyond its own."""
        most = self.own.most
        if distinct is None:
            return self.source.n_samples, max(min(1, most), most - self._more)
        rows = distinct.rows
        return len(rows), self.own.near.among(rows).most(len(rows)) - self._more

    def data(self, task: Task, *, more: int = 0) -> list[Any]:
        """The data arguments of the measure, with ``more`` neighbors than it needs where there are so many."""
        most = self.own.most
        k = min(task.neighbors(most + 1) + self._beyond(task) + max(more, task.measure.spare), most)
        with self._one_at_a_time:
            return [self._argument(kind, task, k, place, more) for place, kind in enumerate(task.measure.data)]

    def _at(self, place: int) -> Graphs:
        """Where the layer of the data argument number ``place`` is."""
        return self.other if place else self.own

    def _beyond(self, task: Task) -> int:
        """How many neighbors a task reads beyond those that its options say, as a share of a large class may be."""
        if task.options.get("class_fraction") is None:
            return 0
        return max(0, most_of_class(task, self.source) - task.neighbors(self.own.most + 1))

    def distinct(self, task: Task) -> Distinct | None:
        """The rows that a task is of, where it is of those alone that are no copies."""
        return self.own.distinct.get(task.layer) if task.measure.distinct else None

    def _argument(self, kind: Data, task: Task, k: int, place: int, more: int) -> Any:
        side, layer, distinct = self._at(place), task.layer_at(place), task.measure.distinct
        if kind == "labels":
            return self._label(task, k)
        if kind == "vectors":
            return side.source.vectors(layer)
        if task.reads_pairs:
            return side.of_pairs(kind, layer, self.source.label(task), task.label)
        if kind == "ranking":
            return side.ranking(layer)
        if kind == "graphs":
            return tuple(side.graph(each, k, distinct=distinct) for each in self._between(task))
        if kind == "subsets":
            return self._subsets(task, side, more)
        return side.graph(layer, k, distinct=distinct)

    def _subsets(self, task: Task, side: Graphs, more: int) -> Any:
        layer, distinct = task.layer, task.measure.distinct
        if layer in side.source.graphs:
            graph = side.graph(layer, side.source.graphs[layer].k, distinct=distinct)
            return subsets_of(task.measure, task.options, graph, more=more)
        width = min(task.width(side.most + 1) - SPARE * distinct, side.whole(layer).k)
        graph = side.graph(layer, width, distinct=distinct)
        rows = side.rows(layer) if distinct and graph.queries is None else None
        return subsets_of(task.measure, task.options, graph, side.vectors(layer), rows, side.search, more=more)

    def _label(self, task: Task, k: int) -> Any:
        found = self.source.label(task)
        if self.own.near.apart and near_in_label(task, found):
            found = vectors_of(found, self.source.n_samples)  # so that who is left out is near in neither
        if not isinstance(found, Representation):
            return found
        if (task.label, k) not in self._labels:
            plain: Search = {**self.own.search, "metric": "euclidean", "standardize": None}
            self._labels[task.label, k] = find_neighbors(found, k, queries=self.source.asked, **plain)
        return self._labels[task.label, k]

    def _decisive(self, task: Task) -> tuple[str, ...]:
        """Which unit, or which samples, decide its value alone."""
        words: list[str] = []
        for place, kind in enumerate(task.measure.data):
            one = [] if kind in ("labels", "pairs") else [task.layer_at(place)]
            layers = self._between(task) if kind == "graphs" else one
            deciding = self._deciding[self._at(place)]
            words += [text for layer in layers for text in deciding.words(task, layer, place)]
        return tuple(dict.fromkeys(words))
