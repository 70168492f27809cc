"""Ranks in a graph that was given in place of vectors, which tells them where it lists all other samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.given import without_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ranking
from layerscape.core.taking import copies_of
from layerscape.errors import InvalidValue


def lists_all(graph: Neighbors) -> bool:
    """Whether a graph lists all samples that may be neighbors, so that it tells every rank."""
    apart = graph.near.apart
    return graph.k >= graph.n_samples - (1 if apart is None else apart.counts(np.arange(graph.n_samples)).min())


def ranking_in(graph: Neighbors, layer: str = "", pairs: Pairs | None = None, apart: Apart | None = None) -> Ranking:
    """The ranking that a graph tells, equal to that of the vectors; raises where it lists some of the samples only.

    Samples that are kept ``apart`` are not ranked, whether the graph lists them or not.
    """
    if pairs is not None and pairs.asking.any():
        raise without_vectors(layer)
    if not lists_all(graph):
        which = f"the graph that was given of layer {layer!r}" if layer else "the graph"
        raise InvalidValue(
            f"ranks among all {graph.n_samples} samples are read, and {which} lists {graph.k} of them; give the "
            "distances between all samples, or the vectors."
        )

    apart = apart or graph.near.apart

    def places(asked: np.ndarray) -> np.ndarray:
        found = np.empty((len(asked), 2))
        for those, far in _by_row(graph, apart, asked):
            row, own = asked[those[0], 0], far[asked[those, 1]]
            listed = graph.order[row][np.isfinite(far[graph.indices[row]])]
            ends = [np.searchsorted(listed, own, side) for side in ("left", "right")]
            found[those] = np.stack([ends[0] + 1, ends[1]], axis=1)
        return found

    def between(asked: np.ndarray, weights: np.ndarray) -> np.ndarray:
        found = np.zeros(graph.n_samples)
        for those, far in _by_row(graph, apart, asked):  # and pair by pair as a search does, so that sums are the same
            for limit, weight in zip(far[asked[those, 1]], weights[those], strict=True):
                found += weight / 2 * (far <= limit) + (weight - weight / 2) * (far < limit)
        copies = copies_of(graph)
        equal = copies[asked[:, 0]] == copies[asked[:, 1]]
        np.subtract.at(found, asked[:, 0], np.where(equal, weights / 2, weights))
        np.subtract.at(found, asked[:, 1], weights / 2)  # which ties with itself, and does not stand between
        return found

    return Ranking(graph.n_samples, graph.n_units, lambda asked: places(asked).mean(axis=1), between, places, apart)


def _by_row(graph: Neighbors, apart: Apart | None, pairs: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The numbers of the pairs of one first sample, and how far all samples are from it; copies follow one another.

    Those that are kept apart from it are infinitely far.
    """
    order = np.lexsort((pairs[:, 0], copies_of(graph)[pairs[:, 0]]))
    every = np.arange(graph.n_samples)
    for those in np.split(order, np.flatnonzero(np.diff(pairs[order, 0])) + 1):
        if len(those):
            row = pairs[those[0], 0]
            far = np.full(graph.n_samples, np.inf)
            far[graph.indices[row]] = graph.order[row]
            if apart is not None:
                far[apart.kept(row, every)] = np.inf
            far[row] = 0
            yield those, far
