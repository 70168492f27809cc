"""What was found in a run: the neighbor graphs and the table of estimates. Written aside, then renamed."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.errors import FileProblem, LayerscapeError, require, unknown_name
from layerscape.storage.files import Lock, file_problems, replace_file
from layerscape.storage.layout import LayerSpec, folder_names

if TYPE_CHECKING:
    import pandas as pd

META = "layerscape"
EARLIER = {"groups": "copies", "border_groups": "border_copies"}  # what arrays were called in graphs kept before


class Results:
    """What was found in a run, kept in its folder; the part of `RunFolder` that may be written to a finished run."""

    def __init__(self, path: Path, layers: tuple[LayerSpec, ...], lock: Lock | None = None) -> None:
        self.path = path
        self.layers = layers
        self._lock = lock

    def _graph_file(self, layer: str, key: str) -> Path:
        folders = folder_names(self.layers)
        if layer not in folders:
            raise unknown_name("layer", layer, folders)
        return graph_file(self.path / "graphs" / folders[layer], key)

    def save_graph(self, layer: str, key: str, graph: Neighbors) -> None:
        """Keep a graph of a layer; the key says what is near, and a graph of the same key is replaced."""
        with file_problems(self.path), self._writing():
            write_graph(self._graph_file(layer, key), graph)

    def load_graph(self, layer: str, key: str) -> Neighbors | None:
        """The graph that was kept under this key, or None."""
        return read_graph(self._graph_file(layer, key))

    def graph_width(self, layer: str, key: str) -> int:
        """How many neighbors the graph of this key holds; 0 if there is none."""
        return read_width(self._graph_file(layer, key))

    def save_estimates(self, frame: pd.DataFrame) -> None:
        """Keep the table of estimates; the one that was there is replaced."""
        with file_problems(self.path), self._writing():
            write_estimates(self.path / "estimates.parquet", frame)

    def save_recommendation(self, found: Mapping[str, Any]) -> None:
        """Keep which layer was recommended, with the reason (JSON values); what was there is replaced."""
        with file_problems(self.path), self._writing():
            replace_file(self.path / "recommendation.json", json.dumps(found, indent=2).encode())

    def load_recommendation(self) -> dict[str, Any] | None:
        """Which layer was recommended, or None if nobody asked."""
        path = self.path / "recommendation.json"
        with file_problems(self.path):
            return json.loads(path.read_bytes()) if path.exists() else None

    def load_estimates(self) -> pd.DataFrame | None:
        """The table of estimates, or None if nothing was measured yet."""
        return read_estimates(self.path / "estimates.parquet")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """The lock for the time of one small write, unless it is held."""
        lock = Lock(self.path, wait=True) if self._lock is None else None
        try:
            yield
        finally:
            if lock is not None:
                lock.release()


def graph_file(folder: Path, key: str) -> Path:
    """Where the graph of a key lies; a key may hold any text."""
    return folder / f"{quote(key, safe='=,')}.safetensors"


def write_graph(path: Path, graph: Neighbors) -> None:
    """Arrays as tensors, everything else as JSON; indices take four bytes where that is enough, and so when read."""
    from safetensors.numpy import save

    fields = {each.name: getattr(graph, each.name) for each in dataclasses.fields(graph)}
    fields["near"] = dataclasses.asdict(graph.near)
    arrays = {name: np.ascontiguousarray(value) for name, value in fields.items() if isinstance(value, np.ndarray)}
    plain: dict[str, Any] = {name: value for name, value in fields.items() if name not in arrays and value is not None}
    if graph.n_samples <= np.iinfo(np.int32).max:
        arrays["indices"] = arrays["indices"].astype(np.int32)
    # One key only: safetensors writes several in any order, and a graph must be the same bytes every time.
    replace_file(path, save(arrays, metadata={META: json.dumps(plain)}))


def read_graph(path: Path) -> Neighbors | None:
    """The graph in a file, or None if there is no file."""
    if not path.exists():
        return None
    with _opened(path) as file:
        names: list[str] = list(file.keys())
        arrays = {EARLIER.get(name, name): file.get_tensor(name) for name in names}
        plain = json.loads(file.metadata()[META])
        near: dict[str, Any] = plain.get("near") or {"metric": plain["metric"]}
        return Neighbors(**arrays, n_samples=plain["n_samples"], n_units=plain.get("n_units"), near=Nearness(**near))


def read_width(path: Path) -> int:
    """How many neighbors the graph in a file holds, from its header; 0 if there is no file."""
    if not path.exists():
        return 0
    with _opened(path) as file:
        return int(file.get_slice("indices").get_shape()[1])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file of a graph; whatever is wrong with it is said in one line."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, LayerscapeError, LookupError, TypeError, ValueError) as error:
        raise FileProblem(f"the graph {path} is damaged ({error}); remove that file and search again") from None


def write_estimates(path: Path, frame: pd.DataFrame) -> None:
    """The table as Parquet, without its index."""
    require("pyarrow", "runs")
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    replace_file(path, buffer.getvalue())


def read_estimates(path: Path) -> pd.DataFrame | None:
    """The table, or None if nothing was measured yet."""
    pandas = require("pandas", "runs")
    if not path.exists():
        return None
    try:
        return pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path} cannot be read ({error}); remove that file and measure again") from None
