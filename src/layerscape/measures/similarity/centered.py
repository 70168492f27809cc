"""Comparison of two kernels over pairs of samples, U-centered: RBF-CKA and distance correlation are one formula.

R = Σ_{i≠j} A_ij·B_ij / √(Σ A_ij² · Σ B_ij²), where A and B are kernels or distances with zero diagonal, U-centered:
A_ij = a_ij − a_i·/(n − 2) − a_·j/(n − 2) + a_··/((n − 1)(n − 2)) off the diagonal (Székely and Rizzo 2013). For kernels
that is HSIC₁ (Song et al. 2012) over its norms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.estimate import Chance, Estimate
from layerscape.core.exchange import Score
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, freedom_of, jackknife_of, student95, within
from layerscape.core.memo import remembered, remembered_within
from layerscape.core.nearness import MetricOfRows
from layerscape.core.permutation import chance_by_law, p_above
from layerscape.core.representation import Representation
from layerscape.measures.rows import slices
from layerscape.measures.similarity.ordered import score_of_pairs
from layerscape.measures.similarity.pairing import (
    drawn_rows,
    rows_near_one,
    same_samples,
)

Bends = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]

LEAST_VARIANCE = 1e-24  # of what is scaled to 1
NEAR = 1e-4  # of |x|² + |y|²: a squared distance below this has lost digits and is summed anew from differences
PIECE = 2**20  # numbers worked on at once
ROUNDING = 1e-12  # of a sum of squares, which is nothing but rounding below
KEPT = 2**29  # bytes of the pairs of representations that were compared last: 16 of 2,000 samples


def compare_centered(
    a: Representation,
    b: Representation,
    of_distances: Callable[[np.ndarray], np.ndarray],
    name: str,
    sample: int,
    seed: int,
    metric: MetricOfRows,
    bends: Bends | None = None,
) -> Estimate:
    """R of two representations at a fixed sample of the rows, with its interval and chance.

    Parameters
    ----------
    of_distances
        Makes of the distances between the rows, shape (n, n), in place or not, what is compared.
    name
        Of the measure.
    bends
        See `influence_on_centered`.
    """
    same_samples(a, b, name)
    rows, warnings = drawn_rows(a.n_samples, sample, seed)
    n = len(rows)
    of_a, of_b = (_compared(x, of_distances, sample, seed, metric) for x in (a, b))
    self_a, self_b = (_itself(x, of_x, name, sample, seed, metric) for x, of_x in ((a, of_a), (b, of_b)))
    moves = _Moves.of(of_a, of_b, self_a.squares, self_b.squares)
    value = float(np.clip(moves.value, -1, 1))
    without = moves.without if np.isfinite(moves.without).all() else moves.value - moves.alone
    if bends is not None:
        without = without + _along(a, b, of_a, of_b, moves, bends, sample, seed, metric)
    null = sqrt(2 / (n * (n - 3)))
    # The jackknife counts twice what pairs add together, which is all that unrelated data have, and fades near 1.
    of_pairs = null * (1 - value**2)
    sd = sqrt(max(jackknife_of(without) - of_pairs**2, of_pairs**2))
    low, high = within(value, student95(freedom_of(without - without.mean())) * sd, (-1.0, 1.0), LEAST_MARGIN)
    chance = _chance(value, null, 2 * sqrt(2) * self_a.skewness * self_b.skewness)
    return Estimate(value, low, high, a.n_samples, chance=chance, details={"sample": n}, warnings=warnings)


def score_of_centered(
    a: Representation,
    b: Representation,
    of_distances: Callable[[np.ndarray], np.ndarray],
    name: str,
    sample: int,
    seed: int,
    metric: MetricOfRows = "euclidean",
) -> Score:
    """R as a function of orders of the samples of b."""
    same_samples(a, b, name)
    of_a, of_b = (_compared(x, of_distances, sample, seed, metric) for x in (a, b))
    norm = sqrt(_squares(a, of_a, name) * _squares(b, of_b, name))
    products = score_of_pairs(of_a, of_b, a.n_samples, name)
    return lambda orders: np.clip(products(orders) / norm, -1, 1)


def influence_on_centered(
    a: Representation,
    b: Representation,
    of_distances: Callable[[np.ndarray], np.ndarray],
    name: str,
    sample: int,
    seed: int,
    metric: MetricOfRows,
    bends: Bends | None = None,
) -> Influence:
    """How each sample moves R: without it, among the rows that are compared, and to first order by its weight.

    Parameters
    ----------
    bends
        Where what is compared depends on all distances by one number: makes of them its derivative by that number, and
        how much the deletion of each row changes the number, shape (n,).
    """
    same_samples(a, b, name)
    rows, _ = drawn_rows(a.n_samples, sample, seed)
    of_a, of_b = (_compared(x, of_distances, sample, seed, metric) for x in (a, b))
    moves = _Moves.of(of_a, of_b, _squares(a, of_a, name), _squares(b, of_b, name))
    moved = moves.value - moves.without
    if bends is not None:
        moved -= _along(a, b, of_a, of_b, moves, bends, sample, seed, metric)
    alone = moves.alone - moves.alone.mean()
    return Influence(float(np.clip(moves.value, -1, 1)), moved, alone).among(rows, a.n_samples)


@dataclass(frozen=True)
class _Moves:
    """R, and how samples move it as long as what is compared between two others stays.

    U-centering takes off whatever is added to a row or a column, so that centering anew after a deletion of j leaves
    Σ A_ij·B_ij less its row j times 2(n − 2)/(n − 3).
    """

    value: float
    alone: np.ndarray  # by its weight, shape (n,)
    without: np.ndarray  # R without each, shape (n,); NaN where all others but one are equal in a representation
    norms: tuple[float, float]  # Σ A_ij² and Σ B_ij²

    @classmethod
    def of(cls, of_a: np.ndarray, of_b: np.ndarray, *norms: float) -> _Moves:
        n, norm = len(of_a), sqrt(norms[0]) * sqrt(norms[1])
        sums = [np.einsum("ij,ij->i", one, other) for one, other in ((of_a, of_b), (of_a, of_a), (of_b, of_b))]
        value = float(sums[0].sum()) / norm
        alone = 2 * sums[0] / norm - value * (sums[1] / norms[0] + sums[2] / norms[1])
        shared, left_a, left_b = (one.sum() - 2 * (n - 2) / (n - 3) * one for one in sums)
        varies = (left_a > ROUNDING * norms[0]) & (left_b > ROUNDING * norms[1])
        without = shared / np.sqrt(np.where(varies, left_a * left_b, np.nan))
        return cls(value, alone, without, (norms[0], norms[1]))


def _along(
    a: Representation,
    b: Representation,
    of_a: np.ndarray,
    of_b: np.ndarray,
    moves: _Moves,
    bends: Bends,
    sample: int,
    seed: int,
    metric: MetricOfRows,
) -> np.ndarray:
    """What the deletion of each row adds to R since it bends all that is compared; shape (n,)."""
    norm, added = sqrt(moves.norms[0]) * sqrt(moves.norms[1]), np.zeros(len(of_a))
    for x, mine, other, own in ((a, of_a, of_b, moves.norms[0]), (b, of_b, of_a, moves.norms[1])):
        slope = _slope(x, bends, sample, seed, metric)
        along = np.vdot(slope, other) / norm - moves.value * np.vdot(slope, mine) / own
        added += along * _change(x, bends, sample, seed, metric)
    return added


@remembered_within(KEPT)
def _slope(x: Representation, bends: Bends, sample: int, seed: int, metric: MetricOfRows) -> np.ndarray:
    rows, _ = drawn_rows(x.n_samples, sample, seed)
    return _centered(bends[0](_distances(rows_near_one(x, rows, metric))))


@remembered
def _change(x: Representation, bends: Bends, sample: int, seed: int, metric: MetricOfRows) -> np.ndarray:
    rows, _ = drawn_rows(x.n_samples, sample, seed)
    return bends[1](_distances(rows_near_one(x, rows, metric)))


@remembered_within(KEPT)
def _compared(
    x: Representation, of_distances: Callable[[np.ndarray], np.ndarray], sample: int, seed: int, metric: MetricOfRows
) -> np.ndarray:
    """What is compared between the rows that are drawn, U-centered; shape (n, n)."""
    rows, _ = drawn_rows(x.n_samples, sample, seed)
    return _centered(of_distances(_distances(rows_near_one(x, rows, metric))))


def _chance(value: float, spread: float, skewness: float) -> Chance:
    """The law of Σ λ_i·μ_j·(z_ij² − 1), the limit of large n, has this third moment."""
    return chance_by_law(0.0, spread, skewness, p_above(value / spread, skewness), (-1.0, 1.0))


def _distances(values: np.ndarray) -> np.ndarray:
    """Distances between these rows, shape (n, n), to 12 digits; between copies 0, which medians leave out."""
    lengths = np.einsum("ij,ij->i", values, values)
    distances = values @ values.T
    distances *= -2
    distances += lengths[:, None]
    distances += lengths
    near, other = np.nonzero(np.triu(distances <= NEAR * (lengths[:, None] + lengths), 1))
    for piece in slices(len(near), PIECE // values.shape[1]):
        i, j = near[piece], other[piece]
        distances[i, j] = distances[j, i] = ((values[i] - values[j]) ** 2).sum(axis=1)
    np.fill_diagonal(distances, 0)
    return np.sqrt(distances, out=distances)


def _centered(pairs: np.ndarray) -> np.ndarray:
    """U-centered, in place; the diagonal does not count."""
    n = len(pairs)
    np.fill_diagonal(pairs, 0)
    sums = pairs.sum(axis=1)
    centers = (sums - sums.sum() / (2 * (n - 1))) / (n - 2)
    pairs -= centers[:, None]
    pairs -= centers
    np.fill_diagonal(pairs, 0)
    return pairs


@dataclass(frozen=True)
class _Itself:
    squares: float
    skewness: float  # Σ λ³ / (Σ λ²)^1.5 of the eigenvalues


@remembered
def _known(x: Representation, name: str, sample: int, seed: int, metric: str) -> list[_Itself]:
    """Room for the sums of a representation alone, made of pairs that are too many to be kept with them."""
    return []


def _itself(x: Representation, centered: np.ndarray, name: str, sample: int, seed: int, metric: str) -> _Itself:
    known = _known(x, name, sample, seed, metric)
    if not known:
        squares = _squares(x, centered, name)
        cubes = float(np.einsum("ij,ij->", centered @ centered.T, centered))  # symmetric, which takes half the products
        known.append(_Itself(squares, cubes / squares**1.5))
    return known[0]


def _squares(x: Representation, centered: np.ndarray, name: str) -> float:
    squares = float(np.einsum("ij,ij->", centered, centered))
    if not squares > LEAST_VARIANCE * centered.size:
        raise constant(x, f", or over all but one; {name} cannot compare it")
    return squares
