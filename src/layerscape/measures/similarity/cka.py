"""CKA: how alike two representations are, as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import frexp, sqrt
from statistics import NormalDist
from weakref import WeakKeyDictionary

import numpy as np

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.interval import Z95

BLOCK_ELEMENTS = 2**22
FEWEST = 10


def cka(a: Representation, b: Representation, /) -> Estimate:
    """Debiased linear centered kernel alignment: how alike two representations see the similarities between samples.

    CKA = HSIC₁(K, L) / √(HSIC₁(K, K)·HSIC₁(L, L)) with K = A·Aᵀ, L = B·Bᵀ (Kornblith et al. 2019) and the unbiased
    HSIC₁ of Song et al. (2012, eq. 5), which is 0 on average for unrelated data of any width. For linear kernels HSIC₁
    is a function of moments of the units, so that no N × N matrix is needed.

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order.

    Returns
    -------
    Estimate
        In −1…1; 0 is chance. The interval adds the infinitesimal jackknife over samples and the spread that unrelated
        data have; ``chance`` has the exact mean under permutation, 0, and the leading term of its variance.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 10, or a representation is constant.

    Notes
    -----
    Global: a few directions of large variance decide it. One huge dimension that both share makes it nearly 1.

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
    n = a.n_samples
    if n != b.n_samples:
        raise InvalidValue(f"representations of {n} and {b.n_samples} samples; both must be of the same samples.")
    if n < FEWEST:
        raise InvalidValue(f"{n} samples; cka needs at least {FEWEST}.")
    self_a, self_b = _itself(a), _itself(b)
    value, influence = self_a.hsic, self_a.influence
    norm = sqrt(self_a.hsic * self_b.hsic)
    if a is not b:
        value, influence = _hsic(a, b)
    value = value / norm
    moved = influence / norm - value / 2 * (self_a.influence / self_a.hsic + self_b.influence / self_b.hsic)
    null = sqrt(2 / (n * (n - 3)))
    # Unrelated data move by their second order, which the jackknife does not see; it fades as the value nears 1.
    margin = Z95 * sqrt(float(((moved - moved.mean()) ** 2).sum()) + (null * (1 - value**2)) ** 2)
    chance = Chance(0.0, -Z95 * null, Z95 * null, NormalDist(0, null).cdf(-value))
    return Estimate(value, max(-1.0, value - margin), min(1.0, value + margin), n, chance=chance)


@dataclass(frozen=True)
class _Itself:
    hsic: float
    influence: np.ndarray


# HSIC of a representation with itself is needed by every pair that it is in; it is kept while the representation lives.
_KNOWN: WeakKeyDictionary[Representation, _Itself] = WeakKeyDictionary()


def _itself(x: Representation) -> _Itself:
    if x not in _KNOWN:
        hsic, influence = _hsic(x, x)
        if not hsic > 1e-15:  # the values are scaled to 1
            name = f"layer {x.layer!r}" if x.layer else "a representation"
            raise InvalidValue(f"{name} is constant over the samples, or all but one; cka cannot compare it.")
        _KNOWN[x] = _Itself(hsic, influence)
    return _KNOWN[x]


def _hsic(a: Representation, b: Representation) -> tuple[float, np.ndarray]:
    """HSIC₁ of the scaled, centered rows, and how much each sample adds to it; two passes over the rows."""
    frame_a, frame_b = _frame(a), _frame(b)
    n = a.n_samples
    cross = np.zeros((a.n_units, b.n_units))
    x_b, y_a = np.zeros(a.n_units), np.zeros(b.n_units)  # Σ x‖y‖² and Σ y‖x‖²
    lengths_a, lengths_b = np.empty(n), np.empty(n)
    for rows, x, y in _pairs(a, frame_a, b, frame_b):
        of_a, of_b = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
        lengths_a[rows], lengths_b[rows] = of_a, of_b
        cross += x.T @ y
        x_b += of_b @ x
        y_a += of_a @ y
    both = lengths_a @ lengths_b
    sum_a, sum_b = lengths_a.sum(), lengths_b.sum()
    # With centered rows every sum over a whole row of a kernel is minus its diagonal.
    inner = (cross * cross).sum() - both + sum_a * sum_b / ((n - 1) * (n - 2)) - 2 / (n - 2) * both
    influence = np.empty(n)
    for rows, x, y in _pairs(a, frame_a, b, frame_b):
        of_a, of_b = lengths_a[rows], lengths_b[rows]
        pairs = 2 * np.einsum("ij,ij->i", x @ cross, y) - of_a * of_b
        totals = (of_a * sum_b + of_b * sum_a) / ((n - 1) * (n - 2))
        influence[rows] = pairs + totals - 2 / (n - 2) * (of_a * of_b - x @ x_b - y @ y_a)
    return float(inner) / (n * (n - 3)), influence / (n * (n - 3))


def _frame(x: Representation) -> tuple[np.ndarray, int]:
    """Mean of the rows and the power of two that brings the largest centered value near 1."""
    center = sum((block.sum(axis=0) for _, block in x.blocks()), start=np.zeros(x.n_units)) / x.n_samples
    return center, frexp(max(float(np.abs(block - center).max()) for _, block in x.blocks()))[1]


def _pairs(
    a: Representation, frame_a: tuple[np.ndarray, int], b: Representation, frame_b: tuple[np.ndarray, int]
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    step = max(1, BLOCK_ELEMENTS // (a.n_units + b.n_units))
    for start in range(0, a.n_samples, step):
        rows = slice(start, min(start + step, a.n_samples))
        x, y = (np.ldexp(r.read(rows) - center, -power) for r, (center, power) in ((a, frame_a), (b, frame_b)))
        yield rows, x, y


MEASURE = Measure(
    compute=cka,
    unit="alignment",
    bounds=(-1, 1),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Kornblith et al. 2019, arXiv:1905.00414; Song et al. 2012, J. Mach. Learn. Res. 13:1393",
)
