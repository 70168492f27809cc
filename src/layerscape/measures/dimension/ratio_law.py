"""The law of the ratios of neighbor distances in d dimensions, at every scale: what Gride reads, and how well it holds.

With μ = r₂ₙ/rₙ and a density that is constant on the scale of r₂ₙ, μ⁻ᵈ follows the law Beta(n, n) (Denti et al. 2022,
doi:10.1038/s41598-022-20991-1, eq. 2.4 for n₂ = 2n₁). In all that follows x = log μ.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import betainc

from layerscape.core.estimate import Point
from layerscape.core.interval import sd_of_mean
from layerscape.core.neighbors import Neighbors
from layerscape.measures.dimension.ratios import log_ratios

RELATED = 2  # at every scale: relating more neighbors counts smooth differences between regions as noise


def likeliest(x: np.ndarray, n: int) -> float:
    """The dimension of the largest likelihood, with N − 1 in place of N, which makes n = 1 the unbiased TwoNN."""
    total = x.sum()

    def slope(d: float) -> float:
        return float((len(x) - 1) / d + (n - 1) * pull(d, x).sum() - (2 * n - 1) * total)

    # 1/d ≤ x/(1−e^(−dx)) ≤ x + 1/d puts the root between these two, at any scale of the data.
    low, high = (n * len(x) - 1) / ((2 * n - 1) * total), len(x) / total
    return float(root_scalar(slope, bracket=(low / 2, 2 * high), method="brentq", xtol=1e-14 * low).root)


def pull(d: float, x: np.ndarray) -> np.ndarray:
    """X / (1 − e^(−dx)), which is 1/d where x is 0."""
    return np.where(x == 0, 1 / d, x / -np.expm1(-d * np.where(x == 0, 1, x)))


def score(d: float, n: int, x: np.ndarray) -> np.ndarray:
    """What each ratio adds to the slope of the likelihood."""
    return 1 / d + (n - 1) * pull(d, x) - (2 * n - 1) * x


def information(d: float, n: int, x: np.ndarray) -> float:
    """How steeply that slope falls, by ratio."""
    return 1 / d**2 + (n - 1) * float(np.mean(pull(d, x) ** 2 * np.exp(-d * x)))


def gap(d: float, n: int, x: np.ndarray) -> float:
    """The largest difference between the law of the ratios and that of d dimensions, in 0…1.

    >>> ratios = -np.log(np.random.default_rng(0).random(10_000)) / 3  # of three dimensions, n = 1
    >>> gap(3, 1, ratios) < 0.02 < gap(4, 1, ratios)
    True
    """
    level = betainc(n, n, np.sort(np.exp(-d * x)))
    steps = np.arange(len(x) + 1) / len(x)
    return float(max((steps[1:] - level).max(), (level - steps[:-1]).max()))


def correlations(graph: Neighbors, curve: Sequence[Point]) -> np.ndarray:
    """How much the errors of Gride's values at two scales go together, shape (S, S): by what each sample adds to them.

    Where all samples lie on one manifold it is little, since r₂ₙ/rₙ says nothing of r₄ₙ/r₂ₙ; where they lie on several,
    every scale depends on how many there are of each.
    """
    found = np.eye(len(curve))
    parts = []
    for point in curve:
        n = (point.k or 0) // 2
        own = score(point.value, n, log_ratios(graph, n, 2 * n))
        parts.append(own / (sd_of_mean(own, graph, k=RELATED) or 1.0))
    for a, b in combinations(range(len(curve)), 2):
        both, between = (sd_of_mean(parts[a] + way * parts[b], graph, k=RELATED) ** 2 for way in (1, -1))
        found[a, b] = found[b, a] = np.clip((both - between) / 4, -1, 1)
    return found
