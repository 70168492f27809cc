"""Intervals of explained variance: what is not explained is a share of squares, which far samples multiply."""

from __future__ import annotations

from math import exp

from layerscape.core.interval import LEAST_MARGIN

MOST_MARGIN = 50.0  # of a logarithm


def ends_of_explained(value: float, margin: float) -> tuple[float, float]:
    """The 95 % interval of R², from half its width on a plain scale: on that of the logarithm of 1 − R².

    >>> [round(end, 3) for end in ends_of_explained(0.9, 0.1)]
    [0.728, 0.963]
    """
    missed = max(1 - value, LEAST_MARGIN)
    factor = exp(min(margin / missed, MOST_MARGIN))
    return min(1 - missed * factor, value - LEAST_MARGIN), min(1.0, max(1 - missed / factor, value + LEAST_MARGIN))
