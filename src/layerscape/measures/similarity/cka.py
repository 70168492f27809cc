"""CKA: how alike two representations are, as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from scipy.special import ndtr

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.frame import frame
from layerscape.core.interval import Z95, within
from layerscape.core.measure import Measure
from layerscape.core.memo import remembered
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, check_name
from layerscape.measures.checks import constant
from layerscape.measures.rows import slices
from layerscape.measures.similarity.centered import compare_centered
from layerscape.measures.similarity.pairing import DOMINANT, same_samples, words_of_unit

BLOCK_ELEMENTS = 2**22


def cka(
    a: Representation,
    b: Representation,
    /,
    *,
    kernel: Literal["linear", "rbf"] = "linear",
    estimator: Literal["debiased", "biased"] = "debiased",
    sample: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Centered kernel alignment, debiased: how alike two representations see the similarities between samples.

    CKA = HSIC₁(K, L) / √(HSIC₁(K, K)·HSIC₁(L, L)) with K = A·Aᵀ, L = B·Bᵀ (Kornblith et al. 2019) and the unbiased
    HSIC₁ of Song et al. (2012, eq. 5), which is 0 on average for unrelated data of any width. For linear kernels HSIC₁
    is a function of moments of the units, so that no N × N matrix is needed.

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order.
    kernel
        ``"linear"``, of all samples; or ``"rbf"``, exp(−d²/2m²) with m the median distance, of a fixed sample of them.
    estimator
        ``"biased"`` is Gretton's HSIC₀, ‖AᵀB‖²/(‖AᵀA‖·‖BᵀB‖), which many papers print: unrelated data read 0.43 at
        N = 1024, D = 768. For the linear kernel only; what chance gives is in ``chance`` and in a warning.
    sample, seed
        For ``"rbf"``: how many samples at most, and which.

    Returns
    -------
    Estimate
        In −1…1; 0 is chance. The interval adds the infinitesimal jackknife over samples and the spread that unrelated
        data have; ``chance`` has the exact mean under permutation, and the leading term of its variance.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 10, or a representation is constant.

    Notes
    -----
    Global: a few directions of large variance decide it. One huge unit that both share makes it nearly 1; a warning
    says so where one unit or one sample holds most of the variance.

    References
    ----------
    Kornblith, Norouzi, Lee, Hinton 2019, arXiv:1905.00414; Song, Smola, Gretton, Bedo, Borgwardt 2012, J. Mach. Learn.
    Res. 13:1393–1434.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> round(cka(Representation(x), Representation(2 * x + 1)).value, 12)
    1.0
    """
    check_name("kernel of cka", kernel, ("linear", "rbf"))
    check_name("estimator of cka", estimator, ("debiased", "biased"))
    if kernel == "rbf":
        if estimator == "biased":
            raise InvalidValue("estimator='biased' is for kernel='linear'; leave it out.")
        return compare_centered(a, b, _gaussian, "cka", sample, seed)
    same_samples(a, b, "cka")
    n, self_a, self_b = a.n_samples, _itself(a), _itself(b)
    cross = self_a.hsic if a is b else _hsic(a, b)
    warnings = _words("first", a, self_a) + _words("second", b, self_b)
    null = sqrt(2 / (n * (n - 3)))
    if estimator == "biased":
        return _biased(n, cross, self_a.hsic, self_b.hsic, null, warnings)
    norm = sqrt(self_a.hsic.value * self_b.hsic.value)
    value = cross.value / norm
    of_norms = self_a.hsic.influence / self_a.hsic.value + self_b.hsic.influence / self_b.hsic.value
    moved = cross.influence / norm - value / 2 * of_norms
    # Unrelated data move by their second order, which the jackknife does not see; it fades as the value nears 1.
    margin = Z95 * sqrt(float(((moved - moved.mean()) ** 2).sum()) + (null * (1 - value**2)) ** 2)
    chance = Chance(0.0, -Z95 * null, Z95 * null, float(ndtr(-value / null)))
    low, high = within(value, margin, MEASURE.bounds)
    return Estimate(value, low, high, n, chance=chance, warnings=tuple(warnings))


