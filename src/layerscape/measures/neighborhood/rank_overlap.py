"""Rank-aware overlap: how many neighbors two representations share, the nearest counting most."""

from __future__ import annotations

from typing import Literal

import numpy as np

from layerscape.core.checks import check_name
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.influence import Influence
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.curve import must_match, score_of_curve, weighted_curve
from layerscape.measures.neighborhood.curve_without import influence_on_curve


def rank_overlap(
    a: Neighbors, b: Neighbors, /, *, k: int = 30, weight: Literal["rbo", "r_nx"] = "rbo", p: float = 0.9
) -> Estimate:
    """Agreement of two representations on who the nearest neighbors are and in which order, the first counting most.

    A weighted mean of the overlaps Q(m) at m = 1…k neighbors, so that a swap among the first k is seen, and a swap of
    the first two more than one of the last two; ties as in `overlap`.

    - ``"rbo"``, rank-biased overlap: (1−p) Σ_{m<k} p^{m−1} Q(m) + p^{k−1} Q(k), the extrapolated form of Webber et al.
      (eq. 23), which gives the ranks beyond k the overlap at k. About 1/(1−p) ranks count.
    - ``"r_nx"``, the area under R_NX(m) = ((N−1) Q(m) − m)/(N−1−m) over log m, Σ R_NX(m)/m / Σ 1/m (Lee et al. 2015),
      truncated at k: the field's area goes up to N−2. It is corrected for chance.

    Parameters
    ----------
    a, b
        Graphs of the same N samples, in the same order, that hold at least k neighbors.
    k
        Number of neighbors, 1…N−1; up to N−2 for ``"r_nx"``.
    weight
        How the ranks count.
    p
        Persistence of ``"rbo"``, above 0 and below 1.

    Returns
    -------
    Estimate
        1 for the same neighbors in the same order. ``chance`` is exact in mean and spread: k/(N−1) at most for
        ``"rbo"``, 0 for ``"r_nx"``. ``details["curve"]``, shape (k,), is the overlap at 1, 2, …, k.

    Raises
    ------
    InvalidValue
        If the graphs are of different samples or hold fewer than k neighbors, or p is out of its range.

    References
    ----------
    Webber, Moffat, Zobel 2010, doi:10.1145/1852102.1852106. Lee, Peluffo-Ordóñez, Verleysen 2015,
    doi:10.1016/j.neucom.2014.12.095.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> rank_overlap(find_neighbors(x, k=10), find_neighbors(-3 * x, k=10), k=10).value
    1.0
    """
    a.need(k)
    return weighted_curve(a, b, k, *_weights(k, a.n_samples, weight, p))


def _weights(k: int, n_samples: int, weight: str, p: float) -> tuple[np.ndarray, float, float]:
    """What the number shared at each rank is multiplied with, the sum that shall read 0, and the smallest value."""
    check_name("weight of rank_overlap", weight, ("rbo", "r_nx"))
    ranks = np.arange(1.0, k + 1)
    if weight == "rbo":
        if not 0 < p < 1:
            raise InvalidValue(f"p={p}; p must lie between 0 and 1: nearer to 0, fewer ranks count.")
        shares = (1 - p) * p ** (ranks - 1)
        shares[-1] = p ** (k - 1)
        return shares / ranks, 0.0, 0.0
    if k > n_samples - 2:
        raise InvalidValue(f"k={k} of {n_samples} samples; for weight='r_nx' k must lie in 1..{n_samples - 2}.")
    chance = ranks / (n_samples - 1)
    shares = 1 / ranks / (1 / ranks).sum() / (1 - chance)
    base, full = float(shares @ chance), float(shares.sum())
    return shares / ranks, base, -base / (full - base)


def _score(a: Neighbors, b: Neighbors, /, *, k: int, weight: str, p: float) -> Score:
    """The overlap with the samples of b in another order."""
    return score_of_curve(a, b, *_weights(k, a.n_samples, weight, p)[:2])


def _influence(a: Neighbors, b: Neighbors, /, *, k: int, weight: str, p: float) -> Influence:
    """How each sample moves the overlap: by its own neighbors and as a neighbor of others."""
    must_match(a, b)
    whole, without = (_weights(k, n, weight, p)[:2] for n in (a.n_samples, a.n_samples - 1))
    return influence_on_curve(a, b, whole, without)


MEASURE = Measure(
    compute=rank_overlap,
    unit="weighted share of neighbors",
    bounds=(-1, 1),
    closer="high",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Webber et al. 2010, doi:10.1145/1852102.1852106",
    neighbors="k",
    spare=1,
    score=_score,
    influence=_influence,
    ceiling="noise changes who is near, and is no factor of it",
)
