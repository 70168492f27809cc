"""Plateaus: over which scales a dimension does not change, by a stated test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from layerscape.core.estimate import Point
from layerscape.core.interval import Z95

FEWEST = 3  # scales: a factor of 4 in the number of neighbors, or of samples
WIDE, FEWEST_NEAR = 1.5, 4  # where those are not so many times as far away, it takes a scale more
TOLERANCE = 0.05  # a relative change over twice the distance that nobody would call one: edges do as much
APART = 2.24  # standard errors from which two scales, or the ends of a trend, are told apart: by chance 1 of 40 are
LAW = (
    0.2  # of the correction for a finite sample: so much it errs by for spheres, balls and cubes of 5 to 40 dimensions
)
MOST_CORRECTED = 1.5  # a scale at which a finite sample hides more than a third is not read
LEAST = 1e-12  # of a value whose logarithm is taken


@dataclass(frozen=True)
class Plateau:
    """A run of scales at which the dimension is the same.

    Attributes
    ----------
    first, last
        Places of its ends on the curve.
    value, low, high
        The mean of its values, and the ends of their intervals' mean, widened by what the correction for a finite
        sample may err: the scales share their samples, so that more of them are no more evidence.
    """

    first: int
    last: int
    value: float
    low: float
    high: float

    def __len__(self) -> int:
        return self.last - self.first + 1

    def at_most(self, n_units: int) -> tuple[float, float, float]:
        """Value, low and high, since samples have no more dimensions than units."""
        return min(self.value, n_units), min(self.low, n_units), min(self.high, n_units)


def find_plateau(
    curve: Sequence[Point],
    correlation: np.ndarray | None = None,
    raw: Sequence[Point] | None = None,
    usable: Sequence[bool] | None = None,
) -> Plateau | None:
    """The longest run of scales of which no two differ, and which have no trend; at least three of them.

    Two scales differ if their values are more than 2.24 standard errors of their difference apart, beyond 5 % (less in
    proportion where they are less than a factor of 2 in distance apart) and a fifth of the difference between their
    corrections for a finite sample; a run has a trend if the ends of the straight line through its values do, or if the
    scale before it differs from its mean to one side and that after it to the other. Where three scales span less than
    a factor of 1.5 in distance, as they do in many dimensions, four are asked for. Of runs of one length the one that
    varies least, in relation to its value.

    Parameters
    ----------
    curve
        The dimension at S scales.
    correlation
        Shape (S, S): of the errors of their values; none when left out.
    raw
        The curve before it was corrected for a finite sample, if it was: where that made it more than 1.5 times as
        much, a scale is not read.
    usable
        At which scales the samples follow the law of one dimension; at all when left out.

    Examples
    --------
    >>> curve = [Point(v, v - 0.1, v + 0.1) for v in (9.0, 6.0, 4.0, 3.9, 4.1, 5.2)]
    >>> find_plateau(curve).first, find_plateau(curve).last
    (2, 4)
    >>> find_plateau(curve[:4]) is None
    True
    """
    correction = np.log([point.value / own.value for point, own in zip(curve, raw or curve, strict=True)])
    stands = (correction <= np.log(MOST_CORRECTED)) & (True if usable is None else np.asarray(usable))
    sd = np.array([(point.high - point.low) / (2 * Z95 * max(point.value, LEAST)) for point in curve])
    covariance = np.outer(sd, sd) * (np.eye(len(curve)) if correlation is None else correlation)

    def moves(weights: np.ndarray) -> int:
        return _moves(weights, curve, covariance, correction)

    found = []
    for first in range(len(curve)):
        for last in range(first + FEWEST - 1, len(curve)):
            run = slice(first, last + 1)
            if stands[run].all() and _far_enough(curve[run]) and _is_level(moves, first, last, len(curve)):
                found.append(_plateau(curve, correction, first, last))
    return max(found, key=lambda plateau: (len(plateau), -_spread(curve, plateau)), default=None)


def _moves(weights: np.ndarray, curve: Sequence[Point], covariance: np.ndarray, correction: np.ndarray) -> int:
    """The sign of a difference between scales, by weights that add up to 0; 0 where it may be none."""
    difference = weights @ np.log([max(point.value, LEAST) for point in curve])
    far = abs(weights @ np.log2([point.scale for point in curve]))  # NaN where no distance is known
    allowed = TOLERANCE * (min(1.0, far) if far == far else 1.0) + LAW * abs(weights @ correction)
    error = np.sqrt(max(0.0, weights @ covariance @ weights))
    return int(np.sign(difference)) if abs(difference) > APART * error + allowed else 0


def _is_level(moves: Callable[[np.ndarray], int], first: int, last: int, n_scales: int) -> bool:
    """Whether no two scales of a run differ, nor the ends of its straight line, and it is no stretch of a slope."""
    scale, places = np.eye(n_scales), np.arange(first, last + 1)
    if any(moves(scale[b] - scale[a]) for a, b in combinations(places, 2)):
        return False
    centered = places - places.mean()
    line = (centered * (last - first) / (centered @ centered)) @ scale[places]
    mean = scale[places].mean(axis=0)
    before = moves(mean - scale[first - 1]) if first else 0
    after = moves(scale[last + 1] - mean) if last + 1 < n_scales else 0
    return not moves(line) and not (before and before == after)


def _far_enough(run: Sequence[Point]) -> bool:
    return len(run) >= FEWEST_NEAR or not run[-1].scale / run[0].scale < WIDE


def _plateau(curve: Sequence[Point], correction: np.ndarray, first: int, last: int) -> Plateau:
    points = curve[first : last + 1]
    value, low, high = (sum(getattr(p, name) for p in points) / len(points) for name in ("value", "low", "high"))
    law = float(np.exp(LAW * abs(correction[first : last + 1].mean())))
    return Plateau(first, last, value, low / law, high * law)


def _spread(curve: Sequence[Point], plateau: Plateau) -> float:
    values = [point.value for point in curve[plateau.first : plateau.last + 1]]
    return (max(values) - min(values)) / plateau.value
