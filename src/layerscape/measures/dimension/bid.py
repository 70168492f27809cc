"""BID: how many independent bits vary as much as long binary codes do."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, log

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, logsumexp, polygamma

from layerscape.core.checks import check_samples, few_words
from layerscape.core.estimate import Estimate, Point
from layerscape.core.influence import Influence
from layerscape.core.interval import student95, within
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.hamming import bits_of, count_by_groups, sums_by_sample

POINTS = 16  # of the curve at most
BAD_FIT = 5e-3  # a larger divergence (and above what chance allows) is a bad fit: a twentieth of the pairs misplaced
AT_BOUND = 1e-6  # a d₀ below this is 0


def bid(x: Representation, /, *, alpha_min: float = 0.0, alpha_max: float = 0.2, seed: int = 0) -> Estimate:
    """Binary intrinsic dimension: how many independent fair bits have the Hamming distances of these codes, at r → 0.

    The distances r of all pairs of samples follow P(r) ∝ 2^−d(r)·C(d(r), r) with d(r) = d₀ + d₁·r, which for
    d₁ = 0 is the law of d₀ independent fair bits (Acevedo et al. 2025). d₀ and d₁ minimize the Kullback–Leibler
    divergence of the model from the measured P between two quantiles of r. The value is d₀, the extrapolation to small
    distances; d(r) at the distances that were fit is the curve.

    Parameters
    ----------
    x
        Shape (N, D): two values, 0 and 1 or −1 and 1.
    alpha_min, alpha_max
        Shares of the pairs below which a distance is the smallest, and up to which it is the largest, that is fit,
        0 ≤ alpha_min < alpha_max ≤ 1.
    seed
        Of the groups of samples from which the interval comes.

    Returns
    -------
    Estimate
        d₀ in bits, and a curve of d(r) over ``scale`` r. ``details`` hold ``d1``, ``divergence`` (in nats) and
        ``mean_distance``, and the arrays ``distance``, ``log_p`` and ``log_p_model`` of the distances that were fit.

    Raises
    ------
    InvalidValue
        If the values are not bits, all samples are the same, fewer than 3 distances lie between the quantiles, or an
        option lies outside its range.

    Notes
    -----
    Only of independent fair bits is d₀ their number. Of each of 40 such bits written twice, d₀ is near 50 and d₁ near
    0.9: compare codes with each other, at one length and one range of distances. Real data must be made binary first,
    as by their sign, and the value depends on how. The divergence is minimized by
    Newton's method where the authors draw random steps, so that the value has no scatter of its own. The interval
    counts that pairs which share a sample vary together, from sums over pairs of groups of samples.

    References
    ----------
    Acevedo, Rodriguez, Laio 2025, Unsupervised detection of semantic correlations in big data, Communications
    Physics, arXiv:2411.02126.

    Examples
    --------
    >>> bits = np.random.default_rng(0).integers(0, 2, (1000, 100))
    >>> estimate = bid(Representation(bits), alpha_max=1.0)
    >>> round(estimate.value), abs(estimate.details["d1"]) < 0.01
    (100, True)
    """
    _check(x, alpha_min, alpha_max)
    groups = count_by_groups(bits_of(x), seed)
    counts = groups.sum(axis=(0, 1))
    r = _window(counts, alpha_min, alpha_max)
    p = counts[r] / counts[r].sum()
    d0, d1 = _fit(r, p)
    model = _log_p(r, d0, d1)
    spread = _spread(groups[:, :, r], r, p, d0, d1)
    curve = tuple(_point(d0, d1, spread, len(groups), float(at)) for at in _shown(r))
    value = _point(d0, d1, spread, len(groups), 0.0)
    with np.errstate(divide="ignore"):
        log_p = np.log(p)
    details = {
        "d1": d1,
        "divergence": float(p[p > 0] @ (log_p - model)[p > 0]),
        "mean_distance": float(counts @ np.arange(len(counts)) / counts.sum()),
        "distance": r,
        "log_p": log_p,
        "log_p_model": model,
    }
    warnings = tuple(_warnings(x.n_samples, details, d0, counts))
    return Estimate(
        value.value, value.low, value.high, x.n_samples, x.n_units, curve=curve, details=details, warnings=warnings
    )


def _check(x: Representation, alpha_min: float, alpha_max: float) -> None:
    if not 0 <= alpha_min < alpha_max <= 1:
        raise InvalidValue(
            f"alpha_min={alpha_min}, alpha_max={alpha_max}; they are shares of the pairs: give 0 ≤ alpha_min < "
            "alpha_max ≤ 1."
        )
    check_samples(x.n_samples, "bid", 3)


def _influence(x: Representation, /, *, alpha_min: float, alpha_max: float, seed: int) -> Influence:
    """How each sample moves d₀, of the same distances: by the scores of its pairs, which add up to 0 over all."""
    _check(x, alpha_min, alpha_max)
    bits = bits_of(x)
    counts = count_by_groups(bits, seed).sum(axis=(0, 1))
    r = _window(counts, alpha_min, alpha_max)
    p = counts[r] / counts[r].sum()
    d0, d1 = _fit(r, p)
    if d0 < AT_BOUND:
        raise InvalidValue("d₀ is at its bound of 0, where single samples do not move it; change alpha_max.")
    score = np.zeros((len(counts), 3))
    score[r] = np.column_stack([_score(r, d0, d1), np.ones(len(r))])
    # One step of Newton's method from the minimum of all pairs to that of the pairs that are left.
    *sums, number = sums_by_sample(bits, score).T
    moved = np.linalg.solve(_curvature(r, p, d0, d1), sums)[0] / counts[r].sum()
    return Influence(d0, moved / (1 - number / counts[r].sum()), moved - moved.mean())


def _window(counts: np.ndarray, alpha_min: float, alpha_max: float) -> np.ndarray:
    """The distances that occur between two quantiles, increasing."""
    r = np.flatnonzero(counts)
    below = np.cumsum(counts[r]) / counts.sum()
    first, last = (
        max(0, int(np.searchsorted(below, alpha + 1e-12, side="right")) - 1) for alpha in (alpha_min, alpha_max)
    )
    if last - first < 2:
        raise InvalidValue(
            f"{last - first + 1} distances occur between alpha_min={alpha_min} and alpha_max={alpha_max} of the pairs; "
            "the fit of two numbers needs at least 3: raise alpha_max, or give longer codes."
        )
    return r[first : last + 1]


def _log_p(r: np.ndarray, d0: float, d1: float) -> np.ndarray:
    d = d0 + d1 * r
    free = gammaln(d + 1) - gammaln(r + 1) - gammaln(d - r + 1) - d * log(2)
    return free - logsumexp(free)


def _slopes(r: np.ndarray, d0: float, d1: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative in d of the log of 2^−d·C(d, r)."""
    d = d0 + d1 * r
    return digamma(d + 1) - digamma(d - r + 1) - log(2), polygamma(1, d + 1) - polygamma(1, d - r + 1)


