"""HSIC of two linear kernels, from the moments of the units or, where these are more, from the kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import nan

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.frame import frame
from layerscape.core.memo import remembered, remembered_within
from layerscape.core.representation import Representation
from layerscape.measures.dimension.moments import gram
from layerscape.measures.rows import slices

BLOCK_ELEMENTS = 2**22
KEPT = 2**28  # bytes of the kernels that were compared last: 33 of 1,000 samples
CONSTANT = ", or over all but one; cka cannot compare it"


@dataclass(frozen=True)
class Hsic:
    """HSIC₁ and n²·HSIC₀ of two kernels, how much each sample adds to them, and the sum of the first's diagonal.

    Then, of a kernel with itself, Σ λ³ / (Σ λ²)^1.5 of its eigenvalues; and what a deletion is computed from: Kᵢᵢ and
    Lᵢᵢ, and Σⱼ (Kᵢⱼ·Lⱼⱼ + Lᵢⱼ·Kⱼⱼ).
    """

    value: float
    influence: np.ndarray
    biased: float
    biased_influence: np.ndarray
    trace: float
    skewness: float
    lengths: tuple[np.ndarray, np.ndarray]
    pull: np.ndarray

    def without_each(self) -> tuple[np.ndarray, np.ndarray]:
        """HSIC₁ and n²·HSIC₀ of the others, centered anew, without each sample; shape (N,) each.

        Without a row x the others move by x / (n − 1) when they are centered, and the sum of their products with the
        other side's loses n / (n − 1)·x·yᵀ.
        """
        n, (of_a, of_b) = len(self.pull), self.lengths
        sum_a, sum_b, both, c = of_a.sum(), of_b.sum(), of_a @ of_b, 1 / (n - 1)
        diagonal, through, part = of_a * of_b, self.biased_influence / 2, n / (n - 1)
        biased = self.biased - 2 * part * through + part**2 * diagonal
        both = both + 2 * c * self.pull + c**2 * (of_b * sum_a + of_a * sum_b) + 4 * c**2 * through
        both += (n * c**4 - part**4) * diagonal
        sums, m = (sum_a - part * of_a) * (sum_b - part * of_b), n - 1
        inner = biased - both + sums / ((m - 1) * (m - 2)) - 2 / (m - 2) * both
        return inner / (m * (m - 3)), biased


@remembered
def itself(x: Representation) -> Hsic:
    """Of a representation with itself; raises if it is constant."""
    found = hsic(x, x)
    if not found.value > 1e-15:  # the values are scaled to 1
        raise constant(x, CONSTANT)
    return found


@dataclass(frozen=True)
class _Sums:
    """What all is computed from, of the kernels K and L of scaled, centered rows.

    Attributes
    ----------
    lengths_a, lengths_b
        Kᵢᵢ and Lᵢᵢ, shape (N,).
    products, pull
        Σⱼ Kᵢⱼ·Lᵢⱼ and Σⱼ (Kᵢⱼ·Lⱼⱼ + Lᵢⱼ·Kⱼⱼ), shape (N,).
    cubes
        Σ λ³ of the eigenvalues of a kernel compared with itself, else NaN.
    """

    lengths_a: np.ndarray
    lengths_b: np.ndarray
    products: np.ndarray
    pull: np.ndarray
    cubes: float


def hsic(a: Representation, b: Representation) -> Hsic:
    """Of all samples; what is held in memory is no larger than the two representations, but for kernels, see `KEPT`."""
    n = a.n_samples
    wide = n * (a.n_units + b.n_units) < 2 * a.n_units * b.n_units  # multiplications of either way
    sums = (_by_kernels if wide else _by_units)(a, b)
    of_a, of_b = sums.lengths_a, sums.lengths_b
    both, sum_a, sum_b, squares = of_a @ of_b, of_a.sum(), of_b.sum(), float(sums.products.sum())
    # With centered rows every sum over a whole row of a kernel is minus its diagonal.
    inner = squares - both + sum_a * sum_b / ((n - 1) * (n - 2)) - 2 / (n - 2) * both
    products = 2 * sums.products
    totals = (of_a * sum_b + of_b * sum_a) / ((n - 1) * (n - 2))
    influence = products - of_a * of_b + totals - 2 / (n - 2) * (of_a * of_b - sums.pull)
    scale = n * (n - 3)
    skewness = sums.cubes / squares**1.5 if squares > 0 else nan
    return Hsic(
        float(inner) / scale, influence / scale, squares, products, float(sum_a), skewness, (of_a, of_b), sums.pull
    )


def _by_kernels(a: Representation, b: Representation) -> _Sums:
    of_a, of_b = _kernel(a), _kernel(b)
    lengths_a, lengths_b = np.diag(of_a).copy(), np.diag(of_b).copy()
    cubes = float(np.vdot(of_a @ of_a, of_a)) if a is b else nan
    products, pull = np.einsum("ij,ij->i", of_a, of_b), of_a @ lengths_b + of_b @ lengths_a
    return _Sums(lengths_a, lengths_b, products, pull, cubes)


@remembered_within(KEPT)
def _kernel(x: Representation) -> np.ndarray:
    return gram(x, CONSTANT).matrix


def _by_units(a: Representation, b: Representation) -> _Sums:
    """In two passes over the rows, which are read once where one block holds them all."""
    n, pairs = a.n_samples, _pairs(a, b)
    cross = np.zeros((a.n_units, b.n_units))
    x_b, y_a = np.zeros(a.n_units), np.zeros(b.n_units)  # Σ x‖y‖² and Σ y‖x‖²
    lengths_a, lengths_b, products, pull = np.empty((4, n))
    for rows, x, y in pairs():
        of_a, of_b = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
        lengths_a[rows], lengths_b[rows] = of_a, of_b
        cross += x.T @ y
        x_b += of_b @ x
        y_a += of_a @ y
    for rows, x, y in pairs():
        products[rows] = np.einsum("ij,ij->i", x @ cross, y)
        pull[rows] = x @ x_b + y @ y_a
    cubes = float(np.vdot(cross @ cross, cross)) if a is b else nan
    return _Sums(lengths_a, lengths_b, products, pull, cubes)


def _pairs(a: Representation, b: Representation) -> Callable[[], Iterable[tuple[slice, np.ndarray, np.ndarray]]]:
    """What goes over the rows, block by block."""
    blocks = slices(a.n_samples, BLOCK_ELEMENTS // (a.n_units + b.n_units))

    def read() -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        for rows in blocks:
            x = frame(a)(a.read(rows))
            yield rows, x, x if a is b else frame(b)(b.read(rows))

    if len(blocks) > 1:
        return read
    only = list(read())
    return lambda: only
