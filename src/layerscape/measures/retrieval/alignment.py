"""Alignment: how far partners are from each other on the sphere."""

from __future__ import annotations

import numpy as np

from layerscape.core.checks import check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.retrieval.by_query import UNIT, by_query
from layerscape.measures.retrieval.directions import directions
from layerscape.measures.retrieval.places import Law
from layerscape.measures.rows import slices

AT_ONCE = 2**22  # products of queries and candidates that are held


def alignment(x: Representation, pairs: Pairs, /) -> Estimate:
    """Mean squared distance of a query to its partner, both brought to length 1: 0 if they are the same direction.

    ‖u − v‖² = 2 − 2·cos, the mean over the partners of a query and then over queries. Read it beside chance and
    `uniformity`: it is small too where all samples lie in about one direction.

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 3.
    pairs
        Who answers whom; grades above 0 are all one.

    Returns
    -------
    Estimate
        In 0…4, with an interval over queries. ``chance`` is the mean squared distance of queries to candidates, and
        its spread the exact one of as many candidates at random. ``per_sample`` has each query's mean, NaN for samples
        that are none.

    Raises
    ------
    InvalidValue
        If x and pairs are of different samples, all samples are equal, or one is a row of zeros.

    References
    ----------
    Wang, Isola 2020, arXiv:2005.10242, with α = 2.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    >>> alignment(Representation(x), Pairs.of([(0, 1), (2, 1)], 4)).value
    1.0
    """
    check_samples(x.n_samples, "alignment", 3)
    if x.n_samples != pairs.n_samples:
        raise InvalidValue(f"{x.n_samples} samples and pairs of {pairs.n_samples}; both must be of the same samples.")
    units = directions(x)
    cosines = np.empty(len(pairs.number))
    for some in slices(len(cosines), AT_ONCE // x.n_units):
        cosines[some] = (units[pairs.queries[some]] * units[pairs.partners[some]]).sum(axis=1)
    values = np.clip(2 - 2 * pairs.mean(cosines), 0, 4)
    return by_query(pairs, values, _law(units, pairs), MEASURE.bounds, closer=MEASURE.closer)


def _law(units: np.ndarray, pairs: Pairs) -> Law:
    """What candidates at random give: the mean of R of them, drawn without replacement, has known moments."""
    mean, variance = np.empty((2, len(pairs.asked)))
    candidates = units[~pairs.asking]
    itself = ~pairs.asking[pairs.asked]  # whose product with itself, which is 1, is none of a candidate
    for some in slices(len(mean), AT_ONCE // len(candidates)):
        products = units[pairs.asked[some]] @ candidates.T
        n = pairs.candidates[some]
        mean[some] = (products.sum(axis=1) - itself[some]) / n
        squares = ((products - mean[some, None]) ** 2).sum(axis=1) - itself[some] * (1 - mean[some]) ** 2
        variance[some] = squares / n
    n, several = pairs.candidates, pairs.sizes
    left = (n - several) / (several * np.maximum(n - 1, 1))
    return Law(2 - 2 * mean, 4 * np.maximum(variance, 0) * left, np.zeros(len(mean)))


MEASURE = Measure(
    compute=alignment,
    standard=True,
    unit="squared distance of directions",
    bounds=(0, 4),
    closer="low",
    unchanged_by={"order", "rotation", "scaling"},
    source="Wang and Isola 2020, arXiv:2005.10242",
    swayed_by={"unit"},
    influence=UNIT,
)
