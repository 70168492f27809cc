"""Sources: where layers and labels come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from layerscape.core.columns import one_column, plain_column
from layerscape.core.given import without_vectors
from layerscape.core.keywords import Search
from layerscape.core.labels import labels_at
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.core.tasks import Task


class Source(Protocol):
    """N samples in layers, with labels."""

    @property
    def layers(self) -> Sequence[str]: ...
    @property
    def n_samples(self) -> int: ...

    @property
    def run(self) -> Any:
        """The run in whose folder graphs of these very samples are to be kept; None if they are kept nowhere."""
        ...

    @property
    def group(self) -> str:
        """Which samples these are, in words; empty for all."""
        ...

    @property
    def asked(self) -> np.ndarray | None:
        """The increasing numbers of the samples whose neighbors are asked for; None for all."""
        ...

    @property
    def graphs(self) -> Mapping[str, Neighbors]:
        """The graphs that were given in place of the vectors of layers."""
        ...

    def kept_graph(self, layer: str, k: int, search: Search) -> Neighbors | None:
        """The graph of these very samples with k neighbors, where a search kept one that is wide enough."""
        ...

    def vectors(self, layer: str) -> Representation:
        """The vectors of a layer."""
        ...

    def n_units(self, layer: str) -> int | None:
        """D of a layer; None if it is unknown."""
        ...

    def label(self, task: Task) -> Any:
        """The labels of a task, of vectors a `Representation`, whose graph will do; or its `Pairs`."""
        ...

    def take(self, rows: np.ndarray) -> Source:
        """Some of the samples."""
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

    run, group, asked = None, "", None

    def __init__(self, given: Mapping[str, Any], labels: Mapping[str, Any] | None = None):
        self.layers = tuple(given)
        self.graphs = {name: x for name, x in given.items() if isinstance(x, Neighbors)}
        self._vectors = {name: as_vectors(x) for name, x in given.items() if name not in self.graphs}
        self._labels = {name: plain_column(one_column(values)) for name, values in (labels or {}).items()}
        self.n_samples = (self.graphs.get(self.layers[0]) or self._vectors[self.layers[0]]).n_samples

    def kept_graph(self, layer: str, k: int, search: Search) -> None:
        """None: arrays have no folder."""

    def vectors(self, layer: str) -> Representation:
        """The vectors of a layer that was not given as a graph."""
        if layer in self.graphs:
            raise without_vectors(layer)
        return self._vectors[layer]

    def n_units(self, layer: str) -> int | None:
        """D of the vectors or the graph that was given."""
        return (self.graphs.get(layer) or self._vectors[layer]).n_units

    def label(self, task: Task) -> Any:
        """The labels as they were given."""
        return self._labels[task.label]

    def take(self, rows: np.ndarray) -> Arrays:
        """Some of the samples."""
        labels = {name: labels_at(given, rows) for name, given in self._labels.items()}
        layers = {name: self.graphs.get(name) or self._vectors[name] for name in self.layers}
        return Arrays({name: x.take(rows) for name, x in layers.items()}, labels)