def _fit(r: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """d₀ and d₁ of the smallest divergence, with d₀ ≥ 0 and d(r) ≥ r at every distance that is fit."""
    far = float(r[-1])

    def loss(ends: np.ndarray) -> tuple[float, np.ndarray]:
        d0, d1 = ends[0] * far, ends[1] - ends[0]
        slope = _slopes(r, d0, d1)[0] * far
        model = _log_p(r, d0, d1)
        pull = (np.exp(model) - p) * slope
        return -float(p @ model), np.array([(pull * (1 - r / far)).sum(), (pull * r / far).sum()])

    # The model peaks where d(r) = 2r; where on the line of such models is tried from nearly constant to steep d(r).
    middle = float(p @ r) / far
    starts = [np.array([c * middle, c * middle + 2 - c]) for c in np.geomspace(0.05, 4, 24)]
    starts = sorted((start for start in starts if start[1] > 1), key=lambda start: loss(start)[0])[:3]
    bounds = [(0, None), (1, None)]
    exact = {"ftol": 1e-15, "gtol": 1e-11, "maxiter": 1000}
    found = [minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=exact) for start in starts]
    best = min(found, key=lambda result: result.fun).x
    return _polish(r, p, float(best[0] * far), float(best[1] - best[0]))


def _polish(r: np.ndarray, p: np.ndarray, d0: float, d1: float) -> tuple[float, float]:
    """Newton's steps from near the minimum, as long as they lead down and stay allowed."""
    for _ in range(20):
        score, curvature = _score(r, d0, d1), _curvature(r, p, d0, d1)
        step = np.linalg.lstsq(curvature, p @ score, rcond=None)[0]
        new0, new1 = d0 + step[0], d1 + step[1]
        if new0 < 0 or new0 + new1 * r[-1] < r[-1] or p @ _log_p(r, new0, new1) < p @ _log_p(r, d0, d1):
            break
        d0, d1 = float(new0), float(new1)
    return d0, d1


