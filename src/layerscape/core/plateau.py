"""Plateaus: over which scales a dimension does not change, by a stated test."""

from __future__ import annotations

from collections.abc import Sequence
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


def find_plateau(
    curve: Sequence[Point],
    correlation: np.ndarray | None = None,
    raw: Sequence[Point] | None = None,
    usable: Sequence[bool] | None = None,
) -> Plateau | None:
    """The longest run of scales of which no two differ, and which have no trend; at least three of them.

    Two scales differ if their values are more than 2.24 standard errors of their difference apart, beyond 5 % (less in
    proportion where they are less than a factor of 2 in distance apart) and a fifth of the difference between their
    corrections for a finite sample; a run has a trend if the ends of the straight line through its values do. Where
    three scales span less than a factor of 1.5 in distance, as they do in many dimensions, four are asked for. Of runs
    of one length the one that varies least, in relation to its value.

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
    >>> curve = [Point(v, v - 0.1, v + 0.1) for v in (9.0, 6.0, 4.0, 3.9, 4.1, 3.2)]
    >>> find_plateau(curve).first, find_plateau(curve).last
    (2, 4)
    >>> find_plateau(curve[:4]) is None
    True
    """
    correction = np.log([point.value / own.value for point, own in zip(curve, raw or curve, strict=True)])
    stands = (correction <= np.log(MOST_CORRECTED)) & (True if usable is None else np.asarray(usable))
    covariance = _covariance(curve, np.eye(len(curve)) if correlation is None else correlation)
    found = []
    for first in range(len(curve)):
        for last in range(first + FEWEST - 1, len(curve)):
            run = slice(first, last + 1)
            level = _is_level(curve[run], covariance[run, run], correction[run])
            if stands[run].all() and level and _far_enough(curve[run]):
                found.append(_plateau(curve, correction, first, last))
    return max(found, key=lambda plateau: (len(plateau), -_spread(curve, plateau)), default=None)


def _covariance(curve: Sequence[Point], correlation: np.ndarray) -> np.ndarray:
    """Of the errors of the logarithms of the values, shape (S, S)."""
    sd = np.array([(point.high - point.low) / (2 * Z95 * max(point.value, LEAST)) for point in curve])
    return correlation * np.outer(sd, sd)


def _is_level(run: Sequence[Point], covariance: np.ndarray, correction: np.ndarray) -> bool:
    """Whether no two scales of a run differ, nor the ends of the straight line through all of them."""
    value, place = np.log([max(point.value, LEAST) for point in run]), np.arange(len(run)) - (len(run) - 1) / 2
    contrasts = [(a, b, np.eye(len(run))[b] - np.eye(len(run))[a]) for a, b in combinations(range(len(run)), 2)]
    contrasts.append((0, len(run) - 1, place * (len(run) - 1) / (place @ place)))
    for a, b, weights in contrasts:
        far = np.log(run[b].scale / run[a].scale) / np.log(2)  # NaN where no distance is known
        allowed = TOLERANCE * (min(1.0, far) if far == far else 1.0) + LAW * abs(correction[b] - correction[a])
        error = np.sqrt(max(0.0, weights @ covariance @ weights))
        if abs(weights @ value) > APART * error + allowed:
            return False
    return True


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
