"""Agreement of two relations between samples, and what chance gives: shared by the overlaps.

An overlap is S = Σ_{i≠j} A_ij·B_ij, where A says how much j is a neighbor of i in one representation and B the same in
another, or whether two samples share a label. If the samples of B are permuted at random, mean and variance of S follow
exactly from sums over the two relations alone (Mantel 1967; Hubert & Schultz 1976): the second moment is a sum over
pairs of ordered pairs, which coincide in seven ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from statistics import NormalDist
from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse

from layerscape.core.estimate import Chance
from layerscape.core.neighbors import Neighbors
from layerscape.measures.interval import Z95

# A graph takes part in as many overlaps as there are layers; what they share is kept while the graph lives.
_KNOWN: WeakKeyDictionary[Neighbors, dict[int, Membership]] = WeakKeyDictionary()


def membership(graph: Neighbors, k: int) -> Membership:
    """The first k neighbors of every query as a relation."""
    known = _KNOWN.setdefault(graph, {})
    if k not in known:
        rows, columns, weights = graph.weights(k)
        shape = (len(graph.indices), graph.n_samples)
        known[k] = Membership(sparse.csr_array((weights, (rows, columns)), shape=shape))
    return known[k]


@dataclass(frozen=True)
class Membership:
    """Shape (M, N): probability that a sample is among the first k of a query when ties are broken at random."""

    matrix: sparse.csr_array

    @cached_property
    def relation(self) -> Relation:
        """Its sums; only where every sample is a query."""
        return Relation.of(self.matrix)


@dataclass(frozen=True)
class Relation:
    """Sums over a relation R between N samples, zero on the diagonal."""

    total: float  # Σ R_ij
    squares: float  # Σ R_ij²
    mutual: float  # Σ R_ij·R_ji
    out: float  # Σ_i (Σ_j R_ij)²
    into: float  # Σ_j (Σ_i R_ij)²
    through: float  # Σ_i (Σ_j R_ij)(Σ_j R_ji)

    @classmethod
    def of(cls, matrix: sparse.csr_array) -> Relation:
        """The sums over a sparse matrix (N, N)."""
        out, into = matrix.sum(axis=1), matrix.sum(axis=0)
        return cls(
            float(matrix.sum()),
            float((matrix.data**2).sum()),
            float(matrix.multiply(matrix.T).sum()),
            float(out @ out),
            float(into @ into),
            float(out @ into),
        )

    def ways(self) -> np.ndarray:
        """Σ R_ij·R_kl over the seven ways in which two ordered pairs coincide: (ij,ij), (ij,ji), (ij,il), (ij,kj),
        (ij,jl), (ij,ki), and all four different.
        """
        shared = np.array(
            [
                self.squares,
                self.mutual,
                self.out - self.squares,
                self.into - self.squares,
                self.through - self.mutual,
                self.through - self.mutual,
            ]
        )
        return np.append(shared, self.total**2 - shared.sum())


def chance_of(a: Relation, b: Relation, n: int, observed: float, divisor: float) -> Chance:
    """Mean, central 95 % and p of S/divisor when the N samples of one relation are permuted at random.

    Mean and variance are exact; the limits and p take the law to be normal.
    """
    pairs = n * (n - 1)
    mean = a.total * b.total / pairs
    counts = np.array([pairs, pairs, *[pairs * (n - 2)] * 4, pairs * (n - 2) * (n - 3)], float)
    products = a.ways() * b.ways()
    second = float(np.divide(products, counts, out=np.zeros(7), where=counts > 0).sum())
    spread = sqrt(max(0.0, second - mean**2)) / divisor
    mean /= divisor
    # Without spread (but for rounding) every permutation gives the same value.
    p = NormalDist(mean, spread).cdf(2 * mean - observed) if spread > 1e-6 * mean else 1.0
    return Chance(mean, mean - Z95 * spread, mean + Z95 * spread, p)