def _biased(n: int, cross: _Hsic, of_a: _Hsic, of_b: _Hsic, null: float, warnings: list[str]) -> Estimate:
    norm = sqrt(of_a.biased * of_b.biased)
    value = cross.biased / norm
    moved = cross.biased_influence / norm - value / 2 * (
        of_a.biased_influence / of_a.biased + of_b.biased_influence / of_b.biased
    )
    spread = null * n * (n - 3) * sqrt(of_a.value * of_b.value) / norm
    margin = Z95 * sqrt(float(((moved - moved.mean()) ** 2).sum()) + (spread * (1 - value**2)) ** 2)
    mean = of_a.trace * of_b.trace / ((n - 1) * norm)
    words = f"the biased estimator: unrelated data of this size and spread read {mean:.3g}"
    chance = Chance(mean, mean - Z95 * spread, mean + Z95 * spread, float(ndtr((mean - value) / spread)))
    low, high = within(value, margin, (0.0, 1.0))
    return Estimate(value, low, high, n, chance=chance, warnings=(*warnings, words))


def _gaussian(distances: np.ndarray) -> np.ndarray:
    """The Gaussian kernel whose width is the median distance between different samples."""
    off = distances[np.triu_indices(len(distances), 1)]
    width = float(np.median(off[off > 0])) if (off > 0).any() else 1.0
    return np.exp(-0.5 * (distances / width) ** 2)


def _words(which: str, x: Representation, itself: _Itself) -> list[str]:
    words = [*words_of_unit(itself.of_unit, x.n_units, which)]
    if itself.of_sample > DOMINANT:
        words.append(
            f"one sample holds {itself.of_sample:.1%} of the variance of the {which}, and so decides the value"
        )
    return words


@dataclass(frozen=True)
class _Hsic:
    """HSIC₁ and n²·HSIC₀ of two kernels, how much each sample adds to them, and the sum of the first's diagonal."""

    value: float
    influence: np.ndarray
    biased: float
    biased_influence: np.ndarray
    trace: float


@dataclass(frozen=True)
class _Itself:
    hsic: _Hsic
    of_unit: float  # the largest share of the variance
    of_sample: float


@remembered
def _itself(x: Representation) -> _Itself:
    hsic = _hsic(x, x)
    if not hsic.value > 1e-15:  # the values are scaled to 1
        raise constant(x, ", or over all but one; cka cannot compare it")
    framed, by_unit, by_sample = frame(x), np.zeros(x.n_units), 0.0
    for _, block in x.blocks():
        squares = framed(block) ** 2
        by_unit += squares.sum(axis=0)
        by_sample = max(by_sample, float(squares.sum(axis=1).max()))
    return _Itself(hsic, float(by_unit.max()) / hsic.trace, by_sample / hsic.trace)


def _hsic(a: Representation, b: Representation) -> _Hsic:
    """Of the scaled, centered rows; two passes over them."""
    n = a.n_samples
    cross = np.zeros((a.n_units, b.n_units))
    x_b, y_a = np.zeros(a.n_units), np.zeros(b.n_units)  # Σ x‖y‖² and Σ y‖x‖²
    lengths_a, lengths_b = np.empty(n), np.empty(n)
    for rows, x, y in _pairs(a, b):
        of_a, of_b = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
        lengths_a[rows], lengths_b[rows] = of_a, of_b
        cross += x.T @ y
        x_b += of_b @ x
        y_a += of_a @ y
    both = lengths_a @ lengths_b
    sum_a, sum_b = lengths_a.sum(), lengths_b.sum()
    # With centered rows every sum over a whole row of a kernel is minus its diagonal.
    inner = (cross * cross).sum() - both + sum_a * sum_b / ((n - 1) * (n - 2)) - 2 / (n - 2) * both
    influence, products = np.empty(n), np.empty(n)
    for rows, x, y in _pairs(a, b):
        of_a, of_b = lengths_a[rows], lengths_b[rows]
        products[rows] = 2 * np.einsum("ij,ij->i", x @ cross, y)
        pairs = products[rows] - of_a * of_b
        totals = (of_a * sum_b + of_b * sum_a) / ((n - 1) * (n - 2))
        influence[rows] = pairs + totals - 2 / (n - 2) * (of_a * of_b - x @ x_b - y @ y_a)
    scale, biased = n * (n - 3), float((cross * cross).sum())
    return _Hsic(float(inner) / scale, influence / scale, biased, products, float(sum_a))


def _pairs(a: Representation, b: Representation) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    for rows in slices(a.n_samples, BLOCK_ELEMENTS // (a.n_units + b.n_units)):
        yield rows, frame(a)(a.read(rows)), frame(b)(b.read(rows))


MEASURE = Measure(
    compute=cka,
    title="CKA",
    standard=True,
    unit="alignment",
    bounds=(-1, 1),
    closer="high",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012, J. Mach. Learn. Res. 13:1393",
)
