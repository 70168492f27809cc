"""TwoNN: how many dimensions, from the first two neighbors."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import gamma

from layerscape.core.checks import check_enough, check_name, common_warnings
from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.interval import margin_of_mean, sd_of_mean, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import lost_by_others, need_next
from layerscape.measures.dimension.deleted import ratios_of, sums_without_each
from layerscape.measures.dimension.ratios import check_no_lattice, log_ratios

RELATED = 2  # a sample's ratio depends on that of its first two neighbors
BENT = 0.05  # a largest gap to the Pareto law above this (and above what chance allows) is a bad fit
INSTEAD = "so read gride's curve over scale instead"


def twonn(
    graph: Neighbors,
    /,
    *,
    method: Literal["mle", "fit", "uncensored"] = "mle",
    discard: float | None = None,
    prior: tuple[float, float] | None = None,
) -> Estimate:
    """Intrinsic dimension from the ratio of the distances to the first two neighbors.

    If the density is constant on the scale of the second neighbor, μ = r₂/r₁ follows the Pareto law
    P(μ) = d·μ^(−d−1) whatever the density is (Facco et al. 2017, eq. 3). With x = log μ sorted increasingly:

    - ``method="mle"``: d = (N−1) / Σ x; with ``discard`` > 0 the censored form d = (m−1) / T of the m smallest,
      T = Σ_{i≤m} x₍ᵢ₎ + (N−m)·x₍ₘ₎. With ``prior`` (a, b) the mean (a + m) / (b + T) of the posterior, which is the
      Gamma law of that shape and rate.
    - ``method="uncensored"``: d = m / Σ_{i≤m} x₍ᵢ₎, as if the samples that are left out had never been; for numbers
      that were made so, since it reads high: 11.0 with ``discard=0.1`` of 8 dimensions.
    - ``method="fit"``: the slope through the origin of −log(1 − i/N) against x₍ᵢ₎ (Facco et al. 2017, eq. 5), i ≤ m.

    Parameters
    ----------
    graph
        At least 2 neighbors of N ≥ 3 samples without copies.
    method
        Maximum likelihood, the linear fit of the paper, or a likelihood that forgets whom it left out.
    discard
        Share of the largest ratios that is left out, in [0, 1); by default 0.1 for ``"fit"`` and else 0.
    prior
        Shape a and rate b, both above 0, of a Gamma law for d; none by default. Only for ``method="mle"``.

    Returns
    -------
    Estimate
        In dimensions, above 0. The interval comes from the estimate's influence function and a sandwich over
        neighbor pairs, since neighboring ratios depend on each other; with a prior it is that of a Gamma law of this
        spread. ``details`` hold the points of the fit, ``log_ratio`` x₍ᵢ₎ and ``minus_log_survival`` −log(1 − i/N)
        for i ≤ m; ``gap``, the largest distance between their law and Pareto's; and ``r_squared`` of the line of
        slope d through the origin: how straight the points are.

    Raises
    ------
    InvalidValue
        If samples are copies, all neighbors are at equal distances, ``discard`` leaves fewer than 3 samples, or the
        prior is not two numbers above 0.

    Notes
    -----
    A finite sample of a high-dimensional cloud reads low: 5,000 samples of a 50-dimensional Gaussian read 34.

    References
    ----------
    Facco, d'Errico, Rodriguez, Laio 2017, doi:10.1038/s41598-017-11873-y; Denti, Doimo, Laio, Mira 2022,
    doi:10.1038/s41598-022-20991-1.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((1000, 3))
    >>> estimate = twonn(find_neighbors(x, k=2))
    >>> estimate.low < 3 < estimate.high
    True
    >>> estimate.details["r_squared"] > 0.99
    True
    """
    discard = _checked(method, discard, prior)
    x, ranked, n_kept = _read(graph, discard)
    value, influence = WAYS[method].value(x, ranked, n_kept)
    if prior is None:
        low, high = within(value, margin_of_mean(influence, graph, k=RELATED), MEASURE.bounds)
    else:
        value, low, high = _posterior(value, sd_of_mean(influence, graph, k=RELATED), n_kept, *prior)
    details = _straightness(ranked, n_kept, value)
    bent = _reads_high(n_kept, len(x)) if method == "uncensored" else _bent(float(details["gap"]), len(x))
    warnings = (*common_warnings(graph), *bent)
    return Estimate(value, low, high, graph.n_samples, graph.n_units, 2, details=details, warnings=warnings)


def _checked(method: str, discard: float | None, prior: tuple[float, float] | None) -> float:
    """The share to discard, after everything that was asked has been looked at."""
    check_name("method of twonn", method, WAYS)
    discard = (0.1 if method == "fit" else 0.0) if discard is None else discard
    if not 0 <= discard < 1:
        raise InvalidValue(f"discard={discard}; it is the share of the largest ratios left out: give 0 ≤ discard < 1.")
    if prior is not None and (len(prior) != 2 or not all(0 < part < inf for part in prior)):
        raise InvalidValue(f"prior={prior}; give shape and rate of a Gamma law, two numbers above 0.")
    if prior is not None and method != "mle":
        raise InvalidValue(f"a prior is for method='mle'; {method!r} has no likelihood to weigh it with.")
    return discard


def _read(graph: Neighbors, discard: float) -> tuple[np.ndarray, np.ndarray, int]:
    """The log ratios, the same sorted, and how many are kept."""
    check_enough(graph)
    x = log_ratios(graph, 1, 2)
    n_kept = _kept(len(x), discard)
    if n_kept < 3:
        raise InvalidValue(f"discard={discard} keeps {n_kept} of {len(x)} samples; at least 3 must be kept.")
    ranked = np.sort(x)
    if ranked[n_kept - 1] == 0:
        check_no_lattice(ranked[:n_kept], 1, 2, "twonn")
    return x, ranked, n_kept


def _kept(n: int, discard: float) -> int:
    return int(n * (1 - discard) + 1e-9)


def _likelihood(x: np.ndarray, ranked: np.ndarray, m: int) -> tuple[float, np.ndarray]:
    """The dimension, and how much each sample moves it (times N)."""
    if m == len(x):
        value = (m - 1) / ranked.sum()
        return value, -value * value * x
    last = ranked[m - 1]
    value = (m - 1) / (ranked[:m].sum() + (len(x) - m) * last)
    share = m / len(x)
    # The last term: a sample below the quantile pulls the quantile down, at density (1 − share)·d under the law.
    return value, -(value**2) / share * (np.minimum(x, last) + (share - (x <= last)) / value)


def _uncensored(x: np.ndarray, ranked: np.ndarray, m: int) -> tuple[float, np.ndarray]:
    value, last, share = m / ranked[:m].sum(), ranked[m - 1], m / len(x)
    return value, -(value**2) / share * ((x - last) * (x <= last) + share * (last - 1 / value))


def _posterior(value: float, sd: float, m: int, shape: float, rate: float) -> tuple[float, float, float]:
    """Posterior mean and its 95 %, for a likelihood as wide as the samples' dependence makes it."""
    mean = (shape + m) / (rate + (m - 1) / value)
    # Independent ratios would count as m of them; these count as (value / sd)², which is about m / 1.6.
    counted = shape + min(m, (value / sd) ** 2)
    low, high = gamma.ppf((0.025, 0.975), counted, scale=mean / counted)
    return mean, float(low), float(high)


