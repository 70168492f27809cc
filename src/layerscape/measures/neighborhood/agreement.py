"""Agreement of two relations between samples, and what chance gives: shared by the overlaps.

An overlap is S = Σ_{i≠j} A_ij·B_ij, where A says how much j is a neighbor of i in one representation and B the same in
another, or whether two samples share a label. If the samples of B are permuted at random, mean and variance of S follow
exactly from sums over the two relations alone (Mantel 1967; Hubert & Schultz 1976): the second moment is a sum over
pairs of ordered pairs, which coincide in seven ways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import exp, inf, lgamma, sqrt
from typing import Any

import numpy as np
from scipy import sparse

from layerscape.core.estimate import Chance
from layerscape.core.exchange import Score, of_each
from layerscape.core.jit import compiled_when_called
from layerscape.core.memo import remembered
from layerscape.core.neighbors import Neighbors
from layerscape.core.permutation import JUMP, chance_by_law, p_above, p_with_jumps, p_with_skewness, permutations


@remembered
def membership(graph: Neighbors, k: int) -> sparse.csr_array:
    """Shape (M, N): probability that a sample is among the first k of a query when ties are broken at random."""
    rows, columns, weights = graph.weights(k)
    return sparse.csr_array((weights, (rows, columns)), shape=(len(graph.indices), graph.n_samples))


@remembered
def relation_of_first(graph: Neighbors, k: int) -> Relation:
    """The sums over that; of a graph of all samples."""
    return Relation.of_entries(*graph.weights(k), graph.n_samples)


@dataclass(frozen=True)
class Relation:
    """Sums over a relation R between N samples, zero on the diagonal.

    Or over relations R(1)…R(K), such as being among the first k neighbors: then ``total`` is of shape (K,), all else of
    shape (K, K), for the products of one relation with another.
    """

    total: Any  # Σ R_ij
    squares: Any  # Σ R_ij·R_ij
    mutual: Any  # Σ R_ij·R_ji
    out: Any  # Σ_i (Σ_j R_ij)(Σ_j R_ij)
    into: Any  # Σ_j (Σ_i R_ij)(Σ_i R_ij)
    through: Any  # Σ_i (Σ_j R_ij)(Σ_j R_ji)

    @classmethod
    def of(cls, matrix: sparse.csr_array) -> Relation:
        """The sums over a sparse matrix (N, N)."""
        n = len(matrix.indptr) - 1
        return cls.of_entries(np.repeat(np.arange(n), np.diff(matrix.indptr)), matrix.indices, matrix.data, n)

    @classmethod
    def of_entries(cls, rows: np.ndarray, members: np.ndarray, values: np.ndarray, n: int) -> Relation:
        """The sums where these pairs of N samples have these values, each pair once, and all others 0."""
        out, into = (np.bincount(each, values, n) for each in (rows, members))
        return cls(
            float(values.sum()),
            float(values @ values),
            sum_of_mutual(rows, members, values, n),
            float(out @ out),
            float(into @ into),
            float(out @ into),
        )

    @property
    def grain(self) -> float:
        """How large the values are of which the (last) relation is: Σ R_ij² / Σ R_ij, 1 where it holds or does not."""
        total = float(np.ravel(self.total)[-1])
        return float(np.ravel(self.squares)[-1]) / total if total else 1.0

    def ways(self) -> np.ndarray:
        """Σ R_ij·R_kl over the seven ways in which two ordered pairs coincide: (ij,ij), (ij,ji), (ij,il), (ij,kj),
        (ij,jl), (ij,ki), and all four different. Shape (7, K, K), with K = 1 for one relation.
        """
        shared = np.array(
            [
                self.squares,
                self.mutual,
                np.subtract(self.out, self.squares),
                np.subtract(self.into, self.squares),
                np.subtract(self.through, self.mutual),
                np.subtract(self.through, self.mutual).T,
            ]
        )
        shared = shared.reshape(6, *np.atleast_2d(self.squares).shape)
        total = np.atleast_1d(self.total)
        return np.concatenate([shared, [np.outer(total, total) - shared.sum(axis=0)]])


def chance_of(
    a: Relation,
    b: Relation,
    n: int,
    observed: float,
    weights: Any,
    shift: float = 0.0,
    permuted: Callable[[int], np.ndarray] | None = None,
    jump: float = 0.0,
    step: float = 0.0,
) -> Chance:
    """Mean, central 95 % and p of Σ_k weights_k·S(k) + shift when the N samples of one relation are permuted at random.

    Mean and variance are exact. No pair adds less than nothing, so the limits are skewed as a count of rare pairs is:
    by standard deviation over mean. p takes the law to be normal, unless ``permuted`` gives scores from which the
    skewness is known. ``jump`` is what one pair adds at most: where that is much, p is counted of ``permuted`` scores,
    which then are in the unit of ``observed``. ``step`` is what a pair adds that is related in both; where ties make
    relations of less than 1, a part of it as large as these are: see `p_of`.
    """
    pairs, weights = n * (n - 1), np.atleast_1d(weights)
    means = np.atleast_1d(a.total) * np.atleast_1d(b.total) / pairs
    counts = np.array([pairs, pairs, *[pairs * (n - 2)] * 4, pairs * (n - 2) * (n - 3)], float)
    second = np.zeros((len(weights), len(weights)))
    for way_a, way_b, count in zip(a.ways(), b.ways(), counts, strict=True):
        second += way_a * way_b / count if count else 0.0
    mean = float(weights @ means)
    spread = sqrt(max(0.0, float(weights @ (second - np.outer(means, means)) @ weights)))
    least = exp(-lgamma(n + 1))  # one of all orders
    step *= a.grain * b.grain
    p = max(least, p_of(observed, mean + shift, spread, mean, permuted, jump, step))
    bounds = (shift, 1.0) if mean > 0 else (-inf, shift)  # all pairs agree where the score is 1
    return chance_by_law(mean + shift, spread, spread / mean if mean else 0.0, p, bounds)


def score_of_relations(a: sparse.csr_array, b: sparse.csr_array, weight: float) -> Score:
    """weight·Σ A_ij·B_ij as a function of orders of the samples of B; the matrices are of shape (N, N)."""
    agreement = _agreement(a, b)
    return of_each(lambda order: weight * agreement(order))


def permuted_agreement(a: sparse.csr_array, b: sparse.csr_array, number: int) -> np.ndarray:
    """Σ A_ij·B_ij so many times with the samples of B in another order; shape (number,)."""
    return np.array(list(map(_agreement(a, b), permutations(len(a.indptr) - 1, number, 0))))


def _agreement(a: sparse.csr_array, b: sparse.csr_array) -> Callable[[np.ndarray], float]:
    return partial(sum_together, a.indptr, a.indices, a.data, b.indptr, b.indices, b.data)


def p_of(
    observed: float,
    mean: float,
    spread: float,
    scale: float,
    permuted: Callable[[int], np.ndarray] | None = None,
    jump: float = 0.0,
    step: float = 0.0,
) -> float:
    """The share of permutations that score at least as much; 1 where all give the same but for rounding of a scale.

    A score that goes by steps is at least as much where a smooth law is at least half a step less, and it is as skewed
    as a count of that spread (Poisson's law), or more.
    """
    if not spread > 1e-6 * abs(scale):
        return 1.0
    z = (observed - step / 2 - mean) / spread
    if permuted and jump > JUMP * spread:
        return p_with_jumps(observed, z, permuted)
    return p_with_skewness(z, permuted, step / spread) if permuted else p_above(z)


def sum_of_mutual(rows: np.ndarray, members: np.ndarray, values: np.ndarray, n: int) -> float:
    """Σ R_ij·R_ji where the pairs (rows, members) of n samples have these values, each pair once, and all others 0."""
    if (rows[1:] < rows[:-1]).any():
        order = np.argsort(rows, kind="stable")
        rows, members, values = rows[order], members[order], values[order]
    return float(_sum_of_mutual(rows, members, values, n))


@compiled_when_called
def _sum_of_mutual(rows, members, values, n):
    """The same for rows in order: each leaves what it has for later rows, where these find it when their turn comes."""
    starts = np.zeros(n + 1, np.int64)  # of what is left for each
    for e in range(len(rows)):
        starts[members[e] + 1] += members[e] > rows[e]
    for i in range(n):
        starts[i + 1] += starts[i]
    ends, left_by, left = starts[:-1].copy(), np.empty(starts[n], np.int32), np.empty(starts[n])
    latest, total, e = np.full(n, -1), 0.0, 0  # the last entry that a sample was a member in
    while e < len(rows):
        i, first = rows[e], e
        while e < len(rows) and rows[e] == i:
            j = members[e]
            latest[j] = e
            if j > i:
                left_by[ends[j]], left[ends[j]] = i, values[e]
                ends[j] += 1
            elif j == i:
                total += values[e] ** 2
            e += 1
        for f in range(starts[i], ends[i]):
            back = latest[left_by[f]]
            if back >= first:
                total += 2 * left[f] * values[back]
    return total


@compiled_when_called
def sum_together(starts_a, members_a, values_a, starts_b, members_b, values_b, order):
    """Σ A_ij·B_ij where sample i of A is sample ``order[i]`` of B; both by rows, as sparse matrices keep them."""
    place, total = (
        np.full(len(order), -1),
        0.0,
    )  # where a sample stands among the entries of A, in this or an earlier row
    for i in range(len(order)):
        for e in range(starts_a[i], starts_a[i + 1]):
            place[order[members_a[e]]] = e
        for f in range(starts_b[order[i]], starts_b[order[i] + 1]):
            e = place[members_b[f]]
            if e >= starts_a[i]:
                total += values_a[e] * values_b[f]
    return total
