"""Distinct rows: which samples a dimension may be computed from, since a copy has no first neighbor worth measuring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerscape.core.joined import joined
from layerscape.core.near_copies import LARGEST, near_limit
from layerscape.core.nearness import PLAIN
from layerscape.core.neighbors import Neighbors
from layerscape.core.taking import copies_of


@dataclass(frozen=True)
class Distinct:
    """The samples that remain when of every group of copies and near copies only the first is kept."""

    rows: np.ndarray
    n_copies: int
    n_near: int

    @property
    def words(self) -> tuple[str, ...]:
        """What was left out, as a warning; nothing if nothing was."""
        parts = [f"{self.n_copies} exact copies"] if self.n_copies else []
        parts += [f"{self.n_near} near copies (rounding apart)"] if self.n_near else []
        return (f"{' and '.join(parts)} left out; {len(self.rows)} samples remain",) if parts else ()


def distinct_rows(graph: Neighbors, near: float = PLAIN.near_copies) -> Distinct:
    """Find copies and near copies in a graph of all rows.

    Parameters
    ----------
    graph
        Of all samples. Where nobody looked for copies, samples at distance 0 are. A graph of some queries tells exact
        copies alone.
    near
        Share of the median first-neighbor distance of distinct rows below which two samples are near copies; 0 looks
        for none.
    """
    n, clusters = graph.n_samples, clusters_of(graph, near)
    _, first = np.unique(copies_of(graph), return_index=True)
    _, kept = np.unique(clusters, return_index=True)
    return Distinct(np.sort(kept), n - len(first), len(first) - len(kept))


def clusters_of(graph: Neighbors, near: float = PLAIN.near_copies) -> np.ndarray:
    """Shape (N,): a number for each sample, which copies and near copies share."""
    copies = copies_of(graph)
    if graph.queries is not None:
        return copies
    _, first, which = np.unique(copies, return_index=True, return_inverse=True)
    distances = graph.distances[first, :LARGEST]
    rows, columns = np.nonzero((distances > 0) & (distances < near_limit(distances, near)))
    return joined(len(first), which[first[rows]], which[graph.indices[first[rows], columns]])[which]


def common_rows(distinct: dict[str, Distinct]) -> dict[str, Distinct]:
    """The rows that are distinct in every layer, so that N does not change with depth.

    A layer in which most rows are copies (a constant token, say) keeps rows of its own, or it would decide for all.
    """
    sizes = {layer: len(d.rows) + d.n_copies + d.n_near for layer, d in distinct.items()}
    sound = {layer: d for layer, d in distinct.items() if len(d.rows) > sizes[layer] / 2}
    if not sound:
        return distinct
    first, *others = sound.values()
    rows = first.rows
    for other in others:
        rows = np.intersect1d(rows, other.rows, assume_unique=True)
    n_copies = max(d.n_copies for d in sound.values())
    common = Distinct(rows, n_copies, next(iter(sizes.values())) - len(rows) - n_copies)
    return {layer: common if layer in sound else d for layer, d in distinct.items()}
