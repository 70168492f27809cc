"""What was found in a run: the neighbor graphs and the table of estimates. Written aside, then renamed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import threading
import warnings as python_warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from layerscape.core.lock import Lock
from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.core.resources import check_room
from layerscape.errors import FileProblem, require, unknown_name
from layerscape.storage.files import file_problems, readable
from layerscape.storage.given import GivenFiles
from layerscape.storage.graphs import graph_bytes, header_size, read_graph, read_header
from layerscape.storage.layout import LayerSpec, folder_names
from layerscape.storage.ledger import Ledger

if TYPE_CHECKING:
    import pandas as pd

ESTIMATES, RECOMMENDATION, NOTES = "estimates.parquet", "recommendation.json", "notes.json"
FEWER = "ask some of the samples, which is enough for averages: measure(run, n_queries=…), --n-queries"
# Columns that tables kept before do not have: after which they stand, and what is in them.
LATER = {"standardize": ("metric", ""), "near_copies": ("standardize", nan), "held": ("p", nan)}


class KeptGraph(NamedTuple):
    """What is known of a graph that was kept: its number of neighbors, 0 if there is none, and which unit decides."""

    width: int = 0
    deciding: tuple[int, float] | None = None


class Results:
    """What was found in a run, kept in its folder; the part of `RunFolder` that may be written to a finished run."""

    def __init__(
        self, ledger: Ledger, layers: tuple[LayerSpec, ...], identity: Callable[[str], str], lock: Lock | None = None
    ) -> None:
        self.ledger = ledger
        self.layers = layers
        self.identity = identity
        self.given = GivenFiles(layers, ledger)
        self._folders = folder_names(layers)
        self._known: dict[
            str, tuple[tuple[int, ...], KeptGraph]
        ] = {}  # of graphs, as they were in a state of their file
        self._lock = lock
        self._one = threading.RLock()  # of the threads of this process that write
        self._unkept: dict[str, Neighbors] = {}  # graphs of a run that cannot be written
        self._recommended: bytes | None = None  # and what was recommended in it
        self._noted: tuple[str, ...] | None = None  # and what was said of its samples
        self._told = self._must_keep = False

    @property
    def path(self) -> Path:
        return self.ledger.folder

    def graph_name(self, layer: str, near: Nearness) -> str:
        """The file of a graph, by its path within the run."""
        if layer not in self._folders:
            raise unknown_name("layer", layer, self._folders)
        return f"graphs/{self._folders[layer]}/{quote(near.key, safe='=,')}.safetensors"

    def search_folder(self, layer: str, near: Nearness) -> Path:
        """Where the machines of a cluster write what they find of a graph, until that is kept."""
        return (self.path / self.graph_name(layer, near)).with_suffix(".search").absolute()

    def save_graph(self, layer: str, graph: Neighbors) -> None:
        """Keep a graph of a layer, in memory if the run cannot be written, in place of one that is not wider."""
        name = self.graph_name(layer, graph.near)
        graph = self._unkept[name] = max(graph, self._unkept.get(name, graph), key=lambda each: each.k)
        with self._kept_or_told():
            with self.writing():  # in which no other process can keep a wider one
                if self._width_on_disk(name, layer, graph.near) <= graph.k:
                    self.ledger.replace(name, graph_bytes(graph, self.identity(layer)))
            del self._unkept[name]

    def _width_on_disk(self, name: str, layer: str, near: Nearness) -> int:
        """How many neighbors the graph holds that another process may have kept; one that is damaged holds none."""
        with contextlib.suppress(FileProblem):
            return self._read_kept(name, layer, near).width
        return 0

    def load_graph(self, layer: str, near: Nearness) -> Neighbors | None:
        """The graph that was kept of a layer, or None; one of other vectors is none."""
        if layer in self.given:
            return self.given[layer]
        name = self.graph_name(layer, near)
        if name in self._unkept:
            return self._unkept[name]
        if not self.kept_graph(layer, near).width:
            return None
        check_room((self.path / name).stat().st_size, f"the graph of layer {layer!r}", FEWER)
        self.ledger.prove(name)
        return read_graph(self.path / name, proven=self.ledger.kept)

    def kept_graph(self, layer: str, near: Nearness) -> KeptGraph:
        """What is known of the graph that was kept of a layer; of its file nothing is read again unless it is replaced.

        One of other vectors is none. Where one was given in place of vectors it is this one, whatever is asked for.
        """
        if layer in self.given:
            return KeptGraph(self.given.width(layer), (0, 0.0))  # of which nobody can look for a unit that decides
        name = self.graph_name(layer, near)
        if name in self._unkept:
            return KeptGraph(self._unkept[name].k, self._unkept[name].deciding)
        state = self.ledger.state(name)
        if name not in self._known or self._known[name][0] != state:
            self._known[name] = state, self._read_kept(name, layer, near)
        return self._known[name][1]

    def _read_kept(self, name: str, layer: str, near: Nearness) -> KeptGraph:
        path = self.path / name
        if not path.exists() or not self.ledger.knows(name):
            return KeptGraph()
        self.ledger.prove(name, 0, header_size(path))
        width, about, _ = read_header(path)
        if about.key != near.key:
            raise self.ledger.damaged(name, f"it was searched for {about.key!r}")
        return KeptGraph(width, about.deciding) if about.vectors in ("", self.identity(layer)) else KeptGraph()

    def check_writable(self) -> None:
        """Raise unless something can be written beside the run, by writing: what a mode says does not bind root."""
        with file_problems(self.path), tempfile.TemporaryFile(dir=self.path) as file:
            file.write(bytes(2**12))
            file.flush()

    def must_keep(self) -> None:
        """Raise where something cannot be kept, now or later, for those who search for nothing else."""
        self.check_writable()
        self._must_keep = True

    @contextlib.contextmanager
    def _kept_or_told(self) -> Iterator[None]:
        """What was computed is not lost where it cannot be kept: that is said, once."""
        try:
            yield
        except FileProblem as error:
            if self._must_keep:
                raise
            told, self._told = self._told, True
            if not told:
                why = str(error).split(";")[0]
                python_warnings.warn(f"what is found is not kept in the run: {why}", stacklevel=2)

    def _replace(self, name: str, data: bytes) -> None:
        with self.writing():
            self.ledger.replace(name, data)

    def save_estimates(self, frame: pd.DataFrame) -> None:
        """Keep the table of estimates; the one that was there is replaced."""
        self._replace(ESTIMATES, estimates_bytes(frame))

    def save_recommendation(self, found: Mapping[str, Any]) -> None:
        """Keep which layer was recommended, with the reason (JSON values), if the run can be written."""
        self._recommended = json.dumps(found, indent=2).encode()
        with self._kept_or_told():
            self._replace(RECOMMENDATION, self._recommended)
            self._recommended = None

    def load_recommendation(self) -> dict[str, Any] | None:
        """Which layer was recommended, or None if nobody asked, or what was found is forgotten."""
        if self._recommended is not None:
            return json.loads(self._recommended)
        path = self._proven(RECOMMENDATION)
        if path is None:
            return None
        with readable(path, f"remove that file and ask again: layerscape recommend {self.path}"):
            return json.loads(path.read_bytes())

    def forget_recommendation(self) -> None:
        """Keep that nothing is recommended; a file that went away would be missed if a kill came before the ledger."""
        if self.load_recommendation() is not None:
            self._replace(RECOMMENDATION, b"null")

    def save_notes(self, words: Sequence[str]) -> None:
        """Keep what is to be said of the samples as a whole, in place of what was said before."""
        if tuple(words) != self.load_notes():
            self._noted = tuple(words)
            with self._kept_or_told():
                self._replace(NOTES, json.dumps(words, indent=2).encode())
                self._noted = None

    def load_notes(self) -> tuple[str, ...]:
        """What is to be said of the samples as a whole."""
        if self._noted is not None:
            return self._noted
        path = self._proven(NOTES)
        if path is None:
            return ()
        with readable(path, f"remove that file and measure again: layerscape measure {self.path}"):
            return tuple(json.loads(path.read_bytes()))

    def load_estimates(self) -> pd.DataFrame | None:
        """The table of estimates, or None if nothing was measured yet."""
        path = self._proven(ESTIMATES)
        return None if path is None else read_estimates(path)

    def _proven(self, name: str) -> Path | None:
        """A file whose bytes are those that were written, or None if there is none."""
        if not os.path.lexists(self.path / name) and not self.ledger.misses(name):
            return None
        self.ledger.prove(name)
        return self.path / name

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write, for the time of a small change: of what is read within, nothing is changed meanwhile.

        It may be asked for again within.
        """
        with self._one:
            if self._lock is not None:
                yield
                return
            with file_problems(self.path):
                lock = self._lock = Lock(self.path, wait=True)
                try:
                    yield
                finally:
                    lock.release()
                    self._lock = None


def estimates_bytes(frame: pd.DataFrame) -> bytes:
    """The table as Parquet, without its index."""
    require("pyarrow", "runs")
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def read_estimates(path: Path) -> pd.DataFrame:
    """The table in a file."""
    pandas = require("pandas", "runs")
    with readable(path, "remove that file and measure again"):
        found = pandas.read_parquet(path)
    for name, (before, nothing) in LATER.items():
        if name not in found and before in found:
            found.insert(list(found).index(before) + 1, name, nothing)
    return found
