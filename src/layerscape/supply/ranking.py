"""Rankings: ranks from the graph where it holds them, exact counts over all samples for the rest, and none twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.neighbors import Neighbors
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ranking
from layerscape.core.representation import Representation
from layerscape.search import between, places

CHUNK = 2**14  # pairs that are looked up in the graph at a time

Places = Callable[[np.ndarray], np.ndarray]  # of pairs of rows, the first and the last rank of each


def ranking_of(x: Representation, graph: Neighbors | None, search: Any) -> Ranking:
    """The ranking of a representation, which remembers what it was asked.

    Its graph of all samples, where there is one, spares much of the counting.
    """

    def counted(pairs: np.ndarray) -> np.ndarray:
        found = np.full((len(pairs), 2), np.nan) if graph is None else known_places(graph, pairs)
        missing = np.isnan(found[:, 0])
        if missing.any():
            found[missing] = places(x, pairs[missing], **search)
        return found

    found = _remembering(x, counted, lambda pairs, weights: between(x, pairs, weights, **search))
    return replace(found, apart=search.get("apart"))


def ranking_among(x: Representation, graph: Neighbors | None, pairs: Pairs, search: Any) -> Ranking:
    """The ranking of a representation in which samples that are no candidates of pairs stand before nobody."""
    if not pairs.asking.any():
        return ranking_of(x, graph, search)
    candidates = np.flatnonzero(~pairs.asking)
    row = np.cumsum(~pairs.asking) - 1
    # Queries that are no candidates are of one group, whose members are no neighbors, and each candidate of its own.
    apart = Apart(np.where(pairs.asking, 0, 1 + row))

    def counted(asked: np.ndarray) -> np.ndarray:
        found, outside = np.empty((len(asked), 2)), pairs.asking[asked[:, 0]]
        if outside.any():
            kept_apart: Any = {**search, "apart": apart}
            found[outside] = places(x, asked[outside], **kept_apart)
        if not outside.all():
            found[~outside] = places(x.take(candidates), row[asked[~outside]], **search)
        return found

    return _remembering(x, counted, None)


def _remembering(x: Representation, counted: Places, between: Any) -> Ranking:
    keys, values = np.empty(0, np.int64), np.empty((0, 2))

    def remembered(pairs: np.ndarray) -> np.ndarray:
        nonlocal keys, values
        asked = pairs[:, 0] * x.n_samples + pairs[:, 1]
        new = _not_in(asked, keys)
        if len(new):
            found = counted(np.stack(np.divmod(new, x.n_samples), axis=1))
            keys, values = np.concatenate([keys, new]), np.concatenate([values, found])
            order = np.argsort(keys)
            keys, values = keys[order], values[order]
        return values[np.searchsorted(keys, asked)]

    ranking = Ranking(x.n_samples, x.n_units, lambda pairs: remembered(pairs).mean(axis=1), between)
    return replace(ranking, places=remembered)


def _not_in(asked: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """What is asked and is none of the sorted keys, sorted, each once; setdiff1d hashes, which takes far longer."""
    asked = np.sort(asked)
    asked = asked[np.diff(asked, prepend=-1) > 0]
    place = np.searchsorted(keys, asked)
    known = place < len(keys)
    known[known] = keys[place[known]] == asked[known]
    return asked[~known]


def known_places(graph: Neighbors, pairs: np.ndarray) -> np.ndarray:
    """The places that a graph of all samples holds, NaN for the others."""
    found = np.full((len(pairs), 2), np.nan)
    for at in range(0, len(pairs), CHUNK):
        rows, members = pairs[at : at + CHUNK].T
        pair, column = np.nonzero(graph.indices[rows] == members[:, None])
        distances = graph.distances[rows[pair]]
        own = np.take_along_axis(distances, column[:, None], 1)
        nearer, up_to = (distances < own).sum(axis=1), (distances <= own).sum(axis=1)
        # What ties with the last column may tie with samples beyond it too.
        whole = (up_to < graph.k) | (graph.k == graph.n_samples - 1)
        found[at + pair[whole]] = np.stack([nearer + 1, up_to], axis=1)[whole]
    return found
