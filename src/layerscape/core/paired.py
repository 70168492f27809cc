"""Do two values of the same samples differ, and how sure is that.

Values of two layers are of the same samples, so that their difference is known better than either: its spread follows
from how each sample moves both (`core/influence.py`), or each group of samples that belong together
(`core/removal.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.stats import t as student

from layerscape.core.influence import Moved
from layerscape.core.interval import student95

MOVES = "p_moves"  # a column of series: the p-value for that a layer is as near to its end as just before it


@dataclass(frozen=True)
class Difference:
    """A difference with its 95 % interval, and the p-value of both sides for that there is none."""

    value: float
    low: float
    high: float
    p: float


def difference(first: Moved, second: Moved) -> Difference:
    """First less second, of one measure and of the same samples, or of the same groups of them."""
    value, (sd, freedom) = first.value - second.value, first.beside(second)
    # What is but for rounding the same, the layer scaled, is the same.
    z = abs(value) / sd if sd > 1e-12 * abs(first.value) else 0.0 if abs(value) <= 1e-12 * abs(first.value) else inf
    margin = student95(freedom) * sd
    return Difference(value, value - margin, value + margin, 2 * float(student.sf(z, freedom)))


def holm(p: np.ndarray) -> np.ndarray:
    """p-values corrected for how many they are (Holm 1979); NaN, for a test that could not be made, stays NaN.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan]))
    array([0.03, 0.06, 0.06,  nan])
    """
    corrected, made = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    times = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * times))
    return corrected
