"""The sums over rows and units that a participation ratio is made of, of all samples and when each is deleted.

Without the row xⱼ the others move by c·xⱼ when they are centered anew, c = 1/(N − 1), so that their scatter loses
xⱼxⱼᵀ·N/(N − 1), and a sum of fourth powers or of products of lengths changes by the binomial formula, in which all that
is linear in the centered rows adds up to 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from layerscape.core.representation import Representation
from layerscape.measures.dimension.moments import centered_columns, gram, scatter

_Some = TypeVar("_Some", float, np.ndarray)


@dataclass(frozen=True)
class Sums:
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


def sums_of(x: Representation) -> Sums:
    """From the scatter of the units, or that of the samples if these are fewer."""
    return sums_by_units(x) if x.n_units <= x.n_samples else sums_by_samples(x)


def sums_by_units(x: Representation) -> Sums:
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
    return Sums(
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


def sums_by_samples(x: Representation) -> Sums:
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
    return Sums(
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


def distinct(n: int, lengths: _Some, squares: _Some, inner: _Some) -> tuple[_Some, _Some]:
    """A and B from (Σ aᵢ)², Σ aᵢ² and Σ Kᵢⱼ²: averages over distinct rows, in which all sums over a row of K are 0."""
    two, three, four = n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)
    last = (2 * inner - 6 * squares + lengths) / four
    top = (lengths - squares) / two - 2 * (2 * squares - lengths) / three + last
    bottom = (inner - squares) / two - 2 * (2 * squares - inner) / three + last
    return top, bottom


@dataclass(frozen=True)
class PerSample:
    """Of every sample, shape (N,) each, with aᵢ = Kᵢᵢ = Σ xᵢ² and sums over units of products within each unit.

    Attributes
    ----------
    lengths, inner, pull
        aⱼ, Σᵢ Kᵢⱼ², and Σᵢ aᵢ·Kᵢⱼ.
    fourth, with_squares, with_cubes
        Σ xⱼ⁴, Σ xⱼ²·Σᵢ xᵢ², and Σ xⱼ·Σᵢ xᵢ³ over the units.
    """

    lengths: np.ndarray
    inner: np.ndarray
    pull: np.ndarray
    fourth: np.ndarray
    with_squares: np.ndarray
    with_cubes: np.ndarray


def rows_of(x: Representation) -> PerSample:
    """By the scatter of the units, or that of the samples if these are fewer."""
    return _rows_by_units(x) if x.n_units <= x.n_samples else _rows_by_samples(x)


def _rows_by_units(x: Representation) -> PerSample:
    found, n = scatter(x), x.n_samples
    weighted, cubes = np.zeros(x.n_units), np.zeros(x.n_units)
    for _, block in x.blocks():
        centered = found.centered(block)
        weighted += (centered**2).sum(axis=1) @ centered
        cubes += (centered**3).sum(axis=0)
    each = np.empty((6, n))
    for rows, block in x.blocks():
        centered = found.centered(block)
        square = centered**2
        inner = np.einsum("ij,ij->i", centered @ found.matrix, centered)
        part = square.sum(axis=1), inner, centered @ weighted, (square**2).sum(axis=1)
        each[:, rows] = [*part, square @ np.diag(found.matrix), centered @ cubes]
    return PerSample(*each)


def _rows_by_samples(x: Representation) -> PerSample:
    found = gram(x)
    lengths = np.diag(found.matrix)
    fourth, with_squares, with_cubes = np.zeros((3, x.n_samples))
    for part, _ in centered_columns(x.checked(slice(0, x.n_samples)), found.power):
        square = part**2
        fourth += (square**2).sum(axis=1)
        with_squares += square @ square.sum(axis=0)
        with_cubes += part @ (part**3).sum(axis=0)
    return PerSample(lengths, (found.matrix**2).sum(axis=1), found.matrix @ lengths, fourth, with_squares, with_cubes)
