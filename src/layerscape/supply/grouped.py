"""Samples that belong together: chance by what groups may exchange, and intervals by leaving out group after group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate, Point
from layerscape.core.exchange import CUT, Exchange, Score, labels_of_groups, whole_groups, within_groups
from layerscape.core.folds import Folds
from layerscape.core.groups import FEW, FEWEST, Groups
from layerscape.core.interval import ends_without
from layerscape.core.keywords import Search, among
from layerscape.core.labels import form_of, labels_at
from layerscape.core.progress import Show, counted
from layerscape.core.removal import Removal
from layerscape.core.representation import Representation
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.measures import is_ours
from layerscape.measures.classes import are_real
from layerscape.supply.cut import TIES, Cut
from layerscape.supply.dependent import Dependent
from layerscape.supply.graphs import Graphs
from layerscape.supply.labels import near_in_label
from layerscape.supply.supplier import Supplier

Key = tuple[object, ...]  # of a task
LARGEST = 0.5  # share of the samples beyond which one group decides


class Grouped(Dependent):
    """The data of tasks, of samples that belong together.

    Where members of a sample's own group are no neighbors of it, another supplier of the same samples has the graphs.
    """

    def __init__(self, source: Source, search: Search, groups: Groups, other: Graphs | None = None):
        super().__init__(source, search, other)
        # Tasks that leave own members out are those of another supplier, and of no other task is that said.
        self.groups, self._own = groups if self.near.apart else replace(groups, own="kept"), groups.own
        self._other = self.provision.other
        self._aside: Grouped | None = None  # who leaves own groups out
        self._without: dict[Key, np.ndarray] = {}  # by task, what is found without each block of groups
        self._why_not: dict[Key, str] = {}
        self._exchanges: dict[Key | str | None, Exchange] = {}
        self._folds: dict[Key, Folds] = {}
        self._kept: Cut | None = None  # the samples that take part where whole groups change places
        self.provision.taking_part = self._taking_part

    def among(self, rows: np.ndarray) -> Grouped:
        groups = replace(self.groups.take(rows), own=self._own)
        return Grouped(self.source.take(rows), among(self.search, rows), groups)

    def moved(self, task: Task) -> Removal:
        """What a value is without each block of groups; raises where that is not known."""
        home = self.home(task)
        if isinstance(home, Grouped) and home is not self:
            found = home.moved(task)
            return found.among(self._labelled[task.label][0], self.source.n_samples) if self._gappy(task) else found
        key, one = _key(task), self.provision.serve(task)
        if key in self._why_not:
            raise InvalidValue(self._why_not[key])
        if task.reads_labels and (rows := self._taking_part(task)) is not None:
            return self._moved_of_kept(one.task, rows)
        found = self._found(one.task, one.data)
        each = np.full(found.n_samples, found.value) if found.per_sample is None else found.per_sample
        return Removal(found.value, self._without[key][:, 0], each)

    def _moved_of_kept(self, task: Task, rows: np.ndarray) -> Removal:
        """The same of the samples that chance is of, which the value of a label is held against by whoever asks."""
        assert self._kept is not None
        found, blocks = self._kept.found(task), self.groups.blocks[rows]
        left = [Cut(self.provision, rows[blocks != block], [task]) for block in np.unique(blocks)]
        without = np.array([each.values(task)[0] for each in left])
        each = np.full(len(rows), found.value) if found.per_sample is None else found.per_sample
        return Removal(found.value, without, each).among(rows, self.source.n_samples)

    # Who has a task

    def home(self, task: Task) -> Supplier:
        home = super().home(task)
        return self._left_out if home is self and self._leaves_out(task) else home

    @property
    def _left_out(self) -> Grouped:
        if self._aside is None:
            search: Any = {**self.search, "apart": self.groups.apart}
            other = None if self._other is self.graphs else Graphs(self._other.source, search)
            self._aside = Grouped(self.source, search, self.groups.left_out(), other)
        return self._aside

    def _leaves_out(self, task: Task) -> bool:
        if self.near.apart or not task.measure.searches:
            return False
        if self._own is None:
            return task.reads_labels and self.groups.same_within(self.source.label(task))
        return self._own == "left_out"

    # Before the tasks

    def _search_for(self, tasks: Sequence[Task], progress: Show, more: int, strict: bool) -> None:
        aside = [task for task in tasks if self._leaves_out(task)]
        own = [task for task in tasks if not self._leaves_out(task)]
        self.provision.search(own, progress, more=more, strict=strict, wide=lambda width: 2 * width + TIES)
        fitting = self._fitting(own, strict)
        cut = [(rows, task) for task in fitting.values() if (rows := self._taking_part(task)) is not None]
        self._kept = Cut(self.provision, cut[0][0], [task for _, task in cut]) if cut else None
        self._leave_out_each(fitting, progress)
        if aside:
            self._left_out._search_for(aside, progress, more, strict)

    def _by_whole_groups(self, task: Task) -> bool:
        """Whether whole groups change places, of which some samples may have to be left out."""
        if not task.reads_labels:
            return len(task.measure.data) == 2
        labels = self.source.label(task)
        return near_in_label(task, labels) and self.groups.same_within(labels)

    def _taking_part(self, task: Task) -> np.ndarray | None:
        """The samples that change places for chance, where these are not all."""
        if task.measure.score is None:
            return None
        return self._exchange(task).rows if self._by_whole_groups(task) else None

    def _leave_out_each(self, tasks: Mapping[Key, Task], progress: Show) -> None:
        """What each task finds without each block of groups, or why that is not known."""
        self._without, self._why_not = {}, {}
        if self.groups.number < FEWEST:
            self._why_not = dict.fromkeys(tasks, f"{self.groups.number} groups, fewer than {FEWEST}: no interval")
        if self._why_not or not tasks:
            return
        blocks, number, found = self.groups.blocks, self.groups.n_blocks, {key: [] for key in tasks}
        tell = counted(progress, "leaving out groups", number) or (lambda _: None)
        for block in range(number):
            left = Cut(self.provision, np.flatnonzero(blocks != block), list(tasks.values()))
            for key, task in tasks.items():
                try:
                    found[key].append(left.values(task, self._parts(task)))
                except LayerscapeError as error:
                    self._why_not.setdefault(key, f"no interval over groups: without one of them, {error}")
            tell(1)
        for key in found.keys() - self._why_not.keys():
            points = min(map(len, found[key]))  # of a curve, which fewer samples may shorten
            self._without[key] = np.stack([each[:points] for each in found[key]])

    def _fitting(self, tasks: Sequence[Task], strict: bool) -> dict[Key, Task]:
        """The tasks with the options that they are carried out with; those that cannot be say so when asked for."""
        found = {}
        for task in tasks:
            with suppress(LayerscapeError):
                if strict:
                    self.provision.check_k(task)
                found[_key(task)] = self.provision.fitted(task)[0]
        return found

    # What tasks ask for

    def groups_words(self, task: Task) -> str:
        home = self.home(task)
        return self.groups.words if home is self else home.groups_words(task)

    def _interval(self, task: Task, found: Estimate) -> tuple[float, float, tuple[str, ...]]:
        if not isfinite(found.value):
            return nan, nan, ()
        if why := self._why_not.get(_key(task)):
            return nan, nan, (why,)
        largest, words = float(self.groups.sizes.max() / len(self.groups.codes)), ()
        if largest > LARGEST:
            words = (f"one group holds {largest:.0%} of the samples and decides the interval",)
        elif self.groups.number < FEW:
            words = (f"an interval over {self.groups.number} groups, which are few",)
        without, share = self._without[_key(task)][:, 0], _is_share(task, found)
        return *ends_without(found.value, without, _bounds(task, found), share=share), words

    def _curve(self, task: Task, found: Estimate) -> tuple[Point, ...]:
        without = self._without.get(_key(task), np.empty((0, 1)))
        bounds = task.measure.bounds
        ends = [
            ends_without(point.value, column, bounds, share=_is_share(task, found))
            for point, column in zip(found.curve, without[:, 1:].T, strict=False)
        ]
        ends += [(nan, nan)] * (len(found.curve) - len(ends))
        return tuple(replace(point, low=low, high=high) for point, (low, high) in zip(found.curve, ends, strict=True))

    def _score(self, task: Task, exchange: Exchange) -> Score:
        if exchange.rows is None:
            return super()._score(task, exchange)
        assert self._kept is not None
        one, _ = self.provision.fitted(task)
        try:
            return self._kept.score(one, self._parts(one))
        except LayerscapeError as error:
            of = f"{len(exchange.rows)} of {self.source.n_samples} samples"
            raise InvalidValue(f"no chance: it would be of {of}, {CUT}, and {error}") from None

    def _mean(self, task: Task) -> float:
        measure = task.measure
        if measure.mean is None or self._by_whole_groups(task) or not self.groups.same_within(self.source.label(task)):
            return nan
        one = self.provision.serve(task)
        return measure.mean(*one.data, groups=self.groups, **{**measure.options, **one.task.options})

    def _exchange(self, task: Task) -> Exchange:
        key = None if self._by_whole_groups(task) else _key(task) if task.measure.folds else task.label
        if key not in self._exchanges:
            self._exchanges[key] = whole_groups(self.groups) if key is None else self._of_labels(task)
        return self._exchanges[key]

    def _parts(self, task: Task) -> Folds | None:
        if not task.measure.folds:
            return None
        if (key := _key(task)) not in self._folds:
            self._folds[key] = task.measure.folds_of(*self.provision.data(task), groups=self.groups, **task.options)
        return self._folds[key]

    def _of_labels(self, task: Task) -> Exchange:
        labels = self.source.label(task)
        if not self.groups.same_within(labels):
            return within_groups(self.groups)
        names = self._labels_of_groups(labels)
        return labels_of_groups(self.groups, names, self._parts(task), plain=_plain(task, labels))

    def _labels_of_groups(self, labels: Any) -> list[str]:
        return [repr(np.asarray(label).tolist()) for label in labels_at(labels, self.groups.first)]

    def _found(self, task: Task, data: list[Any]) -> Estimate:
        if self.groups.own == "left_out" and task.reads_labels:
            self._check_shared(task)
        return super()._found(task, data)

    def _check_shared(self, task: Task) -> None:
        """Raise where no two groups have one label, so that no sample of another group can agree."""
        labels, number = self.source.label(task), self.groups.number
        if not _plain(task, labels) or not self.groups.same_within(labels):
            return
        if len(set(self._labels_of_groups(labels))) == number:
            raise InvalidValue(
                f"each of {number} groups has a label of its own, which samples of other groups cannot share; leave "
                "this label out, or keep members of a sample's own group with own_group='kept'."
            )


def _plain(task: Task, labels: Any) -> bool:
    """Whether two labels are the same or not, and nothing between."""
    if isinstance(labels, Representation) or getattr(labels, "ndim", 1) > 1:
        return False
    kind = {**task.measure.options, **task.options}.get("kind")
    classes = kind is None and is_ours(task.measure)  # which takes every number for a class
    if not classes and are_real(labels, kind or "auto"):
        return False
    return form_of(labels) not in ("path", "set")


def _key(task: Task) -> Key:
    options = tuple(sorted((name, repr(value)) for name, value in task.options.items()))
    return task.measure, options, task.layer, task.other_layer, task.label


def _bounds(task: Task, found: Estimate) -> tuple[float, float]:
    """Between which values it lies: of classes it is an accuracy where of numbers it is an R²."""
    bounds = task.measure.bounds
    return (0.0, 1.0) if tuple(bounds) == (-inf, 1) and "classes" in found.details else bounds


def _is_share(task: Task, found: Estimate) -> bool:
    """Whether it is the mean of shares of the samples, of which few groups may show nothing but all or none."""
    return found.per_sample is not None and task.measure.closer == "high"
