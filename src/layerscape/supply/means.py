"""Means over repeats as a source: each condition is a sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from layerscape.core.groups import Groups
from layerscape.core.keywords import Search
from layerscape.core.labels import labels_at
from layerscape.core.representation import Representation
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue


class Means:
    """The conditions of a source, each the mean of some of its samples.

    Parameters
    ----------
    whole
        Whose samples they are.
    rows
        Shape (C, R): the numbers of the samples of each condition.
    """

    run, asked = None, None

    def __init__(self, whole: Source, rows: np.ndarray):
        if whole.graphs:
            raise InvalidValue("repeats of a graph that was given; give the vectors: they are averaged over repeats.")
        self.whole, self.rows, self.layers, self.group = whole, rows, whole.layers, whole.group
        self.n_samples = len(rows)
        self.graphs = whole.graphs
        self._vectors: dict[str, Representation] = {}

    def kept_graph(self, layer: str, k: int, search: Search) -> None:
        """None: means have no folder."""

    def vectors(self, layer: str) -> Representation:
        if layer not in self._vectors:
            x, n = self.whole.vectors(layer), self.whole.n_samples
            if x.n_samples != n:
                raise InvalidValue(f"{x.title} has {x.n_samples} samples, and repeats are of {n}; give the same ones.")
            self._vectors[layer] = mean_over(x, self.rows)
        return self._vectors[layer]

    def n_units(self, layer: str) -> int | None:
        return self.whole.n_units(layer)

    def label(self, task: Task) -> Any:
        found = self.whole.label(task)
        codes = np.empty(self.whole.n_samples, int)
        codes[self.rows] = np.arange(self.n_samples)[:, None]
        if not Groups(codes).same_within(found):
            named = f"label {task.label!r}" if task.label else "the label"
            raise InvalidValue(f"{named} differs between repeats of a condition; leave repeats out, or the label.")
        return labels_at(found, self.rows[:, 0])

    def take(self, rows: np.ndarray) -> Means:
        return Means(self.whole, self.rows[rows])


def mean_over(x: Representation, rows: np.ndarray) -> Representation:
    """The mean of some rows for each condition; rows that are equal have that mean to the bit."""
    first = x.read(rows[:, 0])
    total = np.zeros_like(first)
    for each in rows.T[1:]:
        total += x.read(each) - first
    return Representation(first + total / rows.shape[1], x.layer)
