"""Samples that follow each other in time: those nearby are no neighbors, and chance shifts one side along the other."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate, Point
from layerscape.core.exchange import Exchange, Score, shifts
from layerscape.core.keywords import Search
from layerscape.core.measure import Measure
from layerscape.core.recording import Recording
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue
from layerscape.supply.dependent import Dependent
from layerscape.supply.graphs import Graphs

OF_NEIGHBORS, OF_ALL = 20, 50  # N/τ below which shifts do not hold, of neighbors and of measures that read all pairs


class Serial(Dependent):
    """The data of tasks, of samples that follow each other in time."""

    def __init__(self, source: Source, search: Search, recording: Recording, other: Graphs | None = None):
        kept: Any = {**search}
        kept.setdefault("apart", recording.apart)
        super().__init__(source, kept, other)
        self.recording = recording

    def among(self, rows: np.ndarray) -> Serial:
        some: Any = {**self.search, "apart": self.near.apart and self.near.apart.take(rows)}
        return Serial(self.source.take(rows), some, replace(self.recording, n_samples=len(rows), whole=False))

    def groups_words(self, task: Task) -> str:
        return self.recording.words

    def _interval(self, task: Task, found: Estimate) -> tuple[float, float, tuple[str, ...]]:
        return nan, nan, ("no interval is known of samples that follow each other in time",)

    def _curve(self, task: Task, found: Estimate) -> tuple[Point, ...]:
        return tuple(replace(point, low=nan, high=nan) for point in found.curve)

    def _exchange(self, task: Task) -> Exchange:
        return shifts(self.recording.n_samples, self.recording.lag)

    def _score(self, task: Task, exchange: Exchange) -> Score:
        least = OF_NEIGHBORS if task.measure.searches else OF_ALL
        if not self.recording.whole:
            raise InvalidValue("samples without a label leave gaps in time, over which nothing can be shifted")
        if self.recording.worth < least:
            raise InvalidValue(
                f"N/τ = {self.recording.worth:.0f}, fewer than {least}: too short a series for chance by shifts"
            )
        return super()._score(task, exchange)


def check_learning(measure: Measure) -> None:
    """Raise for what would learn from the samples before and after those that it is tested on."""
    if measure.folds:
        raise InvalidValue(
            f"{measure.name} would learn from the samples before and after those that it is tested on; give groups= of "
            "recordings, or of stretches of one that are far longer than what lasts."
        )
