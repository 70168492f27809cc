"""Intervals of explained variance: what is not explained is a share of squares, which far samples multiply."""

from __future__ import annotations

from math import exp

from layerscape.core.interval import LEAST_MARGIN

MOST = 3.0  # of a logarithm: what few degrees of freedom make of a spread as large as what is not explained


def ends_of_explained(value: float, margin: float) -> tuple[float, float]:
    """The 95 % interval of R², from half its width on a plain scale: on that of the logarithm of 1 − R².

    Where a few samples decide, the margin is many times what is not explained. A logarithm then says nothing of how far
    down the value may lie, and the plain scale does.

    >>> [round(end, 3) for end in ends_of_explained(0.9, 0.1)]
    [0.728, 0.963]
    >>> [round(end, 3) for end in ends_of_explained(0.999, 0.1)]
    [0.899, 1.0]
    """
    missed = max(1 - value, LEAST_MARGIN)
    ratio = margin / missed
    far, near = max(missed * exp(min(ratio, MOST)), missed + margin), missed * exp(-ratio)
    return min(1 - far, value - LEAST_MARGIN), min(1.0, max(1 - near, value + LEAST_MARGIN))
