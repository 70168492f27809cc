"""Gibbs sampling of dimensions, and of which manifold each sample lies on: the sampler of `hidalgo`."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.special import logsumexp

from layerscape.core.jit import compiled_when_called


class Model(NamedTuple):
    """What the sampler knows of the samples."""

    x: np.ndarray  # (N,): log μ
    near: np.ndarray  # (N, q): the first neighbors
    starts: np.ndarray  # whose neighbor a sample is: sources[starts[i]:starts[i + 1]]
    sources: np.ndarray
    held: np.ndarray  # n·log Z(ζ, n) for n = 0…N
    steps: np.ndarray  # (N,): how a manifold of n other samples takes one more
    zeta: float
    log_odds: float  # what a neighbor on the same manifold adds

    @classmethod
    def of(cls, x: np.ndarray, near: np.ndarray, zeta: float) -> Model:
        n, q = near.shape
        starts = np.concatenate([[0], np.cumsum(np.bincount(near.ravel(), minlength=n))])
        sources = np.argsort(near.ravel(), kind="stable") // q
        size, same = np.arange(1, n + 1)[:, None], np.arange(q + 1)
        log_z = _log_choose(size - 1, same) + _log_choose(n - size, q - same)
        log_z = logsumexp(log_z + same * np.log(zeta) + (q - same) * np.log1p(-zeta), axis=1)
        held = np.concatenate([[0.0], size[:, 0] * log_z])
        log_odds = float(np.log(zeta) - np.log1p(-zeta))
        return cls(x, near, starts, sources, held, held[:-1] - held[1:], zeta, log_odds)

    def log_posterior(self, d: np.ndarray, p: np.ndarray, sums: np.ndarray, counts: np.ndarray, inside: int) -> float:
        """Up to a constant, when ``inside`` of the neighbors lie on their sample's manifold."""
        law = counts @ np.log(p * d) - (d + 1) @ sums - d.sum()
        outside = self.near.size * np.log1p(-self.zeta)
        return float(law + inside * self.log_odds + outside - self.held[counts].sum())


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Logarithm of C(n, k), factor by factor: log Γ is too coarse for what is multiplied by n and then differenced."""
    factors = [np.where(m < k, np.log(np.maximum(n - m, 1) / (m + 1)), 0.0) for m in range(int(k.max()))]
    return np.where(n >= k, np.sum(factors, axis=0), -inf)


@dataclass(frozen=True)
class Restart:
    """The draws of one restart that count, manifolds sorted by their mean dimension."""

    dimensions: np.ndarray  # (draws, K)
    weights: np.ndarray  # (draws, K)
    log_posterior: float
    membership: np.ndarray  # (N, K)
    per_sample: np.ndarray  # (N,)

    @property
    def r_hat(self) -> float:
        """The largest split R̂ of a dimension: above 1 as far as the two halves of the draws differ."""
        half = len(self.dimensions) // 2
        halves = np.stack([self.dimensions[:half], self.dimensions[-half:]])
        within = halves.var(axis=1, ddof=1).mean(axis=0)
        between = halves.mean(axis=1).var(axis=0, ddof=1)
        return float(np.sqrt((half - 1) / half + between / within).max())


def sample(model: Model, n_manifolds: int, n_iterations: int, steps: int, seed: int) -> Restart:
    """One restart, from what log μ says when it is smoothed over so many steps."""
    n = len(model.x)
    rng = np.random.default_rng([seed, steps])
    labels = _beginning(model, n_manifolds, steps)
    counts = np.bincount(labels, minlength=n_manifolds)
    draws, membership, per_sample = [], np.zeros((n, n_manifolds)), np.zeros(n)
    sums = np.bincount(labels, model.x, n_manifolds)
    for iteration in range(n_iterations):
        d = rng.gamma(1 + counts) / (1 + sums)
        p = rng.dirichlet(1 + counts)
        inside = visit(model, np.log(p * d), d, rng.random(n), labels, counts)
        sums = np.bincount(labels, model.x, n_manifolds)
        if iteration >= n_iterations // 2:
            draws.append((d, p, model.log_posterior(d, p, sums, counts, inside)))
            membership[np.arange(n), labels] += 1
            per_sample += d[labels]
    dimensions, weights, log_posterior = (np.array(part) for part in zip(*draws, strict=True))
    # Manifolds trade places only where they do not differ: sorting every draw would tell such apart by their noise.
    order = np.argsort(dimensions.mean(axis=0))
    shares = membership[:, order] / len(draws)
    return Restart(dimensions[:, order], weights[:, order], log_posterior.mean(), shares, per_sample / len(draws))


def _beginning(model: Model, n_manifolds: int, steps: int) -> np.ndarray:
    """Manifolds to begin with: log μ is averaged over neighbors again and again, and parted by k-means."""
    n, q = model.near.shape
    links = csr_array((np.ones(n * q), (np.repeat(np.arange(n), q), model.near.ravel())), shape=(n, n))
    links = links + links.T
    degree, smooth = 1 + links.sum(axis=1), model.x
    for _ in range(steps):
        smooth = (smooth + links @ smooth) / degree
    level = -np.log(np.maximum(smooth, 1e-3 * model.x.mean()))
    centers = np.quantile(level, (np.arange(n_manifolds) + 0.5) / n_manifolds)
    labels = np.zeros(n, dtype=np.int64)
    for _ in range(50):
        labels = np.searchsorted((centers[1:] + centers[:-1]) / 2, level)
        counts = np.bincount(labels, minlength=n_manifolds)
        means = np.bincount(labels, level, n_manifolds) / np.maximum(counts, 1)
        centers = np.where(counts > 0, means, centers)
    return labels


@compiled_when_called
def visit(model, scores, slopes, uniforms, labels, counts):
    """Draw every sample's manifold anew, given those of all others, one after the other in place.

    Parameters
    ----------
    model
        Of the samples.
    scores, slopes
        Shape (K,): log p_k·d_k and d_k, so that μ adds scores − slopes·log μ.
    uniforms
        Shape (N,): random numbers in [0, 1).
    labels, counts
        Shapes (N,) and (K,): the manifold of every sample, and how many samples each has.

    Returns
    -------
    inside
        How many of the N·q neighbors lie on the manifold of their sample.
    """
    n_manifolds = len(counts)
    weights = np.empty(n_manifolds)
    for i in range(len(model.x)):
        counts[labels[i]] -= 1
        for k in range(n_manifolds):
            weights[k] = scores[k] - slopes[k] * model.x[i] + model.steps[counts[k]]
        for j in model.near[i]:
            weights[labels[j]] += model.log_odds
        for j in model.sources[model.starts[i] : model.starts[i + 1]]:
            weights[labels[j]] += model.log_odds
        largest, total = weights.max(), 0.0
        for k in range(n_manifolds):
            total += np.exp(weights[k] - largest)
            weights[k] = total
        chosen, goal = 0, uniforms[i] * total
        while chosen < n_manifolds - 1 and weights[chosen] <= goal:
            chosen += 1
        labels[i] = chosen
        counts[chosen] += 1
    inside = 0
    for i in range(len(model.x)):
        for j in model.near[i]:
            inside += labels[j] == labels[i]
    return inside
