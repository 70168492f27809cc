"""From one value per query to an estimate: the interval over queries, and what chance gives of their mean."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan, sqrt
from typing import Any

import numpy as np

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.interval import LEAST_MARGIN, Z95, of_share, student95
from layerscape.core.pairs import Pairs
from layerscape.core.permutation import chance_by_law, p_above
from layerscape.core.queries import FEW, FEWEST, clusters, entangled, margin, sum_alike
from layerscape.measures.retrieval.places import Law

UNSEEN = 2  # further queries that score nothing or all, where few queries may not have shown what is rare
UNIT = "queries are what it is a mean of, among candidates that stay"


def by_query(
    pairs: Pairs,
    values: np.ndarray,
    law: Law,
    bounds: tuple[float, float],
    *,
    closer: str = "high",
    k: int | None = None,
    step: float = 0.0,
    details: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
) -> Estimate:
    """The mean of one value per query.

    The interval leaves out one query after the other, with those that are its partners, among candidates that stay: it
    is for other queries. Of a mean between ``bounds`` it is Wilson's, for as many trials as would have that spread;
    of scores in 0…1 two queries are added that score as recall would.
    ``step`` is by how much the value of one query can change at the least, where that is no little.
    """
    low, high, words = interval(pairs, values, bounds)
    sign = -1 if closer == "low" else 1
    chance = chance_of(pairs, float(values.mean()) - sign * step / (2 * len(values)), law, bounds, sign)
    more = {"n_queries": float(len(values)), "n_candidates": float(pairs.candidates.max()), **(details or {})}
    said = (*pairs.warnings, *warnings, *words)
    per_sample = pairs.per_sample(values)
    return Estimate(
        values.mean(),
        low,
        high,
        pairs.n_samples,
        k=k,
        chance=chance,
        per_sample=per_sample,
        details=more,
        warnings=said,
    )


def interval(pairs: Pairs, values: np.ndarray, bounds: tuple[float, float]) -> tuple[float, float, tuple[str, ...]]:
    """The 95 % interval of the mean over queries, and why there is none where these are too few."""
    half, many, words = margin(pairs, values), int(clusters(pairs).max()) + 1, ()
    if half is None:
        return nan, nan, (f"no interval: {many} queries are independent of each other, and it takes {FEWEST}",)
    if many < FEW:
        words = (f"only {many} queries are independent of each other: the interval is itself uncertain",)
    elif entangled(pairs) and len(np.unique(pairs.partners)) < len(pairs.partners):
        words = ("queries share partners, most of them with all others: the interval takes them to be independent",)
    (bottom, top), value = bounds, float(values.mean())
    width = top - bottom
    share, half = min(1.0, max(0.0, (value - bottom) / width)), half / width
    low, high = of_share(share, (half if bounds != (0, 1) else _with_unseen(half, share, many)) / Z95, many)
    return min(value, bottom + width * low), max(value, bottom + width * high), words


def _with_unseen(half: float, share: float, n: int) -> float:
    """Half the width as if some further queries of the same mean had scored 0 or 1; that of recall is as it was.

    Of scores in 0…1 that few queries have, most are often near one end, and what decides their mean is rare: where 1 in
    20 finds its partner first, ten queries seldom show one, and their spread is that of the others
    (`benchmarks/few_queries.py`).
    """
    student = student95(n - 1)
    seen, most = (half / student) ** 2, share * (1 - share) / n
    if seen <= LEAST_MARGIN**2:
        return half
    return student * sqrt(seen + max(0.0, UNSEEN * (most - seen) / (n - 1 + UNSEEN)))


def chance_of(pairs: Pairs, value: float, law: Law, bounds: tuple[float, float], sign: int) -> Chance:
    """Mean, central 95 % and p of the mean over queries by chance.

    The mean is exact, and so is the spread where no two queries share a partner or are each other's. Those that do are
    taken to score alike, which makes the spread larger than it is; so does a sample that is near to many queries, of
    which the others have less then. The law is that of Pearson (III), with the skewness of the mean.
    """
    n = len(law.mean)
    mean, alone = float(law.mean.mean()), float(law.variance.sum())
    together = sum_alike(pairs, np.sqrt(np.maximum(law.variance, 0.0)))
    spread = sqrt(together) / n
    if not spread > 1e-9 * (bounds[1] - bounds[0]):
        return Chance(mean, mean, mean, 1.0)
    # As many queries fewer as are alike make the law as much more skewed.
    skewness = float(law.third.sum()) / alone**1.5 * sqrt(together / alone)
    return chance_by_law(mean, spread, skewness, p_above(sign * (value - mean) / spread, sign * skewness), bounds)
