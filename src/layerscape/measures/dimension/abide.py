"""ABIDE: how many dimensions, at the scale up to which the density around each sample is constant."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log

import numpy as np

from layerscape.core.checks import check_all_asked, check_least, check_samples, common_warnings
from layerscape.core.estimate import Estimate
from layerscape.core.interval import Z95, sd_of_neighborhoods, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.density import FEWEST, constant_up_to, radius_ratios
from layerscape.measures.dimension.ratios import check_no_lattice, log_ratios

BEST_SHARE = 0.2032  # of the neighbors expected inside the inner ball: where the binomial estimate is sharpest
WIDEST_RATIO = 0.975  # of the two radii, in high dimension
MOST_ROUNDS = 30
STILL = 1e-4  # a relative change below which the rounds have converged


def abide(graph: Neighbors, /, *, k_max: int = 100, alpha: float = 1e-6) -> Estimate:
    """Intrinsic dimension from the largest neighborhood of each sample in which a test finds the density constant.

    Two things are found in turn until they agree (Di Noia et al. 2024, algorithm 1):

    - k*, for each sample x the largest k such that for no smaller one the density of the k neighbors around x and that
      around its (k+1)-th neighbor y differ: D = −2k·[log V_x + log V_y − 2·log(V_x + V_y) + log 4], with V = r_kᵈ, is
      below the 1 − alpha quantile of χ² with one degree of freedom.
    - d, from how many of the k* − 1 neighbors inside r_k* lie inside τ·r_k*: their share is τᵈ, and so
      d = log(Σ n / Σ (k* − 1)) / log τ, with τ = 0.2032^(1/d), which makes the estimate sharpest.

    Parameters
    ----------
    graph
        At least ``k_max`` neighbors of N ≥ 3 samples without copies.
    k_max
        The largest neighborhood tried, at least 8; all others where there are fewer.
    alpha
        Level of the test, in (0, 1).

    Returns
    -------
    Estimate
        In dimensions. ``details`` hold ``mean_neighbors``, the mean of k*; ``scale``, the mean of r_k*;
        ``share_at_k_max`` of the samples for which no difference was found up to the end; the number of ``rounds``;
        and the arrays ``neighbors`` (k*) and ``radius`` (r_k*), shape (M,).

    Raises
    ------
    InvalidValue
        If samples are copies, the graph holds fewer than ``k_max`` neighbors, or an option lies outside its range.

    Notes
    -----
    The scale is chosen by the test and not by eye, but it is chosen sample by sample: noise that is smaller than r_k*
    is looked through, curvature that begins below it is not.

    References
    ----------
    Di Noia, Macocco, Glielmo, Laio, Mira 2024, arXiv:2405.15132; the test: Rodriguez, d'Errico, Facco, Laio 2018,
    doi:10.1021/acs.jctc.7b00916.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).random((1000, 2))
    >>> estimate = abide(find_neighbors(x, k=100))
    >>> round(estimate.value, 1), estimate.details["mean_neighbors"] > 30
    (1.9, True)
    """
    check_least(2 * FEWEST, "so that there is something to choose from", k_max=k_max)
    if not 0 < alpha < 1:
        raise InvalidValue(f"alpha={alpha}; it is the level of a test: give 0 < alpha < 1.")
    check_all_asked(graph, "abide")
    check_samples(graph.n_samples, "abide", 2 * FEWEST + 1)
    k_max = min(k_max, graph.n_samples - 1)
    graph.need(k_max)
    x = log_ratios(graph, 1, 2)
    check_no_lattice(x, 1, 2, "abide")
    ratios = radius_ratios(graph.indices, graph.distances, k_max)
    step = _round(graph, (len(x) - 1) / x.sum(), ratios, alpha)
    rounds = 1
    while abs(step.change) > STILL * step.value and rounds < MOST_ROUNDS:
        step = _round(graph, step.value, ratios, alpha)
        rounds += 1
    return _estimate(graph, step, rounds, k_max)


@dataclass(frozen=True)
class _Round:
    value: float
    change: float
    kept: np.ndarray
    ratio: float


def _round(graph: Neighbors, d: float, ratios: np.ndarray, alpha: float) -> _Round:
    """Neighborhoods for the dimension d, and the dimension that they have."""
    kept = constant_up_to(ratios, d, alpha)
    ratio = min(WIDEST_RATIO, BEST_SHARE ** (1 / d))
    value = _binomial(graph, kept, ratio)
    return _Round(value, value - d, kept, ratio)


def _inside(graph: Neighbors, kept: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Which neighbors lie inside r_k*, and which of these inside ratio·r_k*; shape (N, K) each."""
    radius = np.take_along_axis(graph.distances, kept[:, None] - 1, axis=1)
    outer = np.arange(1, kept.max()) < kept[:, None]
    return outer, outer & (graph.distances[:, : kept.max() - 1] < ratio * radius)


def _binomial(graph: Neighbors, kept: np.ndarray, ratio: float) -> float:
    outer, inner = _inside(graph, kept, ratio)
    if not 0 < inner.sum() < outer.sum():
        raise InvalidValue(
            f"{'all' if inner.any() else 'none'} of the neighbors are nearer than {ratio:.3g} of the distance of the "
            "last: the data are a lattice, of very high dimension for so few samples, or of clusters smaller than "
            "k_max; lower k_max, or read gride."
        )
    return float(log(inner.sum() / outer.sum()) / log(ratio))


def _estimate(graph: Neighbors, step: _Round, rounds: int, k_max: int) -> Estimate:
    d, kept, ratio = step.value, step.kept, step.ratio
    outer, inner = _inside(graph, kept, ratio)
    moved = np.where(outer, inner - inner.sum() / outer.sum(), 0.0) / (inner.sum() * log(ratio))
    sd = sd_of_neighborhoods(graph, moved.sum(axis=1), moved)
    radius = np.take_along_axis(graph.distances, kept[:, None] - 1, axis=1)[:, 0]
    at_end = float((kept == k_max).mean())
    warnings = common_warnings(graph)
    if at_end > 0.5:
        warnings.append(
            f"no change of density was found around {at_end:.0%} of the samples up to k_max={k_max} neighbors: the "
            "scale is set by k_max, and a larger one would give a sharper value"
        )
    if abs(step.change) > STILL * d:
        warnings.append(
            f"the rounds had not settled after {MOST_ROUNDS}: the last changed the value by {step.change:.2g}"
        )
    details = {
        "mean_neighbors": float(kept.mean()),
        "scale": float(radius.mean()),
        "share_at_k_max": at_end,
        "rounds": rounds,
        "neighbors": kept,
        "radius": radius,
    }
    low, high = within(d, Z95 * sd, MEASURE.bounds)
    return Estimate(d, low, high, graph.n_samples, graph.n_units, k_max, details=details, warnings=tuple(warnings))


MEASURE = Measure(
    compute=abide,
    title="ABIDE",
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Di Noia et al. 2024, arXiv:2405.15132",
    neighbors="k_max",
    distinct=True,
    influence="a test chooses the neighborhood of every sample, and one sample can make many of them jump",
)
