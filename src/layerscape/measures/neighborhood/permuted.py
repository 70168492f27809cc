"""Label overlaps for permuted labels: the law of chance where it has no closed form, and that of the best of many."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from layerscape.core.estimate import Chance
from layerscape.core.interval import Z95
from layerscape.core.neighbors import Neighbors
from layerscape.measures.neighborhood.relations import Likeness
from layerscape.measures.permutation import permutations

PERMUTATIONS = 100  # for the spread of chance where k follows the class


def permuted_overlaps(
    graph: Neighbors, likeness: Likeness, wanted: np.ndarray, share: np.ndarray, orders: Iterable[np.ndarray]
) -> np.ndarray:
    """The label overlap when the samples take over the labels in each of the orders.

    Parameters
    ----------
    graph
        Of all N samples.
    likeness
        How much samples agree.
    wanted, share
        Shape (N,): how many neighbors are read of a sample with this label, and its weight.
    """
    orders = list(orders)
    found = np.zeros(len(orders))
    for k in np.unique(wanted):
        rows, columns, weights = graph.weights(int(k))
        whole = sparse.csr_array((weights / k, (rows, columns)), shape=(graph.n_samples,) * 2)
        for number, order in enumerate(orders):
            rows = np.flatnonzero(wanted[order] == k)
            part = whole[rows]
            own = np.repeat(order[rows], np.diff(part.indptr))
            found[number] += (share[own] * part.data) @ likeness.at(own, order[part.indices])
    return found


def chance_of_fraction(
    graph: Neighbors, likeness: Likeness, wanted: np.ndarray, share: np.ndarray, value: float
) -> tuple[Chance, np.ndarray]:
    """Chance where how many neighbors are read is permuted together with the labels."""
    null = permuted_overlaps(graph, likeness, wanted, share, permutations(graph.n_samples, PERMUTATIONS, 0))
    mean = likeness.sums(share).total / (graph.n_samples - 1)
    spread = float(null.std(ddof=1))
    p = float(ndtr((mean - value) / spread)) if spread > 1e-6 * mean else 1.0
    return Chance(mean, mean - Z95 * spread, mean + Z95 * spread, p), null
