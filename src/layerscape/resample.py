"""Are two layers different, which is best, and how sure is that: tests for values of the same samples.

Values of two layers are of the same samples, so that their difference is known better than either. It is a sum over
pairs of neighbors, and its variance is the jackknife's, less the interactions that it counts twice (Efron and Stein
1981, doi:10.1214/aos/1176345462), as for single values (`measures/interval.py`). The best of many layers is compared
with the best of as many layers for permuted labels, the same permutation in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist

import numpy as np
from scipy import sparse

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.interval import Z95
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


def difference(first: Terms, second: Terms) -> Difference:
    """First less second, of the same samples."""
    value = first.value - second.value
    pairs = first.pairs - second.pairs
    influence, own = first.influence - second.influence, pairs.sum(axis=1)
    interactions = float((pairs.data**2).sum() + pairs.multiply(pairs.T).sum())
    least = float(((own - own.mean()) ** 2).sum()) / 4
    sd = sqrt(max(float(influence @ influence) - interactions, least))
    z = abs(value) / sd if sd else inf if value else 0.0
    return Difference(value, value - Z95 * sd, value + Z95 * sd, 2 * NormalDist().cdf(-z))


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
