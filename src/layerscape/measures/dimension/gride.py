"""Gride: how many dimensions at every scale, from ratios of farther neighbors."""

from __future__ import annotations

from math import inf

import numpy as np

from layerscape.core.checks import check_enough, check_least, common_warnings
from layerscape.core.estimate import Estimate, Point
from layerscape.core.influence import Influence
from layerscape.core.interval import Z95, margin_of_mean, sd_of_neighborhoods, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.measures.dimension.ratio_law import RELATED, information, likeliest, score
from layerscape.measures.dimension.ratios import check_no_lattice, log_ratios
from layerscape.measures.dimension.twonn import MEASURE as TWONN

FEW = 8  # up to this n the sandwich reports the spread that is seen, beyond it the jackknife does
MUCH = 1.25  # times the sandwich: where the jackknife says more, as among small clusters, it is what is seen


def gride(graph: Neighbors, /, *, range_max: int = 64) -> Estimate:
    """Intrinsic dimension at growing scales from the ratio of the distances to neighbors n and 2n.

    With μ = r₂ₙ/rₙ and a density that is constant on the scale of r₂ₙ (Denti et al. 2022, eq. 2.4),
    P(μ) = d·(μᵈ−1)^(n−1) / (μ^((2n−1)d+1)·B(n, n)). The maximum of the likelihood is the root of
    (N−1)/d + (n−1) Σ x/(1−e^(−dx)) − (2n−1) Σ x with x = log μ, which falls in d and so has one root;
    N−1 in place of N makes n = 1 the unbiased TwoNN.

    Parameters
    ----------
    graph
        Neighbors of N ≥ 3 samples without copies.
    range_max
        The farthest neighbor 2n used, at least 2; n = 1, 2, 4, … as far as the graph reaches.

    Returns
    -------
    Estimate
        The value at n = 1 in dimensions, and a curve with one point per n: ``k`` = 2n and ``scale`` the mean of rₙ
        and r₂ₙ over the samples, in units of the data.

    Raises
    ------
    InvalidValue
        If samples are copies, the graph holds fewer than 2 neighbors, or every ratio is 1.

    Notes
    -----
    A plateau over scales is a dimension. Without one the curve is the result: noise lifts small scales, curvature
    and the edge of the cloud change large ones.

    References
    ----------
    Denti, Doimo, Laio, Mira 2022, doi:10.1038/s41598-022-20991-1, arXiv:2104.13832.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((500, 2))
    >>> [point.k for point in gride(find_neighbors(x, k=16)).curve]
    [2, 4, 8, 16]
    """
    check_least(2, range_max=range_max)
    graph.need(2)
    check_enough(graph)
    curve, n = [], 1
    while 2 * n <= min(range_max, graph.k):
        curve.append(_at(graph, n))
        n *= 2
    first = curve[0]
    return Estimate(
        first.value,
        first.low,
        first.high,
        graph.n_samples,
        graph.n_units,
        2,
        curve=tuple(curve),
        warnings=tuple(common_warnings(graph)),
    )


def _at(graph: Neighbors, n: int) -> Point:
    x = log_ratios(graph, n, 2 * n)
    check_no_lattice(x, n, 2 * n, "gride")
    value = likeliest(x, n)
    low, high = within(value, _margin(graph, n, value, x), MEASURE.bounds)
    scale = float((graph.distances[:, n - 1] + graph.distances[:, 2 * n - 1]).mean() / 2)
    return Point(value, low, high, scale, 2 * n)


def _margin(graph: Neighbors, n: int, d: float, x: np.ndarray) -> float:
    own, sharpness = score(d, n, x), information(d, n, x)
    near = margin_of_mean(own, graph, k=RELATED) if n <= FEW else 0.0
    if n // 4 == 0:  # too few neighbors for a slope over a quarter of them
        return near / sharpness
    left_out = Z95 * sd_of_neighborhoods(graph, own, _moved(graph, n, d, own)) / len(x)
    return (left_out if left_out > MUCH * near else near) / sharpness


def _moved(graph: Neighbors, n: int, d: float, own: np.ndarray) -> np.ndarray:
    """How much one neighbor more changes a sample's score, by its rank: up to n, and from there to 2n.

    A neighbor more within rₙ brings both distances down to what they are at one neighbor fewer; between rₙ and r₂ₙ,
    only the outer one. The slope is taken over a quarter of n to both sides, where the graph reaches, since the gap to
    the very next neighbor is mostly noise.
    """
    step, r = n // 4, graph.distances
    fewer, more = 2 * n - 1 - step, 2 * n - 1 + step
    both, alone = (score(d, n, np.log(r[:, fewer] / r[:, inner])) for inner in (n - 1 - step, n - 1))
    if more >= graph.k:
        before, base, width = own, own, step
    else:
        before, base = (score(d, n, np.log(r[:, more] / r[:, inner])) for inner in (n - 1 + step, n - 1))
        width = 2 * step
    return np.repeat(np.stack([both - before, alone - base], axis=1) / width, n, axis=1)


def _influence(graph: Neighbors, /, *, range_max: int) -> Influence:
    """How each sample moves the value at n = 1, which is TwoNN's."""
    return TWONN.influence_of(graph)


MEASURE = Measure(
    compute=gride,
    title="Gride",
    standard=True,
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Denti et al. 2022, doi:10.1038/s41598-022-20991-1",
    neighbors="range_max",
    distinct=True,
    influence=_influence,
)
