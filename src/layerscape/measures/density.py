"""Density at each sample, up to where it stops being constant: what ABIDE and the density peaks both start from.

Lists of neighbors are arrays (N, K) of row numbers and of distances, nearest first; a list that is shorter than K ends
in distances of infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2

from layerscape.measures.rows import slices

FEWEST = 4  # neighbors of the smallest neighborhood
ALPHA = 1e-6  # level of the test, as in Rodriguez et al. 2018
BLOCK = 2**20  # numbers at a time
STEEPEST = 60.0  # change of log density over a neighborhood
ROUNDS = 60
EXACT = 1e-12


def radius_ratios(indices: np.ndarray, distances: np.ndarray, k_max: int) -> np.ndarray:
    """|log r_k(x) − log r_k(y)| with y the (k+1)-th neighbor of x, shape (N, K), for k = FEWEST − 1, …, k_max − 1.

    Infinite where one of the lists has ended.
    """
    k = np.arange(FEWEST - 1, k_max)
    logs = np.log(distances[:, :k_max])
    own, others = logs[:, k - 1], logs[indices[:, k], k - 1]
    ended = np.isinf(distances[:, k]) | np.isinf(others)
    return np.abs(np.subtract(own, others, out=np.full(own.shape, np.inf), where=~ended))


def constant_up_to(ratios: np.ndarray, d: float, alpha: float) -> np.ndarray:
    """K* of every sample, if volumes go with the d-th power of radii: the first k at which the densities differ."""
    k = np.arange(FEWEST - 1, FEWEST - 1 + ratios.shape[1])
    # D = 4k·log cosh(v/2) with v = |log V_x − log V_y|, so that the test is one comparison of radii for every k.
    largest = 2 * np.arccosh(np.exp(chi2.isf(alpha, 1) / (4 * k)))
    differs = ratios > largest / d
    first = np.where(differs.any(axis=1), differs.argmax(axis=1), ratios.shape[1])
    return np.maximum(k[0], k[0] + first)


@dataclass(frozen=True, eq=False)
class Density:
    """The logarithm of the density at N samples, its standard error, and from how many neighbors it comes; (N,) each.

    A sample whose list is too short to tell has a density of 0 and an infinite error.
    """

    log_density: np.ndarray
    error: np.ndarray
    neighbors: np.ndarray


def density_at(indices: np.ndarray, distances: np.ndarray, d: float) -> Density:
    """The point-adaptive k-nearest-neighbor estimate (PAk) of Rodriguez, d'Errico, Facco, Laio 2018.

    With v_l the volume of the shell between neighbors l − 1 and l, F and a maximize Σ_{l≤k*} (F + a·l − v_l·e^{F+a·l}),
    and F is log(N·ρ): the trend a over the neighborhood is taken off. Var F = (4k* + 2) / (k*·(k* − 1)).

    Parameters
    ----------
    indices, distances
        Lists of K ≥ 4 neighbors of N samples, without copies.
    d
        The dimension by which volumes grow.
    """
    n, width = distances.shape
    kept = constant_up_to(radius_ratios(indices, distances, width), d, ALPHA)
    kept = np.minimum(kept, np.isfinite(distances).sum(axis=1))
    known = np.flatnonzero(kept >= FEWEST - 1)
    value, error = np.full(n, -np.inf), np.full(n, np.inf)
    unit_ball = d / 2 * log(pi) - float(gammaln(d / 2 + 1))
    for part in slices(len(known), BLOCK // width):
        rows = known[part]
        k = kept[rows]
        last = distances[rows, k - 1]
        inside = np.arange(1, k.max() + 1) <= k[:, None]
        balls = np.where(inside, distances[rows, : k.max()] / last[:, None], 1.0) ** d
        shells = np.diff(balls, prepend=0.0, axis=1)
        value[rows] = _at_the_sample(shells, k) - unit_ball - d * np.log(last) - log(n)
        error[rows] = np.sqrt((4 * k + 2) / (k * (k - 1)))
    return Density(value, error, kept)


def _at_the_sample(shells: np.ndarray, k: np.ndarray) -> np.ndarray:
    """F for shells in units of the whole ball. With F solved for, the mean of l under v_l·e^{a·l} must be (k + 1)/2."""
    place = np.minimum(np.arange(1, shells.shape[1] + 1) / k[:, None], 1.0)  # empty beyond k
    wanted = (k + 1) / (2 * k)
    low, high = np.full(len(k), -STEEPEST), np.full(len(k), STEEPEST)
    slope = np.zeros(len(k))
    weight, mean = shells, np.zeros(len(k))
    for _ in range(ROUNDS):
        # Divided by the largest factor, so that nothing overflows.
        weight = shells * np.exp(slope[:, None] * place - np.maximum(slope, 0)[:, None])
        total = weight.sum(axis=1)
        mean = (weight * place).sum(axis=1) / total
        if np.abs(mean - wanted).max() < EXACT:
            break
        spread = (weight * (place - mean[:, None]) ** 2).sum(axis=1) / total
        low, high = np.where(mean < wanted, slope, low), np.where(mean > wanted, slope, high)
        newton = slope + (wanted - mean) / np.maximum(spread, EXACT)
        slope = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
    # No trend fits where most shells are empty, as on a lattice: there the density is taken as constant.
    slope = np.where(np.abs(mean - wanted) < 1e-6, slope, 0.0)
    weight = shells * np.exp(slope[:, None] * (place - 1))
    return np.log(k) - slope - np.log(weight.sum(axis=1))
