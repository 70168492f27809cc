"""Rows as an engine wants them: float64, unit length for cosine, scaled by a power of two, copies found once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.search.distances import squared_distances


class Rows:
    """Some rows of a representation, read on demand.

    Parameters
    ----------
    representation
        Where the values come from.
    metric
        ``"cosine"`` divides every row by its length.
    rows
        Which rows, increasing; all when None.
    """

    def __init__(self, representation: Representation, metric: str, rows: np.ndarray | None = None):
        self.representation, self.metric, self.rows = representation, metric, rows
        self.n_points = representation.n_samples if rows is None else len(rows)
        self.n_units = representation.n_units
        self.center = np.zeros(self.n_units)
        self.exponent = 0

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """The given rows, shape (rows, D), divided by two to the ``exponent``."""
        chosen = rows if self.rows is None else self.rows[rows]
        block = self.representation.read(chosen)
        if self.metric == "cosine":
            block = block / self._lengths(block, chosen)[:, None]
        # A power of two changes no bit of a mantissa, and keeps squares from under- and overflowing.
        return np.ldexp(block, -self.exponent) if self.exponent else block

    def _lengths(self, block: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
        largest = np.abs(block).max(axis=1)
        if not largest.all():
            numbers = np.arange(self.representation.n_samples)[rows]
            name = self.representation.ids[numbers[int(np.flatnonzero(largest == 0)[0])]]
            raise InvalidValue(
                f"sample {name!r} is a row of zeros, which has no direction; leave it out, or use metric='euclidean'."
            )
        exponents = np.frexp(largest)[1]
        scaled = np.ldexp(block, -exponents[:, None])
        return np.ldexp(np.sqrt(squared_distances(scaled, np.zeros_like(scaled[:1]))), exponents)

    def take(self, rows: np.ndarray) -> Rows:
        """Some of these rows, by position."""
        if len(rows) == self.n_points:
            return self
        return Rows(self.representation, self.metric, rows if self.rows is None else self.rows[rows])

    def survey(self) -> np.ndarray:
        """Shape (n_points,): for every row the position of the first row that is equal to it to the bit."""
        first: dict[bytes, int] = {}
        same = np.empty(self.n_points, np.int64)
        for start, block in self._blocks():
            for number, row in enumerate(block + 0.0, start):  # −0.0 becomes 0.0
                same[number] = first.setdefault(blake2b(row.tobytes(), digest_size=16).digest(), number)
        return same

    def mean(self) -> np.ndarray:
        """Shape (D,)."""
        return sum((block.sum(axis=0) / self.n_points for _, block in self._blocks()), start=np.zeros(self.n_units))

    def reach(self, center: np.ndarray) -> float:
        """The largest coordinate, seen from ``center``."""
        return max(float(np.abs(block - center).max()) for _, block in self._blocks())

    def _blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        step = max(1, 2**22 // self.n_units)
        for start in range(0, self.n_points, step):
            yield start, self.read(slice(start, min(start + step, self.n_points)))


def scale_together(points: Rows, queries: Rows) -> None:
    """Give both the center of the points and the scale at which no coordinate of either is above 1."""
    center = points.mean()
    reach = max(rows.reach(center) for rows in {points, queries})
    for rows in {points, queries}:
        rows.exponent = math.frexp(reach)[1]
        rows.center = np.ldexp(center, -rows.exponent)
