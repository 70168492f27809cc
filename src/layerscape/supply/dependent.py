"""Samples that do not stand alone: chance is what they may exchange, and intervals are what that dependence leaves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite, nan
from typing import Any

import numpy as np

from layerscape.core.estimate import Chance, Estimate, Point
from layerscape.core.exchange import Exchange, Score
from layerscape.core.folds import Folds
from layerscape.core.tasks import Task
from layerscape.errors import LayerscapeError
from layerscape.supply.supplier import Supplier

Details = Mapping[str, float | np.ndarray]
OF_CHANCE = {"null", "corrected", "chance", "p"}  # words in the names of details that follow from chance


class Dependent(Supplier):
    """The data of tasks, of samples that depend on each other: the measure says the value, and this all the rest."""

    def attempt(self, task: Task) -> Estimate:
        found = super().attempt(task)
        if self.home(task) is not self:
            return found
        low, high, words = self._interval(task, found)
        together, curve, details = self.groups_words(task), self._curve(task, found), _without_chance(found.details)
        chance = None
        if len(task.measure.data) == 2:
            exchange = self._exchange(task)
            try:
                score = self._score(task, exchange)
                low_is_close, mean = task.measure.closer == "low", self._mean(task)
                chance, null = exchange.chance(score, low=low_is_close, mean=mean)
            except LayerscapeError as error:
                words += (str(error),)
            else:
                words += exchange.warnings_among(self.source.n_samples, chance.held)
                details = _with_chance(found, chance, null)
                together = "; ".join(filter(None, [together, exchange.words]))
        found = replace(found, low=low, high=high, curve=curve, chance=chance, details=details, groups=together)
        return replace(found, warnings=(*found.warnings, *words))

    def _found(self, task: Task, data: list[Any]) -> Estimate:
        return task.measure.bare(*data, parts=self._parts(task), **task.options)

    def permuted(self, task: Task, found: Estimate, number: int, seed: int) -> np.ndarray:
        if self.home(task) is not self:
            return super().permuted(task, found, number, seed)
        exchange = self._exchange(task)
        return self._score(task, exchange)([np.arange(exchange.n_samples), *exchange.orders(number, seed)])

    def least(self, task: Task) -> float:
        return self._exchange(task).least if self.home(task) is self else super().least(task)

    def _parts(self, task: Task) -> Folds | None:
        """What learns learns from all of these but one, in turn; None for what does not, or may take any samples."""
        return None

    @abstractmethod
    def _interval(self, task: Task, found: Estimate) -> tuple[float, float, tuple[str, ...]]:
        """The ends of the interval, and what is to be said of it."""

    @abstractmethod
    def _curve(self, task: Task, found: Estimate) -> tuple[Point, ...]:
        """The curve with intervals."""

    @abstractmethod
    def _exchange(self, task: Task) -> Exchange:
        """Which orders of the samples are as likely as the one that there is."""

    def _mean(self, task: Task) -> float:
        """The mean of a task over all arrangements, where it is known exactly; NaN elsewhere."""
        return nan

    def _score(self, task: Task, exchange: Exchange) -> Score:
        """The value of a task as a function of orders of one side; raises where it has none."""
        one = self.provision.serve(task)
        return task.measure.score_of(*one.data, parts=self._parts(one.task), **one.task.options)


def _without_chance(details: Details) -> Details:
    """The details that do not follow from chance, as their names say."""
    return {name: value for name, value in details.items() if not OF_CHANCE & set(name.split("_"))}


def _with_chance(found: Estimate, chance: Chance, null: np.ndarray) -> Details:
    """The details, of which those that follow from chance follow from this one."""
    details = {**_without_chance(found.details), "null": null}
    if "corrected" in found.details and chance.value < 1:
        held = chance.held if isfinite(chance.held) else found.value
        details["corrected"] = (held - chance.value) / (1 - chance.value)
    return details
