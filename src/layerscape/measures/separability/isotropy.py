"""Isotropy: how evenly the variance is spread over all directions."""

from __future__ import annotations

from math import exp, log

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.spectrum import Spectrum, collapse_words, ends_below, extrapolated, spectrum


def isotropy(x: Representation, /) -> Estimate:
    """IsoScore*: how evenly the variance is spread over the D directions, 1 if equally and 0 if along one line.

    With λ the D eigenvalues of the covariance, λ̂ = √D·λ/‖λ‖ and the defect δ = ‖λ̂ − 1‖ / √(2(D − √D)), the paper's
    φ = (D − δ²(D − √D))² / D² and ι = (D·φ − 1) / (D − 1). Written out, φ = γ/D and ι = (γ − 1) / (D − 1), where
    γ = (Σλ)² / Σλ² is the participation ratio; so it is computed. Nothing is shrunk (the paper's ζ is 0), since all
    samples are read at once.

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 3, D ≥ 2.

    Returns
    -------
    Estimate
        In 0…1. The interval is that of the infinitesimal jackknife over samples, on the scale of how far log γ lies
        below log D, and holds, as surely, where halves of the samples say that infinitely many would lead. ``details``:
        ``mean_cosine``, the mean cosine of all pairs of distinct samples, and ``centered_mean_cosine``, the same with
        the mean subtracted; NaN if fewer than two samples differ from the origin.

    Raises
    ------
    InvalidValue
        If there are fewer than 3 samples, one unit only, or the data are constant.

    Notes
    -----
    The mean cosine sees only how far the mean lies from the origin: it is near 0 for centered data however few
    directions they use, and is no measure of isotropy. Fewer samples than units hold ι below (N − 2) / (D − 1).

    References
    ----------
    Rudman, Eickhoff 2024, arXiv:2305.19358.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2000, 5))
    >>> round(isotropy(Representation(x)).value, 2)
    1.0
    """
    _check(x)
    found = spectrum(x)
    values = found.eigenvalues
    gamma = _log_gamma(values, found.total)
    beyond = extrapolated(gamma, [_log_gamma(half, float(half.sum())) for half in found.halves])
    ends = ends_below(gamma, beyond, log(x.n_units), _alone(found), found.n_samples)

    def score(logarithm: float) -> float:
        return min(1.0, max(0.0, (exp(min(logarithm, log(x.n_units))) - 1) / (x.n_units - 1)))

    low, high = map(score, ends)
    plain, centered = _mean_cosines(x, found.power)
    details = {"mean_cosine": plain, "centered_mean_cosine": centered}
    return Estimate(score(gamma), low, high, found.n_samples, found.n_units, details=details, warnings=_warnings(found))


def _check(x: Representation) -> None:
    if x.n_units < 2:
        raise InvalidValue("1 unit; isotropy compares directions: give at least 2 units.")


def _log_gamma(values: np.ndarray, total: float) -> float:
    return 2 * log(total) - log(float(values @ values))


def _mean_cosines(x: Representation, power: int) -> tuple[float, float]:
    """The mean cosine of distinct pairs, as the rows are and less their mean."""
    center = sum((np.ldexp(b, -power).sum(axis=0) for _, b in x.blocks()), start=np.zeros(x.n_units)) / x.n_samples
    return _mean_cosine(x, power, np.zeros(x.n_units)), _mean_cosine(x, power, center)


def _mean_cosine(x: Representation, power: int, center: np.ndarray) -> float:
    """(‖Σ x/‖x‖‖² − n) / n(n − 1) over the n rows that are not 0."""
    total, n = np.zeros(x.n_units), 0
    for _, block in x.blocks():
        rows = np.ldexp(block, -power) - center
        lengths = np.linalg.norm(rows, axis=1)
        rows = rows[lengths > 0] / lengths[lengths > 0, None]
        total, n = total + rows.sum(axis=0), n + len(rows)
    return float((total @ total - n) / (n * (n - 1))) if n > 1 else float("nan")


def _warnings(found: Spectrum) -> tuple[str, ...]:
    words = found.warnings()
    n, d = found.n_samples, found.n_units
    if n <= d:
        words.append(f"{n} samples of {d} units: isotropy cannot exceed {(n - 2) / (d - 1):.4g}")
    words += collapse_words(found)
    return tuple(words)


def _alone(found: Spectrum) -> np.ndarray:
    """How much each kept row moves log γ, times N."""
    values = found.eigenvalues
    return 2 * found.lengths / found.total - 2 * (found.scores**2 @ values) / float(values @ values)


def _influence(x: Representation, /) -> Influence:
    """How each sample moves the score: exactly without it, and to first order by its weight."""
    n = x.n_samples
    _check(x)
    found = spectrum(x, most=n)
    sums, part = found.eigenvalues * (n - 1), n / (n - 1)
    total, squares = found.total * (n - 1), float(sums @ sums)
    # The scatter loses part·xxᵀ.
    left = squares - 2 * part * (found.scores**2 @ sums) + part**2 * found.lengths**2
    gamma, without = total**2 / squares, (total - part * found.lengths) ** 2 / left
    alone = gamma * _alone(found) / (n * (x.n_units - 1))
    value = min(1.0, max(0.0, (gamma - 1) / (x.n_units - 1)))
    return Influence(value, (gamma - without) / (x.n_units - 1), alone - alone.mean())


MEASURE = Measure(
    compute=isotropy,
    unit="isotropy",
    bounds=(0, 1),
    influence=_influence,
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Rudman and Eickhoff 2024, arXiv:2305.19358",
)
