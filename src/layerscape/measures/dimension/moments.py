"""Second moments of a representation: of its units (D × D) or of its samples (N × N), in one pass, at any scale.

Both subtract the first row before anything else, which is exact for units that are constant and takes a large offset
off, and scale by a power of two, which is exact always.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import frexp

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.representation import Representation
from layerscape.measures.rows import drawn, slices

KEPT = 4096
NO_VARIANCE = ": it has no variance, and so no dimension to measure"
FARTHEST = 400  # powers of two: beside a mean so far away all spread is less than rounding
COLUMNS = 2**24  # elements of a slice of columns


@dataclass(frozen=True)
class Scatter:
    """Σ (x − x̄)(x − x̄)ᵀ, shape (D, D), in units of the data / 2^power, and what it takes to center a row the same way.

    Attributes
    ----------
    matrix, rows, halves
        The scatter, the kept rows less the mean, shape (M, D), and the scatters of two random halves of the samples.
    origin, shift, power
        The first row as it is, the mean less the first row, scaled, and the scale.
    """

    matrix: np.ndarray
    rows: np.ndarray
    halves: tuple[np.ndarray, np.ndarray]
    origin: np.ndarray
    shift: np.ndarray
    power: int

    @property
    def mean(self) -> np.ndarray:
        return _mean(self.origin, self.shift, self.power)

    def centered(self, block: np.ndarray) -> np.ndarray:
        """Rows of the data less the mean, scaled."""
        return np.ldexp(block - self.origin, -self.power) - self.shift


def _mean(origin: np.ndarray, shift: np.ndarray, power: int) -> np.ndarray:
    """The mean in units of the data / 2^power, or nearer where its square could not be held: no digit is lost there."""
    beyond = frexp(float(np.abs(origin).max()))[1] - power - FARTHEST
    return np.ldexp(origin, -power - max(0, beyond)) + shift


@dataclass
class _Moments:
    """Scatter, mean and number of some rows."""

    matrix: np.ndarray
    mean: np.ndarray
    count: int = 0

    def add(self, matrix: np.ndarray, mean: np.ndarray, count: int) -> None:
        """Put other rows' to these (Chan, Golub, LeVeque 1983)."""
        apart, part = mean - self.mean, count / (self.count + count)
        self.matrix += matrix
        self.matrix += np.outer(apart, apart * (self.count * part))
        self.mean += apart * part
        self.count += count


def scatter(x: Representation, most: int = KEPT) -> Scatter:
    """Second moments of the units in one pass, and so many of the rows at most; raises if the data are constant."""
    d, power = x.n_units, 0
    parts = [_Moments(np.zeros((d, d)), np.zeros(d)) for _ in range(2)]
    first, wanted, kept = first_half(x.n_samples), kept_rows(x.n_samples, most), []
    for rows, block, scale in scaled(x):
        power = scale
        kept.append(block[wanted[(wanted >= rows.start) & (wanted < rows.stop)] - rows.start])
        for part, mine in zip(parts, (first[rows], ~first[rows]), strict=True):
            some = block[mine]
            if len(some):
                center = some.mean(axis=0)
                some -= center
                part.add(some.T @ some, center, len(some))
    whole = _Moments(parts[0].matrix.copy(), parts[0].mean, parts[0].count)
    whole.add(parts[1].matrix, parts[1].mean, parts[1].count)
    origin, halves = x.read(slice(0, 1))[0], (parts[0].matrix, parts[1].matrix)
    return Scatter(whole.matrix, np.concatenate(kept) - whole.mean, halves, origin, whole.mean, power)


@dataclass(frozen=True)
class Gram:
    """Inner products of the centered rows with each other, shape (N, N), and with the mean, shape (N,).

    All in units of the data / 2^power, the square of the mean's length too.
    """

    matrix: np.ndarray
    with_mean: np.ndarray
    mean_square: float
    power: int


def gram(x: Representation, of_constant: str = NO_VARIANCE) -> Gram:
    """Inner products of all rows less their mean; the data are held in memory. Raises if they are constant."""
    whole = x.checked(slice(0, x.n_samples))
    largest = max(float(np.abs(part - part[0]).max()) for part in _columns(whole))
    if not largest:
        raise constant(x, of_constant)
    power = frexp(largest)[1]
    matrix, with_mean, mean_square = np.zeros((len(whole), len(whole))), np.zeros(len(whole)), 0.0
    for part, mean in centered_columns(whole, power):
        matrix += part @ part.T
        with_mean += part @ mean
        mean_square += float(mean @ mean)
    return Gram(matrix, with_mean, mean_square, power)


def centered_columns(whole: np.ndarray, power: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Some units at a time: all rows less the mean, and the mean, both scaled."""
    for part in _columns(whole):
        block = np.ldexp(part - part[0], -power)
        shift = block.mean(axis=0)
        yield block - shift, _mean(part[0], shift, power)


def _columns(whole: np.ndarray) -> Iterator[np.ndarray]:
    return (whole[:, part].astype(np.float64) for part in slices(whole.shape[1], COLUMNS // len(whole)))


def scaled(x: Representation) -> Iterator[tuple[slice, np.ndarray, int]]:
    """Blocks less the first row, scaled by a power of two that brings the first block with a difference near 1.

    Blocks before that one are 0 at any scale, so that the last scale is that of all.
    """
    origin, power = x.read(slice(0, 1))[0], None
    for rows, block in x.blocks():
        block = block - origin
        largest = float(np.abs(block).max())
        if power is None and largest:
            power = frexp(largest)[1]
        yield rows, np.ldexp(block, -(power or 0)), power or 0
    if power is None:
        raise constant(x, NO_VARIANCE)


def kept_rows(n_samples: int, most: int = KEPT) -> np.ndarray:
    """Increasing numbers of the rows whose influence is looked at."""
    return drawn(n_samples, most, 0)


def first_half(n_samples: int) -> np.ndarray:
    """Which samples are in the first of two random halves, shape (N,)."""
    first = np.zeros(n_samples, dtype=bool)
    first[np.random.default_rng(1).permutation(n_samples)[: n_samples // 2]] = True
    return first
