"""The bias of a finite sample: what a Gaussian of known dimension reads at the same number of samples, in expectation.

Nothing is drawn. Of a sample at distance |x| from the center, the squared distances to all others follow the noncentral
χ² law of d degrees of freedom; those to neighbors n and 2n are its quantiles at the n-th and 2n-th of N − 1 uniform
numbers. Gride's equation is solved for ratios at points spread evenly over (|x|, u₂ₙ, uₙ/u₂ₙ).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import log

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.special import betaincinv
from scipy.stats import chi2, ncx2

from layerscape.core.estimate import Point
from layerscape.measures.dimension.ratio_law import likeliest

MOST_DIMENSIONS = 2000  # that are asked for: no sample that fits a computer tells more
SPREAD = 4096  # points in three dimensions over which the expectation is taken
STEPS = np.array([0.8191725133961645, 0.6710436067037893, 0.5497004779019703])  # 1/g, 1/g², 1/g³ with g⁴ = g + 1
CENTERS, LEVELS = 13, 25  # at which quantiles are computed; between them they are interpolated
COARSER = 1.1  # ratio of the dimensions beyond 24 between which is interpolated
DIFFERENT = 0.1  # a relative difference that is worth a sentence


@lru_cache(maxsize=256)
def gaussian_curve(d: float, n_samples: int, n_scales: int) -> tuple[Point, ...]:
    """What `gride` reads of N samples of a Gaussian of d dimensions, in expectation, at n = 1, 2, 4, ….

    >>> [round(point.value, 1) for point in gaussian_curve(50, 5000, 2)]
    [33.7, 32.0]
    """
    far = 2**n_scales
    least = betaincinv(1, n_samples - 1, 1e-6)
    levels = np.linspace(log(least), log(betaincinv(far, max(1, n_samples - far), 1 - 1e-6)), LEVELS)
    centers = np.sqrt(chi2.ppf(np.linspace(0, 1, CENTERS + 2)[1:-1], d))
    centers = np.r_[np.sqrt(chi2.ppf(1e-4, d)), centers, np.sqrt(chi2.ppf(1 - 1e-4, d))]
    squares = np.log(ncx2.ppf(np.exp(levels)[None, :], d, centers[:, None] ** 2))
    quantiles = RectBivariateSpline(centers, levels, squares)
    center = np.sqrt(chi2.ppf(_points()[:, 0], d))
    return tuple(_expected(quantiles, center, 2**scale, n_samples) for scale in range(n_scales))


def _points() -> np.ndarray:
    """Spread evenly over the unit cube, shape (SPREAD, 3)."""
    return (0.5 + np.arange(1, SPREAD + 1)[:, None] * STEPS) % 1


@lru_cache(maxsize=64)
def _levels(n: int, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The logarithms of u₂ₙ and uₙ."""
    points = _points()
    outer = betaincinv(2 * n, max(1, n_samples - 2 * n), points[:, 1])
    return np.log(outer), np.log(outer * betaincinv(n, n, points[:, 2]))


def _expected(quantiles: RectBivariateSpline, center: np.ndarray, n: int, n_samples: int) -> Point:
    far, near = (quantiles.ev(center, level) / 2 for level in _levels(n, n_samples))
    value = likeliest(np.maximum(far - near, 0), n)
    return Point(value, value, value, float((np.exp(far) + np.exp(near)).mean() / 2), 2 * n)


def most_dimensions(n_samples: int, n_units: int) -> int:
    """The most that N samples of D units could have, as far as so many are asked for.

    >>> most_dimensions(1000, 3), most_dimensions(1000, 10**6), most_dimensions(10**6, 10**6)
    (3, 999, 2000)
    """
    return max(1, min(n_units, n_samples - 1, MOST_DIMENSIONS))


def gaussian_that_reads(value: float, place: int, n_samples: int, n_units: int, n_scales: int) -> float:
    """The dimension of the Gaussian for which `gride` reads ``value`` at one scale, or that most nearly does.

    Parameters
    ----------
    value
        What is read.
    place
        At which scale of the curve, counted from 0.
    n_samples
        N.
    n_units
        D of the data, which have no more dimensions.
    n_scales
        How many scales the curve has.

    Returns
    -------
    dimension
        By interpolation between whole numbers (from 24 on, between dimensions in ratios of 1.1); at most as many as
        the data could have.
    """
    most = most_dimensions(n_samples, n_units)
    return min(most, _dimension(value, place, n_samples, most, n_scales))


def _dimension(value: float, place: int, n_samples: int, most: int, n_scales: int) -> float:
    """The same, in proportion beyond the most that the data could have."""
    ladder = _ladder(most)
    below, above = 0, len(ladder) - 1
    reads = [gaussian_curve(d, n_samples, n_scales)[place].value for d in (ladder[below], ladder[above])]
    if value > reads[1]:
        return ladder[above] * value / reads[1]
    if value <= reads[0]:
        return ladder[below] * value / reads[0]
    while above - below > 1:
        middle = min(above - 1, max(below + 1, round(below + (above - below) * _place(value, *reads))))
        found = gaussian_curve(ladder[middle], n_samples, n_scales)[place].value
        if found <= value:
            below, reads[0] = middle, found
        else:
            above, reads[1] = middle, found
    return float(ladder[below] * (ladder[above] / ladder[below]) ** _place(value, *reads))


def _place(value: float, low: float, high: float) -> float:
    return log(value / low) / log(high / low)


@lru_cache(maxsize=64)
def _ladder(most: int) -> list[float]:
    """Dimensions between which is interpolated, up to the most."""
    steps = [0.25, 0.5, *map(float, range(1, 25))]
    while steps[-1] < most:
        steps.append(round(steps[-1] * COARSER))
    return [step for step in steps if step < most] + [float(most)]


def corrected(curve: Sequence[Point], n_samples: int, n_units: int) -> tuple[Point, ...]:
    """The curve as dimensions of the Gaussians that read the same; beyond what the data could have where none does."""
    most, found = most_dimensions(n_samples, n_units), []
    for place, point in enumerate(curve):
        value, low, high = (
            _dimension(each, place, n_samples, most, len(curve)) for each in (point.value, point.low, point.high)
        )
        found.append(Point(value, low, high, point.scale, point.k))
    return tuple(found)


def bias_words(value: float, dimension: float, reading: float, n_samples: int, n_units: int) -> list[str]:
    """What a Gaussian of ``dimension``, which reads ``reading``, says of a value: at most one warning."""
    most = most_dimensions(n_samples, n_units)
    if dimension == most and value > reading * (1 + DIFFERENT):
        if most == n_units:
            return [
                f"gride reads {value:.3g} where a Gaussian of {most} dimensions, as many as there are units, reads "
                f"{reading:.3g} at this N and scale: the samples lie more evenly than a Gaussian's, as on a lattice "
                "that noise has moved, and the value is no count of dimensions"
            ]
        return [
            f"gride reads {value:.3g} where a Gaussian of {most} dimensions, the most that {n_samples} samples could "
            f"show, reads {reading:.3g}: so many samples cannot tell how many more there are"
        ]
    if dimension < value * (1 + DIFFERENT):
        return []
    return [
        f"a finite sample reads high dimensions low: at this N and scale a Gaussian of {dimension:.3g} dimensions "
        f"reads {value:.3g}"
    ]
