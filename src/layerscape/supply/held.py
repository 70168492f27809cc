"""Graphs that were given in place of vectors, less the samples that are to be left out of each other's neighbors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.border import compressed
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue


def without(graph: Neighbors, apart: Apart | None) -> Neighbors:
    """The graph without samples that are kept apart, with as many neighbors as are left of each query."""
    if apart is None or graph.near.apart == apart or len(apart.marks) != graph.n_samples:
        return graph
    kept = _kept(graph, apart)
    place, width = kept.cumsum(axis=1), _width(kept)
    if not width:
        raise InvalidValue(_too_short(graph, apart, 1, 0))
    taken, order = kept & (place <= width), graph.order
    last = order[taken].reshape(-1, width)[:, -1:]
    copies = np.arange(graph.n_samples) if graph.copies is None else graph.copies
    rows, columns = np.nonzero(kept & (place > width) & (order == last))
    tied = copies[graph.indices[rows, columns]]
    if graph.border_starts is not None and graph.border_copies is not None:
        beyond = np.repeat(np.arange(len(last)), np.diff(graph.border_starts))
        still = order[beyond, -1] == last[beyond, 0]
        rows, tied = np.concatenate([rows, beyond[still]]), np.concatenate([tied, graph.border_copies[still]])
    starts, border = compressed(rows, tied, len(last))
    return replace(
        graph,
        indices=graph.indices[taken].reshape(-1, width),
        distances=graph.distances[taken].reshape(-1, width) if graph.has_distances else None,
        near=replace(graph.near, apart=apart),
        copies=copies,
        border_starts=starts,
        border_copies=border,
        proven=True,
    )


def check_holds(graph: Neighbors, apart: Apart | None, k: int) -> None:
    """Raise unless k neighbors are left of every query where samples are kept apart."""
    if apart is None or graph.near.apart == apart or len(apart.marks) != graph.n_samples:
        return
    if (held := _width(_kept(graph, apart))) < k:
        raise InvalidValue(_too_short(graph, apart, k, held))


def _kept(graph: Neighbors, apart: Apart) -> np.ndarray:
    if (graph.query_rows < 0).any():
        raise InvalidValue(f"queries are points, which are of no group and at no time ({apart.words}); give vectors.")
    return ~apart.kept(graph.query_rows[:, None], graph.indices)


def _width(kept: np.ndarray) -> int:
    return int(kept.sum(axis=1).min())


def _too_short(graph: Neighbors, apart: Apart, k: int, held: int) -> str:
    enough = k - 1 + int(apart.counts(graph.query_rows).max())
    searched = f"lag={apart.reach}" if apart.reach else "these groups"
    return (
        f"k={k} neighbors asked of a graph of {graph.k}, of which {held} are left of some samples "
        f"({apart.words}); give a graph of {enough}, one that was searched with {searched}, or the vectors."
    )
