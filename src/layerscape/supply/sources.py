"""Sources: where layers and labels come from. Arrays in memory, or samples of a run (all, some, or a control)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation, as_representation
from layerscape.errors import InvalidValue, unknown_name
from layerscape.run import Run
from layerscape.supply.controls import make_control
from layerscape.supply.labels import label_values, takes
from layerscape.supply.tasks import Task

VECTOR_MEMORY = 2**30  # bytes up to which the vectors of all layers are kept in memory, read once


class Source(Protocol):
    """N samples in layers, with labels."""

    @property
    def layers(self) -> Sequence[str]: ...
    @property
    def n_samples(self) -> int: ...

    @property
    def run(self) -> Run | None:
        """The run in whose folder graphs of these very samples are kept; None if they are kept nowhere."""
        ...

    @property
    def group(self) -> str:
        """Which samples these are, in words; empty for all."""
        ...

    def graph(self, layer: str) -> Neighbors | None:
        """The graph that was given in place of the vectors of a layer."""
        ...

    def vectors(self, layer: str) -> Representation:
        """The vectors of a layer."""
        ...

    def label(self, task: Task) -> Any:
        """The labels of a task; of vectors a `Representation`, whose graph will do."""
        ...


class Arrays:
    """What somebody holds in memory: arrays or graphs by name, and labels.

    Parameters
    ----------
    given
        Layer name to array, `Representation` or `Neighbors`.
    labels
        Label name to whatever a measure of labels takes.
    """

    run, group = None, ""

    def __init__(self, given: Mapping[str, Any], labels: Mapping[str, Any] | None = None):
        self.layers = tuple(given)
        self._given = {name: x if isinstance(x, Neighbors) else as_representation(x) for name, x in given.items()}
        self._labels = labels or {}

    @property
    def n_samples(self) -> int:
        return self._given[self.layers[0]].n_samples

    def graph(self, layer: str) -> Neighbors | None:
        given = self._given[layer]
        return given if isinstance(given, Neighbors) else None

    def vectors(self, layer: str) -> Representation:
        given = self._given[layer]
        assert isinstance(given, Representation), "a graph is given in place of vectors"
        return given

    def label(self, task: Task) -> Any:
        return self._labels[task.label]


@dataclass
class Part:
    """Samples of a run, or a control of all of them.

    Attributes
    ----------
    whole
        The run.
    rows
        Which samples; all when None.
    group
        What they are called.
    control
        Makes the control of a representation; None for the samples themselves.
    labeled
        Who has the labels of these samples, where the run has not.
    """

    whole: Run
    rows: np.ndarray | None = None
    group: str = ""
    control: Callable[[Representation], Representation] | None = None
    labeled: Part | None = None

    def __post_init__(self) -> None:
        self.layers = self.whole.layers
        self.n_samples = self.whole.folder.n_samples if self.rows is None else len(self.rows)
        self.run = self.whole if self.rows is None and self.control is None else None
        self._vectors: dict[str, Representation] = {}

    def graph(self, layer: str) -> Neighbors | None:
        return None

    def vectors(self, layer: str) -> Representation:
        if layer not in self._vectors:
            found = self.whole.loaded(layer, VECTOR_MEMORY // len(self.layers))
            if self.control is not None:
                self._vectors.clear()  # one control in memory; a layer's is the same whenever it is made
                found = self.control(found)
            self._vectors[layer] = found if self.rows is None else found.take(self.rows)
        return self._vectors[layer]

    def label(self, task: Task) -> Any:
        if self.labeled is not None:
            return self.labeled.label(task)
        if not takes(task.measure, self.whole, task.label):
            what = "one number" if "kind" in task.measure.options else "a category"
            raise InvalidValue(f"{task.measure.name} reads {what} per sample; {task.label!r} holds real numbers.")
        return label_values(self.whole, task.label, self.rows)


def parts_of(run: Run, by: str | None, controls: Sequence[str], seed: int) -> Iterator[Part]:
    """The whole run and its controls, or one part per value of a label column, all of the size of the smallest."""
    if by is None:
        yield Part(run)
        for name in controls:
            yield Part(run, group=f"control={name}", control=partial(make_control, name, seed))
        return
    if by not in run.samples.labels:
        raise unknown_name("label column", by, run.samples.labels)
    if run.samples.labels[by].dtype.kind == "f":
        raise InvalidValue(f"by={by!r}: its values are real numbers; choose a column of categories.")
    names, groups, sizes = np.unique(run.samples.labels[by].astype(str), return_inverse=True, return_counts=True)
    if len(names) == run.folder.n_samples:
        raise InvalidValue(
            f"label column {by!r} has a value of its own for every sample; choose one that samples share."
        )
    rng = np.random.default_rng(seed)
    for number, name in enumerate(names):
        rows = np.sort(rng.permutation(np.flatnonzero(groups == number))[: sizes.min()])
        yield Part(run, rows, f"{by}={name}")
