"""Effective rank: how many directions a representation uses, by the entropy of its singular values."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf, log

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.interval import freedom_of
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.measures.dimension.spectrum import Spectrum, ends_below, extrapolated, spectrum
from layerscape.measures.roots import Roots, log_of
from layerscape.measures.rows import slices

EPSILON = 1e-7  # the paper's, for float32
DOMINANT = 0.5
BLOCK = 2**22  # determinants at once
FEW = 10  # independent normal values: below as many an interval is not known to hold


def effective_rank(x: Representation, /) -> Estimate:
    """RankMe: the exponential of the entropy of the singular values of the matrix as it is, its mean not subtracted.

    RankMe(Z) = exp(−Σ pₖ log pₖ) with pₖ = σₖ(Z) / ‖σ(Z)‖₁ + ε, k = 1…min(N, D), ε = 1e-7 (Garrido et al. 2023,
    eq. 1, after Roy and Vetterli 2007). The singular values come from the centered spectrum and the mean put together,
    which keeps those of small directions right beside a large mean.

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 3.

    Returns
    -------
    Estimate
        In dimensions, between 1 and min(N, D) up to what ε adds. The interval is that of the infinitesimal jackknife
        over samples, by Student's law, on the scale of how far the entropy lies below its most, and holds, as
        surely, where halves of the samples say that infinitely many would lead. ``details``: that, ``extrapolated``;
        ``variance_rank``, exp(−Σ q log q) of the eigenvalues' shares q of the variance (squares instead of singular
        values, the mean subtracted, no ε); ``mean_share``, the share of Σ‖x‖² that is the mean's; and
        ``singular_values``, falling, in units of the data.

    Raises
    ------
    InvalidValue
        If there are fewer than 3 samples or the data are constant.

    Notes
    -----
    Singular values weigh small directions more than variances do, so that ``variance_rank`` is mostly smaller. A large
    mean counts as one direction and takes the weight of all others. Meant for comparing versions of one network, on
    at least as many samples as units (the paper: 25,600).

    References
    ----------
    Garrido, Balestriero, Najman, LeCun 2023, arXiv:2210.02885; Roy, Vetterli 2007, The effective rank: a measure of
    effective dimensionality, EUSIPCO.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2000, 10))
    >>> round(effective_rank(Representation(x)).value, 1)
    10.0
    """
    found = spectrum(x)
    singular, scores = _about_origin(found)
    entropy, slope = _entropy(singular)
    influence = _alone(singular, scores, slope, found.n_samples)
    freedom = freedom_of(influence)
    few = freedom < min(FEW, len(influence) / FEW)
    share = 1 - float(found.eigenvalues.sum()) * (found.n_samples - 1) / float((singular**2).sum())
    beyond = extrapolated(entropy, _of_halves(found))
    most = _entropy(np.ones(len(singular)))[0]  # with what ε adds
    low, high = ends_below(entropy, beyond, most, influence, found.n_samples)
    with np.errstate(over="ignore", under="ignore"):
        details = {
            "extrapolated": exp(beyond),
            "variance_rank": _variance_rank(found),
            "mean_share": share,
            "singular_values": np.ldexp(singular, found.power),
        }
    value = exp(entropy)
    return Estimate(
        value,
        min(value, max(1.0, exp(low))),
        max(value, min(float(found.n_units), exp(high))),
        found.n_samples,
        found.n_units,
        details=details,
        warnings=_warnings(found, share, few),
    )


def _about_origin(found: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """Singular values of the rows as they are, and the kept rows along their directions, scaled."""
    singular, turn = np.linalg.svd(_turned(found))[1:]
    rows = np.column_stack([found.scores + found.mean, np.full(len(found.scores), found.beyond)])
    last = _how_many(found)
    return singular[:last], (rows @ turn.T)[:, :last]


def _turned(found: Spectrum) -> np.ndarray:
    """The rows turned, shape (r + 1, r + 1): the first holds the mean, the others a principal direction each."""
    r = len(found.eigenvalues)
    matrix = np.zeros((r + 1, r + 1))
    matrix[0] = np.sqrt(found.n_samples) * np.append(found.mean, found.beyond)
    matrix[1:, :r] = np.diag(np.sqrt(found.eigenvalues * (found.n_samples - 1)))
    return matrix


def _alone(singular: np.ndarray, scores: np.ndarray, slope: np.ndarray, n: int) -> np.ndarray:
    """How much each kept row moves the entropy, times N.

    It moves σ² = Σ (v·x)² by its own part less the mean part, and σ by that over 2σ.
    """
    mean_square = singular**2 / n
    per_square = np.divide(slope * n, 2 * singular, out=np.zeros_like(slope), where=singular > 0)
    return (scores**2 - mean_square) @ per_square


def _how_many(found: Spectrum) -> int:
    return min(found.n_samples, found.n_units, len(found.eigenvalues) + 1)


def _entropy(singular: np.ndarray) -> tuple[float, np.ndarray]:
    """The entropy, and its slope in each singular value."""
    total = singular.sum()
    plain = singular / total
    logs = np.log(plain + EPSILON)
    return float(-((plain + EPSILON) @ logs)), (plain @ (logs + 1) - (logs + 1)) / total


def _of_halves(found: Spectrum) -> list[float]:
    """The entropies of two halves of the samples, with the mean of all."""
    halves = [replace(found, eigenvalues=values, n_samples=found.n_samples // 2) for values in found.halves]
    return [_entropy(np.linalg.svd(_turned(half), compute_uv=False)[: _how_many(half)])[0] for half in halves]


def _variance_rank(found: Spectrum) -> float:
    shares = found.eigenvalues[found.eigenvalues > 0] / found.eigenvalues.sum()
    return exp(float(-(shares @ np.log(shares))))


def _warnings(found: Spectrum, mean_share: float, few: bool) -> tuple[str, ...]:
    words = found.warnings()
    if mean_share > DOMINANT:
        words.append(
            f"the mean holds {mean_share:.1%} of the squared length, and RankMe does not subtract it: read "
            "variance_rank in the details, or subtract the mean"
        )
    if found.n_samples < found.n_units:
        words.append(
            f"{found.n_samples} samples of {found.n_units} units: the rank is held down by the number of samples; "
            "compare only at equal numbers"
        )
    if few:
        words.append(
            "a few samples far away from all others decide how sure it is: of others like them, drawn or not, its "
            "interval knows nothing, and holds less often than 95 %"
        )
    if not found.exact:
        words.append("directions beyond these are left out, which makes the rank a lower bound")
    return tuple(words)


def _influence(x: Representation, /) -> Influence:
    """How each sample moves the rank: without it, but for what ε adds, and to first order by its weight."""
    n = x.n_samples
    found = spectrum(x, most=n)
    singular, scores = _about_origin(found)
    entropy, slope = _entropy(singular)
    alone = _alone(singular, scores, slope, n) / n
    kept = singular > 0
    squares, total = singular[kept] ** 2, float(singular.sum())
    logs = float(singular[kept] @ np.log(singular[kept]))
    roots, without = Roots.of(squares), np.empty(n)
    weights = 1 / (squares[:, None] + roots.nodes)
    for rows in slices(n, BLOCK // len(roots.nodes)):
        # 1 − Σ z²/(λ + t), and the same where Σ z²/λ is 1 or nearly so, as with fewer samples than units.
        part = scores[rows][:, kept] ** 2
        beyond = np.maximum(1 - (part / squares).sum(axis=1), 0.0)
        factors = log_of(beyond[:, None] + ((part / squares) @ weights) * roots.nodes, -part @ weights)
        left = total + roots.change(factors)
        without[rows] = np.log(left) - (logs + roots.change_of_logs(factors) / 2) / left
    moved = exp(entropy) * -np.expm1(without - (log(total) - logs / total))
    return Influence(exp(entropy), moved, exp(entropy) * (alone - alone.mean()))


MEASURE = Measure(
    compute=effective_rank,
    unit="dimensions",
    bounds=(0, inf),
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "scaling"},
    source="Garrido et al. 2023, arXiv:2210.02885",
    influence=_influence,
)
