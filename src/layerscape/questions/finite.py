"""The bias of a finite sample, measured: what a Gaussian of known dimension reads at the same number of samples."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from layerscape.core.estimate import Point
from layerscape.core.resources import Resources
from layerscape.pipeline.estimate import estimate

MOST_SAMPLES = 20_000  # of a simulated Gaussian; the bias changes slowly with N, and the search with its square
MOST_NUMBERS = 2**26  # of a simulated Gaussian, half a GiB
MOST_ROUNDS = 8
DIFFERENT = 0.1  # a relative difference that is worth a sentence
FREE = Resources()


def gaussian_that_reads(
    value: float, place: int, n_samples: int, n_units: int, n_scales: int, seed: int, how: Resources = FREE
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
    n_units
        D of the data, which have no more dimensions.
    n_scales
        How long the curve shall be.
    seed
        Of the draws.
    how
        What the searches may use.

    Returns
    -------
    dimension, curve
        The dimension between the two whole numbers whose readings enclose ``value``, by interpolation; the most that
        the data could have where that reads less.
    """
    most, n_samples = most_dimensions(n_samples, n_units), min(n_samples, MOST_SAMPLES)
    below, above, d = (0, 0.0), None, min(most, max(1, round(value)))
    for _ in range(MOST_ROUNDS):
        reading = gaussian_curve(d, n_samples, 2**n_scales, seed, how)[place].value
        if reading <= value:
            below = d, reading
        else:
            above = d, reading
        if above is None and d == most:
            break
        if above is None:
            d = min(most, max(d + 1, round(d * value / reading) + 1))
        elif above[0] - below[0] == 1:
            break
        else:
            d = min(above[0] - 1, max(below[0] + 1, round(_between(value, below, above))))
    dimension = _between(value, below, above) if above else float(below[0])
    return dimension, gaussian_curve(max(1, round(dimension)), n_samples, 2**n_scales, seed, how)


def most_dimensions(n_samples: int, n_units: int) -> int:
    """The most that N samples of D units could have, as far as so many numbers can be drawn.

    >>> most_dimensions(1000, 3), most_dimensions(1000, 10**6), most_dimensions(10**6, 10**6)
    (3, 999, 3355)
    """
    drawn = min(n_samples, MOST_SAMPLES)
    return max(1, min(n_units, drawn - 1, MOST_NUMBERS // drawn))


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
            f"gride reads {value:.3g} where a Gaussian of {most} dimensions, the most that is simulated for "
            f"{n_samples} samples, reads {reading:.3g}: so many samples cannot tell how many more there are"
        ]
    if dimension < value * (1 + DIFFERENT):
        return []
    return [
        f"a finite sample reads high dimensions low: at this N and scale a Gaussian of {dimension:.3g} dimensions "
        f"reads {value:.3g}; compare by this value, and do not read it as a count"
    ]


def _between(value: float, below: tuple[int, float], above: tuple[int, float]) -> float:
    return below[0] + (above[0] - below[0]) * (value - below[1]) / (above[1] - below[1])


@lru_cache(maxsize=64)
def gaussian_curve(d: int, n_samples: int, range_max: int, seed: int, how: Resources = FREE) -> tuple[Point, ...]:
    """What `gride` reads of N samples of a Gaussian of dimension d."""
    x = np.random.default_rng([seed, d]).standard_normal((n_samples, d))
    return estimate("gride", x, range_max=range_max, **vars(how)).curve
