"""Queries of pairs as what values are means of: which of them are independent of each other, and what follows."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from layerscape.core.interval import jackknife_of, student95
from layerscape.core.joined import joined
from layerscape.core.memo import remembered
from layerscape.core.pairs import Pairs
from layerscape.core.removal import Removal

FEWEST, FEW = 6, 30  # independent queries, below which there is no interval, and below which it is uncertain
ROWS = 1024  # queries whose relations are looked up at a time


@remembered
def clusters(pairs: Pairs) -> np.ndarray:
    """Shape (Q,): which queries are taken to be independent of each other: those of different clusters, 0…G−1.

    Queries that share a partner are of one, as captions of a picture are, and so are those that are partners
    themselves. Where that joins most of them, each stands alone.
    """
    return np.arange(len(pairs.asked)) if entangled(pairs) else _joined(pairs)


@remembered
def entangled(pairs: Pairs) -> bool:
    """Whether partners that are shared join more than half of the queries, or leave too few that are not."""
    sizes = np.bincount(_joined(pairs))
    return bool(sizes.max() > len(pairs.asked) / 2 or (len(sizes) < FEWEST <= len(pairs.asked)))


@remembered
def _joined(pairs: Pairs) -> np.ndarray:
    codes = joined(pairs.n_samples, pairs.queries, pairs.partners)
    return np.unique(codes[pairs.asked], return_inverse=True)[1]


def removal(pairs: Pairs, values: np.ndarray) -> Removal:
    """What the mean of one value per query is without each cluster of them; the candidates stay."""
    codes = clusters(pairs)
    sums, sizes = np.bincount(codes, values), np.bincount(codes)
    left = len(values) - sizes
    without = np.divide(values.sum() - sums, left, out=np.full(len(left), np.nan), where=left > 0)
    return Removal(float(values.mean()), without, values)


def margin(pairs: Pairs, values: np.ndarray) -> float | None:
    """Half the width of the 95 % interval of that mean over clusters; None where these are too few."""
    without = removal(pairs, values).without
    return None if len(without) < FEWEST else float(student95(len(without) - 1) * np.sqrt(jackknife_of(without)))


def sum_alike(pairs: Pairs, values: np.ndarray) -> float:
    """Σ v_q·v_q′ over all queries and those that share a partner with them or are each other's; values above 0."""
    shape = (len(pairs.asked), pairs.n_samples)
    asks = sparse.csr_array((np.ones(len(pairs.number)), (pairs.number, pairs.partners)), shape=shape)
    back, total = asks.T.tocsr(), 0.0
    of_query = asks[:, pairs.asked].tocsr()
    mutual = of_query.multiply(of_query.T).tocsr()
    for first in range(0, len(pairs.asked), ROWS):
        some = slice(first, first + ROWS)
        related = (asks[some] @ back + mutual[some]).tocsr()
        related.data[:] = 1
        total += float(values[some] @ (related @ values))
    return total
