"""nDCG: whether the partners come first, the best graded before the others."""

from __future__ import annotations

import numpy as np

from layerscape.core.checks import check_least, check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ranking
from layerscape.measures.retrieval.by_query import UNIT, by_query
from layerscape.measures.retrieval.places import Gain, places_of, scored


def ndcg(x: Ranking, pairs: Pairs, /, *, k: int | None = 10) -> Estimate:
    """Grades of what is found among the first k, discounted by rank, over the most possible, mean over queries: nDCG@k.

    DCG = Σ_r g(r) / log₂(r + 1) over the first k samples, g(r) the grade of the one at rank r and 0 for no partner;
    nDCG is DCG over that of the partners in the order of their grades. Grades count as they are, and not 2^g − 1.
    Where distances tie it is the mean over the ways to break the tie.

    Parameters
    ----------
    x
        N ≥ 3 samples.
    pairs
        Who answers whom, and how well.
    k
        How many places are looked at; None for all.

    Returns
    -------
    Estimate
        In 0…1, with an interval over queries. ``chance`` is exact: Σg/n · Σ_{r≤k} 1/log₂(r + 1) over the most
        possible. ``per_sample`` has each query's value, NaN for samples that are none.

    Raises
    ------
    InvalidValue
        If x and pairs are of different samples, or k is below 1.

    References
    ----------
    Järvelin, Kekäläinen 2002, doi:10.1145/582415.582418; ties: McSherry, Najork 2008, doi:10.1007/978-3-540-78646-7_38.

    Examples
    --------
    >>> import layerscape as ls
    >>> x = np.array([[0.0], [0.1], [0.3], [5.1], [5.3], [9.0]])
    >>> round(ls.estimate("ndcg", x, [(0, 1, 3.0), (0, 2, 1.0)]).value, 9)
    1.0
    >>> round(ls.estimate("ndcg", x, [(0, 1, 1.0), (0, 2, 3.0)]).value, 3)
    0.797
    """
    gain = _gain(pairs, k)
    return by_query(pairs, gain.of(places_of(x, pairs)), gain.law(), MEASURE.bounds, k=k)


def _gain(pairs: Pairs, k: int | None) -> Gain:
    check_samples(pairs.n_samples, "ndcg", 3)
    place = np.arange(1, pairs.candidates.max() + 1)
    if k is not None:
        check_least(1, k=k)
    worth = np.where(place <= (k or len(place)), 1 / np.log2(place + 1), 0.0)
    order = np.lexsort((-pairs.grades, pairs.number))
    number = pairs.number[order]
    starts = np.concatenate([[0], np.cumsum(pairs.sizes)[:-1]])
    best = np.bincount(number, pairs.grades[order] * worth[np.arange(len(number)) - starts[number]])
    return Gain(pairs, pairs.grades / best[pairs.number], worth)


def _score(x: Ranking, pairs: Pairs, /, *, k: int | None) -> Score:
    return scored(x, pairs, _gain(pairs, k).of)


MEASURE = Measure(
    compute=ndcg,
    standard=True,
    title="nDCG",
    unit="share of the most possible",
    bounds=(0, 1),
    closer="high",
    sentence="the best partners in {label} come first",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Järvelin and Kekäläinen 2002, doi:10.1145/582415.582418",
    score=_score,
    influence=UNIT,
)
