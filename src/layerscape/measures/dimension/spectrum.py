"""The spectrum of the covariance: what PCA, effective rank and spectrum decay start from, exact wherever it can be.

Three ways, by size. Up to SIDE units: the D × D scatter, summed in one pass by merging the moments of blocks. Fewer
samples than units: the N × N Gram matrix of the centered rows. Beyond SIDE on both sides: the first DIRECTIONS
directions by a randomized range finder (Halko, Martinsson, Tropp 2011, doi:10.1137/090771806) in three passes, with
the part of the variance that they hold.

Intervals come from the infinitesimal jackknife over at most KEPT rows, a seeded draw without replacement: to first
order a sample of weight w more moves the eigenvalue λₐ by w·((vₐ·x)² − λₐ). That is the spread. The bias, which is
larger unless the samples are many times the directions, falls as 1/N: what halves of the samples read more than all of
them is what all read more than infinitely many would (`extrapolated`), and intervals reach from there to the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from typing import TypeVar

import numpy as np

from layerscape.core.checks import check_samples, few_words
from layerscape.core.interval import LEAST_MARGIN, Z95, freedom_of, student95
from layerscape.core.representation import Representation
from layerscape.measures.dimension.moments import KEPT, first_half, gram, kept_rows, scaled, scatter

SIDE = 4096  # up to here a matrix of this side is decomposed in full
DIRECTIONS = 1024
SLICE = 2**22  # elements of kept rows read at once
FEWEST = 3
DOMINANT = 0.5  # share of the variance that one direction should not hold
FREEDOM = 6.0  # degrees of freedom: with fewer no interval would say anything
NOTHING = 1e-15  # below its most: rounding
HALVED = 8  # samples from which halves of them are looked at

T = TypeVar("T", float, np.ndarray)


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the covariance and the kept rows along its directions, in units of the data / 2^power.

    Attributes
    ----------
    eigenvalues
        Shape (r,), falling, of Σ (x − x̄)(x − x̄)ᵀ / (N − 1), r ≤ min(N − 1, D); rounding is set to 0.
    total
        The trace, which is their sum if all are there.
    scores
        Shape (M, r): the kept rows less the mean along the directions.
    lengths
        Shape (M,): the squared lengths of the kept rows less the mean, in all directions.
    mean, beyond
        The mean along the directions, shape (r,), and the length of what is left of it.
    halves
        Eigenvalues of two random halves of the samples, shape (2, r); none, shape (0, r), if a half has no variance
        or fewer than four samples, and of a randomized range finder.
    power, n_samples, n_units
        Of the scale and the data.
    """

    eigenvalues: np.ndarray
    total: float
    scores: np.ndarray
    lengths: np.ndarray
    mean: np.ndarray
    beyond: float
    halves: np.ndarray
    power: int
    n_samples: int
    n_units: int

    @property
    def held(self) -> float:
        """The share of the variance that the eigenvalues hold; 1 except with the randomized range finder."""
        return min(1.0, float(self.eigenvalues.sum()) / self.total)

    @property
    def exact(self) -> bool:
        """Whether all eigenvalues are there."""
        return len(self.eigenvalues) == min(self.n_samples - 1, self.n_units)

    @property
    def in_units(self) -> np.ndarray:
        """The eigenvalues in units of the data, squared."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.eigenvalues, 2 * self.power)

    def warnings(self) -> list[str]:
        """What is wrong with these samples whatever is read from the spectrum, in words."""
        words = few_words(self.n_samples)
        if not self.exact:
            words.append(
                f"{self.n_samples} × {self.n_units} is too large for all eigenvalues: the first "
                f"{len(self.eigenvalues)}, found by random projection, hold {self.held:.1%} of the variance"
            )
        return words


def spectrum(x: Representation, most: int = KEPT) -> Spectrum:
    """The spectrum of the rows, with so many of them kept; raises if there are fewer than three or all are equal."""
    n, d = x.n_samples, x.n_units
    check_samples(n, "a spectrum", FEWEST)
    if d <= min(n, SIDE):
        return _by_units(x, most)
    return _by_samples(x) if n <= SIDE else _by_projection(x, most)


def collapse_words(found: Spectrum) -> list[str]:
    """Whether the data use far fewer directions than they could, in words."""
    n, d, words = found.n_samples, found.n_units, []
    most = min(n - 1, d)
    empty = most - int((found.eigenvalues > 0).sum())
    if found.exact and empty:
        words.append(f"dimensional collapse: {empty} of {most} directions hold no variance beyond rounding")
    first = float(found.eigenvalues[0]) / found.total
    # The first of D equal directions holds about (1 + √(D/N))² / D (Marchenko and Pastur), which may be large.
    if first > max(DOMINANT, 2 * (1 + sqrt(d / n)) ** 2 / d):
        words.append(f"dimensional collapse: one direction holds {first:.1%} of the variance")
    return words


def jackknife_sd(influence: np.ndarray, n_samples: int) -> float:
    """Standard deviation of an estimate from its influence at some of the samples."""
    return sqrt(float(np.var(influence, ddof=1)) / n_samples)


def ends_below(value: float, beyond: float, most: float, influence: np.ndarray, n_samples: int) -> tuple[float, float]:
    """The 95 % interval of a logarithm that lies below its most, from its influence at some of the samples.

    On the scale of the logarithm of how far below it lies, which far samples multiply: where none was drawn the value
    is high and its spread small, and both are small by about one factor. Where the spread is as large as that distance
    all directions hold about as much, and its square root is what varies evenly. Student's law has at least `FREEDOM`.

    What infinitely many samples would read, ``beyond``, is as unsure as the value, and is held with as much about it.
    """
    sd, below = jackknife_sd(influence, n_samples), max(most - value, NOTHING)
    factor = student95(max(FREEDOM, freedom_of(influence)))
    far = max(below * exp(factor * min(sd / below, 1.0)), (sqrt(below) + Z95 * sd / (2 * sqrt(below))) ** 2)
    near, margin = below * exp(-factor * sd / below), max(factor * sd, LEAST_MARGIN)
    low, high = min(most - far, value - LEAST_MARGIN), max(most - near, value + LEAST_MARGIN)
    return min(low, beyond - margin), max(high, beyond + margin)


def extrapolated(whole: T, halves: Sequence[T]) -> T:
    """What infinitely many samples would read, if the bias falls as 1/N; ``whole`` if there are no halves."""
    return whole if not len(halves) else 2 * whole - (halves[0] + halves[1]) / 2


def _by_units(x: Representation, most: int) -> Spectrum:
    found, n = scatter(x, most), x.n_samples
    sums, directions = _decomposed(found.matrix, min(n - 1, x.n_units))
    mean = found.mean @ directions
    beyond = sqrt(max(0.0, float(((found.mean - directions @ mean) ** 2).sum())))
    lengths = np.einsum("ij,ij->i", found.rows, found.rows)
    halves = _of_halves(found.halves, n, len(sums))
    scores, values = found.rows @ directions, sums / (n - 1)
    return Spectrum(values, float(values.sum()), scores, lengths, mean, beyond, halves, found.power, n, x.n_units)


def _by_samples(x: Representation) -> Spectrum:
    found, n = gram(x), x.n_samples
    sums, sides = _decomposed(found.matrix, min(n - 1, x.n_units))
    roots = np.sqrt(sums)
    mean = np.divide(found.with_mean @ sides, roots, out=np.zeros_like(roots), where=roots > 0)
    beyond = sqrt(max(0.0, found.mean_square - float(mean @ mean)))
    first, parts = first_half(n), []
    for mine in (first, ~first):
        part = found.matrix[np.ix_(mine, mine)]
        parts.append(part - part.mean(axis=0) - part.mean(axis=1)[:, None] + part.mean())
    halves = _of_halves(parts, n, len(sums))
    lengths = np.diag(found.matrix).copy()
    scores, values = sides * roots, sums / (n - 1)
    return Spectrum(values, float(values.sum()), scores, lengths, mean, beyond, halves, found.power, n, x.n_units)


def _of_halves(matrices: Sequence[np.ndarray], n: int, rank: int) -> np.ndarray:
    """The first eigenvalues of the covariances of two halves, shape (2, rank)."""
    halves = np.zeros((2 if n >= HALVED else 0, rank))
    for values, matrix, count in zip(halves, matrices, (n // 2, n - n // 2), strict=False):
        sums = np.linalg.eigvalsh(matrix)[::-1][: min(rank, count - 1)]
        values[: len(sums)] = np.where(sums > len(matrix) * np.finfo(float).eps * sums[0], sums, 0) / (count - 1)
    return halves if halves.any(axis=1).all() else halves[:0]


def _decomposed(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """The first eigenvalues, falling, and their vectors as columns; what is rounding is 0."""
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
    return np.where(values > len(matrix) * np.finfo(float).eps * values[0], values, 0.0), vectors


def _by_projection(x: Representation, most: int) -> Spectrum:
    n, d = x.n_samples, x.n_units
    shift = sum((block.sum(axis=0) for _, block, _ in scaled(x)), start=np.zeros(d)) / n
    size, total, power = min(DIRECTIONS, n - 1, d), 0.0, 0
    start = image = np.random.default_rng(0).standard_normal((d, size))
    for _ in range(2):
        start, image, total = np.linalg.qr(image)[0], np.zeros((d, size)), 0.0
        for _, block, scale in scaled(x):
            power = scale
            block -= shift
            total += float((block * block).sum())
            image += block.T @ (block @ start)
    # Nyström: with C the scatter, C·Q·(QᵀCQ)⁻¹·QᵀC lies below C and nearer to it than the projection onto Q does.
    inner, turn = _decomposed((start.T @ image + image.T @ start) / 2, size)
    kept = inner > 0
    directions, roots, _ = np.linalg.svd(image @ turn[:, kept] / np.sqrt(inner[kept]), full_matrices=False)
    center = np.ldexp(x.read(slice(0, 1))[0], -power) + shift
    mean = center @ directions
    beyond = sqrt(max(0.0, float(center @ center - mean @ mean)))
    scores, lengths = _along(x, kept_rows(n, most), np.ldexp(center, power), power, directions)
    no_halves, values = np.zeros((0, len(roots))), roots**2 / (n - 1)
    return Spectrum(values, total / (n - 1), scores, lengths, mean, beyond, no_halves, power, n, d)


def _along(
    x: Representation, rows: np.ndarray, center: np.ndarray, power: int, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Some rows along the directions, and their squared lengths."""
    scores, lengths = [], []
    for some in np.array_split(rows, 1 + rows.size * x.n_units // SLICE):
        block = np.ldexp(x.read(some) - center, -power)
        scores.append(block @ directions)
        lengths.append((block * block).sum(axis=1))
    return np.concatenate(scores), np.concatenate(lengths)
