"""CKA: how alike two representations are, as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any, Literal

import numpy as np

from layerscape.core.checks import check_least, check_name
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.frame import frame
from layerscape.core.influence import Influence
from layerscape.core.interval import freedom_of, jackknife_of, student95, within
from layerscape.core.measure import ALWAYS, EVEN, Measure
from layerscape.core.permutation import chance_by_law, p_above
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.centered import Centered
from layerscape.measures.similarity.gaussian import by_width, gaussian, width_without_each
from layerscape.measures.similarity.hsic import Hsic, hsic, itself
from layerscape.measures.similarity.ordered import squares_of_cross
from layerscape.measures.similarity.pairing import FEWEST, same_samples


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
        In −1…1; 0 is chance. The interval is that of two jackknives over samples, by their weight and by their
        deletion, less what pairs of them count twice, by Student's law; it is too narrow for data of very heavy tails.
        ``chance`` has the exact mean under permutation, and the leading term of its variance.

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
    _check(kernel, estimator, sample)
    if kernel == "rbf":
        return _rbf(sample, seed).compare(a, b)
    same_samples(a, b, "cka")
    n, self_a, self_b = a.n_samples, itself(a), itself(b)
    cross = self_a if a is b else hsic(a, b)
    null = sqrt(2 / (n * (n - 3)))
    if estimator == "biased":
        return _biased(n, cross, self_a, self_b, null)
    value, alone = _debiased(cross, self_a, self_b)
    margin = _margin(alone, _without(cross, self_a, self_b, biased=False), null * (1 - value**2))
    skewness = _skewness(self_a, self_b)
    chance = chance_by_law(0.0, null, skewness, p_above(value / null, skewness), MEASURE.bounds)
    low, high = within(value, margin, MEASURE.bounds)
    return Estimate(value, low, high, n, chance=chance)


def _rbf(sample: int, seed: int) -> Centered:
    return Centered("cka", gaussian, sample, seed, bends=(by_width, width_without_each))


def _check(kernel: str, estimator: str, sample: int) -> None:
    check_least(FEWEST, sample=sample)
    check_name("kernel of cka", kernel, ("linear", "rbf"))
    check_name("estimator of cka", estimator, ("debiased", "biased"))
    if kernel == "rbf" and estimator == "biased":
        raise InvalidValue("estimator='biased' is for kernel='linear'; leave it out.")


def _debiased(cross: Hsic, of_a: Hsic, of_b: Hsic) -> tuple[float, np.ndarray]:
    """The value, and how much each sample moves it."""
    norm = sqrt(of_a.value * of_b.value)
    value = cross.value / norm
    of_norms = of_a.influence / of_a.value + of_b.influence / of_b.value
    return value, cross.influence / norm - value / 2 * of_norms


def _biased_alone(cross: Hsic, of_a: Hsic, of_b: Hsic) -> tuple[float, np.ndarray]:
    norm = sqrt(of_a.biased * of_b.biased)
    value = cross.biased / norm
    of_norms = of_a.biased_influence / of_a.biased + of_b.biased_influence / of_b.biased
    return value, cross.biased_influence / norm - value / 2 * of_norms


def _without(cross: Hsic, of_a: Hsic, of_b: Hsic, *, biased: bool) -> np.ndarray:
    """The value without each sample; not finite where all others are equal in one of the two."""
    left = [each.without_each()[biased] for each in (cross, of_a, of_b)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return left[0] / np.sqrt(left[1] * left[2])


def _margin(alone: np.ndarray, without: np.ndarray, by_pairs: float) -> float:
    """Half the width of the interval, from what each sample adds by its weight and from the value without each.

    Far samples make the first too large and the second too small, so that their mean is taken. Both count twice what
    pairs of samples add together, which is all that unrelated data have and fades as the value nears 1.

    Parameters
    ----------
    by_pairs
        The standard deviation of that.
    """
    alone = alone - alone.mean()
    by_weight = float((alone**2).sum())
    by_deletion = jackknife_of(without) if np.isfinite(without).all() else by_weight
    sd = sqrt(max((by_weight + by_deletion) / 2 - by_pairs**2, by_pairs**2))
    return student95(freedom_of(alone)) * sd


def _biased(n: int, cross: Hsic, of_a: Hsic, of_b: Hsic, null: float) -> Estimate:
    norm = sqrt(of_a.biased * of_b.biased)
    value, alone = _biased_alone(cross, of_a, of_b)
    spread = null * n * (n - 3) * sqrt(of_a.value * of_b.value) / norm
    margin = _margin(alone, _without(cross, of_a, of_b, biased=True), spread * (1 - value**2))
    mean = of_a.trace * of_b.trace / ((n - 1) * norm)
    words = f"the biased estimator: unrelated data of this size and spread read {mean:.3g}"
    skewness = _skewness(of_a, of_b)
    chance = chance_by_law(mean, spread, skewness, p_above((value - mean) / spread, skewness), (0.0, 1.0))
    low, high = within(value, margin, (0.0, 1.0))
    return Estimate(value, low, high, n, chance=chance, warnings=(words,))


def _skewness(of_a: Hsic, of_b: Hsic) -> float:
    """Of the law of Σ λ_i·μ_j·(z_ij² − 1), the limit of many samples, with λ and μ the eigenvalues of both kernels."""
    return 2 * sqrt(2) * of_a.skewness * of_b.skewness


def _score(a: Representation, b: Representation, /, *, kernel: str, estimator: str, sample: int, seed: int) -> Score:
    """The alignment with the samples of b in another order."""
    _check(kernel, estimator, sample)
    if kernel == "rbf":
        return _rbf(sample, seed).score(a, b)
    n, of_a, of_b = same_samples(a, b, "cka"), itself(a), itself(b)
    (lengths_a, _), (lengths_b, _) = of_a.lengths, of_b.lengths
    squares = squares_of_cross(frame(a)(a.read(slice(None))), frame(b)(b.read(slice(None))))
    if estimator == "biased":
        return lambda orders: squares(orders) / sqrt(of_a.biased * of_b.biased)
    constant_part = lengths_a.sum() * lengths_b.sum() / ((n - 1) * (n - 2))
    norm = n * (n - 3) * sqrt(of_a.value * of_b.value)
    both = of_each(lambda order: float(lengths_a @ lengths_b[order]))
    return lambda orders: (squares(orders) + constant_part - n / (n - 2) * both(orders)) / norm


def _influence(
    a: Representation, b: Representation, /, *, kernel: str, estimator: str, sample: int, seed: int
) -> Influence:
    """How each sample moves the alignment: exactly without it, and to first order by its weight."""
    _check(kernel, estimator, sample)
    if kernel == "rbf":
        return _rbf(sample, seed).influence(a, b)
    same_samples(a, b, "cka")
    cross, of_a, of_b = hsic(a, b), itself(a), itself(b)
    value, alone = (_debiased if estimator == "debiased" else _biased_alone)(cross, of_a, of_b)
    without = _without(cross, of_a, of_b, biased=estimator == "biased")
    return Influence(value, value - without, alone - alone.mean())


def _ceiling(options: Mapping[str, Any]) -> str:
    """Noise only lengthens the kernels of both sides where their products are free of bias."""
    if options["estimator"] == "biased":
        return "biased CKA reads noise as agreement; leave estimator='debiased'"
    return ALWAYS if options["kernel"] == "linear" else EVEN


MEASURE = Measure(
    compute=cka,
    title="CKA",
    standard=True,
    headline=True,
    unit="alignment",
    bounds=(-1, 1),
    closer="high",
    swayed_by={"unit", "sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012, J. Mach. Learn. Res. 13:1393",
    score=_score,
    influence=_influence,
    ceiling=_ceiling,
)
