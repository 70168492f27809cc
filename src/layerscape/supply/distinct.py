"""Distinct rows: which samples a dimension may be computed from, since a copy has no first neighbor worth measuring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from layerscape.core.keywords import Search
from layerscape.core.nearness import PLAIN
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors

FEWEST = 3
LARGEST = 16  # samples in a group of near copies


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
        Of all samples.
    near
        Share of the median first-neighbor distance of distinct rows below which two samples are near copies; 0 looks
        for none.
    """
    n = graph.n_samples
    copies = np.arange(n) if graph.copies is None else graph.copies
    _, first = np.unique(copies, return_index=True)
    kept = first
    # Larger groups than these many columns show are clusters, and no copies but for rounding.
    distances = graph.distances[first, :LARGEST]
    # The first neighbor that is no near copy: where most samples have one, the plain median would be theirs.
    nearest = np.where(distances > near * distances[:, -1:], distances, np.inf).min(axis=1)
    if near > 0 and np.isfinite(nearest).any():
        limit = near * float(np.median(nearest[np.isfinite(nearest)]))
        rows, columns = np.nonzero((distances > 0) & (distances < limit))
        pairs = copies[first[rows]], copies[graph.indices[first[rows], columns]]
        _, cluster = connected_components(csr_array((np.ones(len(rows)), pairs), shape=(len(first), len(first))))
        kept = np.full(cluster.max() + 1, n)
        np.minimum.at(kept, cluster, first)
    return Distinct(np.sort(kept), n - len(first), len(first) - len(kept))


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


def graph_of(x: Representation, whole: Neighbors, rows: np.ndarray, k: int, search: Search) -> Neighbors:
    """The graph of some rows with up to k neighbors: cut from the whole graph if that holds enough, else searched."""
    if len(rows) < FEWEST:
        raise InvalidValue(
            f"{x.title} has {len(rows)} distinct rows of {x.n_samples}: it is constant, or nearly so, and has no "
            "dimension; leave it out, or pool another token."
        )
    k = min(k, len(rows) - 1)
    if len(rows) == x.n_samples:
        return whole if whole.k <= k else whole.first(k)
    return whole.restrict(rows, k) or find_neighbors(x.take(rows), k, **search)
