"""Samples that follow each other in time: those nearby are no neighbors, and chance shifts one side along the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import nan
from typing import Any

import numpy as np

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.exchange import shifts
from layerscape.core.keywords import Search
from layerscape.core.series import Series
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.supply.supplier import Supplier

OF_NEIGHBORS, OF_ALL = 20, 50  # N/τ below which shifts do not hold, of neighbors and of measures that read all pairs


class Serial(Supplier):
    """The data of tasks, of samples that follow each other in time."""

    def __init__(self, source: Source, search: Search, series: Series, other: Supplier | None = None):
        kept: Any = {**search}
        kept.setdefault("apart", series.apart)
        super().__init__(source, kept, other)
        self.series = series

    def among(self, rows: np.ndarray) -> Serial:
        some: Any = {**self.search, "apart": self.near.apart and self.near.apart.take(rows)}
        return Serial(self.source.take(rows), some, replace(self.series, n_samples=len(rows), whole=False))

    def groups_words(self, task: Task) -> str:
        return self.series.words

    def attempt(self, task: Task) -> Estimate:
        found = super().attempt(task)
        if self._home(task) is not self:
            return found
        words = ("no interval is known of samples that follow each other in time",)
        curve = tuple(replace(point, low=nan, high=nan) for point in found.curve)
        details = {name: value for name, value in found.details.items() if name not in ("null", "corrected")}
        chance = None
        if len(task.measure.data) == 2:
            chance, null, more = self._chance(task)
            words, details = (*words, *more), details if null is None else {**details, "null": null}
        found = replace(found, low=nan, high=nan, curve=curve, chance=chance, details=details, groups=self.series.words)
        return replace(found, warnings=(*found.warnings, *words))

    def _found(self, task: Task, data: list[Any]) -> Estimate:
        return task.measure.bare(*data, **task.options)

    def _orders(self, task: Task, number: int, seed: int) -> Iterable[np.ndarray]:
        return shifts(self.series.n_samples, self.series.lag).orders(number, seed)

    def _chance(self, task: Task) -> tuple[Chance | None, np.ndarray | None, tuple[str, ...]]:
        exchange, one = shifts(self.series.n_samples, self.series.lag), self._fitted(task)
        least = OF_NEIGHBORS if task.measure.searches else OF_ALL
        try:
            if not self.series.whole:
                raise InvalidValue("samples without a label leave gaps in time, over which nothing can be shifted")
            if self.series.worth < least:
                raise InvalidValue(
                    f"N/τ = {self.series.worth:.0f}, fewer than {least}: too short a series for chance by shifts"
                )
            score = one.measure.score_of(*self.data(one), **one.options)
            return *exchange.chance(score, low=task.measure.closer == "low"), exchange.warnings
        except LayerscapeError as error:
            return None, None, (str(error),)
