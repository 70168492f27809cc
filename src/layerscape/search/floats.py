"""Bounds from float32: a tile is a matrix product, which compiled loops look through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from layerscape.search import kernels
from layerscape.search.engine import Block, Job, Tile, slack
from layerscape.search.radii import Radii
from layerscape.search.rows import SAMPLE, Rows

TILE_ROWS, TILE_COLUMNS = 512, 2048


class Held(NamedTuple):
    """Rows as `Rows.centered` gives them, and half of their squared lengths less what rounding can add."""

    rows: np.ndarray
    halves: np.ndarray


class Floats:
    """Float32 products. What a bound is in doubt by is `engine.slack`, a share of the squared lengths."""

    def __init__(self, job: Job):
        self.pool, self.n_units = job.pool, job.points.n_units
        self.row_bytes, self.tile, self.n_sampled = 4 * self.n_units, (TILE_ROWS, TILE_COLUMNS), SAMPLE
        self.wrong = slack(self.n_units)

    def room(self, first: int, n: int) -> Block:
        """Memory for n rows, from number ``first`` on."""
        return Block(first, 0, n, Held(np.empty((n, self.n_units), np.float32), np.empty(n, np.float32)))

    def fill(self, rows: Rows, values: np.ndarray, block: Block, doubts: np.ndarray) -> None:
        """Put rows as they were read into a block, and what their bounds are in doubt by."""
        halves = block.held.halves[block.here]
        rows.centered(values, 1 - self.wrong, block.held.rows[block.here], halves)
        doubts[:] = doubts_of(halves, self.wrong)

    def guess(self, tile: Tile, rank: int) -> None:
        """Set the limits of the rows to about the ``rank``-th smallest bound of the columns, where above 0."""
        products = self._products(tile)
        if (tile.low <= tile.high).any():
            kernels.leave_out(products, tile.low, tile.high, tile.first, tile.last)
        kernels.guess_limits(products, *self._halves(tile), rank, tile.row_limits)

    def look(self, tile: Tile, hits: np.ndarray, values: np.ndarray) -> Iterator[int]:
        """How many pairs were found, again and again until all are: row and column within the tile, and bounds."""
        products, position = self._products(tile), np.zeros(1, np.int64)
        while position[0] < len(tile.rows):
            yield kernels.scan(
                products, *self._halves(tile), tile.row_limits, tile.column_limits, tile.own, tile.low, tile.high,
                tile.first, tile.last, tile.columns.first, tile.mirrored, position, hits, values,
            )  # fmt: skip

    def count(self, tile: Tile, radii: Radii, doubts: np.ndarray) -> Iterator[int]:
        """Count who is surely nearer; how many are in doubt, again and again: number of the radius, and column."""
        products, position = self._products(tile), np.zeros(1, np.int64)
        own = tile.own - tile.columns.first
        here = np.flatnonzero((own >= 0) & (own < len(tile.columns)))
        products[here, own[here]] = -np.inf  # a point is not its own neighbor
        if (tile.low <= tile.high).any():
            kernels.leave_out(products, tile.low, tile.high, tile.first, tile.last)
        while position[0] < len(radii.places):
            yield kernels.count_nearer(
                products, *self._halves(tile), radii.row_doubts, radii.column_doubts, radii.weights, radii.places,
                radii.low, radii.high, radii.surely, position, doubts,
            )  # fmt: skip

    def _products(self, tile: Tile) -> np.ndarray:
        return self.pool.product(*(block.held.rows[block.here] for block in (tile.rows, tile.columns)))

    def _halves(self, tile: Tile) -> tuple[np.ndarray, ...]:
        return tuple(block.held.halves[block.here] for block in (tile.rows, tile.columns))


def doubts_of(halves: np.ndarray, wrong: float) -> np.ndarray:
    """How far d²/2 can be above its bound on account of a row, of which half the squared length is less by a share."""
    return (2 * wrong / (1 - wrong) * (1 + 2.0**-20) * halves.astype(np.float64)).astype(np.float32)
