"""The elbow of a falling curve: the dimension from which on a further one explains little of what is left.

The rule, for every curve of the share that m dimensions leave unexplained, m growing: start from 0 dimensions, which
leave everything (a share of 1); take the logarithm of the share, and count a share below a stated least one as that
one; draw the chord from the first point to the last. The elbow is the point farthest below the chord (Satopää et al.
2011, doi:10.1109/ICDCSW.2011.20). On a curve that falls ever more slowly it is the last dimension that removes a larger
part of what is left than dimensions do on average. Where each removes the same part, there is no elbow, and the value
is the largest dimension of the curve: as far as it goes, all of them count.

How sure it is: curves with one group of the data left out give the standard deviation of how far apart in depth two
points are (jackknife over groups). Points that are not significantly less deep than the deepest are rivals, and the
interval reaches half a step beyond the first and the last of them; beyond the last point of the curve it is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from layerscape.core.interval import student95

STRAIGHT = 0.1  # a depth below the chord that is a smaller share of the whole fall makes no elbow


@dataclass(frozen=True)
class Elbow:
    """The elbow of one curve.

    Attributes
    ----------
    value, low, high
        Where it is, and its 95 % interval.
    place
        The number of its point, counted from 0.
    depth
        How far it lies below the chord as a share of the whole fall, in 0…1: how clear it is; 0 if there is none.
    falling
        Whether the curve falls at its end at more than half of its average rate.
    """

    value: float
    low: float
    high: float
    place: int
    depth: float
    falling: bool

    def warnings(self, option: str) -> list[str]:
        """What is wrong with it, in words; ``option`` says how far the curve goes."""
        if not self.depth:
            return [
                f"no elbow: each dimension removes about the same part of what is left, up to {option}={self.value:g}; "
                f"the dimension is at least that, or the curve has none: raise {option} and read the curve"
            ]
        if self.falling:
            return [f"the curve still falls at its end, and its elbow depends on where that is: raise {option}"]
        return []


def find_elbow(dimensions: np.ndarray, unexplained: np.ndarray, without: np.ndarray, *, least: float) -> Elbow:
    """The elbow of a curve of unexplained shares.

    Parameters
    ----------
    dimensions
        Shape (m,), growing, above 0.
    unexplained
        Shape (m,): the share that so many dimensions leave unexplained.
    without
        Shape (G, m): the curve with one of G ≥ 2 groups of the data left out.
    least
        The smallest share that is told from none.

    Examples
    --------
    >>> curve = np.array([0.6, 0.3, 0.02, 0.018, 0.017])
    >>> find_elbow(np.arange(1, 6), curve, np.stack([curve, curve]), least=1e-3).value
    3.0
    """
    depth, fall = _depths(dimensions, unexplained, least)
    place = int(depth.argmax())
    bent = bool(depth[place] >= STRAIGHT * fall > 0)
    if not bent:
        place = len(depth) - 1
    moved = _depths(dimensions, without, least)[0]
    behind = moved[:, [place]] - moved
    groups = len(without)
    sd = np.sqrt((groups - 1) / groups * ((behind - behind.mean(axis=0)) ** 2).sum(axis=0))
    rivals = np.flatnonzero(depth[place] - depth <= student95(groups - 1) * sd)
    steps = np.concatenate([[0], dimensions, [inf]])
    middles = (steps[1:] + steps[:-1]) / 2  # middles[i] lies before point i, the last beyond all
    rate = np.log(np.maximum(unexplained[-2:], least)) / (dimensions[-1] - dimensions[-2])
    return Elbow(
        value=float(dimensions[place]),
        low=float(middles[rivals[0]]),
        high=float(middles[rivals[-1] + 1]),
        place=place,
        depth=float(depth[place] / fall) if bent else 0.0,
        falling=bool(rate[0] - rate[1] > fall / dimensions[-1] / 2),
    )


def _depths(dimensions: np.ndarray, unexplained: np.ndarray, least: float) -> tuple[np.ndarray, float]:
    """How far every point lies below the chord, and how far the curve falls in all."""
    logs = np.log(np.maximum(unexplained, least))
    return logs[..., -1:] * dimensions / dimensions[-1] - logs, float(-logs[..., -1].mean())
