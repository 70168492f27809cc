"""Graphs in files of other tools: matrices of row numbers and distances, told by name, by what is said, or by looks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from layerscape.core.conversion import as_array
from layerscape.core.lists import LooksLikeGraph, as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.square import nearly_square
from layerscape.errors import InvalidValue, LayerscapeError, unknown_name
from layerscape.inputs.matrix import read_matrix

Kind = Literal["vectors", "indices", "square"]
KINDS = ("vectors", "indices", "square")
_INDICES, _DISTANCES = (
    re.compile(rf"(.*?)[_./ -]?(?:knn[_-])?(?:{words})", re.IGNORECASE)
    for words in ("indices|neighbors|ind", "distances|dists?")
)


@dataclass
class GraphFiles:
    """How the graphs among the matrices of files are read.

    Attributes
    ----------
    kind
        What all matrices are that no name tells; told by looks when None.
    distances
        Files of the distances to the neighbors, for each matrix of row numbers without distances beside it, in order.
    self_first
        As in `Neighbors.from_arrays`.
    """

    kind: Kind | None = None
    distances: tuple[str, ...] = ()
    self_first: bool | None = None
    _alone: list[str] = field(default_factory=list, init=False)  # matrices of row numbers without distances beside them

    def __post_init__(self) -> None:
        if self.kind not in (None, *KINDS):
            raise unknown_name("kind", str(self.kind), KINDS)

    def read(self, path: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """The matrices of a file, of which those that are graphs have become `Neighbors`."""
        if self.kind == "vectors":
            return dict(arrays)
        found: dict[str, Any] = {}
        for name, x, beside in _paired(arrays):
            where = f"{path}:{name}" if name else path
            try:
                found[_stem(name, beside)] = self._graph(where, x, beside)
            except LooksLikeGraph:
                raise
            except LayerscapeError as error:
                raise type(error)(f"{where}: {error}") from None
        return found

    def check_used(self) -> None:
        """Raise unless there was a matrix of row numbers for every file of distances, and none was left over."""
        if self.distances and len(self.distances) != len(self._alone):
            raise InvalidValue(
                f"{len(self.distances)} --distances for {len(self._alone)} matrices of neighbors without their "
                "distances; give one for each, in their order."
            )
        if self.self_first is not None and self.kind != "indices" and not self._alone:
            raise InvalidValue("--self-first is of neighbors, and no file holds their row numbers; leave it out.")

    def _graph(self, where: str, x: Any, beside: Any) -> Any:
        if x.ndim != 2:
            return x
        if beside is not None:
            return Neighbors.from_arrays(x, beside, self_first=self.self_first)
        kind = self.kind or _told(where, x)
        if kind == "square":
            return Neighbors.from_distances(x)
        return self._of_rows(where, x) if kind == "indices" else x

    def _of_rows(self, where: str, x: Any) -> Neighbors:
        place = len(self._alone)
        self._alone.append(where)
        apart = read_matrix(self.distances[place]) if place < len(self.distances) else None
        return Neighbors.from_arrays(x, apart, self_first=self.self_first)


def _paired(arrays: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every matrix by its name, with the distances beside it where it holds row numbers by its name."""
    far = {found[1]: name for name in arrays if (found := _DISTANCES.fullmatch(name))}
    beside = {name: far.get(found[1]) for name in arrays if (found := _INDICES.fullmatch(name))}
    for name, x in arrays.items():
        if name in beside.values():
            continue
        partner = beside.get(name)
        yield name, x, None if partner is None else arrays[partner]


def _stem(name: str, beside: Any) -> str:
    """What a layer is called: of ``layer1_indices`` it is ``layer1``."""
    found = _INDICES.fullmatch(name) if beside is not None else None
    return found[1] if found else name


def _told(where: str, x: Any) -> Kind:
    """What a matrix looks like, which is said where it is a graph; raises where it is nearly one."""
    try:
        as_vectors(x)
    except LooksLikeGraph as error:
        if error.option == "--indices" and "row numbers" not in error.looks:
            raise InvalidValue(
                f"{error.looks}; give the row numbers of these neighbors, and this file with --distances."
            ) from None
        kind: Kind = "square" if error.option == "--square" else "indices"
        warnings.warn(f"{where}: {error.looks}, and is read as such; if it holds vectors: --vectors", stacklevel=6)
        return kind
    except LayerscapeError:
        return "vectors"  # of which it is said later what is wrong with them
    if problem := nearly_square(as_array(x, "distances")):
        raise InvalidValue(f"{problem} If it holds vectors: --vectors.")
    return "vectors"
