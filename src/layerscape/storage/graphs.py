"""The file of a graph: arrays as tensors, and a header that says whose graph it is."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.storage.files import readable
from layerscape.storage.sealed import typed

META = "layerscape"
MARKS = "marks"  # which samples are kept apart, among the arrays of a graph
SEARCH = "remove that file and search again"
EARLIER = {"groups": "copies", "border_groups": "border_copies"}  # what arrays were called in graphs kept before


@dataclass(frozen=True)
class About:
    """The header of a graph beside its arrays; graphs that earlier code kept say only the metric, and no vectors."""

    n_samples: int
    n_units: int | None = None
    near: dict[str, Any] | None = None
    metric: str = "euclidean"
    vectors: str = ""
    deciding: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        _ = self.nearness()  # raises if there is no such thing

    def nearness(self, marks: np.ndarray | None = None) -> Nearness:
        """What is near in the graph; who is kept apart is known by the marks, which are one of its arrays."""
        fields: dict[str, Any] = dict(self.near or {"metric": self.metric})
        apart = fields.pop("apart", None)
        if apart is None or marks is None:
            return Nearness(**fields)
        return Nearness(**fields, apart=Apart(marks, apart["reach"], apart["name"]))

    @property
    def key(self) -> str:
        """That of what is near."""
        apart = (self.near or {}).get("apart")
        return self.nearness().key + (f",{apart['key']}" if apart else "")


def graph_bytes(graph: Neighbors, vectors: str) -> bytes:
    """Arrays as tensors, everything else as JSON; indices take four bytes where that is enough, and so when read.

    ``vectors`` says of which vectors it is a graph.
    """
    from safetensors.numpy import save

    names = [each.name for each in dataclasses.fields(graph) if each.name != "distances" or graph.has_distances]
    fields = {name: getattr(graph, name) for name in names}
    fields["near"] = graph.near.record()
    if (apart := graph.near.apart) is not None:
        fields["near"]["apart"] = {"key": apart.key, "name": apart.name, "reach": apart.reach}
        fields[MARKS] = apart.marks
    arrays = {name: np.ascontiguousarray(value) for name, value in fields.items() if isinstance(value, np.ndarray)}
    plain: dict[str, Any] = {name: value for name, value in fields.items() if name not in arrays and value is not None}
    if graph.n_samples <= np.iinfo(np.int32).max:
        arrays["indices"] = arrays["indices"].astype(np.int32)
    # One key only: safetensors writes several in any order, and a graph must be the same bytes every time.
    return save(arrays, metadata={META: json.dumps({**plain, "vectors": vectors})})


def header_size(path: Path) -> int:
    """How many bytes the header of a graph takes, the 8 that say so included; at most all that there are."""
    with path.open("rb") as file:
        return min(8 + int.from_bytes(file.read(8), "little"), path.stat().st_size)


class Header(NamedTuple):
    """How many neighbors a graph holds, what its header says beside that, and whether it has distances."""

    width: int
    about: About
    distances: bool


def read_header(path: Path) -> Header:
    """That of the graph in a file."""
    with _opened(path) as file:
        return _header_of(file)


def _header_of(file: Any) -> Header:
    about = typed(json.loads(file.metadata()[META]), About)
    return Header(int(file.get_slice("indices").get_shape()[1]), about, "distances" in file.keys())  # noqa: SIM118


def read_graph(path: Path, *, proven: bool = False) -> Neighbors:
    """The graph in a file; one whose bytes are proven was checked before it was written."""
    with _opened(path) as file:
        about = _header_of(file).about
        names: list[str] = list(file.keys())
        arrays = {"distances": None} | {EARLIER.get(name, name): file.get_tensor(name) for name in names}
        marks = arrays.pop(MARKS, None)
        facts: dict[str, Any] = {name: getattr(about, name) for name in ("n_samples", "n_units", "deciding")}
        return Neighbors(**arrays, **facts, near=about.nearness(marks), proven=proven)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file of a graph; whatever is wrong with it is said in one line."""
    from safetensors import safe_open

    with readable(path, SEARCH), safe_open(path, framework="numpy") as file:
        yield file
