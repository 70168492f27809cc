"""Reciprocal rank: how far one has to look for the first partner."""

from __future__ import annotations

from functools import partial

import numpy as np

from layerscape.core.checks import check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ranking
from layerscape.measures.retrieval.by_query import UNIT, by_query
from layerscape.measures.retrieval.places import Law, chances_of_first, places_of, scored


def reciprocal_rank(x: Ranking, pairs: Pairs, /) -> Estimate:
    """One over the rank of a query's nearest partner, mean over queries: MRR, 1 if a partner is always the nearest.

    Where distances tie it is the mean over the ways to break the tie.

    Parameters
    ----------
    x
        N ≥ 3 samples.
    pairs
        Who answers whom; grades above 0 are all one.

    Returns
    -------
    Estimate
        In 0…1, with an interval over queries. ``chance`` is Σ_r P(r)/r, exactly, with P(r) the probability that the
        first of R partners at random among n candidates is at place r; (Σ_r 1/r)/n for one partner. ``per_sample``
        has each query's value, NaN for samples that are none.

    Raises
    ------
    InvalidValue
        If x and pairs are of different samples.

    References
    ----------
    Voorhees 1999, The TREC-8 Question Answering Track Report; Craswell 2009, doi:10.1007/978-0-387-39940-9_488.

    Examples
    --------
    >>> import layerscape as ls
    >>> x = np.array([[0.0], [0.1], [5.0], [5.1], [5.3], [9.0]])
    >>> ls.estimate("reciprocal_rank", x, [(0, 1), (3, 4)]).value
    0.75
    """
    check_samples(pairs.n_samples, "reciprocal_rank", 3)
    return by_query(pairs, _values(pairs, places_of(x, pairs)), _law(pairs), MEASURE.bounds)


def _values(pairs: Pairs, places: np.ndarray) -> np.ndarray:
    first, last = places.astype(int).T
    nearest = np.full(len(pairs.asked), pairs.n_samples)
    np.minimum.at(nearest, pairs.number, first)
    leads = first == nearest[pairs.number]  # those that tie with the nearest partner, if not it alone
    tied = np.ones(len(nearest), int)
    tied[pairs.number[leads]] = (last - first + 1)[leads]
    asked = np.stack([nearest, tied, np.bincount(pairs.number[leads], minlength=len(nearest))])
    kinds, of_query = np.unique(asked, axis=1, return_inverse=True)
    found = [chances_of_first(t, r) @ (1 / (f + np.arange(t - r + 1))) for f, t, r in kinds.T]
    return np.array(found)[of_query.ravel()]  # which numpy 2.0 gives with two axes


def _law(pairs: Pairs) -> Law:
    kinds, of_query = np.unique(np.stack([pairs.candidates, pairs.sizes]), axis=1, return_inverse=True)
    moments = np.empty((3, kinds.shape[1]))
    for place, (n, several) in enumerate(kinds.T):
        likely, worth = chances_of_first(n, several), 1 / np.arange(1, n - several + 2)
        mean = likely @ worth
        moments[:, place] = mean, likely @ (worth - mean) ** 2, likely @ (worth - mean) ** 3
    return Law(*moments[:, of_query.ravel()])


def _score(x: Ranking, pairs: Pairs, /) -> Score:
    return scored(x, pairs, partial(_values, pairs))


MEASURE = Measure(
    compute=reciprocal_rank,
    standard=True,
    unit="1 / rank",
    bounds=(0, 1),
    closer="high",
    sentence="partners in {label} come first",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Voorhees 1999, The TREC-8 Question Answering Track Report",
    score=_score,
    influence=UNIT,
)
