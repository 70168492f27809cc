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
    for _, block in x.blocks():
        np.maximum(peaks, np.abs(block - origin).max(axis=0), out=peaks)
    return origin, peaks


def _framed(x: Representation, origin: np.ndarray, peak: np.ndarray) -> Frame:
    only_scaled, total = Frame(origin, peak, np.zeros(x.n_units)), np.zeros(x.n_units)
    for _, block in x.blocks():
        total += only_scaled(block).sum(axis=0)
    return Frame(origin, peak, total / x.n_samples)


@dataclass(frozen=True)
class Standardized:
    """A matrix of which every unit has mean 0 and standard deviation 1, or is 0 where it is constant; read on demand.

    ``spread``, shape (D,), is the standard deviation in the scale of the frame (a mean of squares: no N − 1).
    """

    x: Representation
    frame: Frame
    spread: np.ndarray
    dtype = np.dtype(np.float64)
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.n_samples, self.x.n_units

    def __getitem__(self, rows: Any) -> np.ndarray:
        values = self.frame(self.x.stored(rows).astype(np.float64))
        return np.divide(values, self.spread, out=np.zeros_like(values), where=self.spread > 0)

    def rows(self, rows: np.ndarray) -> Standardized:
        """The same of some of the samples: at the scale of all."""
        return replace(self, x=self.x.take(rows))


@remembered
def _spread(x: Representation) -> tuple[Frame, np.ndarray]:
    frame, squares = frame_by_unit(x), np.zeros(x.n_units)
    for _, block in x.blocks():
        squares += (frame(block) ** 2).sum(axis=0)
    return frame, np.sqrt(squares / x.n_samples)


def standardized(x: Representation) -> Representation:
    """Every unit brought to mean 0 and standard deviation 1; what is so already stays as it is."""
    return x if isinstance(x.matrix, Standardized) else replace(x, matrix=Standardized(x, *_spread(x)))


def standardized_as(points: Representation, x: Representation) -> Representation:
    """Other points, brought to the scale at which ``x`` is standardized."""
    return replace(points, matrix=Standardized(points, *_spread(x)))
