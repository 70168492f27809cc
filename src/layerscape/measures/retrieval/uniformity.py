"""Uniformity: how evenly the samples are spread over the sphere."""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from layerscape.core.checks import check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, Z95, jackknife_of, within
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.retrieval.directions import directions
from layerscape.measures.rows import slices

AT_ONCE = 2**22  # products of samples that are held


def uniformity(x: Representation, /, *, t: float = 2.0) -> Estimate:
    """Log of the mean of exp(−t·‖u − v‖²) over all pairs of samples of length 1: 0 if all lie in one direction.

    The lower, the more evenly the directions are spread; log of a mean over pairs of different samples (i < j).

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 4. Time grows with N²·D; no N × N array is made.
    t
        Above 0: how near two directions must be to count.

    Returns
    -------
    Estimate
        Between −4t and 0. The interval is the jackknife's over samples, less what pairs add together, which it counts
        twice. ``per_sample`` is each sample's own log mean. Evenly spread directions in many dimensions D give about
        −2t, and −2t + 2t²/D to second order.

    Raises
    ------
    InvalidValue
        If t is not above 0, all samples are equal, or one is a row of zeros.

    References
    ----------
    Wang, Isola 2020, arXiv:2005.10242, section 4.1.2.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((1000, 100))
    >>> round(uniformity(Representation(x)).value, 1)
    -3.9
    """
    own, squares = _own(x, t)
    value, n = log(own.mean()), len(own)
    # What is left of a pair once its two samples have had their say, as the variance of the log of the mean.
    of_pairs = 2 * (squares - own.mean() ** 2 - 2 * own.var()) / (n * (n - 1)) / own.mean() ** 2
    margin = Z95 * sqrt(max(jackknife_of(_without(own)) - of_pairs, of_pairs, 0.0))
    low, high = within(value, margin, (-4 * t, 0.0), LEAST_MARGIN)
    return Estimate(value, low, high, x.n_samples, x.n_units, per_sample=np.log(own))


def _own(x: Representation, t: float) -> tuple[np.ndarray, float]:
    """The mean of exp(−t·‖u − v‖²) of each sample over all others, shape (N,), and of its square over all pairs."""
    if not 0 < t < np.inf:
        raise InvalidValue(f"t={t}; give a number above 0.")
    check_samples(x.n_samples, "uniformity", 4)
    units = directions(x)
    n, found, squares = len(units), np.empty(len(units)), 0.0
    for some in slices(n, AT_ONCE // n):
        near = np.exp(2 * t * np.minimum(units[some] @ units.T - 1, 0))
        near[np.arange(len(near)), np.arange(n)[some]] = 0
        found[some] = near.sum(axis=1) / (n - 1)
        squares += float(np.vdot(near, near))
    if not found.all():
        raise InvalidValue(f"t={t} is so large that no two directions are near; give less.")
    return found, squares / (n * (n - 1))


def _without(own: np.ndarray) -> np.ndarray:
    """Shape (N,): the value without each sample."""
    n = len(own)
    return np.log((n * own.mean() - 2 * own) / (n - 2))


def _influence(x: Representation, /, *, t: float) -> Influence:
    """How each sample moves the value, with all its pairs."""
    own, _ = _own(x, t)
    mean, value = float(own.mean()), log(own.mean())
    return Influence(value, value - _without(own), 2 * (own - mean) / (len(own) * mean))


MEASURE = Measure(
    compute=uniformity,
    unit="log of the mean nearness",
    bounds=(-np.inf, 0),
    unchanged_by={"order", "rotation", "scaling"},
    source="Wang and Isola 2020, arXiv:2005.10242",
    swayed_by={"unit"},
    influence=_influence,
)
