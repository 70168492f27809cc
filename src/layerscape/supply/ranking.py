"""Rankings: ranks from the graph where it holds them, exact counts over all samples for the rest, and none twice."""

from __future__ import annotations

import numpy as np

from layerscape.core.keywords import Search
from layerscape.core.neighbors import Neighbors
from layerscape.core.ranking import Ranking
from layerscape.core.representation import Representation
from layerscape.search import between
from layerscape.search import ranks as exact_ranks

CHUNK = 2**14  # pairs that are looked up in the graph at a time


def ranking_of(x: Representation, graph: Neighbors | None, search: Search) -> Ranking:
    """The ranking of a representation, which remembers what it was asked.

    Its graph of all samples, where there is one, spares much of the counting.
    """
    keys, values = np.empty(0, np.int64), np.empty(0)

    def ranks(pairs: np.ndarray) -> np.ndarray:
        nonlocal keys, values
        asked = pairs[:, 0] * x.n_samples + pairs[:, 1]
        new = _not_in(asked, keys)
        if len(new):
            new_pairs = np.stack(np.divmod(new, x.n_samples), axis=1)
            found = np.full(len(new), np.nan) if graph is None else known_ranks(graph, new_pairs)
            missing = np.isnan(found)
            if missing.any():
                found[missing] = exact_ranks(x, new_pairs[missing], **search)
            keys, values = np.concatenate([keys, new]), np.concatenate([values, found])
            order = np.argsort(keys)
            keys, values = keys[order], values[order]
        return values[np.searchsorted(keys, asked)]

    return Ranking(x.n_samples, x.n_units, ranks, lambda pairs, weights: between(x, pairs, weights, **search))


def _not_in(asked: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """What is asked and is none of the sorted keys, sorted, each once; setdiff1d hashes, which takes far longer."""
    asked = np.sort(asked)
    asked = asked[np.diff(asked, prepend=-1) > 0]
    place = np.searchsorted(keys, asked)
    known = place < len(keys)
    known[known] = keys[place[known]] == asked[known]
    return asked[~known]


def known_ranks(graph: Neighbors, pairs: np.ndarray) -> np.ndarray:
    """The ranks that a graph of all samples holds, NaN for the others."""
    found = np.full(len(pairs), np.nan)
    for at in range(0, len(pairs), CHUNK):
        rows, members = pairs[at : at + CHUNK].T
        pair, column = np.nonzero(graph.indices[rows] == members[:, None])
        distances = graph.distances[rows[pair]]
        own = np.take_along_axis(distances, column[:, None], 1)
        nearer, up_to = (distances < own).sum(axis=1), (distances <= own).sum(axis=1)
        # What ties with the last column may tie with samples beyond it too.
        whole = (up_to < graph.k) | (graph.k == graph.n_samples - 1)
        found[at + pair[whole]] = (nearer + up_to + 1)[whole] / 2
    return found
