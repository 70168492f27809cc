"""Rows as an engine wants them: unit length for cosine, centered and scaled for bounds, looked over once for copies."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.core.representation import Representation
from layerscape.core.threads import Workers
from layerscape.errors import InvalidValue
from layerscape.search import kernels
from layerscape.search.distances import padded, squared_distances

MOST_UNITS = 2**20
SAMPLE = 256  # rows drawn for the center and for the first limits
BLOCK_VALUES = 2**21
SAFE_EXPONENT = 256  # between two to the minus and the plus this, squares of coordinates do not overflow
ROOM = 480


@dataclass(frozen=True)
class Overview:
    """What one pass over rows tells.

    Attributes
    ----------
    copies
        Shape (n,): for every row the position of the first row that is equal to it to the bit.
    low, high
        Shape (D,): the smallest and largest value of every column.
    drawn, sample
        Some rows at random, by number and float64, no two of them copies.
    """

    copies: np.ndarray
    low: np.ndarray
    high: np.ndarray
    drawn: np.ndarray
    sample: np.ndarray


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
        self.precision = np.float64 if metric == "cosine" else representation.precision
        self.center = np.zeros(self.n_units)
        self.reach = 0  # the largest centered coordinate is below two to this
        self.exponent = 0  # what `read` divides by, as a power of two
        self.drawn, self.sample = np.empty(0, np.int64), np.empty((0, self.n_units))  # some rows, as `read` gives them

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """The given rows, shape (rows, D), in `precision`, as distances are computed from them."""
        chosen = rows if self.rows is None else self.rows[rows]
        block = self.representation.stored(chosen).astype(self.precision, copy=False)
        if self.metric == "cosine":
            block = self._unit(block, chosen)
        return np.ldexp(block, -self.exponent) if self.exponent else block

    @property
    def sampled(self) -> np.ndarray:
        """The sample in the precision of `read`, so that loops are compiled for one."""
        return self.sample.astype(self.precision, copy=False)

    def whole_lanes(self, rows: slice | np.ndarray) -> np.ndarray:
        """`read` for the compiled kernels: in one piece, its width a multiple of the lanes."""
        return np.ascontiguousarray(padded(self.read(rows)))

    def centered(self, block: np.ndarray, share: float, out: np.ndarray, halves: np.ndarray) -> None:
        """A block that was read, as float32 for bounds: the center taken off, no coordinate above 1.

        ``halves`` becomes half of each squared length, times ``share``.
        """
        kernels.center_rows(block, *self.frame, share, out, halves)

    @property
    def frame(self) -> tuple[np.ndarray, float]:
        """What `centered` takes off a block that was read, and what it multiplies the rest by."""
        return np.ldexp(self.center, -self.exponent), math.ldexp(1.0, self.exponent - self.reach)

    def centered_wide(self, block: np.ndarray) -> np.ndarray:
        """The same in float64."""
        center, scale = self.frame
        return (block - center) * scale

    def in_bound_units(self, squared: np.ndarray) -> np.ndarray:
        """Squared distances between rows as read, in the scale of `centered`."""
        return np.ldexp(squared, 2 * (self.exponent - self.reach))

    def _unit(self, block: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
        """Rows divided by their lengths, at a scale at which no square under- or overflows."""
        largest = np.abs(block).max(axis=1)
        if not largest.all():
            numbers = np.arange(self.representation.n_samples)[rows]
            raise no_direction(self.representation.ids[numbers[int(np.flatnonzero(largest == 0)[0])]])
        with np.errstate(invalid="ignore"):  # what is not finite is found by the overview
            scaled = np.ldexp(block, -np.frexp(largest)[1][:, None])
            return scaled / np.sqrt(squared_distances(scaled, np.zeros_like(scaled[:1])))[:, None]

    def take(self, rows: np.ndarray) -> Rows:
        """Some of these rows, by position, at the same scale; itself where it is all of them in order."""
        if np.array_equal(rows, np.arange(self.n_points)):
            return self
        taken = Rows(self.representation, self.metric, rows if self.rows is None else self.rows[rows])
        taken.precision, taken.center = self.precision, self.center
        taken.reach, taken.exponent = self.reach, self.exponent
        return taken

    def overview(self, pool: Workers) -> Overview:
        """Read every row once: copies, extent, a sample; raises at the first value that is not finite."""
        drawn = drawn_of(self.n_points)
        hashes, low, high, sample = self.look(pool, drawn)
        copies = self._copies(hashes)
        heads = no_copies(copies[drawn] == drawn)
        return Overview(copies, low, high, drawn[heads], sample[heads])

    def look(self, pool: Workers, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A hash of every row, shape (n,), the smallest and largest value of every column, and the rows drawn."""
        hashes = np.empty(self.n_points, np.uint64)
        sample = np.empty((len(drawn), self.n_units))
        low, high = np.full(self.n_units, np.inf), np.full(self.n_units, -np.inf)
        one_at_a_time = threading.Lock()

        def look(rows: slice) -> None:
            block = self.read(rows)
            here_low, here_high = np.empty((2, self.n_units))
            bad = kernels.overview_rows(block, here_low, here_high, hashes[rows])
            if bad >= 0:
                raise self.representation.not_finite(rows.start + bad)
            with one_at_a_time:
                np.minimum(low, here_low, out=low)
                np.maximum(high, here_high, out=high)
            here = slice(*np.searchsorted(drawn, [rows.start, rows.stop]))
            sample[here] = block[drawn[here] - rows.start]

        pool.all(look, self.blocks())
        return hashes, low, high, sample

    def _copies(self, hashes: np.ndarray) -> np.ndarray:
        """Rows of one hash are compared, so that a collision makes no copies."""
        _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
        copies = first[which]
        different = []
        suspects = np.flatnonzero(copies != np.arange(len(copies)))
        step = max(1, BLOCK_VALUES // self.n_units)
        for start in range(0, len(suspects), step):
            some = suspects[start : start + step]
            heads, place = np.unique(copies[some], return_inverse=True)
            equal = (self.read(some) == self.read(heads)[place]).all(axis=1)
            different += some[~equal].tolist()
        seen: dict[bytes, int] = {}
        for row in different:
            copies[row] = seen.setdefault((self.read(np.array([row])) + 0.0).tobytes(), row)
        return copies

    def blocks(self, n_rows: int | None = None) -> Iterator[slice]:
        """Slices that cover all rows in order."""
        step = n_rows or max(1, BLOCK_VALUES // self.n_units)
        for start in range(0, self.n_points, step):
            yield slice(start, min(start + step, self.n_points))


def drawn_of(n_points: int) -> np.ndarray:
    """Some rows at random, by increasing number."""
    return np.sort(np.random.default_rng(0).permutation(n_points)[:SAMPLE])


def no_copies(heads: np.ndarray) -> np.ndarray:
    """Which of the rows that were drawn are taken: no copies; but one stands for the first where all are."""
    heads[0] |= not heads.any()
    return heads


def no_direction(name: str) -> InvalidValue:
    """The error that says which sample has no direction, which ``metric="cosine"`` asks for."""
    return InvalidValue(
        f"sample {name!r} is a row of zeros, which has no direction; leave it out, or use metric='euclidean'."
    )


def check_width(n_units: int) -> None:
    """Raise if rows are so wide that rounding in float32 could be as large as what is computed."""
    if n_units > MOST_UNITS:
        raise InvalidValue(
            f"{n_units} units; a search can prove its result up to {MOST_UNITS}: pool the layer, or project it."
        )


def distinct_points(
    x: Representation, metric: str, pool: Workers, marks: np.ndarray | None = None
) -> tuple[Rows, np.ndarray, Overview]:
    """The first of all rows that are equal, for each row the number of the first, and what the overview told.

    With ``marks``, one per row, rows are equal whose marks are equal too.
    """
    every = Rows(x, metric)
    overview = every.overview(pool)
    if marks is None:
        heads, copies = np.unique(overview.copies, return_inverse=True)
    else:
        pairs = np.stack([overview.copies, marks], axis=1)
        _, first, copies = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
        heads, places = np.unique(first, return_inverse=True)
        copies = places[copies.ravel()]
    points = every.take(heads)
    points.drawn = copies[overview.drawn]
    return points, copies, overview


@dataclass(frozen=True)
class Scale:
    """One precision, center, and scales for the rows of a search: see `scale_of`."""

    center: np.ndarray
    reach: int
    exponent: int
    precision: type[np.float32] | type[np.float64]

    def of(self, rows: Rows) -> None:
        """Have rows read and centered so."""
        rows.center, rows.reach, rows.exponent, rows.precision = self.center, self.reach, self.exponent, self.precision


def scale_of(sample: np.ndarray, edges: list[np.ndarray], precisions: list[Any]) -> Scale:
    """One center, and the scales at which bounds and squares neither under- nor overflow.

    The center is the median of the sampled points. Where coordinates are far from 1, rows are read divided by a power
    of two, which leaves about 1,000 binary digits between the largest coordinate and the smallest difference.
    """
    center = np.partition(sample, len(sample) // 2, axis=0)[len(sample) // 2]
    every = np.concatenate(edges).reshape(-1, len(center))
    with np.errstate(over="ignore"):
        reach = exponent_of(float(np.abs(every - center).max()))
    precision = np.float64 if np.float64 in precisions else np.float32
    if abs(reach) <= SAFE_EXPONENT:
        return Scale(center, reach, 0, precision)
    # At 2 to the ROOM squares of coordinates do not overflow, and at 2 to the 1023 the values themselves.
    exponent = max(reach - ROOM, exponent_of(float(np.abs(every).max())) - 1023)
    return Scale(center, reach, exponent, np.float64)


def scale_together(points: Rows, queries: Rows, overviews: list[Overview]) -> None:
    """Give both one precision, center and scale, by what was seen of them."""
    edges = [edge for seen in overviews for edge in (seen.low, seen.high)]
    scale = scale_of(overviews[0].sample, edges, [points.precision, queries.precision])
    for rows in (points, queries):
        scale.of(rows)
    points.sample = np.ldexp(overviews[0].sample, -points.exponent)


def exponent_of(value: float) -> int:
    """The smallest n for which the value is below 2ⁿ; 0 for 0, and 1025 for what float64 cannot hold."""
    return math.frexp(value)[1] if math.isfinite(value) else 1025
