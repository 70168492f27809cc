"""Rows brought to mean 0 and to values near 1, block by block: where measures that multiply values start from.

The first row is subtracted before anything else, which is exact for units that are constant and takes a large offset
off, and the scale is a power of two, which is exact always.
"""

from __future__ import annotations

from dataclasses import dataclass

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
