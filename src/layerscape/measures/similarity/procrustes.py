"""Procrustes similarity: how well one representation, turned and scaled as a whole, lies on another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import acos, sqrt

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.frame import frame
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, freedom_of, student95, within
from layerscape.core.measure import Measure
from layerscape.core.memo import remembered
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.measures.roots import Roots, log_of
from layerscape.measures.rows import slices
from layerscape.measures.similarity.pairing import corrected, same_samples

BLOCK_ELEMENTS = 2**22
HELD = 2**24  # elements up to which the rows are held in memory
HIGH_CHANCE = 0.5
ROUNDING = 1e-13  # relative: rows that differ by less are equal
SIGNS = 20  # random ones, for the variance of pairs


def procrustes(a: Representation, b: Representation, /, *, permutations: int = 20, seed: int = 0) -> Estimate:
    """Angular Procrustes similarity: the cosine of the angle left after the best rotation of one side onto the other.

    cos θ = ‖AᵀB‖_* / (‖A‖_F·‖B‖_F), the sum of the singular values of AᵀB over the Frobenius norms of the centered
    matrices (Williams et al. 2021); θ is a metric. 1 − cos² θ is the disparity of scipy's ``procrustes``.

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order. The narrower counts as padded with zeros.
    permutations
        How many random pairings of the samples chance is measured with, at least 19.
    seed
        Which.

    Returns
    -------
    Estimate
        In 0…1; 1 if one is a rotation, shift and multiple of the other. ``details``: ``angle`` θ in radians;
        ``corrected``, (value − chance)/(1 − chance), which is 0 on average for unrelated data; ``null``, the value of
        each permutation. The interval is the infinitesimal jackknife, less what it counts twice, by Student's law.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 10, a representation is constant, or permutations < 19.

    Notes
    -----
    Chance is far from 0 where N is not much larger than D, since the rotation fits noise: unrelated normal data read
    0.67 at N = 1,024, D = 768. Compare values of different N, D or layers by ``corrected``. Directions of large
    variance decide. The interval is about the value of samples of this size, which is larger than that of many more.
    Time goes into the eigenvalues of a matrix of size min(N, D) for each permutation.

    References
    ----------
    Williams, Kunz, Kornblith, Linderman 2021, arXiv:2110.14739; Schönemann 1966, doi:10.1007/BF02289451.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> round(procrustes(Representation(x), Representation(2 * x[:, ::-1] + 1)).value, 12)
    1.0
    """
    same_samples(a, b, "procrustes")
    n, of_a, of_b = a.n_samples, _centered(a), _centered(b)
    norm = sqrt(of_a.squares * of_b.squares)
    left, singular, right = np.linalg.svd(_cross(of_a, of_b, np.arange(n)), full_matrices=False)
    value = min(1.0, float(singular.sum()) / norm)
    chance, null = chance_by_permutation(
        lambda order: _nuclear(_cross(of_a, of_b, order)) / norm, value, n, permutations, seed
    )
    moved = _alone(of_a, of_b, left @ right, value)
    moved -= moved.mean()
    jackknife = float(moved @ moved)
    twice = _pairs(of_a, of_b, (left, singular, right), n) / norm**2
    # What unrelated data have is known; it fades as the value nears 1.
    variance = max(jackknife - twice, jackknife / 4, float(null.var(ddof=1)) * (1 - value**2) ** 2)
    details: dict[str, float | np.ndarray] = {"angle": acos(value), "null": null}
    if chance.value < 1 - LEAST_MARGIN:
        details["corrected"] = corrected(value, chance.value)
    warnings: tuple[str, ...] = ()
    if chance.value > HIGH_CHANCE:
        warnings += (
            f"unrelated data of this size read {chance.value:.2f}: read details['corrected'], or give more samples",
        )
    low, high = within(value, student95(freedom_of(moved)) * sqrt(variance), MEASURE.bounds, LEAST_MARGIN)
    return Estimate(value, low, high, n, chance=chance, details=details, warnings=warnings)


@dataclass(frozen=True)
class _Centered:
    """Centered rows of which the largest value is near 1, up to a rotation; ``squares`` is ‖A‖_F²."""

    source: Representation | np.ndarray
    n_units: int
    squares: float

    def read(self, rows: np.ndarray) -> np.ndarray:
        if isinstance(self.source, np.ndarray):
            return self.source[rows]
        return frame(self.source)(self.source.read(rows))

    def turned(self, rotation: np.ndarray) -> _Centered | None:
        """The rows times a matrix, if they are held."""
        if isinstance(self.source, np.ndarray):
            return replace(self, source=self.source @ rotation, n_units=rotation.shape[1])
        return None


def _centered(x: Representation) -> _Centered:
    if x.n_samples > x.n_units and x.n_samples * x.n_units > HELD:
        return _Centered(x, x.n_units, _squares(x))
    rows = frame(x)(x.read(slice(None)))
    if x.n_samples <= x.n_units:
        # Fewer samples than units span a space of N dimensions: a rotation into it keeps every product and saves time.
        rows = np.asarray(np.linalg.qr(rows.T, mode="r")).T
    return _Centered(rows, rows.shape[1], _squares(x))


@remembered
def _squares(x: Representation) -> float:
    """‖A‖_F² of the centered, scaled rows."""
    framed = frame(x)
    if not framed.peak > ROUNDING * np.abs(framed.origin).max():
        raise constant(x, "; procrustes cannot compare it")
    return float(sum((framed(block) ** 2).sum() for _, block in x.blocks()))


def _blocks(a: _Centered, b: _Centered, n_samples: int) -> list[slice]:
    return slices(n_samples, BLOCK_ELEMENTS // (a.n_units + b.n_units))


def _cross(a: _Centered, b: _Centered, order: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """AᵀB with the rows of b in this order, each pair of rows with its weight."""
    cross = np.zeros((a.n_units, b.n_units))
    rows = np.arange(len(order))
    for block in _blocks(a, b, len(order)):
        x = a.read(rows[block])
        cross += (x if weights is None else x * weights[block, None]).T @ b.read(order[block])
    return cross


def _nuclear(cross: np.ndarray) -> float:
    """‖·‖_* from the eigenvalues of the smaller Gram matrix, in half the time; singular values of rounding are 0."""
    rows, columns = cross.shape
    squares = np.linalg.eigvalsh(cross @ cross.T if rows < columns else cross.T @ cross)
    return float(np.sqrt(squares[squares > len(squares) * np.finfo(float).eps * squares[-1]]).sum())


def _alone(a: _Centered, b: _Centered, rotation: np.ndarray, value: float) -> np.ndarray:
    """How much each sample moves the value: the derivative of ‖AᵀB‖_* is the rotation itself."""
    n = a.source.n_samples if isinstance(a.source, Representation) else len(a.source)
    moved = np.empty(n)
    rows = np.arange(n)
    for block in _blocks(a, b, n):
        x, y = a.read(rows[block]), b.read(rows[block])
        product = np.einsum("ij,ij->i", x @ rotation, y) / sqrt(a.squares * b.squares)
        of_a, of_b = np.einsum("ij,ij->i", x, x) / a.squares, np.einsum("ij,ij->i", y, y) / b.squares
        moved[block] = product - value / 2 * (of_a + of_b)
    return moved


def _pairs(a: _Centered, b: _Centered, svd: tuple[np.ndarray, np.ndarray, np.ndarray], n_samples: int) -> float:
    """Variance that pairs of samples add to ‖AᵀB‖_*, which the jackknife counts twice: Σ_{i<j} I_ij².

    I_ij, the interaction of two samples, is the second derivative of ‖Σ_i w_i·x_i·y_iᵀ‖_* in w_i and w_j, at 1. With
    random signs ε and E = Σ_i ε_i·x_i·y_iᵀ half the second derivative along E is ½ Σ_ij ε_i·ε_j·I_ij, of which the
    variance is just that sum. With AᵀB = U·diag(σ)·Vᵀ, V square, and G = UᵀEV it is the coefficient of t² in
    tr √((AᵀB + tE)ᵀ(AᵀB + tE)): Σ_ij (G_ij − G_ji)² / (4(σ_i + σ_j)) + Σ_j ‖(1 − UUᵀ)·E·v_j‖² / (2σ_j).
    """
    left, singular, right = svd
    if a.n_units < b.n_units:
        a, b, left, right = b, a, right.T, left.T
    least = 1e-9 * singular[0]
    sums, alone = np.maximum(singular[:, None] + singular, least), np.maximum(singular, least)
    # The narrower side is only turned, so that nothing of it is outside; of the other nothing is if it is as narrow.
    square = a.n_units == b.n_units
    a_turned, b_turned = a.turned(left) if square else None, b.turned(right.T)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(SIGNS):
        turned = _cross(a_turned or a, b_turned or b, np.arange(n_samples), rng.choice([-1.0, 1.0], n_samples))
        turned = turned if b_turned else turned @ right.T
        inside = turned if a_turned else left.T @ turned
        outside = 0.0 if square else np.einsum("ij,ij->j", turned, turned) - np.einsum("ij,ij->j", inside, inside)
        found.append((((inside - inside.T) ** 2 / sums).sum() / 2 + (outside / alone).sum()) / 2)
    return float(np.var(found, ddof=1))


def _score(a: Representation, b: Representation, /, *, permutations: int, seed: int) -> Score:
    """The value with the samples of b in another order."""
    same_samples(a, b, "procrustes")
    of_a, of_b = _centered(a), _centered(b)
    norm = sqrt(of_a.squares * of_b.squares)
    return of_each(lambda order: _nuclear(_cross(of_a, of_b, order)) / norm)


def _influence(a: Representation, b: Representation, /, *, permutations: int, seed: int) -> Influence:
    """How each sample moves the cosine: exactly without it, and to first order by its weight."""
    same_samples(a, b, "procrustes")
    n, of_a, of_b = a.n_samples, _centered(a), _centered(b)
    if of_a.n_units < of_b.n_units:
        of_a, of_b = of_b, of_a
    svd = np.linalg.svd(_cross(of_a, of_b, np.arange(n)), full_matrices=False)
    sums, part, changes = float(svd[1].sum()), n / (n - 1), np.empty(n)
    lengths, roots = np.empty((2, n)), Roots.of(svd[1] ** 2)
    for block in _blocks(of_a, of_b, n):
        rows = np.arange(n)[block]
        x, y = of_a.read(rows), of_b.read(rows)
        lengths[:, block] = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
        changes[block] = roots.change(_log_factors(x, y, svd, part, roots.nodes))
    left = np.sqrt((of_a.squares - part * lengths[0]) * (of_b.squares - part * lengths[1]))
    value = sums / sqrt(of_a.squares * of_b.squares)
    alone = _alone(of_a, of_b, svd[0] @ svd[2], value)
    return Influence(min(1.0, value), value - (sums + changes) / left, alone - alone.mean())


def _log_factors(
    x: np.ndarray, y: np.ndarray, svd: tuple[np.ndarray, np.ndarray, np.ndarray], part: float, nodes: np.ndarray
) -> np.ndarray:
    """The logarithm of what det(CᵀC + t) is multiplied with where C = AᵀB loses part·x·yᵀ; shape (rows, Q).

    CᵀC changes by −part·(z·yᵀ + y·zᵀ) + part²·‖x‖²·y·yᵀ with z = Cᵀx, of rank two. With brackets for products over
    (CᵀC + t)⁻¹ the determinant is (1 − part·[zy])² + part²·[yy]·(‖x‖² − [zz]).
    """
    left, singular, right = svd
    p, q = x @ left, y @ right.T
    outside = np.maximum(np.einsum("ij,ij->i", x, x) - np.einsum("ij,ij->i", p, p), 0.0)
    weights = 1 / (singular[:, None] ** 2 + nodes)
    of_both = part * ((p * q * singular) @ weights)
    beyond = part**2 * (q**2 @ weights) * (outside[:, None] + nodes * (p**2 @ weights))
    return log_of((1 - of_both) ** 2 + beyond, of_both * (of_both - 2) + beyond)


MEASURE = Measure(
    compute=procrustes,
    title="Procrustes",
    unit="cosine",
    bounds=(0, 1),
    closer="high",
    swayed_by={"unit", "sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Williams et al. 2021, arXiv:2110.14739",
    score=_score,
    influence=_influence,
    ceiling="the best rotation follows noise, so that halves of repeats agree too little for a ceiling",
)