def _fit(x: np.ndarray, ranked: np.ndarray, m: int) -> tuple[float, np.ndarray]:
    if m == len(x):
        m -= 1  # the empirical law reaches 1 at the last point, where the logarithm ends
    level = np.arange(1, m + 1) / len(x)
    y, q = -np.log1p(-level), ranked[:m]
    value = float((q @ y) / (q @ q))
    # Influence function of a sum over quantiles Σ J(u)·Q(u): −Σ (1[x ≤ Q(u)] − u)·J(u)·dQ(u).
    steps = np.diff(q, prepend=0.0) * (y - 2 * value * q)
    above = np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])
    moved = -(above[np.searchsorted(q, x)] - (level * steps).sum())
    return value, moved / (q @ q / len(x))


def _straightness(ranked: np.ndarray, m: int, value: float) -> dict[str, float | np.ndarray]:
    """The points of the fit, and how far they are from the law."""
    m = min(m, len(ranked) - 1)  # the empirical law reaches 1 at the last point, where the logarithm ends
    level, x = np.arange(1, m + 1) / len(ranked), ranked[:m]
    y = -np.log1p(-level)
    unexplained = float(((y - value * x) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    gap = float(np.abs(level - -np.expm1(-value * x)).max())
    return {"gap": gap, "r_squared": 1 - unexplained, "log_ratio": x, "minus_log_survival": y}


def _bent(gap: float, n: int) -> tuple[str, ...]:
    """A warning if the ratios leave the Pareto law."""
    if gap < max(BENT, 2 / np.sqrt(n)):
        return ()
    return (
        f"the ratios do not follow the Pareto law (largest gap {gap:.2f}): the density is not constant at the scale of "
        f"two neighbors, {INSTEAD}",
    )


def _reads_high(m: int, n: int) -> tuple[str, ...]:
    if m == n:
        return ()
    return (f"the {n - m} samples with the largest ratios count as if they were none, and so it reads high; see 'mle'",)


def _influence(
    graph: Neighbors, /, *, method: str, discard: float | None, prior: tuple[float, float] | None
) -> Influence:
    """How each sample moves the dimension: exactly without it, and to first order by its own ratio."""
    discard = _checked(method, discard, prior)
    need_next(graph, 2)
    x, ranked, m = _read(graph, discard)
    value, alone = WAYS[method].value(x, ranked, m)
    without = WAYS[method].without(graph, x, _kept(len(x) - 1, discard))
    alone = (alone - alone.mean()) / len(x)
    if prior is not None:
        shape, rate = prior
        alone *= (shape + m) * (m - 1) / (rate * value + m - 1) ** 2
        value = (shape + m) / (rate + (m - 1) / value)
        left = _kept(len(x) - 1, discard)
        without = (shape + left) / (rate + (left - 1) / without)
    return Influence(value, value - without, alone, graph.indices[:, :RELATED])


def _likelihood_without(graph: Neighbors, x: np.ndarray, m: int) -> np.ndarray:
    if m == len(x) - 1:
        return (m - 1) / (x.sum() - x - lost_by_others(graph, 2, x, ratios_of))
    sums, _, _, last = sums_without_each(graph, x, np.zeros(m))
    return (m - 1) / (sums + (len(x) - 1 - m) * last)


def _fit_without(graph: Neighbors, x: np.ndarray, m: int) -> np.ndarray:
    m = min(m, len(x) - 2)
    _, squares, products, _ = sums_without_each(graph, x, -np.log1p(-np.arange(1, m + 1) / (len(x) - 1)))
    return products / squares


def _uncensored_without(graph: Neighbors, x: np.ndarray, m: int) -> np.ndarray:
    return m / sums_without_each(graph, x, np.zeros(m))[0]


class Way(NamedTuple):
    """The dimension, with what each sample moves it by (times N), and the dimensions without each sample."""

    value: Callable[[np.ndarray, np.ndarray, int], tuple[float, np.ndarray]]
    without: Callable[[Neighbors, np.ndarray, int], np.ndarray]


WAYS = {
    "mle": Way(_likelihood, _likelihood_without),
    "fit": Way(_fit, _fit_without),
    "uncensored": Way(_uncensored, _uncensored_without),
}

MEASURE = Measure(
    compute=twonn,
    title="TwoNN",
    standard=True,
    headline=True,
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Facco et al. 2017, doi:10.1038/s41598-017-11873-y",
    neighbors=2,
    distinct=True,
    influence=_influence,
)
