"""Bounds from bytes: exact sums of products of rounded rows, and what was rounded off is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from layerscape.search import kernels
from layerscape.search.engine import Block, Job, Tile
from layerscape.search.grid import grid_of
from layerscape.search.radii import Radii
from layerscape.search.rows import Rows

TILE_ROWS, TILE_COLUMNS = 512, 4096
SAMPLED = 1024
LINE = 64  # bytes
SMALLER = 0.85  # than this share of what it was the largest coordinate must become for rows to be mixed
RATIO_OF = 32  # rows that tell how large what is rounded off is beside a row


class Bytes:
    """Two levels of bytes: pairs that pass the first ones are looked at with the second ones too.

    Parameters
    ----------
    instruction
        One of `kernels.INSTRUCTIONS` that the processor has.
    """

    def __init__(self, job: Job, instruction: Any):
        center, self.scale = job.points.frame
        self.center, step = grid_of(job.points.sample, center)
        self.step = np.float32(step * self.scale)
        x = (job.points.sample[:RATIO_OF] - self.center) * self.scale
        mixed = x if step else _mixed(x)
        self.ratio, self.n_units = _ratio(mixed, float(self.step)), mixed.shape[1]
        self.mixed = 0 if mixed is x else self.n_units
        self.instruction, self.size = instruction, kernels.group_of(instruction)
        whole = self.held(instruction, self.size, self.n_units)
        self.row_bytes = sum(array.nbytes // self.size for array in whole)
        self.tile = (self._groups(TILE_ROWS), self._groups(TILE_COLUMNS))
        self.n_sampled = SAMPLED

    def _groups(self, n: int) -> int:
        """As many rows in whole groups, so that no group begins in one tile and ends in another."""
        return max(1, n // self.size) * self.size

    @staticmethod
    def held(instruction: Any, n: int, n_units: int) -> kernels.Rounded:
        """Memory for n rows."""
        size, width = kernels.group_of(instruction), -(-n_units // 64) * 64
        groups, pieces = -(-n // size), -(-n_units // kernels.PIECE)
        padded, more = groups * size, groups * size + kernels.ROWS
        starts, sums = np.zeros((2, pieces, padded), np.int32)
        coarse, fine, above = np.full((3, more), np.inf, np.float32)
        first, second = _aligned((more, width), instruction.row_type), _aligned((padded, width), np.int8)
        packed = _aligned((groups, -(-n_units // instruction.depth), size, instruction.depth), np.int8)
        refined, scales = np.zeros(more, np.bool_), np.zeros(more, np.float32)
        words = packed.view(f"i{instruction.depth}")[..., 0]
        return kernels.Rounded(first, second, packed, words, starts, sums, refined, scales, coarse, fine, above)

    def room(self, first: int, n: int) -> Block:
        """Memory for n rows, from number ``first`` on."""
        return Block(first, 0, n, self.held(self.instruction, n, self.n_units))

    def fill(self, rows: Rows, values: np.ndarray, block: Block, doubts: np.ndarray) -> None:
        """Put rows as they were read into a block, and what their bounds are in doubt by."""
        kernels.round_rows(
            values, self.center, self.scale, self.step, self.mixed, self.ratio, self.instruction.offset, block.at,
            block.held, doubts,
        )  # fmt: skip

    def guess(self, tile: Tile, rank: int) -> None:
        """Set the limits of the rows to about the ``rank``-th smallest bound of the columns, where above 0."""
        rows, columns = tile.rows, tile.columns
        products = np.empty((len(rows), len(columns)), np.float32)
        kernels.byte_products(self.instruction, rows.held, rows.at, rows.here.stop, columns.held, products)
        if (tile.low <= tile.high).any():
            kernels.leave_out(products, tile.low, tile.high, tile.first, tile.last)
        halves = rows.held.fine[rows.here], columns.held.fine[columns.here]
        kernels.guess_limits(products, *halves, rank, tile.row_limits)

    def look(self, tile: Tile, hits: np.ndarray, values: np.ndarray) -> Iterator[int]:
        """How many pairs were found, again and again until all are: row and column within the tile, and bounds."""
        return self._look(tile, hits, values, np.zeros(1, np.int64))

    def _look(self, tile: Tile, hits: np.ndarray, values: np.ndarray, passed: np.ndarray) -> Iterator[int]:
        rows, columns, position = tile.rows, tile.columns, np.array([0, tile.rows.at])
        if columns.at % self.size:
            raise ValueError(f"a tile begins within a group of {self.size}, at {columns.at}; pairs would be lost.")
        while position[0] * self.size < len(columns):
            yield kernels.look(
                self.instruction, rows.held, rows.at, rows.here.stop, columns.held, columns.at, columns.here.stop,
                tile.row_limits, tile.column_limits, tile.own, tile.low, tile.high, tile.first, tile.last,
                columns.first, tile.mirrored, position, hits, values, passed,
            )  # fmt: skip

    def count(self, tile: Tile, radii: Radii, doubts: np.ndarray) -> Iterator[int]:
        """Count who is surely nearer; how many are in doubt, again and again: number of the radius, and column."""
        return self.counted(tile, radii, doubts, np.zeros(1, np.int64))

    def counted(self, tile: Tile, radii: Radii, doubts: np.ndarray, passed: np.ndarray) -> Iterator[int]:
        """The same; ``passed`` becomes how many the first bytes left in doubt."""
        rows, columns, position = tile.rows, tile.columns, np.zeros(2, np.int64)
        if rows.at or columns.at:
            raise ValueError(f"a tile begins at {rows.at}, {columns.at}; all of what is held is counted.")
        while position[0] * self.size < len(columns):
            yield kernels.count(
                self.instruction, rows.held, columns.held, tile.own - columns.first, tile.low, tile.high, tile.first,
                tile.last, radii.weights, radii.places, radii.low, radii.high, radii.row_doubts, radii.column_doubts,
                radii.surely, position, doubts, passed,
            )  # fmt: skip

    def passing(self, job: Job) -> float:
        """The share of pairs for which the first bytes are not enough, among the points of a sample."""
        n = len(job.points.sample)
        rank = math.ceil(job.k * n / job.points.n_points) + 2
        if 8 * rank > n:
            return 1.0
        block, numbers = self.room(0, n), np.arange(n)
        self.fill(job.points, job.points.sampled, block, np.empty(n, np.float32))
        low, high, none = np.ones(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
        limits, passed = np.full(n, np.inf, np.float32), np.zeros(1, np.int64)
        tile = Tile(block, block, limits, np.zeros(n, np.float32), n, numbers, low, high, none, none)
        self.guess(tile, rank)
        for _ in self._look(tile, np.empty((n * n, 2), np.int32), np.empty(n * n, np.float32), passed):
            pass
        return int(passed[0]) / n**2


def _aligned(shape: tuple[int, ...], kind: Any) -> np.ndarray:
    """Zeros that begin where a line of the processor's cache does, or every load would take two."""
    n_bytes = math.prod(shape) * np.dtype(kind).itemsize
    memory = np.zeros(n_bytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + n_bytes].view(kind).reshape(shape)


def _mixed(x: np.ndarray) -> np.ndarray:
    """Rows mixed, where that makes the largest coordinate of most of them smaller; else the rows themselves."""
    mixed = np.pad(x, ((0, 0), (0, kernels.width_to_mix(x.shape[1]) - x.shape[1])))
    for row in mixed:
        kernels.mix(row)
    before, after = (np.median(np.abs(rows).max(axis=1, initial=0)) if len(x) else 0.0 for rows in (x, mixed))
    return mixed if after < SMALLER * before else x


def _ratio(x: np.ndarray, step: float) -> float:
    """About how large what is rounded off is beside a row; bounds are true for any number above 0, good for this."""
    unit = np.full((len(x), 1), step) if step else np.abs(x).max(axis=1, keepdims=True) / 127
    unit[unit == 0] = 1
    left, length = np.linalg.norm(x - unit * np.rint(x / unit), axis=1), np.linalg.norm(x, axis=1)
    return max(float(np.median(left[length > 0] / length[length > 0])) if length.any() else 0.0, 2.0**-20)
