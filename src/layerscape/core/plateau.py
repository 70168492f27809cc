"""Plateaus: over which scales a dimension does not change, by a stated test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscape.core.estimate import Point

FEWEST = 3  # scales: a factor of 4 in the number of neighbors, or of samples
TOLERANCE = 0.05  # a relative change that nobody would call one, however narrow the intervals are


@dataclass(frozen=True)
class Plateau:
    """A run of scales at which the dimension is the same.

    Attributes
    ----------
    first, last
        Places of its ends on the curve.
    value, low, high
        The mean of its values, and the ends of their intervals' mean: the scales share their samples, so that
        more of them are no more evidence.
    """

    first: int
    last: int
    value: float
    low: float
    high: float

    def __len__(self) -> int:
        return self.last - self.first + 1


def find_plateau(curve: Sequence[Point]) -> Plateau | None:
    """The longest run of at least three scales whose intervals, each widened to ±5 % of its value, share a point.

    Of runs of one length the one that varies least, in relation to its value.

    >>> curve = [Point(v, v - 0.1, v + 0.1) for v in (9.0, 6.0, 4.0, 3.9, 4.1, 3.2)]
    >>> find_plateau(curve).first, find_plateau(curve).last
    (2, 4)
    >>> find_plateau(curve[:4]) is None
    True
    """
    low = [min(point.low, point.value * (1 - TOLERANCE)) for point in curve]
    high = [max(point.high, point.value * (1 + TOLERANCE)) for point in curve]
    found = []
    for first in range(len(curve)):
        for last in range(first + FEWEST - 1, len(curve)):
            if max(low[first : last + 1]) <= min(high[first : last + 1]):
                found.append(_plateau(curve, first, last))
    return max(found, key=lambda plateau: (len(plateau), -_spread(curve, plateau)), default=None)


def _plateau(curve: Sequence[Point], first: int, last: int) -> Plateau:
    points = curve[first : last + 1]
    value, low, high = (sum(getattr(p, name) for p in points) / len(points) for name in ("value", "low", "high"))
    return Plateau(first, last, value, low, high)


def _spread(curve: Sequence[Point], plateau: Plateau) -> float:
    values = [point.value for point in curve[plateau.first : plateau.last + 1]]
    return (max(values) - min(values)) / plateau.value
