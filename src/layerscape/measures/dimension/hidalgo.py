"""Hidalgo: how many dimensions where, when the samples lie on several manifolds."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np

from layerscape.core.checks import check_all_asked, check_least, check_most, common_warnings
from layerscape.core.estimate import Estimate
from layerscape.core.interval import Z95, sd_of_mean
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.gibbs import Model, Restart, sample
from layerscape.measures.dimension.ratios import check_no_lattice, log_ratios

STARTS = (4, 16, 64, 256)  # over how many steps to neighbors log μ is smoothed where a restart begins
DECIDED = 0.8  # a sample belongs to a manifold from this probability on
FEWEST = 10  # samples for one manifold, below which it has no dimension to speak of
SETTLED, AGREED = 1.1, 0.9  # the largest R̂, and the smallest share of samples on which restarts agree, of no concern
LOWERED = 0.05  # the largest share of a dimension that the prior may take off without a word


def hidalgo(
    graph: Neighbors, /, *, n_manifolds: int = 2, q: int = 3, zeta: float = 0.8, n_iterations: int = 500, seed: int = 0
) -> Estimate:
    """Mean over the samples of the intrinsic dimension around each, when they lie on manifolds of unlike dimensions.

    μ = r₂/r₁ of a sample on manifold k follows P(μ) = d_k·μ^(−d_k−1), and of its first q neighbors n lie on the same
    manifold with probability ζⁿ(1−ζ)^(q−n) / Z(ζ, N_k), where N_k is the size of the manifold and
    Z = Σ_n C(N_k−1, n)·C(N−N_k, q−n)·ζⁿ(1−ζ)^(q−n) (Allegra et al. 2020). With priors Gamma(1, 1) for d_k and
    Dirichlet(1, …, 1) for the shares p_k, dimensions, shares and the manifold of every sample are drawn in turn from
    what they are given all others (Gibbs sampling); the second half of the draws counts.

    Parameters
    ----------
    graph
        At least q neighbors of N ≥ 10·K samples without copies, of all samples.
    n_manifolds
        K, the largest number of manifolds.
    q
        How many neighbors tend to be on the same manifold, at least 3.
    zeta
        ζ, how much they do, in [0.5, 1); at 0.5 not at all.
    n_iterations
        How often everything is drawn anew, at least 100. Four restarts do so, and the likeliest is kept.
    seed
        Of the draws.

    Returns
    -------
    Estimate
        The mean of ``per_sample``, the posterior mean dimension around each sample. ``details`` hold by manifold,
        sorted by dimension, ``dimensions`` with 95 % from ``low`` to ``high``, ``weights``, ``held_out``, the
        dimension from r₃/r₂, which the sampler does not see, and ``told_apart`` (K−1,), whether by that each differs
        from the next; by sample ``membership`` (N, K), the probability of every
        manifold, and ``segments``, the number 0…K−1 of a manifold more probable than 0.8, else −1; and
        ``log_posterior`` (the mean, up to a constant), split ``r_hat``, and ``agreement``, the share of samples on
        whose manifold the two likeliest restarts agree. Intervals are those of the draws, widened for the dependence of
        neighboring ratios.

    Raises
    ------
    InvalidValue
        If samples are copies, an option is out of its range, there are fewer than 10·K samples or only some queries,
        or all neighbors are at equal distances.

    Notes
    -----
    Asked for two manifolds the sampler finds two, even in one: it gathers samples whose μ is large by chance. Whether
    they are really two is told by ``held_out``, and a warning says where it sees none. ``log_posterior`` rises with K
    for that reason and does not choose it. Restarts begin where log μ smoothed over more or fewer steps says, since
    random beginnings are left too slowly. The prior lowers d_k by about the share d_k/N_k.

    References
    ----------
    Allegra, Facco, Denti, Laio, Mira 2020, doi:10.1038/s41598-020-72222-0, arXiv:1902.10459.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((800, 6))
    >>> x[:400, 1:] = 20  # a line away from the cloud
    >>> estimate = hidalgo(find_neighbors(x, k=3), n_iterations=200)
    >>> estimate.details["dimensions"].round().tolist()
    [1.0, 6.0]
    """
    _check(graph, n_manifolds, q, zeta, n_iterations)
    x = log_ratios(graph, 1, 2)
    check_no_lattice(x, 1, 2, "hidalgo")
    # The draws must not depend on the order of the rows: they go by μ.
    order = np.lexsort((graph.distances[:, 1], graph.distances[:, 0], x))
    place = np.argsort(order)
    model = Model.of(x[order], place[graph.indices[order, :q]], zeta)
    chains = [sample(model, n_manifolds, n_iterations, steps, seed) for steps in STARTS]
    best, second, *_ = sorted(chains, key=lambda chain: -chain.log_posterior)
    per_sample = best.per_sample[place]
    value = float(per_sample.mean())
    averages = (best.dimensions * best.weights).sum(axis=1)
    low, high = _interval(value, averages, _widening(graph, x, per_sample, np.ones(len(x))))
    details, words = _details(graph, x, best, place)
    agreement = float((best.membership.argmax(axis=1) == second.membership.argmax(axis=1)).mean())
    warnings = (*common_warnings(graph), *_lowered(details), *(words or _unsettled(best.r_hat, agreement)))
    return Estimate(
        value,
        low,
        high,
        graph.n_samples,
        graph.n_units,
        q,
        per_sample=per_sample,
        details={**details, "agreement": agreement},
        warnings=warnings,
    )


def _check(graph: Neighbors, n_manifolds: int, q: int, zeta: float, n_iterations: int) -> None:
    check_least(1, n_manifolds=n_manifolds)
    check_least(3, q=q)
    check_least(100, n_iterations=n_iterations)
    check_most(1_000_000, n_iterations=n_iterations)
    if not 0.5 <= zeta < 1:
        raise InvalidValue(f"zeta={zeta}; it is how much neighbors tend to be on one manifold: give 0.5 ≤ zeta < 1.")
    check_all_asked(graph, "hidalgo")
    if graph.n_samples < FEWEST * n_manifolds:
        raise InvalidValue(
            f"{graph.n_samples} samples for n_manifolds={n_manifolds}; hidalgo needs at least {FEWEST} for each, and "
            "hundreds to mean something."
        )
    graph.need(q)


def _details(
    graph: Neighbors, x: np.ndarray, chain: Restart, place: np.ndarray
) -> tuple[dict[str, float | np.ndarray], list[str]]:
    """What lies behind the value, and which manifolds do not differ, in words."""
    mean, membership = chain.dimensions.mean(axis=0), chain.membership[place]
    widths = [_widening(graph, x, dimension, share) for dimension, share in zip(mean, membership.T, strict=True)]
    low, high = _interval(mean, chain.dimensions, np.array(widths))
    held_out, told_apart, words = _held_out(graph, membership)
    details = {
        "dimensions": mean,
        "low": low,
        "high": high,
        "weights": chain.weights.mean(axis=0),
        "held_out": held_out,
        "told_apart": told_apart,
        "membership": membership,
        "segments": np.where(membership.max(axis=1) > DECIDED, membership.argmax(axis=1), -1),
        "log_posterior": chain.log_posterior,
        "r_hat": chain.r_hat,
    }
    return details, words


def _widening(graph: Neighbors, x: np.ndarray, d: np.ndarray | float, share: np.ndarray) -> float:
    """How much wider than for independent ratios the law of a mean dimension is, at least 1."""
    influence = share * d * (1 - d * x)
    influence = influence - influence.mean()
    independent = float(np.sqrt(influence @ influence))
    if not independent:  # of a manifold without samples
        return 1.0
    return max(1.0, len(x) * sd_of_mean(influence, graph, k=2) / independent)


def _interval(value: np.ndarray | float, draws: np.ndarray, widening: np.ndarray | float) -> np.ndarray:
    return np.maximum(0, value + widening * (np.quantile(draws, (0.025, 0.975), axis=0) - draws.mean(axis=0)))


def _held_out(graph: Neighbors, membership: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The dimension of every manifold from r₃/r₂, which differ from the next, and where they do not, in words."""
    x = 2 * log_ratios(graph, 2, 3)  # on average 1/d
    sizes = membership.sum(axis=0)
    parts = membership / np.maximum(sizes, 1e-300)
    means = x @ parts
    with np.errstate(divide="ignore"):
        dimensions = 1 / means
    found = np.flatnonzero(sizes >= FEWEST)
    alike, told_apart = [], np.zeros(len(sizes) - 1, dtype=bool)
    for low, high in pairwise(found.tolist()):
        moved = parts[:, low] * (x - means[low]) - parts[:, high] * (x - means[high])
        told_apart[low] = means[low] - means[high] >= Z95 * len(x) * sd_of_mean(moved, graph, k=3)
        if not told_apart[low]:
            alike.append(f"{low} and {high} ({dimensions[low]:.3g} and {dimensions[high]:.3g})")
    n_found, n_asked = len(found) - len(alike), len(sizes)
    words = [f"{n_asked - len(found)} of {n_asked} manifolds are empty, or nearly so"] if len(found) < n_asked else []
    if alike:
        words.append(f"by the third neighbor manifolds {', '.join(alike)} do not differ in dimension")
    remedy = f"give n_manifolds={n_found}" if n_found > 1 else "one manifold suffices, read twonn instead"
    return dimensions, told_apart, [f"{'; '.join(words)}: {remedy}"] if words else []


def _lowered(details: dict[str, float | np.ndarray]) -> list[str]:
    """Where the prior decides, in words: from N_k/Σ log μ it takes off a share of 1/(1 + Σ log μ), about d_k/N_k."""
    sizes = np.asarray(details["membership"]).sum(axis=0)
    share = float((np.asarray(details["dimensions"]) / np.maximum(sizes, 1))[sizes >= FEWEST].max())
    if share < LOWERED:
        return []
    return [f"the prior lowers a dimension by about {share:.0%}: read twonn, or give more samples"]


def _unsettled(r_hat: float, agreement: float) -> list[str]:
    words = []
    if r_hat > SETTLED:
        words.append(f"the draws still drift (R-hat {r_hat:.2f}): raise n_iterations")
    if agreement < AGREED:
        words.append(
            f"the two likeliest restarts agree on the manifold of only {agreement:.0%} of the samples: the segments "
            "are uncertain; give fewer manifolds, or more iterations"
        )
    return words


MEASURE = Measure(
    compute=hidalgo,
    title="Hidalgo",
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Allegra et al. 2020, doi:10.1038/s41598-020-72222-0",
    neighbors="q",
    distinct=True,
    influence=("the value comes from a random walk, which ends elsewhere for any other samples"),
)
