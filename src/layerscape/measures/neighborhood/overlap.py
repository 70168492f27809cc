"""Neighborhood overlap: how many neighbors two representations share."""

from __future__ import annotations

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.influence import Influence
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.measures.neighborhood.curve import must_match, score_of_curve, weighted_curve
from layerscape.measures.neighborhood.curve_without import influence_on_curve


def overlap(a: Neighbors, b: Neighbors, /, *, k: int = 30) -> Estimate:
    """Share of the k nearest neighbors that two representations have in common, averaged over the samples.

    χ = (1/N) Σᵢ |Aᵢ ∩ Bᵢ| / k, with Aᵢ and Bᵢ the first k neighbors of sample i (Doimo et al. 2020, eq. 1); known as
    mutual k-nearest-neighbor alignment too. Where distances tie across the border of the first k, it is the
    expectation over the ways to break the tie, so that the order of the rows cannot count as agreement. It does not see
    the order among the first k: `rank_overlap` does.

    Parameters
    ----------
    a, b
        Graphs of the same N samples, in the same order, that hold at least k neighbors.
    k
        Number of neighbors, 1…N−1.

    Returns
    -------
    Estimate
        A share in 0…1. ``chance`` is exact: k/(N−1) on average, its spread from the permutations of the samples.
        ``details["curve"]``, shape (k,), is the overlap at 1, 2, …, k neighbors.

    Raises
    ------
    InvalidValue
        If the graphs are of different samples or hold fewer than k neighbors.

    References
    ----------
    Doimo, Glielmo, Ansuini, Laio 2020, arXiv:2007.03506.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> overlap(find_neighbors(x, k=10), find_neighbors(-3 * x, k=10), k=10).value
    1.0
    """
    a.need(k)
    return weighted_curve(a, b, k, _only_last(k))


def _only_last(k: int) -> np.ndarray:
    weights = np.zeros(k)
    weights[-1] = 1.0
    return weights


def _score(a: Neighbors, b: Neighbors, /, *, k: int) -> Score:
    """The overlap with the samples of b in another order."""
    return score_of_curve(a, b, _only_last(k))


def _influence(a: Neighbors, b: Neighbors, /, *, k: int) -> Influence:
    """How each sample moves the overlap: by its own neighbors and as a neighbor of others."""
    must_match(a, b)
    return influence_on_curve(a, b, (_only_last(k), 0.0), (_only_last(k), 0.0))


MEASURE = Measure(
    compute=overlap,
    standard=True,
    headline=True,
    unit="share of neighbors",
    bounds=(0, 1),
    closer="high",
    sentence="a sample keeps a share of {value} of its {k} nearest neighbors",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Doimo et al. 2020, arXiv:2007.03506",
    neighbors="k",
    spare=1,
    score=_score,
    influence=_influence,
    ceiling="noise changes who is near, and is no factor of it",
)
