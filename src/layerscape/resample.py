"""Are two layers different, which is best, and how sure is that: tests for values of the same samples.

Values of two layers are of the same samples, so that their difference is known better than either. For label overlaps
it is a sum over pairs of neighbors, and its variance is the jackknife's, less the interactions that it counts twice
(Efron and Stein 1981, doi:10.1214/aos/1176345462); for dimensions that of the sandwich over pairs of samples that are
neighbors in either layer: as for single values (`core/interval.py`). The best of many layers is compared with the
best of as many layers for permuted labels, the same permutation in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from layerscape.core.interval import Z95, sd_of_sum
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.ratios import check_enough, log_ratios
from layerscape.measures.permutation import permutations


@dataclass(frozen=True, eq=False)
class Terms:
    """A mean over the samples, written as a sum over pairs of neighbors.

    Attributes
    ----------
    pairs
        Shape (N, N): what the neighbor j of sample i adds.
    influence
        Shape (N,): how much each sample moves the value, through its own neighbors and as a neighbor of others.
    """

    pairs: sparse.csr_array
    influence: np.ndarray

    @property
    def value(self) -> float:
        return float(self.pairs.sum())

    @property
    def per_sample(self) -> np.ndarray:
        """Shape (N,): the value of every sample, of which ``value`` is the mean."""
        return self.pairs.sum(axis=1) * len(self.influence)

    def sd_beside(self, other: Terms) -> float:
        """Standard deviation of the difference to another value of the same samples."""
        pairs, influence = self.pairs - other.pairs, self.influence - other.influence
        own = pairs.sum(axis=1)
        interactions = float((pairs.data**2).sum() + pairs.multiply(pairs.T).sum())
        least = float(((own - own.mean()) ** 2).sum()) / 4
        return sqrt(max(float(influence @ influence) - interactions, least))


@dataclass(frozen=True, eq=False)
class Influences:
    """A value that each sample moves by itself.

    Attributes
    ----------
    value
        The value.
    influence
        Shape (N,): how much each sample moves it; 0 for those that are left out.
    near
        Shape (N, K): the neighbors on which that depends, −1 for none.
    """

    value: float
    influence: np.ndarray
    near: np.ndarray

    @classmethod
    def of_mean(cls, per_sample: np.ndarray, near: np.ndarray) -> Influences:
        """The mean of one value per sample."""
        value = float(per_sample.mean())
        return cls(value, (per_sample - value) / len(per_sample), near)

    @property
    def per_sample(self) -> np.ndarray:
        """Shape (N,): values of which ``value`` is the mean, to first order."""
        return self.value + len(self.influence) * self.influence

    def sd_beside(self, other: Influences) -> float:
        """Standard deviation of the difference to another value of the same samples."""
        return sd_of_sum(self.influence - other.influence, np.hstack([self.near, other.near]))


@dataclass(frozen=True)
class Difference:
    """A difference with its 95 % interval, and the p-value of both sides for that there is none."""

    value: float
    low: float
    high: float
    p: float


def label_terms(graph: Neighbors, labels: Sequence[np.ndarray], k: int) -> Terms:
    """How far the label overlap at k neighbors is above chance, (χ − c) / (1 − c), averaged over label columns.

    Parameters
    ----------
    graph
        Of all N samples.
    labels
        One or more columns of class numbers, each of shape (N,).
    """
    n = graph.n_samples
    rows, members, weights = _edges(graph, k)
    gain = np.zeros(len(rows))
    for classes in labels:
        chance = chance_of_same(classes)
        gain += ((classes[rows] == classes[members]) - chance) / (1 - chance) / len(labels)
    pairs = sparse.csr_array((weights * gain, (rows, members)), shape=(n, n))
    value, asked = float(weights @ gain), np.bincount(members, weights, minlength=n)
    return Terms(pairs, pairs.sum(axis=1) - value / n + pairs.sum(axis=0) - value * asked)


def chance_of_same(classes: np.ndarray) -> float:
    """The share of pairs of samples that have one label, Σ n_c(n_c−1) / N(N−1)."""
    sizes = np.bincount(classes).astype(float)
    return float((sizes * (sizes - 1)).sum() / (len(classes) * (len(classes) - 1)))


def _edges(graph: Neighbors, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples, neighbors and weights that add up to 1."""
    if graph.queries is not None:
        raise InvalidValue("a graph of some queries has no value for every sample; give the graph of all samples.")
    rows, members, weights = graph.weights(k)
    return rows, members, weights / (k * graph.n_samples)


