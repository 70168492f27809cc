"""Graphs of random subsets: cut from the graph of all samples, and searched again for the rows that it cannot serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from layerscape.core.keywords import Search, among
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.core.subsets import Subsets, draw_subsets
from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors


def subsets_of(
    measure: Measure,
    options: Mapping[str, Any],
    graph: Neighbors,
    x: Representation | None = None,
    rows: np.ndarray | None = None,
    search: Search | None = None,
    *,
    more: int = 0,
) -> Subsets:
    """The subsets that a measure asks for, each with the k nearest neighbors of its samples among itself.

    Parameters
    ----------
    measure, options
        Its options ``smallest``, ``repetitions`` and ``seed`` say which subsets.
    graph
        Of all samples, no two of them copies.
    x
        Where to search when the graph holds too few; None if there is nothing but the graph.
    rows
        Which rows of ``x`` the samples of the graph are; all when left out.
    search
        The keywords of that search.
    more
        How many neighbors more than the measure needs.
    """
    if graph.queries is not None:
        raise InvalidValue("a graph of some queries has no subsets; give the graph of all samples.")
    chosen = {name: options.get(name, measure.options[name]) for name in ("smallest", "repetitions", "seed")}
    k = measure.neighbors_needed(options, graph.n_samples) + more
    graph.need(k)
    _, *smaller = draw_subsets(graph.n_samples, **chosen)
    graphs = [graph if graph.k == k else graph.first(k)]
    for members in smaller:
        k_here = min(k, len(members) - 1)
        graphs.append(_subset(graph, members, k_here, x, members if rows is None else rows[members], search))
    return Subsets(tuple(graphs))


def _subset(
    graph: Neighbors,
    members: np.ndarray,
    k: int,
    x: Representation | None,
    places: np.ndarray,
    search: Search | None,
) -> Neighbors:
    indices, distances, whole = graph.among(members, k)
    if not whole.all():
        if x is None:
            raise InvalidValue(
                f"the graph of {graph.k} neighbors holds too few for {(~whole).sum()} of a subset of {len(members)} "
                f"samples; search with a larger k, give the vectors, or raise smallest above {len(members)}."
            )
        found = find_neighbors(x.take(places), k, queries=np.flatnonzero(~whole), **among(search or {}, places))
        indices[~whole], distances[~whole] = found.indices, found.distances
    return Neighbors(indices, distances, len(members), graph.n_units, graph.near.among(members), proven=True)
