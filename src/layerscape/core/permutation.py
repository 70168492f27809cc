"""Chance by permutation: what a comparison reads when the samples of one side are paired at random.

Only row numbers are permuted, never distances or vectors recomputed. The permutations depend on N, count and seed
alone, so that all cells of a map share them, and the largest cell of each permutation is the chance of a best layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, sqrt

import numpy as np
from scipy.special import ndtr
from scipy.stats import pearson3

from layerscape.core.checks import check_least, check_most
from layerscape.core.estimate import Chance
from layerscape.core.words import LEAST_P

FEWEST = 19  # permutations, with which p can reach 0.05
MOST = 1_000_000  # of them; the least p is 1e-6
FOR_SKEWNESS = 500, 100  # permutations, and how many do where the skewness matters little
FIRST = 50  # those that are tried first, perhaps of some samples
LITTLE = 1.25  # times p: what the standard error of the skewness may make of it
BEYOND = 1.7  # four standard errors of the skewness of so few normal scores, and what is left out if samples are
PLAIN, SURE = 1.4, 30.0  # standard deviations up to and from which the skewness does not matter
JUMP, COUNTED = 0.5, 999  # standard deviations that one pair adds from which on p is counted, of so many permutations
ROUNDING = 1e-12  # of scores about 1, that are equal if they are nearer to each other


def permutations(n_samples: int, count: int, seed: int) -> Iterator[np.ndarray]:
    """So many random orders of the rows; raises at more than a million."""
    check_most(MOST, "since no p below 1e-6 is known", permutations=count)
    rng = np.random.default_rng(seed)
    return (rng.permutation(n_samples) for _ in range(count))


def check_permutations(count: int) -> None:
    """Raise unless p can reach 0.05 by so many, and they end."""
    check_least(FEWEST, "so that p can reach 0.05", permutations=count)
    check_most(MOST, "since no p below 1e-6 is known", permutations=count)


def chance_by_permutation(
    score: Callable[[np.ndarray], float], observed: float, n_samples: int, count: int, seed: int
) -> tuple[Chance, np.ndarray]:
    """Mean, central 95 % and p of a score under random pairing, and the scores themselves.

    Parameters
    ----------
    score
        The comparison with the rows of one side in the given order.
    observed
        The score as the rows are.
    n_samples, count, seed
        Which permutations.

    Returns
    -------
    chance, null
        p is (1 + how many scored at least as much) / (1 + count); ``null`` has shape (count,), for
        ``Estimate.details["null"]``.
    """
    check_permutations(count)
    null = np.array([score(order) for order in permutations(n_samples, count, seed)])
    low, high = np.quantile(null, [0.025, 0.975])
    return Chance(float(null.mean()), float(low), float(high), share_as_high(null, observed)), null


def chance_by_law(
    mean: float, spread: float, skewness: float, p: float, bounds: tuple[float, float] = (-inf, inf)
) -> Chance:
    """Mean and central 95 % of the Pearson III law with this standard deviation and skewness, within bounds.

    >>> chance_by_law(0.01, 0.01, 1.0, p=0.5, bounds=(0, 1)).low  # the normal law reaches below 0
    0.0
    """
    low, high = mean + spread * pearson3.ppf([0.025, 0.975], skewness)
    low, high = np.clip([min(low, mean), max(high, mean)], *bounds)
    return Chance(mean, float(low), float(high), p)


def share_as_high(null: np.ndarray, observed: float) -> float:
    """The p-value of a score: (1 + how many of the permuted are as high, but for rounding) / (1 + how many there are).

    >>> share_as_high(np.zeros(19), 1e-16), share_as_high(np.zeros(19), 1.0)
    (1.0, 0.05)
    """
    as_high = int((null >= observed - ROUNDING * max(1.0, abs(observed))).sum())
    return (1 + as_high) / (1 + len(null))


def p_beyond(null: np.ndarray, observed: float, least: float) -> float:
    """The p-value of a score among some of its permuted ones: how many are as high or, where none is, by their law.

    Beyond all of them, if they are enough to know it, it is what their mean, spread and skewness say (`p_above`), but
    never more than so many scores allow, nor less than all orders that there are do, of which ``least`` is the share of
    one.

    >>> null = np.random.default_rng(0).standard_normal(999)
    >>> p_beyond(null, 0.0, 0.0) > 0.4, p_beyond(null, 50.0, 0.0), p_beyond(null, 50.0, 1e-4)
    (True, 1e-06, 0.0001)
    """
    p = share_as_high(null, observed)
    spread = float(null.std()) if len(null) else 0.0
    if p > 1 / (1 + len(null)) or p <= least or spread < ROUNDING or len(null) < max(FOR_SKEWNESS):
        return p
    return min(p, max(least, p_above((observed - float(null.mean())) / spread, _skewness(null))))


def p_above(z: float, skewness: float = 0.0) -> float:
    """The p-value of a score so many standard deviations above the mean of its law under permutation.

    The larger of what the normal law gives and what the Pearson III law with this skewness does, since the first is too
    small where the law is skewed to the right, and the second where it is to the left. At least 1e-6: smaller ones are
    not known.

    >>> round(p_above(3.09), 4), round(p_above(3.09, 1.0), 4), p_above(50.0)
    (0.001, 0.0091, 1e-06)
    """
    return max(float(ndtr(-z)), float(pearson3.sf(z, skewness)), LEAST_P)


def p_with_skewness(z: float, permuted: Callable[[int], np.ndarray], least: float = 0.0) -> float:
    """The same, with the skewness of so many permuted scores as are asked for where it matters: for z from 1.4 to 30.

    Below, p is .08 or more, and .093 at the most with any skewness.

    They are 50, perhaps of some samples, where p is the least even if the skewness is far above that of these; else
    100, and 500 where the error of the skewness of so few would show in p. ``least`` is a skewness that the law has at
    the least, whatever so few scores show: of a count of rare pairs most show none.
    """
    if not PLAIN < z < SURE:
        return p_above(z, least)
    if p_above(z, max(least, _skewness(permuted(FIRST)) + BEYOND)) == LEAST_P:
        return LEAST_P
    many, fewer = FOR_SKEWNESS
    skewness = max(least, _skewness(permuted(fewer)))
    p = p_above(z, skewness)
    if p_above(z, skewness + sqrt(6 / fewer)) < LITTLE * p:
        return p
    return p_above(z, max(least, _skewness(permuted(many))))


def p_with_jumps(observed: float, z: float, permuted: Callable[[int], np.ndarray]) -> float:
    """The p-value of a score whose law has few and high jumps, z standard deviations above its mean: of permutations.

    Where a handful of pairs decide, as of six samples of a class, the laws above are far too small between jumps. The
    scores of permutations are in the unit of the score; where none is as high p is the least that they can tell.
    """
    return p_above(z) if z <= PLAIN else max(p_above(z), share_as_high(permuted(COUNTED), observed))


def _skewness(scores: np.ndarray) -> float:
    apart = scores - scores.mean()
    variance = float((apart**2).mean())
    return float((apart**3).mean()) / variance**1.5 if variance > 0 else 0.0
