"""Rows brought to mean 0 and to values near 1, block by block: where measures that multiply values start from.

The first row is subtracted before anything else, which is exact for units that are constant and takes a large offset
off, and the scale is a power of two, which is exact always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from layerscape.core.memo import remembered
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue

NORMAL = 1000  # powers of two below which their inverse is a number too


@dataclass(frozen=True)
class Frame:
    """What centers and scales the rows of a representation.

    Attributes
    ----------
    origin
        Shape (D,): the first row.
    peak
        The largest distance of a value to the first row's, of all units or, shape (D,), of each.
    mean
        Shape (D,): the mean of the rows less the first, scaled.
    """

    origin: np.ndarray
    peak: np.ndarray
    mean: np.ndarray

    @property
    def power(self) -> np.ndarray:
        """Of two: the scale, which brings the peak to at most 1."""
        return np.frexp(self.peak)[1]

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """Rows of the representation, centered and scaled."""
        moved, power = block - self.origin, self.power
        if np.abs(power).max() < NORMAL:
            moved *= np.ldexp(1.0, -power)  # as exact as ldexp, and several times as fast
        else:
            moved = np.ldexp(moved, -power)
        moved -= self.mean
        return moved


# What a function gives of each block of rows, in their order: read here, or on the machines of a cluster.
Over = Callable[[Callable[[np.ndarray], np.ndarray]], Iterable[np.ndarray]]


@remembered
def frame(x: Representation) -> Frame:
    """With one scale for all units."""
    origin, over = _first(x), _over(x)
    return _framed(origin, _peaks(origin, over, x.title).max(), x.n_samples, over)


def frame_by_unit(x: Representation) -> Frame:
    """With a scale for every unit."""
    origin, over = _first(x), _over(x)
    return _framed(origin, _peaks(origin, over, x.title), x.n_samples, over)


def _first(x: Representation) -> np.ndarray:
    return x.read(slice(0, 1))[0]


def _over(x: Representation) -> Over:
    return lambda function: (function(block) for _, block in x.blocks())


def _peaks(origin: np.ndarray, over: Over, title: str) -> np.ndarray:
    peaks = np.zeros(len(origin))
    for furthest in over(partial(_furthest, origin)):
        np.maximum(peaks, furthest, out=peaks)
    if not np.isfinite(peaks).all():
        raise InvalidValue(f"{title} spreads over more than float64 can hold (1.8e308); divide it by 2 or more.")
    return peaks


def _furthest(origin: np.ndarray, block: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.abs(block - origin).max(axis=0)


def _framed(origin: np.ndarray, peak: np.ndarray, n_samples: int, over: Over) -> Frame:
    only_scaled, total = Frame(origin, peak, np.zeros(len(origin))), np.zeros(len(origin))
    for part in over(partial(_sums, only_scaled)):
        total += part
    return Frame(origin, peak, total / n_samples)


def _sums(frame: Frame, block: np.ndarray) -> np.ndarray:
    return frame(block).sum(axis=0)


def _squares(frame: Frame, block: np.ndarray) -> np.ndarray:
    return (frame(block) ** 2).sum(axis=0)


Scales = tuple[Frame, np.ndarray, np.ndarray]
BITS = 36  # of a factor, so that times a whole number below 2¹⁷ it is exact: what ties on a lattice still ties


@dataclass(frozen=True)
class Standardized:
    """A matrix of which every unit has mean 0 and standard deviation 1, or is 0 where it is constant; read on demand.

    Attributes
    ----------
    frame
        Takes the first row off and scales by powers of two, and subtracts no mean.
    factor, shift
        Shape (D,): what the framed values are multiplied by, and what is subtracted then; in `BITS` bits, so that mean
        and standard deviation (of which the mean of squares is no N − 1) are 0 and 1 but for 2e-11.
    """

    x: Representation
    frame: Frame
    factor: np.ndarray
    shift: np.ndarray
    dtype = np.dtype(np.float64)
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.n_samples, self.x.n_units

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.frame(self.x.stored(rows).astype(np.float64)) * self.factor - self.shift

    def rows(self, rows: np.ndarray) -> Standardized:
        """The same of some of the samples: at the scale of all."""
        return replace(self, x=self.x.take(rows))


@remembered
def _scales(x: Representation) -> Scales:
    return scales_over(_first(x), x.n_samples, x.title, _over(x))


def scales_over(origin: np.ndarray, n_samples: int, title: str, over: Over) -> Scales:
    """Frame, factor and shift of `Standardized`, for samples of which ``origin`` is the first row.

    Sums are taken block by block and added in their order, so that they are the same wherever blocks are read.
    """
    frame, squares = _framed(origin, _peaks(origin, over, title), n_samples, over), np.zeros(len(origin))
    for part in over(partial(_squares, frame)):
        squares += part
    spread = np.sqrt(squares / n_samples)
    part, power = np.frexp(np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0))
    factor = np.ldexp(np.rint(np.ldexp(part, BITS)), power - BITS)
    shift = np.ldexp(np.rint(np.ldexp(frame.mean * factor, BITS)), -BITS)
    return replace(frame, mean=np.zeros(len(origin))), factor, shift


def standardized(x: Representation) -> Representation:
    """Every unit brought to mean 0 and standard deviation 1; what is so already stays as it is."""
    return x if isinstance(x.matrix, Standardized) else replace(x, matrix=Standardized(x, *_scales(x)))


def standardized_as(points: Representation, x: Representation) -> Representation:
    """Other points, brought to the scale at which ``x`` is standardized."""
    return replace(points, matrix=Standardized(points, *_scales(x)))
