"""The files of graphs that were given in place of vectors, which nothing can search again."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from layerscape.core.given import GivenGraphs, without_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.resources import check_room
from layerscape.core.words import firsts
from layerscape.errors import InvalidValue
from layerscape.storage.files import file_problems
from layerscape.storage.graphs import Header, graph_bytes, header_size, read_graph, read_header
from layerscape.storage.layout import LayerSpec, folder_names
from layerscape.storage.ledger import Ledger

FOLDER = "given"


class GivenFiles(GivenGraphs):
    """The graphs that were given of layers of a run, and their files.

    Parameters
    ----------
    layers
        All layers of the run.
    ledger
        By which files are proven.
    """

    def __init__(self, layers: Iterable[LayerSpec], ledger: Ledger) -> None:
        layers = tuple(layers)
        super().__init__([layer.name for layer in layers if layer.n_units is None], self._read)
        self._names, self._ledger = folder_names(layers), ledger

    def file(self, layer: str) -> str:
        """By its path within the run."""
        return f"{FOLDER}/{self._names[layer]}.safetensors"

    def write(self, layer: str, graph: Neighbors) -> None:
        """Put a graph on the disk, before the run is whole."""
        path = self._ledger.folder / self.file(layer)
        with file_problems(path):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(graph_bytes(graph, ""))

    def width(self, layer: str) -> int:
        """How many neighbors a graph holds, by its header alone."""
        return self._header(layer).width

    def words(self, layer: str) -> str:
        """What was given, in words."""
        header = self._header(layer)
        return f"a graph of {header.width} neighbors, {'with' if header.distances else 'without'} distances"

    def others(self, layers: Iterable[LayerSpec]) -> list[LayerSpec]:
        """The layers that have vectors, for those who hand them out; it is said where some have none."""
        if left := [layer.name for layer in layers if layer.name in self]:
            if len(left) == len(self._names):
                raise without_vectors(*left)
            warnings.warn(f"left out {firsts(left)}: given as graphs, without vectors", stacklevel=5)
        return [layer for layer in layers if layer.name not in self]

    def must_hold(self, layers: Iterable[str], k: int) -> None:
        """Raise at the first of these layers whose graph is narrower, since nothing can be searched without vectors."""
        for layer in filter(self.__contains__, layers):
            if not 1 <= k <= (width := self.width(layer)):
                raise InvalidValue(
                    f"k={k} neighbors asked of layer {layer!r}, which was given as a graph of {width} and has no "
                    f"vectors to search; k must lie in 1..{width}."
                )

    def _header(self, layer: str) -> Header:
        name = self.file(layer)
        self._ledger.present(name)
        self._ledger.prove(name, 0, header_size(self._ledger.folder / name))
        return read_header(self._ledger.folder / name)

    def _read(self, layer: str) -> Neighbors:
        path = self._ledger.folder / (name := self.file(layer))
        self._ledger.present(name)
        check_room(path.stat().st_size, f"the graph of layer {layer!r}", "give a graph of fewer neighbors")
        self._ledger.prove(name)
        return read_graph(path, proven=self._ledger.kept)
