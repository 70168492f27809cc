"""Rows brought to mean 0 and to values near 1, block by block: where measures that multiply values start from.

The first row is subtracted before anything else, which is exact for units that are constant and takes a large offset
off, and the scale is a power of two, which is exact always.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from layerscape.core.memo import remembered
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue


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
        return np.ldexp(block - self.origin, -self.power) - self.mean


@remembered
def frame(x: Representation) -> Frame:
    """With one scale for all units."""
    origin, peaks = _peaks(x)
    return _framed(x, origin, peaks.max())


def frame_by_unit(x: Representation) -> Frame:
    """With a scale for every unit."""
    return _framed(x, *_peaks(x))


def _peaks(x: Representation) -> tuple[np.ndarray, np.ndarray]:
    origin, peaks = x.read(slice(0, 1))[0], np.zeros(x.n_units)
    with np.errstate(over="ignore"):
        for _, block in x.blocks():
            np.maximum(peaks, np.abs(block - origin).max(axis=0), out=peaks)
    if not np.isfinite(peaks).all():
        raise InvalidValue(f"{x.title} spreads over more than float64 can hold (1.8e308); divide it by 2 or more.")
    return origin, peaks


def _framed(x: Representation, origin: np.ndarray, peak: np.ndarray) -> Frame:
    only_scaled, total = Frame(origin, peak, np.zeros(x.n_units)), np.zeros(x.n_units)
    for _, block in x.blocks():
        total += only_scaled(block).sum(axis=0)
    return Frame(origin, peak, total / x.n_samples)


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
def _scales(x: Representation) -> tuple[Frame, np.ndarray, np.ndarray]:
    frame, squares = frame_by_unit(x), np.zeros(x.n_units)
    for _, block in x.blocks():
        squares += (frame(block) ** 2).sum(axis=0)
    spread = np.sqrt(squares / x.n_samples)
    part, power = np.frexp(np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0))
    factor = np.ldexp(np.rint(np.ldexp(part, BITS)), power - BITS)
    shift = np.ldexp(np.rint(np.ldexp(frame.mean * factor, BITS)), -BITS)
    return replace(frame, mean=np.zeros(x.n_units)), factor, shift


def standardized(x: Representation) -> Representation:
    """Every unit brought to mean 0 and standard deviation 1; what is so already stays as it is."""
    return x if isinstance(x.matrix, Standardized) else replace(x, matrix=Standardized(x, *_scales(x)))


def standardized_as(points: Representation, x: Representation) -> Representation:
    """Other points, brought to the scale at which ``x`` is standardized."""
    return replace(points, matrix=Standardized(points, *_scales(x)))
