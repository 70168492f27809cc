"""Partner rank: how many of the other samples are nearer than the partner."""

from __future__ import annotations

import numpy as np

from layerscape.core.checks import check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ranking
from layerscape.measures.retrieval.by_query import UNIT, by_query
from layerscape.measures.retrieval.places import Gain, Law, places_of, scored


def partner_rank(x: Ranking, pairs: Pairs, /) -> Estimate:
    """Share of a query's other candidates that are nearer to it than its partner, mean over queries: 0 if none is.

    Over the R partners of a query among n candidates, (Σ rank − R(R + 1)/2) / (R(n − R)): partners do not stand before
    each other. One less than it is the area under the ROC curve. Where distances tie, ranks are mid-ranks.

    Parameters
    ----------
    x
        N ≥ 3 samples.
    pairs
        Who answers whom; grades above 0 are all one.

    Returns
    -------
    Estimate
        In 0…1, with an interval over queries. ``chance`` is 1/2, exactly. ``per_sample`` has each query's share, NaN
        for samples that are none; ``details`` hold ``median_rank`` and ``mean_rank``, over queries, of the partner
        (the mean over several), 1 for the nearest sample.

    Raises
    ------
    InvalidValue
        If x and pairs are of different samples.

    References
    ----------
    Mann, Whitney 1947, doi:10.1214/aoms/1177730491.

    Examples
    --------
    >>> import layerscape as ls
    >>> x = np.array([[0.0], [0.1], [5.0], [5.1], [5.3], [9.0]])
    >>> found = ls.estimate("partner_rank", x, [(0, 1), (0, 5)])
    >>> round(found.value, 9), found.details["mean_rank"]
    (0.5, 3.0)
    """
    check_samples(pairs.n_samples, "partner_rank", 3)
    gain, shift = _gain(pairs)
    places = places_of(x, pairs)
    ranks = pairs.mean(places.mean(axis=1))
    law = gain.law()
    details = {"median_rank": float(np.median(ranks)), "mean_rank": float(ranks.mean())}
    return by_query(
        pairs,
        gain.of(places) - shift,
        Law(law.mean - shift, law.variance, law.third),
        MEASURE.bounds,
        closer=MEASURE.closer,
        details=details,
    )


def _gain(pairs: Pairs) -> tuple[Gain, np.ndarray]:
    """Ranks over how many they can be before, and what partners first in line would have."""
    others = pairs.candidates - pairs.sizes
    weight = 1 / (pairs.sizes * others)
    return Gain(pairs, weight[pairs.number], np.arange(1.0, pairs.candidates.max() + 1)), (pairs.sizes + 1) / (
        2 * others
    )


def _score(x: Ranking, pairs: Pairs, /) -> Score:
    gain, shift = _gain(pairs)
    return scored(x, pairs, lambda places: gain.of(places) - shift)


MEASURE = Measure(
    compute=partner_rank,
    standard=True,
    unit="share of the others that are nearer",
    bounds=(0, 1),
    closer="low",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Mann and Whitney 1947, doi:10.1214/aoms/1177730491",
    score=_score,
    influence=UNIT,
)