def dimension_terms(graph: Neighbors, rows: np.ndarray, n_samples: int) -> Influences:
    """The dimension by TwoNN's maximum likelihood, d = (n−1) / Σ log(r₂/r₁).

    Parameters
    ----------
    graph
        At least 2 neighbors of n distinct rows.
    rows
        Shape (n,): which of the N samples these are.
    n_samples
        N.
    """
    check_enough(graph)
    ratios = log_ratios(graph, 1, 2)
    if not ratios.any():
        raise InvalidValue("the first two neighbors of all samples are at equal distances: the data are a lattice.")
    value = (len(ratios) - 1) / float(ratios.sum())
    influence, near = np.zeros(n_samples), np.full((n_samples, 2), -1)
    influence[rows] = value * value * (ratios.mean() - ratios) / len(ratios)
    near[rows] = rows[graph.indices[:, :2]]
    return Influences(value, influence, near)


def difference(first: Terms | Influences, second: Terms | Influences) -> Difference:
    """First less second, of one kind and of the same samples."""
    value, sd = first.value - second.value, first.sd_beside(second)  # type: ignore[arg-type]
    # What is but for rounding the same, the layer scaled, is the same.
    z = abs(value) / sd if sd > 1e-12 * abs(first.value) else 0.0 if abs(value) <= 1e-12 * abs(first.value) else inf
    return Difference(value, value - Z95 * sd, value + Z95 * sd, 2 * float(ndtr(-z)))


def holm(p: np.ndarray) -> np.ndarray:
    """p-values corrected for how many they are (Holm 1979); NaN, for a test that could not be made, stays NaN.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan]))
    array([0.03, 0.06, 0.06,  nan])
    """
    corrected, made = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    times = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * times))
    return corrected


def wins(per_sample: np.ndarray, *, parts: int = 20, seed: int = 0) -> np.ndarray:
    """In which share of disjoint subsets of the samples each layer has the highest mean; shape (layers,).

    Parameters
    ----------
    per_sample
        Shape (layers, N).
    parts
        How many subsets; layers that tie share the win.
    """
    n = per_sample.shape[1]
    if not 2 <= parts <= n:
        raise InvalidValue(f"parts={parts} of {n} samples; give 2..{n}.")
    member = np.random.default_rng(seed).permutation(n) % parts
    means = np.array([np.bincount(member, values, parts) for values in per_sample])
    best = means == means.max(axis=0)
    return (best / best.sum(axis=0)).mean(axis=1)


def best_by_chance(
    graphs: Iterable[Neighbors], labels: Sequence[np.ndarray], k: int, *, number: int, seed: int
) -> np.ndarray:
    """The highest value of `label_terms` among all layers for permuted labels; shape (number,).

    One permutation serves all layers and label columns.
    """
    chances = [chance_of_same(classes) for classes in labels]
    found = np.full(number, -inf)
    for graph in graphs:
        rows, members, weights = _edges(graph, k)
        for place, order in enumerate(permutations(graph.n_samples, number, seed)):
            drawn = [classes[order] for classes in labels]
            shares = [float(weights[one[rows] == one[members]].sum()) for one in drawn]
            gains = [(share - chance) / (1 - chance) for share, chance in zip(shares, chances, strict=True)]
            found[place] = max(found[place], float(np.mean(gains)))
    return found
