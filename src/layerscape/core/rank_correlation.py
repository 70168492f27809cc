"""Spearman's rank correlation of a few values, with an interval, a p by permutations, and with others set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import atanh, factorial, sqrt, tanh

import numpy as np
from scipy.stats import rankdata, t

from layerscape.errors import InvalidValue

FEWEST, FEW = 4, 10  # values without which nothing is said, and with fewer of which it is said that these are few
EXACT, DRAWN = 8, 9999  # values up to which every order is counted, and orders that are drawn of more
ROUNDING = 1e-9


@dataclass(frozen=True)
class RankCorrelation:
    """ρ, its 95 % interval, two-sided p, and of how many values."""

    value: float
    low: float
    high: float
    p: float
    n: int


def rank_correlation(
    x: Sequence[float], y: Sequence[float], aside: Sequence[Sequence[float]] = (), *, seed: int = 0
) -> RankCorrelation:
    """Spearman's ρ of x and y, midranks where values tie; of what the ranks of others leave of them, if any are given.

    The interval is Fisher's with the variance (1 + ρ²/2)/(n − 3 − g) of Bonett and Wright 2000 (doi:10.1007/BF02294183)
    for g values set aside, and Student's law, of a ρ no nearer to ±1 than half an exchange of two ranks; what it covers
    is in benchmarks/RESULTS.md. p counts orders of one side that give as much: all of them up to 8 values, else 9,999
    drawn ones and the one that there is. With values set aside it is the larger of what Student's law says of residuals
    of equal and of unequal variance (White 1980, doi:10.2307/1912934), since those near the middle vary more.

    Raises
    ------
    InvalidValue
        If there are fewer than 4 + g values, or those of one side are all the same, or follow from those set aside.

    Examples
    --------
    >>> found = rank_correlation([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5])
    >>> round(found.value, 3), round(found.p, 3), found.n
    (0.886, 0.033, 6)
    """
    n, g = len(x), len(aside)
    if n < FEWEST + g:
        raise InvalidValue(f"a rank correlation of {n} values; give {FEWEST + g} or more.")
    one, two = (_left(values, aside) for values in (x, y))
    value = float(np.clip(one @ two, -1, 1))
    error = sqrt((1 + value**2 / 2) / (n - 3 - g)) if n > 3 + g else np.inf
    margin = float(t.ppf(0.975, n - 2 - g)) * error
    most = 1 - 6 / (n * (n**2 - 1))  # half of what one exchange of neighbors takes from 1: so many orders tell no more
    center = atanh(min(max(value, -most), most))
    p = _p_of_rest(one, two, value, n - 2 - g) if g else _p(one, two, value, seed)
    return RankCorrelation(value, tanh(center - margin), tanh(center + margin), p, n)


def _left(values: Sequence[float], aside: Sequence[Sequence[float]]) -> np.ndarray:
    """Ranks brought to mean 0 and length 1, less what the ranks of others explain."""
    ranks = [rankdata(each) - (len(each) + 1) / 2 for each in (values, *aside)]
    own, others = ranks[0], np.stack(ranks[1:], axis=1) if aside else np.empty((len(values), 0))
    length = np.linalg.norm(own)
    if aside:
        own = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
    if not np.linalg.norm(own) > ROUNDING * max(length, 1.0):
        why = "follow from those that are set aside" if length else "are all the same"
        raise InvalidValue(f"a rank correlation of values that {why}; there is none.")
    return own / np.linalg.norm(own)


def _p(one: np.ndarray, two: np.ndarray, value: float, seed: int) -> float:
    n = len(one)
    if n <= EXACT:
        orders, more = np.array(list(permutations(range(n)))), 0
        number = factorial(n)
    else:
        rng = np.random.default_rng(seed)
        orders, more, number = rng.permuted(np.tile(np.arange(n), (DRAWN, 1)), axis=1), 1, DRAWN + 1
    as_much = np.count_nonzero(np.abs(one[orders] @ two) >= abs(value) - ROUNDING)
    return float((as_much + more) / number)


def _p_of_rest(one: np.ndarray, two: np.ndarray, value: float, freedom: int) -> float:
    n, rest = len(one), max(1 - value**2, ROUNDING)
    unequal = max(np.sum((a * (b - value * a)) ** 2) for a, b in ((one, two), (two, one))) * n / freedom
    error = sqrt(max(rest / freedom, float(unequal)))
    return float(2 * t.sf(abs(value) / error, freedom))
