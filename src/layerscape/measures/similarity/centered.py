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

LEAST_VARIANCE = 1e-24  # of what is scaled to 1
NEAR = 1e-4  # of |x|² + |y|²: a squared distance below this has lost digits and is summed anew from differences
PIECE = 2**20  # numbers worked on at once
ROUNDING = 1e-12  # of a sum of squares, which is nothing but rounding below
KEPT = 2**29  # bytes of the pairs of representations that were compared last: 16 of 2,000 samples


@dataclass(frozen=True)
class Centered:
    """R of two representations at a fixed sample of the rows.

    Attributes
    ----------
    name
        Of the measure.
    of_distances
        Makes of the distances between the rows, shape (n, n), in place or not, what is compared.
    sample, seed
        How many rows at most, and which.
    metric
        Of the distances.
    bends
        Where what is compared depends on all distances by one number: make of the distances its derivative by that
        number, shape (n, n), and how much the deletion of each row adds to the number, shape (n,).
    """

    name: str
    of_distances: Callable[[np.ndarray], np.ndarray]
    sample: int
    seed: int
    metric: MetricOfRows = "euclidean"
    bends: tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]] | None = None

    def compare(self, a: Representation, b: Representation) -> Estimate:
        """With its interval and chance."""
        same_samples(a, b, self.name)
        of_a, of_b = _compared(a, self), _compared(b, self)
        self_a, self_b = _itself(a, of_a, self), _itself(b, of_b, self)
        moves = _Moves.of(of_a, of_b, self_a.squares, self_b.squares)
        value, n = float(np.clip(moves.value, -1, 1)), len(of_a)
        without = moves.without + self._bent(a, b, moves)
        null = sqrt(2 / (n * (n - 3)))
        # The jackknife counts twice what pairs add together, which is all that unrelated data have, and fades near 1.
        of_pairs = null * (1 - value**2)
        sd = sqrt(max(jackknife_of(without) - of_pairs**2, of_pairs**2))
        low, high = within(value, student95(freedom_of(without - without.mean())) * sd, (-1.0, 1.0), LEAST_MARGIN)
        chance = _chance(value, null, 2 * sqrt(2) * self_a.skewness * self_b.skewness)
        _, warnings = drawn_rows(a.n_samples, self.sample, self.seed)
        return Estimate(value, low, high, a.n_samples, chance=chance, details={"sample": n}, warnings=warnings)

    def score(self, a: Representation, b: Representation) -> Score:
        """As a function of orders of the samples of b."""
        same_samples(a, b, self.name)
        of_a, of_b = _compared(a, self), _compared(b, self)
        norm = sqrt(_squares(a, of_a, self.name) * _squares(b, of_b, self.name))
        products = score_of_pairs(of_a, of_b, a.n_samples, self.name)
        return lambda orders: np.clip(products(orders) / norm, -1, 1)

    def influence(self, a: Representation, b: Representation) -> Influence:
        """How each sample moves R: without it, among the rows that are compared, and to first order by its weight."""
        same_samples(a, b, self.name)
        of_a, of_b = _compared(a, self), _compared(b, self)
        moves = _Moves.of(of_a, of_b, _squares(a, of_a, self.name), _squares(b, of_b, self.name))
        moved, alone = moves.value - moves.without - self._bent(a, b, moves), moves.alone - moves.alone.mean()
        rows, _ = drawn_rows(a.n_samples, self.sample, self.seed)
        return Influence(float(np.clip(moves.value, -1, 1)), moved, alone).among(rows, a.n_samples)

    def between(self, x: Representation) -> np.ndarray:
        """Distances between the rows that are compared."""
        if self.bends is not None:  # which asks for them three times, and leaves them as they are
            return _between(x, self)
        return _distances_of(x, self)

    def _bent(self, a: Representation, b: Representation, moves: _Moves) -> np.ndarray | float:
        """What the deletion of each row adds to R since it bends all that is compared; shape (n,)."""
        if self.bends is None:
            return 0.0
        norm, added = sqrt(moves.norms[0]) * sqrt(moves.norms[1]), np.zeros(len(moves.alone))
        for x, other, own in ((a, b, moves.norms[0]), (b, a, moves.norms[1])):
            slope = _slope(x, self)
            along = (
                np.vdot(slope, _compared(other, self)) / norm - moves.value * np.vdot(slope, _compared(x, self)) / own
            )
            added += along * _change(x, self)
        return added


@dataclass(frozen=True)
class _Moves:
    """R, and how samples move it as long as what is compared between two others stays.

    U-centering takes off whatever is added to a row or a column, so that centering anew after a deletion of j leaves
    Σ A_ij·B_ij less its row j times 2(n − 2)/(n − 3).
    """

    value: float
    alone: np.ndarray  # by its weight, shape (n,)
    without: np.ndarray  # R without each, shape (n,)
    norms: tuple[float, float]  # Σ A_ij² and Σ B_ij²

    @classmethod
    def of(cls, of_a: np.ndarray, of_b: np.ndarray, *norms: float) -> _Moves:
        n, norm = len(of_a), sqrt(norms[0]) * sqrt(norms[1])
        sums = [np.einsum("ij,ij->i", one, other) for one, other in ((of_a, of_b), (of_a, of_a), (of_b, of_b))]
        value = float(sums[0].sum()) / norm
        alone = 2 * sums[0] / norm - value * (sums[1] / norms[0] + sums[2] / norms[1])
        shared, left_a, left_b = (one.sum() - 2 * (n - 2) / (n - 3) * one for one in sums)
        varies = min(left_a.min() / norms[0], left_b.min() / norms[1]) > ROUNDING
        # Where without some sample the others are all equal but for one, deletions tell nothing.
        without = shared / np.sqrt(left_a * left_b) if varies else value - alone
        return cls(value, alone, without, (norms[0], norms[1]))


@remembered_within(KEPT)
def _compared(x: Representation, how: Centered) -> np.ndarray:
    """What is compared, U-centered; shape (n, n)."""
    return _centered(how.of_distances(how.between(x)))


def _distances_of(x: Representation, how: Centered) -> np.ndarray:
    rows, _ = drawn_rows(x.n_samples, how.sample, how.seed)
    return _distances(rows_near_one(x, rows, how.metric))


_between = remembered_within(KEPT)(_distances_of)


@remembered_within(KEPT)
def _slope(x: Representation, how: Centered) -> np.ndarray:
    assert how.bends is not None
    return _centered(how.bends[0](how.between(x)))


@remembered
def _change(x: Representation, how: Centered) -> np.ndarray:
    assert how.bends is not None
    return how.bends[1](how.between(x))


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
def _known(x: Representation, how: Centered) -> list[_Itself]:
    """Room for the sums of a representation alone, made of pairs that are too many to be kept with them."""
    return []


def _itself(x: Representation, centered: np.ndarray, how: Centered) -> _Itself:
    known = _known(x, how)
    if not known:
        squares = _squares(x, centered, how.name)
        cubes = float(np.einsum("ij,ij->", centered @ centered.T, centered))  # symmetric, which takes half the products
        known.append(_Itself(squares, cubes / squares**1.5))
    return known[0]


def _squares(x: Representation, centered: np.ndarray, name: str) -> float:
    squares = float(np.einsum("ij,ij->", centered, centered))
    if not squares > LEAST_VARIANCE * centered.size:
        raise constant(x, f", or over all but one; {name} cannot compare it")
    return squares
