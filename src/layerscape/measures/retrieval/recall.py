"""Recall: which share of the partners of a sample are among the nearest to it."""

from __future__ import annotations

import numpy as np

from layerscape.core.checks import check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ranking
from layerscape.errors import InvalidValue
from layerscape.measures.retrieval.by_query import UNIT, by_query
from layerscape.measures.retrieval.places import Gain, places_of, scored


def recall(x: Ranking, pairs: Pairs, /, *, k: int = 1) -> Estimate:
    """Share of a query's partners that are among the k samples nearest to it, mean over queries: recall@k.

    With one partner per query that is how often it is found among the first k. Where distances tie it is the mean over
    the ways to break the tie.

    Parameters
    ----------
    x
        N ≥ 3 samples.
    pairs
        Who answers whom; grades above 0 are all one.
    k
        How many places are looked at, 1…n of n candidates.

    Returns
    -------
    Estimate
        In 0…1, with an interval over queries. ``chance`` is k/n, exactly. ``per_sample`` has each query's share, NaN
        for samples that are none; ``details`` hold ``n_queries``, ``n_candidates`` and ``ceiling``, the highest value
        possible where queries have more partners than k.

    Raises
    ------
    InvalidValue
        If x and pairs are of different samples, or k is more than there are candidates.

    References
    ----------
    Manning, Raghavan, Schütze 2008, Introduction to Information Retrieval, section 8.3.

    Examples
    --------
    >>> import layerscape as ls
    >>> x = np.array([[0.0], [0.1], [5.0], [5.1], [5.3], [9.0]])
    >>> ls.estimate("recall", x, [(0, 1), (3, 4)]).value
    0.5
    >>> ls.estimate("recall", x, [(0, 1), (3, 4)], k=2).value
    1.0
    """
    gain = _gain(pairs, k)
    values, ceiling = gain.of(places_of(x, pairs)), float((np.minimum(k, pairs.sizes) / pairs.sizes).mean())
    words = (
        () if ceiling == 1 else (f"queries have more than {k} partners: the highest value possible is {ceiling:.4g}",)
    )
    more = {"ceiling": ceiling}
    step = 1 / float(pairs.sizes.max())
    return by_query(pairs, values, gain.law(), MEASURE.bounds, k=k, step=step, details=more, warnings=words)


def _gain(pairs: Pairs, k: int) -> Gain:
    check_samples(pairs.n_samples, "recall", 3)
    most = int(pairs.candidates.min())
    if not 1 <= k <= most:
        raise InvalidValue(f"k={k} of {most} candidates; k must lie in 1..{most}.")
    worth = (np.arange(pairs.candidates.max()) < k).astype(float)
    return Gain(pairs, (1 / pairs.sizes)[pairs.number], worth)


def _score(x: Ranking, pairs: Pairs, /, *, k: int) -> Score:
    return scored(x, pairs, _gain(pairs, k).of)


MEASURE = Measure(
    compute=recall,
    standard=True,
    headline=True,
    unit="share of partners found",
    bounds=(0, 1),
    closer="high",
    sentence="most partners in {label} are among its first",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Manning, Raghavan, Schütze 2008, Introduction to Information Retrieval, section 8.3",
    score=_score,
    influence=UNIT,
)
