"""Participation ratio: how many dimensions the variance is spread over."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, sqrt
from typing import Literal, TypeVar, get_args

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.interval import LEAST_MARGIN, Z95
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, check_name
from layerscape.measures.checks import check_samples
from layerscape.measures.dimension.moments import centered_columns, gram, scatter
from layerscape.measures.dimension.ratios import FEW_SAMPLES, few_words
from layerscape.measures.dimension.spectrum import jackknife_sd
from layerscape.measures.rows import drawn

Correction = Literal["rows", "rows and columns", "none"]
CORRECTIONS = get_args(Correction)
_Some = TypeVar("_Some", float, np.ndarray)
LARGEST = 8192  # side of the largest matrix of inner products; beyond it a draw of so many samples is read
UNSURE, MOST_MARGIN = 2.3, 500.0  # of the logarithm: tenfold to either side, and what floating point can hold
ROUNDING = 1e-12  # what a correction leaves of the uncorrected Σλ² is rounding below this


def participation_ratio(x: Representation, /, *, correction: Correction = "rows") -> Estimate:
    """How many dimensions the variance is spread over: γ = (Σλ)² / Σλ² of the covariance's eigenvalues λ.

    γ = A / B with A = (tr C)² and B = tr C². The sample's own covariance gives 1/γ_naive ≈ 1/γ + 1/N (+ 1/D if the
    units are a sample too), so that few samples read low. Chun et al. 2025 make A and B unbiased by averaging only
    over distinct samples i, j, l, r, with K = X·Xᵀ and without subtracting the mean first:

        A = ⟨Kᵢᵢ·Kⱼⱼ⟩ − 2⟨Kᵢᵢ·Kⱼₗ⟩ + ⟨Kᵢⱼ·Kₗᵣ⟩,  B = ⟨Kᵢⱼ²⟩ − 2⟨Kᵢⱼ·Kⱼₗ⟩ + ⟨Kᵢⱼ·Kₗᵣ⟩,

    and over distinct units α ≠ β of each product too where the units are a sample of more. Both are functions of
    Σᵢ Kᵢᵢ, Σᵢ Kᵢᵢ² and Σᵢⱼ Kᵢⱼ² of the centered rows and of the same sums unit by unit.

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 4 (3 for ``"none"``), D ≥ 2 for ``"rows and columns"``.
    correction
        ``"rows"``: the samples are drawn, the units are all there are (a layer of a network). ``"rows and columns"``:
        the units are drawn too (recorded neurons), and the value is that of all the units they were drawn from.
        ``"none"``: (Σλ)² / Σλ² of the sample.

    Returns
    -------
    Estimate
        In dimensions, at least 1 for ``"rows"`` and ``"none"``, above 0 for ``"rows and columns"``; with a correction
        not bounded by D. The interval comes from the influence of the samples (and of the units, if drawn) on the
        logarithm of A / B. ``details`` hold the values of all corrections that can be had: ``uncorrected``, ``rows``
        and ``rows_and_columns``.

    Raises
    ------
    InvalidValue
        If the data are constant, there are too few samples or units, or the corrected B is not above 0 (too few
        units, or a single sample that differs).

    Notes
    -----
    It counts variance: one unit of huge variance makes it 1, and noise in all units counts as dimensions. Only
    ``"rows and columns"`` depends on the choice of axes.

    References
    ----------
    Chun, Canatar, Chung, Lee 2025, arXiv:2509.26560.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((40, 100))
    >>> estimate = participation_ratio(Representation(x))
    >>> estimate.low < 100 < estimate.high, round(estimate.details["uncorrected"])
    (True, 28)
    """
    check_name("correction of participation_ratio", correction, CORRECTIONS)
    n, d = x.n_samples, x.n_units
    check_samples(n, f"participation_ratio with correction={correction!r}", 3 if correction == "none" else 4)
    if d < 2 and correction == "rows and columns":
        raise InvalidValue("1 unit; correction='rows and columns' draws pairs of units: give at least 2.")
    warnings = few_words(n)
    if min(n, d) > LARGEST:
        x = x.take(drawn(n, LARGEST, 0))
        price = "which adds to the bias" if correction == "none" else "which costs precision and adds no bias"
        warnings.append(f"read from {LARGEST} of the {n} samples, drawn at random, {price}")
    sums = _by_units(x) if d <= x.n_samples else _by_samples(x)
    top, bottom = _parts(sums, correction)
    left = bottom / _parts(sums, "none")[1]
    if not left > ROUNDING:
        raise InvalidValue(
            f"correction={correction!r} leaves Σλ² at {left:.2g} of what it is uncorrected, and it must be above 0: "
            f"{n} samples of {d} units are too few, or too few of them differ; give more, or take correction='none' "
            "with its bias."
        )
    value = top / bottom
    margin = max(Z95 * _relative_sd(sums, correction, top, bottom), LEAST_MARGIN)
    if margin > UNSURE:
        warnings.append("a few samples far away from all others decide the value: leave them out, or read gride")
    low, high = value * exp(-min(margin, MOST_MARGIN)), value * exp(min(margin, MOST_MARGIN))
    return Estimate(value, low, high, n, d, details=_details(sums), warnings=tuple(warnings))


@dataclass(frozen=True)
class _Sums:
    """Sums over the N centered rows xᵢ with lengths aᵢ = Kᵢᵢ, whole, by unit (D,), and of the kept rows (M,)."""

    n: int
    lengths: float  # Σᵢ aᵢ
    squares: float  # Σᵢ aᵢ²
    inner: float  # Σᵢⱼ Kᵢⱼ²
    unit_lengths: np.ndarray  # Σᵢ xᵢ²
    unit_fourth: np.ndarray  # Σᵢ xᵢ⁴
    unit_squares: np.ndarray  # Σᵢ aᵢxᵢ²
    unit_inner: np.ndarray  # its part of Σᵢⱼ Kᵢⱼ²
    kept_lengths: np.ndarray  # aᵢ
    kept_inner: np.ndarray  # Σⱼ Kᵢⱼ²
    kept_units: np.ndarray  # Σ over units of xᵢ²·Σ_{j≠i} xⱼ²


def _by_units(x: Representation) -> _Sums:
    """From the D × D scatter: two passes."""
    found, d = scatter(x), x.n_units
    fourth, squares, total = np.zeros(d), np.zeros(d), 0.0
    for _, block in x.blocks():
        square = found.centered(block) ** 2
        lengths = square.sum(axis=1)
        total += float(lengths @ lengths)
        squares += lengths @ square
        fourth += (square * square).sum(axis=0)
    inner = (found.matrix**2).sum(axis=0)
    unit_lengths = np.diag(found.matrix).copy()
    rows, square = found.rows, found.rows**2
    return _Sums(
        x.n_samples,
        float(unit_lengths.sum()),
        total,
        float(inner.sum()),
        unit_lengths,
        fourth,
        squares,
        inner,
        square.sum(axis=1),
        np.einsum("ij,ij->i", rows @ found.matrix, rows),
        square @ unit_lengths - (square * square).sum(axis=1),
    )


def _by_samples(x: Representation) -> _Sums:
    """From the N × N Gram matrix, for fewer samples than units."""
    found = gram(x)
    lengths, inner = np.diag(found.matrix).copy(), (found.matrix**2).sum(axis=1)
    by_unit, kept_units = [], np.zeros(x.n_samples)
    for part, _ in centered_columns(x.checked(slice(0, x.n_samples)), found.power):
        square = part * part
        unit_lengths, fourth = square.sum(axis=0), square * square
        kept_units += square @ unit_lengths - fourth.sum(axis=1)
        unit_inner = np.einsum("ij,ij->j", part, found.matrix @ part)
        by_unit.append([unit_lengths, fourth.sum(axis=0), lengths @ square, unit_inner])
    unit_lengths, fourth, squares, unit_inner = (np.concatenate(of) for of in zip(*by_unit, strict=True))
    return _Sums(
        x.n_samples,
        float(lengths.sum()),
        float(lengths @ lengths),
        float(inner.sum()),
        unit_lengths,
        fourth,
        squares,
        unit_inner,
        lengths,
        inner,
        kept_units,
    )


def _distinct(n: int, lengths: _Some, squares: _Some, inner: _Some) -> tuple[_Some, _Some]:
    """A and B from (Σ aᵢ)², Σ aᵢ² and Σ Kᵢⱼ²: averages over distinct rows, in which all sums over a row of K are 0."""
    two, three, four = n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)
    last = (2 * inner - 6 * squares + lengths) / four
    top = (lengths - squares) / two - 2 * (2 * squares - lengths) / three + last
    bottom = (inner - squares) / two - 2 * (2 * squares - inner) / three + last
    return top, bottom


def _parts(sums: _Sums, correction: Correction) -> tuple[float, float]:
    """A and B."""
    if correction == "none":
        return sums.lengths**2 / sums.n**2, sums.inner / sums.n**2
    if correction == "rows":
        return _distinct(sums.n, sums.lengths**2, sums.squares, sums.inner)
    tops, bottoms = _pairs_of_units(sums)
    return float(tops.sum()), float(bottoms.sum())


def _pairs_of_units(sums: _Sums) -> tuple[np.ndarray, np.ndarray]:
    """What each unit has of A and B together with all others; of one unit alone A and B are the same."""
    alone = _distinct(sums.n, sums.unit_lengths**2, sums.unit_fourth, sums.unit_lengths**2)[1]
    tops, bottoms = _distinct(sums.n, sums.lengths * sums.unit_lengths, sums.unit_squares, sums.unit_inner)
    return tops - alone, bottoms - alone


def _relative_sd(sums: _Sums, correction: Correction, top: float, bottom: float) -> float:
    """Standard deviation of log A/B from the first-order influence of the samples, and of the units if drawn."""
    n, lengths = sums.n, sums.kept_lengths
    if correction == "none":
        tops, bottoms = lengths * sums.lengths / n, sums.kept_inner / n
    else:
        tops = lengths * (sums.lengths - lengths) / (n - 1)
        bottoms = (sums.kept_inner - lengths**2) / (n - 1)
    if correction == "rows and columns":
        tops, bottoms = tops - sums.kept_units / (n - 1), bottoms - sums.kept_units / (n - 1)
    variance = jackknife_sd(2 * (tops / top - bottoms / bottom), n) ** 2
    # B's interactions of two samples, of variance 4/N², are in the influence of both; few samples need the slack.
    if n >= FEW_SAMPLES:
        variance = max(variance - 4 / n**2, variance / 2)
    if correction == "rows and columns":
        tops, bottoms = _pairs_of_units(sums)
        variance += float((4 * (tops / top - bottoms / bottom) ** 2).sum())
    return sqrt(variance)


def _details(sums: _Sums) -> dict[str, float | np.ndarray]:
    """The values of all corrections that these data allow."""
    known: dict[str, float | np.ndarray] = {}
    names: tuple[tuple[str, Correction], ...] = (
        ("uncorrected", "none"),
        ("rows", "rows"),
        ("rows_and_columns", "rows and columns"),
    )
    for name, correction in names:
        if correction == "none" or sums.n > 3:
            top, bottom = _parts(sums, correction)
            if bottom > ROUNDING * _parts(sums, "none")[1]:
                known[name] = top / bottom
    return known


MEASURE = Measure(
    compute=participation_ratio,
    standard=True,
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Chun et al. 2025, arXiv:2509.26560",
)
