"""Supplier: gives every measure its data, wherever they come from, and says what it finds, or why it finds nothing.

Samples without a label have no part in what reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence, Moved
from layerscape.core.keywords import Search, among
from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import WithoutDistances
from layerscape.core.permutation import permutations
from layerscape.core.progress import Show
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.core.words import number
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.search import check_device
from layerscape.supply.gaps import some_labelled
from layerscape.supply.given import check_searched
from layerscape.supply.graphs import Graphs
from layerscape.supply.provision import Provision


class Supplier:
    """The answers to tasks.

    Parameters
    ----------
    source
        Layers and labels.
    search
        The keywords of a search.
    other
        Where the second layer of a task is; the same when left out.
    """

    def __init__(self, source: Source, search: Search, other: Graphs | None = None):
        self.source, self.search, self.graphs = source, search, Graphs(source, search)
        self.near, self.how = self.graphs.near, self.graphs.how
        self.searches = check_searched(search, source, *([other.source] if other else []))
        self.provision = Provision(self.graphs, other)
        self._labelled: dict[str, tuple[np.ndarray, Supplier]] = {}  # by label, where some samples have none

    @property
    def near_said(self) -> Nearness | None:
        """What was near in what is searched; None where nothing is, since all graphs were given."""
        return self.near if self.searches else None

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
        self._labelled = some_labelled(self, labelled) if labelled else {}
        own = [task for task in tasks if not self._gappy(task)]
        if all_there:
            self.provision.check_k(*(task for task in own if self.home(task) is self))
        self._search_for(own, progress, more, all_there)
        for some in dict.fromkeys(some for _, some in self._labelled.values()):
            gappy = [task for task in tasks if self._gappy(task) and self.home(task) is some]
            some._search_for(gappy, progress, more, all_there)

    def _search_for(self, tasks: Sequence[Task], progress: Show, more: int, strict: bool) -> None:
        self.provision.search(tasks, progress, more=more, strict=strict)

    def among(self, rows: np.ndarray) -> Supplier:
        """A supplier of some of the samples."""
        return Supplier(self.source.take(rows), among(self.search, rows))

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
        home = self.home(task)
        if home is not self:
            try:
                found = home.attempt(task)
            except LayerscapeError as error:
                words = self.gap_words(task)
                if not words or task.layer not in self.source.graphs:  # which hold fewer where samples are left out
                    raise
                raise type(error)(f"{words[0]}: {error}") from None
            return replace(found, warnings=(*self.gap_words(task), *found.warnings))
        served = self.provision.serve(task)
        try:
            found = self._found(served.task, served.data)
        except MemoryError as error:
            name = task.measure.name
            raise InvalidValue(f"{name} needs more memory than there is ({error}); give it less.") from None
        n_units = getattr(served.data[0], "n_units", None) if found.n_units is None else found.n_units
        beyond = _beyond_units(task, found, n_units)
        return replace(found, n_units=n_units, warnings=(*served.words, *found.warnings, *beyond, *served.decisive))

    def _found(self, task: Task, data: list[Any]) -> Estimate:
        return task.measure(*data, **task.options)

    def influence(self, task: Task) -> Influence:
        """How each of the N samples moves the value, for tasks that were prepared with one neighbor more."""
        if (home := self.home(task)) is not self:
            return self.among_all(task, home.influence(task))
        try:
            one = self.provision.serve(task, more=1)
            found = task.measure.influence_of(*one.data, **one.task.options)
        except LayerscapeError as error:
            raise self._named(task, error) from None
        distinct = self.provision.distinct(task)
        return found.among(distinct.rows, self.source.n_samples) if distinct else found

    def moved(self, task: Task) -> Moved:
        """How samples, or groups of those that belong together, move the value, for tests of differences."""
        return self.influence(task)

    def among_all(self, task: Task, influence: Influence) -> Influence:
        """An influence of the samples that have the task's label, among all: the others move nothing."""
        if not self._gappy(task):
            return influence
        return influence.among(self._labelled[task.label][0], self.source.n_samples)

    def permuted(self, task: Task, found: Estimate, number: int, seed: int) -> np.ndarray:
        """The values of a task as samples or labels are, then for permuted ones, shape (1 + number,).

        All are of the same samples and found in the same way, perhaps of fewer and quicker than the value of ``found``,
        the estimate of the task.
        """
        if (home := self.home(task)) is not self:
            return home.permuted(task, found, number, seed)
        own = found.details.get("null_observed", found.value)
        if "null" in found.details and (task.measure.score is None or task.measure.folds):
            return np.append(own, found.details["null"])
        one = self.provision.serve(task)
        score = task.measure.score_of(*one.data, **one.task.options)
        if task.reads_pairs:
            return np.append(own, score(list(self.source.label(task).orders(number, seed))))
        return np.append(own, score(list(permutations(self.source.n_samples, number, seed))))

    def least(self, task: Task) -> float:
        """The smallest p that the value of a task can have, where orders of the samples are few."""
        return 0.0 if (home := self.home(task)) is self else home.least(task)

    def home(self, task: Task) -> Supplier:
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

    def _named(self, task: Task, error: LayerscapeError) -> LayerscapeError:
        if isinstance(error, WithoutDistances):
            error = WithoutDistances(f"{task.measure.name} reads distances: {error}")
        distinct = self.provision.distinct(task)
        if distinct and task.layer in self.source.graphs:  # which holds less than was given
            error = type(error)(": ".join((*distinct.words, str(error))))
        where = f"{task}, {self.source.group}" if self.source.group else str(task)
        return type(error)(f"{where}: {error}") if task.layer else error

    def words(self, task: Task) -> tuple[str, ...]:
        """What the choice of rows and of the number of neighbors has to say of a task's estimate."""
        if (home := self.home(task)) is not self:
            return (*self.gap_words(task), *home.words(task))
        return self.provision.fitted(task)[1]

    def groups_words(self, task: Task) -> str:
        """Which samples belong together for a task; empty where none do."""
        return ""


def _beyond_units(task: Task, found: Estimate, n_units: int | None) -> tuple[str, ...]:
    """A dimension far beyond the space of the data, interval and all; a little beyond it errors and bias may lead."""
    least = found.low if isfinite(found.low) else found.value  # of dependent samples no interval may be known
    if task.measure.unit != "dimensions" or not n_units or not least > 2 * n_units:
        return ()
    return (
        f"{number(found.value)} dimensions are read in {n_units} units, which have no more than {n_units}: neighbors "
        "are all but equally far away, as on a lattice with noise; read a dimension at larger scales",
    )
