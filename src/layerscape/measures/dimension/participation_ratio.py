"""Participation ratio: how many dimensions the variance is spread over."""

from __future__ import annotations

from math import exp, inf, sqrt
from typing import Literal, get_args

import numpy as np

from layerscape.core.checks import check_name, check_samples, few_words
from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, Z95, jackknife_of
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.spectrum import jackknife_sd
from layerscape.measures.dimension.spread import PerSample, Sums, distinct, rows_of, sums_of
from layerscape.measures.rows import drawn

Correction = Literal["rows", "rows and columns", "none"]
CORRECTIONS = get_args(Correction)
MOST_DELETED = 2048  # samples up to which the value without each of them is asked for
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
        In dimensions: in 1…D for ``"rows"``, in 1…min(N − 1, D) for ``"none"``, above 0 for ``"rows and columns"``.
        The interval comes from what each sample (and each unit, if drawn) does to the logarithm of A / B, and like the
        value is cut to these bounds; of a value beyond D it goes as far below D. It is wide where all directions vary
        alike, so that none can be above D. ``details`` hold the values
        of all corrections that can be had, uncut and so unbiased: ``uncorrected``, ``rows`` and ``rows_and_columns``.

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
    >>> estimate.low < 100 <= estimate.high, round(estimate.details["uncorrected"])
    (True, 28)
    """
    n, d = x.n_samples, x.n_units
    _check(x, correction)
    warnings = few_words(n)
    if min(n, d) > LARGEST:
        x = x.take(drawn(n, LARGEST, 0))
        price = "which adds to the bias" if correction == "none" else "which costs precision and adds no bias"
        warnings.append(f"read from {LARGEST} of the {n} samples, drawn at random, {price}")
    sums, top, bottom = _read(x, correction)
    value = top / bottom
    margin = max(Z95 * _relative_sd(x, sums, correction), LEAST_MARGIN)
    if margin > UNSURE:
        warnings.append("a few samples far away from all others decide the value: leave them out, or read gride")
    low, high = value * exp(-min(margin, MOST_MARGIN)), value * exp(min(margin, MOST_MARGIN))
    beyond = value - _possible(value, x, correction)  # by so much it has erred at least
    low, value, high = (_possible(each, x, correction) for each in (min(low, value - 2 * beyond), value, high))
    return Estimate(value, low, high, n, d, details=_details(sums), warnings=tuple(warnings))


def _possible(value: float, x: Representation, correction: str) -> float:
    """Within what any covariance has: 1 to as many dimensions as there are directions, unless units are drawn."""
    most = {"none": min(x.n_samples - 1, x.n_units), "rows": x.n_units}.get(correction, inf)
    return float(min(most, max(0.0 if correction == "rows and columns" else 1.0, value)))


def _check(x: Representation, correction: str) -> None:
    check_name("correction of participation_ratio", correction, CORRECTIONS)
    least = 3 if correction == "none" else 4
    check_samples(x.n_samples, f"participation_ratio with correction={correction!r}", least)
    if x.n_units < 2 and correction == "rows and columns":
        raise InvalidValue("1 unit; correction='rows and columns' draws pairs of units: give at least 2.")


def _read(x: Representation, correction: Correction) -> tuple[Sums, float, float]:
    """The sums, and A and B."""
    sums = sums_of(x)
    top, bottom = _parts(sums, correction)
    left = bottom / _parts(sums, "none")[1]
    if not left > ROUNDING:
        raise InvalidValue(
            f"correction={correction!r} leaves Σλ² at {left:.2g} of what it is uncorrected, and it must be above 0: "
            f"{x.n_samples} samples of {x.n_units} units are too few, or too few of them differ; give more, or take "
            "correction='none' with its bias."
        )
    return sums, top, bottom


def _parts(sums: Sums, correction: Correction) -> tuple[float, float]:
    """A and B."""
    if correction == "none":
        return sums.lengths**2 / sums.n**2, sums.inner / sums.n**2
    if correction == "rows":
        return distinct(sums.n, sums.lengths**2, sums.squares, sums.inner)
    tops, bottoms = _pairs_of_units(sums)
    return float(tops.sum()), float(bottoms.sum())


def _pairs_of_units(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """What each unit has of A and B together with all others; of one unit alone A and B are the same."""
    alone = distinct(sums.n, sums.unit_lengths**2, sums.unit_fourth, sums.unit_lengths**2)[1]
    tops, bottoms = distinct(sums.n, sums.lengths * sums.unit_lengths, sums.unit_squares, sums.unit_inner)
    return tops - alone, bottoms - alone


def _relative_sd(x: Representation, sums: Sums, correction: Correction) -> float:
    """Standard deviation of log A/B from what each sample does to it, and each unit if these are drawn.

    To first order, which is too little with few samples and too much where one decides; or, where that is more, from
    the value without each of them.
    """
    top, bottom = _parts(sums, correction)
    kept = sums.kept_lengths, sums.kept_inner, sums.kept_units
    variance = jackknife_sd(_alone(sums, correction, top, bottom, *kept), sums.n) ** 2
    if 4 < sums.n <= MOST_DELETED:
        tops, bottoms = _parts_without(sums, rows_of(x), correction)
        if (bottoms > 0).all():
            variance = max(variance, jackknife_of(tops / bottoms) / (top / bottom) ** 2)
    if correction == "rows and columns":
        tops, bottoms = _pairs_of_units(sums)
        variance += float((4 * (tops / top - bottoms / bottom) ** 2).sum())
    return sqrt(variance)


def _alone(
    sums: Sums,
    correction: Correction,
    top: float,
    bottom: float,
    lengths: np.ndarray,
    inner: np.ndarray,
    of_units: np.ndarray,
) -> np.ndarray:
    """How much some samples move log A/B, times N: from their aᵢ, Σⱼ Kᵢⱼ² and Σ over units of xᵢ²·Σ_{j≠i} xⱼ²."""
    n = sums.n
    if correction == "none":
        tops, bottoms = lengths * sums.lengths / n, inner / n
    else:
        tops = lengths * (sums.lengths - lengths) / (n - 1)
        bottoms = (inner - lengths**2) / (n - 1)
    if correction == "rows and columns":
        tops, bottoms = tops - of_units / (n - 1), bottoms - of_units / (n - 1)
    return 2 * (tops / top - bottoms / bottom)


def _details(sums: Sums) -> dict[str, float | np.ndarray]:
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


def _influence(x: Representation, /, *, correction: Correction) -> Influence:
    """How each sample moves the ratio: exactly without it, and to first order by its weight."""
    _check(x, correction)
    if correction != "none":
        check_samples(x.n_samples, "the influence on a corrected participation_ratio", 5)
    if min(x.n_samples, x.n_units) > LARGEST:
        rows = drawn(x.n_samples, LARGEST, 0)
        return _influence(x.take(rows), correction=correction).among(rows, x.n_samples)
    sums, top, bottom = _read(x, correction)
    value, each = top / bottom, rows_of(x)
    cut = _possible(value, x, correction)
    log_moved = _alone(sums, correction, top, bottom, each.lengths, each.inner, each.with_squares - each.fourth)
    tops, bottoms = _parts_without(sums, each, correction)
    return Influence(cut, value - tops / bottoms, value * (log_moved - log_moved.mean()) / sums.n)


def _parts_without(sums: Sums, each: PerSample, correction: Correction) -> tuple[np.ndarray, np.ndarray]:
    """A and B without each sample, but for what both are divided by where nothing is corrected."""
    n, c, of_units = sums.n, 1 / (sums.n - 1), sums.unit_lengths
    part = n * c
    lengths, diagonal = sums.lengths - part * each.lengths, each.lengths**2
    inner = sums.inner - 2 * part * each.inner + part**2 * diagonal
    if correction == "none":
        return lengths**2, inner
    beyond = n * c**4 - part**4
    squares = sums.squares + 4 * c * each.pull + 2 * c**2 * each.lengths * sums.lengths
    squares += 4 * c**2 * each.inner + beyond * diagonal
    tops, bottoms = distinct(n - 1, lengths**2, squares, inner)
    if correction == "rows":
        return tops, bottoms
    whole = float(of_units @ of_units) - 2 * part * each.with_squares + part**2 * each.fourth
    fourth = float(sums.unit_fourth.sum()) + 4 * c * each.with_cubes + 6 * c**2 * each.with_squares
    alone = distinct(n - 1, whole, fourth + beyond * each.fourth, whole)[1]
    return tops - alone, bottoms - alone


MEASURE = Measure(
    compute=participation_ratio,
    standard=True,
    unit="dimensions",
    bounds=(0, inf),
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Chun et al. 2025, arXiv:2509.26560",
    influence=_influence,
)
