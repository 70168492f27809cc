"""Two runs as one source: the queries of one among the references of another, layer by layer."""

from __future__ import annotations

import warnings as python_warnings

import numpy as np

from layerscape.core.keywords import Search
from layerscape.core.neighbors import Neighbors
from layerscape.core.pairs import Pairs
from layerscape.core.representation import Representation
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue
from layerscape.run import Run


class Across:
    """The samples of a run of queries and then those of a run of references, in the layers that both have.

    Parameters
    ----------
    queries, references
        Runs whose layers of one name have as many units, as those of one model do, or towers of one space.
    pairs
        Of all these samples: queries are no candidates.

    Raises
    ------
    InvalidValue
        If no layer of one has the name and the width of one of the other.
    """

    run, group, asked = None, "", None

    def __init__(self, queries: Run, references: Run, pairs: Pairs):
        self.queries, self.references, self.pairs = queries, references, pairs
        self.n_samples = queries.n_samples + references.n_samples
        self.graphs: dict[str, Neighbors] = {}
        self._vectors: dict[str, Representation] = {}
        shared = [layer for layer in references.layers if layer in queries]
        shared = [layer for layer in shared if layer not in {*queries.given, *references.given}]
        self.layers = tuple(layer for layer in shared if queries[layer].n_units == references[layer].n_units)
        if not self.layers:
            why = f"{shared[0]!r} has other units there" if shared else f"those there are {', '.join(queries.layers)}"
            raise InvalidValue(
                f"no layer of {references.name} has its name and width in {queries.name}: {why}; queries are looked "
                "for among references in one space: extract both with one model, or give layers of one space one name."
            )
        if left := [layer for layer in references.layers if layer not in self.layers]:
            python_warnings.warn(
                f"layers {', '.join(map(repr, left))} have no counterpart of their width among the queries' and are "
                "left out",
                stacklevel=5,
            )

    def kept_graph(self, layer: str, k: int, search: Search) -> None:
        """None: neither folder has a graph of both."""

    def vectors(self, layer: str) -> Representation:
        """Queries and then references; the last is kept, since tasks come layer by layer."""
        if layer not in self._vectors:
            sides = (self.queries.vectors(layer), self.references.vectors(layer))
            names = ("query", "reference")
            ids = tuple(f"{name} {one}" for name, side in zip(names, sides, strict=True) for one in side.ids)
            self._vectors = {layer: Representation(np.concatenate([np.asarray(side) for side in sides]), layer, ids)}
        return self._vectors[layer]

    def n_units(self, layer: str) -> int | None:
        return self.references[layer].n_units

    def label(self, task: Task) -> Pairs:
        """The pairs, which all tasks ask for."""
        return self.pairs

    def take(self, rows: np.ndarray) -> Across:
        raise InvalidValue("pairs across two runs are of all their samples.")
