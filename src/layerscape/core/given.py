"""Graphs that were given in place of the vectors of layers: a layer is known to be without vectors by being here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.core.words import firsts
from layerscape.errors import InvalidValue

MOST = 2**32  # bytes of graphs that stay in memory


class GivenGraphs(Mapping[str, Neighbors]):
    """Layer name to the graph that was given in place of its vectors, read or cut when it is asked for.

    Parameters
    ----------
    layers
        Their names, in order.
    make
        Gives the graph of one of them.
    """

    def __init__(self, layers: Iterable[str], make: Callable[[str], Neighbors]) -> None:
        self._layers, self._make = tuple(layers), make
        self._kept: dict[str, Neighbors] = {}

    def __getitem__(self, layer: str) -> Neighbors:
        if layer not in self._layers:
            raise KeyError(layer)
        if layer not in self._kept:
            found = self._make(layer)
            while self._kept and sum(map(_size, self._kept.values())) + _size(found) > MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[layer] = found
        return self._kept[layer]

    def __contains__(self, layer: object) -> bool:
        return layer in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def take(self, rows: np.ndarray) -> GivenGraphs:
        """The graphs of some of the samples, in this order."""
        return GivenGraphs(self._layers, lambda layer: self[layer].take(rows))


def without_vectors(*layers: str) -> InvalidValue:
    """The error of whoever asks layers that were given as graphs for their vectors."""
    were = f"layer {layers[0]!r} was" if len(layers) == 1 else f"layers {firsts(layers)} were"
    return InvalidValue(f"{were} given as a graph, without vectors: give the vectors for what reads them.")


def _size(graph: Neighbors) -> int:
    return graph.indices.nbytes + graph.order.nbytes
