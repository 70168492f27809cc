"""How low a first limit may be guessed from a sample of the points."""

from __future__ import annotations

import math

MISSED = 1e-3  # of the queries, whose first limit may be too low


def rank_reached(expected: float) -> int:
    """How many of a sample are reached by a share of `MISSED` at the most, where so many are expected."""
    rank, term = 0, math.exp(-expected)
    left = 1 - term
    while left > MISSED and rank < 4 * expected + 40:
        rank += 1
        term *= expected / rank
        left -= term
    return rank + 1
