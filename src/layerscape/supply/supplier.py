"""Supplier: gives every measure its data, whatever it asks for and wherever they come from.

Tasks say how wide the graphs must be that are searched for them; subsets, rankings and the graphs of labels are made
when asked for, and kept while they may be asked for again. Samples without a label have no part in what reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence, Moved
from layerscape.core.keywords import Search, among
from layerscape.core.neighbors import WithoutDistances
from layerscape.core.permutation import permutations
from layerscape.core.progress import Show, counted
from layerscape.core.quantity import Data
from layerscape.core.representation import Representation
from layerscape.core.sources import Source
from layerscape.core.tasks import SPARE, Task
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.search import check_device, find_neighbors
from layerscape.supply.deciding import Deciding
from layerscape.supply.gaps import some_labelled
from layerscape.supply.graphs import Graphs
from layerscape.supply.subsets import subsets_of


class Supplier(Graphs):
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
        super().__init__(source, search)
        self.other = other or self
        self._strict, self._more = True, 0  # whether to refuse more neighbors than there are; those beyond what is read
        self._labelled: dict[str, tuple[np.ndarray, Supplier]] = {}  # by label, where some samples have none
        self._labels: dict[tuple[str, int], Any] = {}  # of vectors a graph, which all layers share
        self._deciding = Deciding(source, self.near)
        self._one_at_a_time = Lock()

    # Before the tasks

    def prepare(self, tasks: Sequence[Task], progress: Show = None, *, more: int = 0, all_there: bool = True) -> None:
        """Search what the tasks will ask for, and choose the rows for dimensions, the same in every layer.

        Parameters
        ----------
        more
            How many neighbors beyond what the measures need; an influence reads one.
        all_there
            Whether to refuse a task of more neighbors than there are, or to give it those that there are.
        """
        check_device(self.how.device)
        labelled = [task for task in tasks if task.reads_labels]
        self._strict, self._labelled = all_there, some_labelled(self, labelled) if labelled else {}
        own = [task for task in tasks if not self._gappy(task)]
        for task in own:
            if self._home(task) is self:
                self._check_k(task)
        self._search_for(own, progress, more)
        for some in dict.fromkeys(some for _, some in self._labelled.values()):
            some._strict = all_there
            some._search_for([t for t in tasks if self._gappy(t) and self._home(t) is some], progress, more)

    def among(self, rows: np.ndarray) -> Supplier:
        """A supplier of some of the samples."""
        return Supplier(self.source.take(rows), among(self.search, rows))

    def _check_k(self, task: Task) -> None:
        """Raise if there are not so many neighbors."""
        n, most = self.source.n_samples, self.most
        k = task.neighbors(most + 1)
        if self._strict and k > most and not {task.layer, task.layer_at(1)} <= set(self.source.graphs):
            which = f" of the group {self.source.group}" if self.source.group else ""
            which = " in common" if self.other is not self else which
            which += f", {self.near.apart.words}" if self.near.apart else ""
            raise InvalidValue(f"k={k} neighbors asked of {n} samples{which}; k must lie in 1..{most}.")

    def _search_for(self, tasks: Sequence[Task], progress: Show, more: int) -> None:
        n, most, self._more = self.source.n_samples, self.most, more
        asked = {side: list(dict.fromkeys(self._searched(tasks, side))) for side in (self, self.other)}
        needed = max((task.neighbors(most + 1) for task in tasks), default=0)
        widths = [task.width(most + 1, more) for task in tasks if task.measure.searches]
        k = min(self._wide(max(widths, default=0)), most)
        total = sum(len(layers) for layers in asked.values()) * n
        tell = counted(progress, "searching", total) if needed else None
        for side, layers in asked.items():
            side.find(layers, k, any(task.measure.distinct for task in tasks), tell)

    def _wide(self, width: int) -> int:
        """How wide the graphs are to be from which so wide ones are cut."""
        return width

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

    @property
    def tile(self) -> int:
        """How many layers on each side of a map of pairs may be in memory at a time."""
        rooms = self.room, self.other.room
        return max(rooms) if self.source.run is None and self.other.source.run is None else min(rooms)

    # What tasks ask for

    def alone(self, task: Task, *, influence: bool) -> Estimate:
        """What one task finds, from the search on, and how each sample moves it if that is asked."""
        self.prepare([task], more=int(influence))
        found = self.estimate(task)
        return replace(found, influence=self.influence(task)) if influence else found

    def estimate(self, task: Task) -> Estimate:
        """What the measure says; an error says of which layer and label it is."""
        try:
            return self.attempt(task)
        except LayerscapeError as error:
            raise self._named(task, error) from None

    def attempt(self, task: Task) -> Estimate:
        """What the measure says, for whoever knows the task of an error."""
        home = self._home(task)
        if home is not self:
            found = home.attempt(task)
            return replace(found, warnings=(*self.gap_words(task), *found.warnings))
        words, task = self.words(task), self._fitted(task)
        data = self.data(task)
        try:
            found = self._found(task, data)
        except MemoryError as error:
            name = task.measure.name
            raise InvalidValue(f"{name} needs more memory than there is ({error}); give it less.") from None
        n_units = getattr(data[0], "n_units", None) if found.n_units is None else found.n_units
        return replace(found, n_units=n_units, warnings=(*words, *found.warnings, *self._decisive(task)))

    def _found(self, task: Task, data: list[Any]) -> Estimate:
        return task.measure(*data, **task.options)

    def influence(self, task: Task) -> Influence:
        """How each of the N samples moves the value, for tasks that were prepared with one neighbor more."""
        if (home := self._home(task)) is not self:
            return self.among_all(task, home.influence(task))
        one = self._fitted(task)
        try:
            found = one.measure.influence_of(*self.data(one, more=1), **one.options)
        except LayerscapeError as error:
            raise self._named(task, error) from None
        return found.among(self._distinct[task.layer].rows, self.source.n_samples) if self._reduced(task) else found

    def moved(self, task: Task) -> Moved:
        """How samples, or groups of those that belong together, move the value, for tests of differences."""
        return self.influence(task)

    def among_all(self, task: Task, influence: Influence) -> Influence:
        """An influence of the samples that have the task's label, among all: the others move nothing."""
        if not self._gappy(task):
            return influence
        rows, _ = self._labelled[task.label]
        return influence.among(rows, self.source.n_samples)

    def permuted(self, task: Task, found: Estimate, number: int, seed: int) -> np.ndarray:
        """The values of a task for permuted labels, shape (number,); ``found`` is its estimate."""
        if (home := self._home(task)) is not self:
            return home.permuted(task, found, number, seed)
        if task.measure.score is None and "null" in found.details:
            return np.asarray(found.details["null"])
        task = self._fitted(task)
        score = task.measure.score_of(*self.data(task), **task.options)
        return score(list(self._orders(task, number, seed)))

    def _orders(self, task: Task, number: int, seed: int) -> Iterable[np.ndarray]:
        """So many orders of the samples that are as likely as the one that there is."""
        return permutations(self.source.n_samples, number, seed)

    def _home(self, task: Task) -> Supplier:
        """Who has the samples of a task: this one, or the one of those samples that have its label."""
        return self._labelled[task.label][1] if self._gappy(task) else self

    def _gappy(self, task: Task) -> bool:
        """Whether some samples have no label of the task."""
        return task.reads_labels and task.label in self._labelled

    def gap_words(self, task: Task) -> tuple[str, ...]:
        """How many samples were left out since they have no label."""
        if not self._gappy(task):
            return ()
        n = self.source.n_samples
        return (f"{n - len(self._labelled[task.label][0])} of {n} samples have no label and are left out",)

    def _fitted(self, task: Task) -> Task:
        """The task with a number of neighbors that there are, where nobody asked for one."""
        self._check_k(task)
        return task.fitted(*self._room_for(task))[0]

    def _room_for(self, task: Task) -> tuple[int, int]:
        """How many samples a task is of, and how many neighbors each has at the most, less those beyond its own."""
        if not self._reduced(task):
            return self.source.n_samples, self.most - self._more
        rows = self._distinct[task.layer].rows
        return len(rows), self.near.among(rows).most(len(rows)) - self._more

    def _named(self, task: Task, error: LayerscapeError) -> LayerscapeError:
        if isinstance(error, WithoutDistances):
            error = InvalidValue(f"{task.measure.name} reads distances: {error}")
        if self._reduced(task) and task.layer in self.source.graphs:  # which holds less than was given
            error = type(error)(": ".join((*self._distinct[task.layer].words, str(error))))
        where = f"{task}, {self.source.group}" if self.source.group else str(task)
        return type(error)(f"{where}: {error}") if task.layer else error

    def data(self, task: Task, *, more: int = 0) -> list[Any]:
        """The data arguments of the measure, with ``more`` neighbors than it needs where there are so many."""
        k = min(task.neighbors(self.most + 1) + max(more, task.measure.spare), self.most)
        with self._one_at_a_time:
            return [
                (self.other if place else self)._argument(kind, task, k, place, more)
                for place, kind in enumerate(task.measure.data)
            ]

    def words(self, task: Task) -> tuple[str, ...]:
        """What the choice of rows and of the number of neighbors has to say of a task's estimate."""
        if (home := self._home(task)) is not self:
            return (*self.gap_words(task), *home.words(task))
        copies = self._distinct[task.layer].words if self._reduced(task) else ()
        return (*copies, *task.fitted(*self._room_for(task))[1])

    def groups_words(self, task: Task) -> str:
        """Which samples belong together for a task; empty where none do."""
        return ""

    def _decisive(self, task: Task) -> tuple[str, ...]:
        """Which unit, or which samples, decide its value alone."""
        words: list[str] = []
        for place, kind in enumerate(task.measure.data):
            layers = self._between(task) if kind == "graphs" else [] if kind == "labels" else [task.layer_at(place)]
            which = ("the first", "the second")[place] if task.measure.compares else "the data"
            side = self.other if place else self
            words += [text for layer in layers for text in side._deciding.words(task, layer, which)]
        return tuple(dict.fromkeys(words))

    def _reduced(self, task: Task) -> bool:
        return task.measure.distinct and task.layer in self._distinct

    def _argument(self, kind: Data, task: Task, k: int, place: int, more: int) -> Any:
        layer = task.layer_at(place)
        if kind == "labels":
            return self._label(task, k)
        if kind == "vectors":
            return self.source.vectors(layer)
        if kind == "ranking":
            return self.ranking(layer)
        if kind == "graphs":
            return tuple(self.graph(each, k, distinct=task.measure.distinct) for each in self._between(task))
        if kind == "subsets":
            return self._subsets(task, more)
        return self.graph(layer, k, distinct=task.measure.distinct)

    def _subsets(self, task: Task, more: int) -> Any:
        if task.layer in self.source.graphs:
            whole = self.source.graphs[task.layer]
            graph = self.graph(task.layer, whole.k, distinct=task.measure.distinct)
            return subsets_of(task.measure, task.options, graph, more=more)
        width = min(task.width(self.most + 1) - SPARE * task.measure.distinct, self.whole(task.layer).k)
        graph = self.graph(task.layer, width, distinct=task.measure.distinct)
        rows = self._distinct[task.layer].rows if task.measure.distinct else None
        return subsets_of(task.measure, task.options, graph, self.vectors(task.layer), rows, self.search, more=more)

    def _label(self, task: Task, k: int) -> Any:
        found = self.source.label(task)
        if not isinstance(found, Representation):
            return found
        if (task.label, k) not in self._labels:
            plain: Search = {**self.search, "metric": "euclidean", "standardize": None}
            self._labels[task.label, k] = find_neighbors(found, k, **plain)
        return self._labels[task.label, k]