def _score(r: np.ndarray, d0: float, d1: float) -> np.ndarray:
    """Derivative of log P(r) in d₀ and d₁, shape (R, 2)."""
    slope = _slopes(r, d0, d1)[0]
    both = np.column_stack([slope, r * slope])
    return both - np.exp(_log_p(r, d0, d1)) @ both


def _curvature(r: np.ndarray, p: np.ndarray, d0: float, d1: float) -> np.ndarray:
    """Second derivative of the divergence in d₀ and d₁, shape (2, 2)."""
    model, score, second = np.exp(_log_p(r, d0, d1)), _score(r, d0, d1), _slopes(r, d0, d1)[1]
    powers = np.column_stack([np.ones(len(r)), r])
    bent = (powers * ((model - p) * second)[:, None]).T @ powers
    return bent + (score * model[:, None]).T @ score


def _spread(groups: np.ndarray, r: np.ndarray, p: np.ndarray, d0: float, d1: float) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of d₀ and d₁, shape (2, 2), from how score sums vary over pairs of groups, and the least it may be.

    At the minimum the scores ∂ log P(r)/∂(d₀, d₁) of all pairs of samples add up to 0, so that to first order d₀ and d₁
    err by H⁻¹·S, with S the sum of the scores and H the curvature times the number of pairs: their covariance is
    H⁻¹·cov(S)·H⁻¹. S = Σ_{b≤c} T_bc, with T_bc from the pairs of a sample in group b and one in group c, and T_bc and
    T_de vary together only if they share a group. With E_b the sum of all T that group b takes part in, Σ_b E_b·E_bᵀ
    has the product of every two that share a group, but T_bc·T_bcᵀ of b < c twice, by b and by c: one is taken off.
    """
    sums = groups @ _score(r, d0, d1)  # (B, B, 2), nothing below the diagonal
    own = sums[np.diag_indices(len(sums))]
    each = sums.sum(axis=0) + sums.sum(axis=1) - own  # E_b
    alone = sums.reshape(-1, 2).T @ sums.reshape(-1, 2)
    twice = alone - own.T @ own
    middle = each.T @ each - twice
    inverse = np.linalg.pinv(_curvature(r, p, d0, d1) * groups.sum(), hermitian=True)
    return inverse @ middle @ inverse, inverse @ alone @ inverse / 4


def _point(d0: float, d1: float, spread: tuple[np.ndarray, np.ndarray], n_groups: int, r: float) -> Point:
    value, along = d0 + d1 * r, np.array([1.0, r])
    variance = max(float(along @ part @ along) for part in spread)
    margin = student95(n_groups - 1) * variance**0.5
    return Point(value, *within(value, margin, MEASURE.bounds), r)


def _shown(r: np.ndarray) -> np.ndarray:
    return r[np.linspace(0, len(r) - 1, min(len(r), POINTS)).astype(int)]


def _warnings(n: int, details: dict[str, float | np.ndarray], d0: float, counts: np.ndarray) -> Iterator[str]:
    divergence, n_distances = float(details["divergence"]), np.size(details["distance"])
    yield from few_words(n)
    if divergence > max(BAD_FIT, n_distances / (2 * n)):
        yield (
            f"the distances do not follow the model (divergence {divergence:.2g}): narrow the range of distances by "
            "alpha_min and alpha_max, and compare log_p with log_p_model"
        )
    following = int(np.flatnonzero(counts[1:])[0]) + 1
    if counts[0] > counts[following]:
        yield (
            f"{counts[0]} pairs of samples are copies, more than have the next distance, {following}: they pull at "
            "the fit of small distances; remove repeated samples, or leave distance 0 out by alpha_min"
        )
    if d0 < AT_BOUND:
        yield "d₀ is at its bound of 0: the distances are too unlike those of independent bits to extrapolate to r = 0"


MEASURE = Measure(
    compute=bid,
    title="BID",
    unit="bits",
    bounds=(0, inf),
    unchanged_by={"order"},
    source="Acevedo, Rodriguez and Laio 2025, Communications Physics, arXiv:2411.02126",
    values="binary",
    influence=_influence,
)
