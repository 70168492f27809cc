"""The points of a lattice of any real dimension within city-block distances."""

from __future__ import annotations

from math import log

import numpy as np
from scipy.special import betaln

TERMS = 2**14  # of an alternating sum: what lies beyond moves log V by less than 1e-6, and for d ≥ 1 by 1e-12


def log_volume(t: int, d: float) -> float:
    """Log of the number of lattice points within city-block distance t in d dimensions, for every real d ≥ 0.

    >>> [round(np.exp(log_volume(2, d))) for d in (0, 1, 2, 3)]
    [1, 5, 13, 25]
    """
    j = np.arange(min(t, TERMS + int(4 * d)), dtype=np.float64)
    # All terms up to j = d are positive; those beyond are smaller than 1 and alternate.
    with np.errstate(divide="ignore"):
        steps = np.log(np.abs(d - j)) + np.log(t - j) - np.log(j + 1) - np.log(d + t - j)
    sizes = np.concatenate([[0.0], np.cumsum(steps)])
    signs = np.concatenate([[1.0], np.cumprod(np.sign(d - j))])
    if len(j) < t:  # the mean of the last partial sums, which lie on both sides
        signs[-2:] *= 0.75, 0.25
    most = float(sizes.max())
    return most + log(float(signs @ np.exp(sizes - most))) - float(betaln(d + 1, t + 1)) - log(d + t + 1)


def log_share(t1: int, t2: int, d: float) -> float:
    """The logarithm of the share of the points within t₂ that lie within t₁."""
    return log_volume(t1, d) - log_volume(t2, d)


def slope(t1: int, t2: int, d: float) -> float:
    """Of the logarithm of the share in d; below 0."""
    step = 1e-4 * d
    return (log_share(t1, t2, d + step) - log_share(t1, t2, d - step)) / (2 * step)
