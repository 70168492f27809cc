"""The bias of a finite sample, measured: what a Gaussian of known dimension reads at the same number of samples."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from layerscape.core.estimate import Point
from layerscape.pipeline.estimate import estimate

MOST_SAMPLES = 20_000  # of a simulated Gaussian; the bias changes slowly with N, and the search with its square
MOST_ROUNDS = 8


def gaussian_that_reads(
    value: float, place: int, n_samples: int, n_scales: int, seed: int
) -> tuple[float, tuple[Point, ...]]:
    """The dimension of the Gaussian for which `gride` reads ``value`` at one scale, and the curve of the nearest one.

    Parameters
    ----------
    value
        What is read.
    place
        At which scale of the curve, counted from 0.
    n_samples
        N; of more than 20,000 so many are drawn.
    n_scales
        How long the curve shall be.
    seed
        Of the draws.

    Returns
    -------
    dimension, curve
        The dimension between the two whole numbers whose readings enclose ``value``, by interpolation.
    """
    n_samples = min(n_samples, MOST_SAMPLES)
    below, above, d = (0, 0.0), None, max(1, round(value))
    for _ in range(MOST_ROUNDS):
        reading = gaussian_curve(d, n_samples, 2**n_scales, seed)[place].value
        if reading <= value:
            below = d, reading
        else:
            above = d, reading
        if above is None:
            d = max(d + 1, round(d * value / reading) + 1)
        elif above[0] - below[0] == 1:
            break
        else:
            d = min(above[0] - 1, max(below[0] + 1, round(_between(value, below, above))))
    dimension = _between(value, below, above) if above else float(below[0])
    return dimension, gaussian_curve(max(1, round(dimension)), n_samples, 2**n_scales, seed)


def _between(value: float, below: tuple[int, float], above: tuple[int, float]) -> float:
    return below[0] + (above[0] - below[0]) * (value - below[1]) / (above[1] - below[1])


@lru_cache(maxsize=64)
def gaussian_curve(d: int, n_samples: int, range_max: int, seed: int) -> tuple[Point, ...]:
    """What `gride` reads of N samples of a Gaussian of dimension d."""
    x = np.random.default_rng([seed, d]).standard_normal((n_samples, d))
    return estimate("gride", x, range_max=range_max).curve
