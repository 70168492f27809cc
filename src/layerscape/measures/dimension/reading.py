"""What Gride reads of a cloud at every scale: corrected for a finite sample, and where one dimension explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from layerscape.core.estimate import Point
from layerscape.core.neighbors import Neighbors
from layerscape.core.plateau import Plateau, find_plateau
from layerscape.measures.dimension.finite import DIFFERENT, corrected, most_dimensions
from layerscape.measures.dimension.ratio_law import correlations, gap
from layerscape.measures.dimension.ratios import log_ratios

BENT = 2.0  # times 1/√N: samples of one dimension leave its law so far in less than 1 of 100 clouds
FELT = 0.03  # of the samples: what is misplaced by less is no other law, however many samples there are
NEAR = 8  # up to this n; beyond it samples share so many neighbors that they leave the law farther
DISCRETE = 0.05  # of the samples with tied first neighbors: from here on distances are counts
ROUNDING = 1e-9  # a relative difference between distances that tie
SAMPLES = 4  # times as many as the farthest neighbor that is read, so that it is a neighbor


@dataclass(frozen=True, eq=False)
class Reading:
    """The curve of a cloud, and what is made of it.

    Attributes
    ----------
    curve
        Of `gride`.
    as_gaussian
        The same as dimensions of the Gaussians that read so.
    bent
        At which scales the ratios do not follow the law of one dimension.
    plateau
        Over which scales the dimension does not change, if there are such.
    """

    curve: tuple[Point, ...]
    as_gaussian: tuple[Point, ...]
    bent: tuple[bool, ...]
    plateau: Plateau | None

    @classmethod
    def of(cls, graph: Neighbors, curve: Sequence[Point]) -> Reading:
        """Of scales of which the farthest neighbor is one of a quarter of the samples."""
        n = graph.n_samples
        near = tuple(point for point in curve if (point.k or 0) * SAMPLES <= n) or tuple(curve[:1])
        most = most_dimensions(n, graph.n_units or n) * (1 + DIFFERENT)
        as_gaussian = corrected(near, n, graph.n_units or n)
        bent = tuple(_bent(graph, point) for point in near)
        usable = [point.low <= most and not crooked for point, crooked in zip(as_gaussian, bent, strict=True)]
        plateau = find_plateau(as_gaussian, correlations(graph, near), near, usable)
        return cls(near, as_gaussian, bent, plateau)


def tied(graph: Neighbors) -> float:
    """How many of the samples have first neighbors at equal distances, but for rounding, as a share of all."""
    first, second = graph.distances[:, :2].T
    return float((second <= first * (1 + ROUNDING)).mean())


def _bent(graph: Neighbors, point: Point) -> bool:
    n = (point.k or 0) // 2
    if n > NEAR:
        return False
    return gap(point.value, n, log_ratios(graph, n, 2 * n)) > max(FELT, BENT / sqrt(graph.n_samples))
