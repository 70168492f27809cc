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
LEAST = 2.0**-20  # ratio, by which nearly all that bounds are in doubt by is what is rounded off
SMALLER = 0.85  # than this share of what it was must be what is rounded off for rows to be mixed
RATIO_OF = 32  # rows that tell how large what is rounded off is beside a row


class Bytes:
    """Two levels of bytes: pairs that pass the first ones are looked at with the second ones too.

    Parameters
    ----------
    instruction
        One of `kernels.INSTRUCTIONS` that the processor has.
    """

    def __init__(self, job: Job, instruction: Any):
        self.instruction, self.size = instruction, kernels.group_of(instruction)
        self.tile, self.n_sampled = (self._groups(TILE_ROWS), self._groups(TILE_COLUMNS)), SAMPLED
        center, self.scale = job.points.frame
        self.center, step = grid_of(job.points.sample, center)
        self.step = step * self.scale
        wide = 0 if step else kernels.width_to_mix(job.points.n_units)
        plain, mixed = self._rounded_off(job, 0), self._rounded_off(job, wide)
        pays = mixed < SMALLER * plain
        self._set(job, wide if pays else 0, mixed if pays else plain)
        if not step:
            self._take_direction(job)
        whole = self.held(instruction, self.size, self.n_units)
        self.row_bytes = sum(array.nbytes // self.size for array in whole)

    def _set(self, job: Job, mixed: int, ratio: float) -> None:
        self.mixed, self.n_units, self.direction = mixed, mixed or job.points.n_units, np.empty(0)
        self.ratios = np.array([ratio, 1.0])

    def _take_direction(self, job: Job) -> None:
        """Note the direction along which sampled rows are longest, where bounds are far less in doubt for it."""
        some = (job.points.sample[:RATIO_OF] - self.center) * self.scale
        products = some @ some.T
        direction = np.linalg.eigh(products)[1][:, -1] @ some
        length, long = math.sqrt(np.trace(products)), float(np.linalg.norm(direction))
        across = math.sqrt(max(length**2 - long**2, LEAST * length**2))
        off = 1 / math.sqrt(self.n_units)  # of what is rounded off, which has no direction
        if across + off * long < SMALLER * length:
            self.ratios = self.ratios[0] * np.array([length / across, off * length / long])
            self.direction = np.zeros(self.n_units)
            self.direction[: len(direction)] = direction / long
            if self.mixed:
                kernels.mix(self.direction)

    def _rounded_off(self, job: Job, mixed: int) -> float:
        """About how large what is rounded off is beside a row, seen on some; bounds are true for any number above 0."""
        self._set(job, mixed, LEAST)
        some = job.points.sampled[:RATIO_OF]
        block = self.room(0, len(some))
        self.fill(job.points, some, block, np.empty(len(some), np.float32))
        coarse, above = (halves[block.here].astype(float) for halves in (block.held.coarse, block.held.above))
        squares = coarse + above
        there = squares > 0
        shares = np.sqrt(LEAST * (above - coarse)[there] / squares[there])
        return max(float(np.median(shares)), LEAST) if there.any() else LEAST

    def _groups(self, n: int) -> int:
        """As many rows in whole groups, so that no group begins in one tile and ends in another."""
        return max(1, n // self.size) * self.size

    @staticmethod
    def held(instruction: Any, n: int, n_units: int) -> kernels.Rounded:
        """Memory for n rows."""
        size, width = kernels.group_of(instruction), -(-n_units // 64) * 64
        groups, pieces = -(-n // size), -(-n_units // kernels.PIECE)
        padded, more = groups * size, groups * size + instruction.rows
        starts, sums = np.zeros((2, pieces, padded), np.int32)
        coarse, fine, above = np.full((3, more), np.inf, np.float32)
        first, second = _aligned((more, width), instruction.row_type), _aligned((padded, width), np.int8)
        steps = -(-n_units // (instruction.steps * instruction.depth)) * instruction.steps
        packed = _aligned((groups, steps, size, instruction.depth), np.int8)
        refined, scales = np.zeros(more, np.bool_), np.zeros(more, np.float32)
        return kernels.Rounded(first, second, packed, starts, sums, refined, scales, coarse, fine, above)

    def room(self, first: int, n: int) -> Block:
        """Memory for n rows, from number ``first`` on."""
        return Block(first, 0, n, self.held(self.instruction, n, self.n_units))

    def fill(self, rows: Rows, values: np.ndarray, block: Block, doubts: np.ndarray) -> None:
        """Put rows as they were read into a block, and what their bounds are in doubt by."""
        kernels.round_rows(
            values, self.center, self.scale, self.step, self.mixed, self.ratios, self.direction,
            self.instruction.offset, block.at, block.held, doubts,
        )  # fmt: skip

    def guess(self, tile: Tile, rank: int) -> None:
        """Set the limits of the rows to about the ``rank``-th smallest bound of the columns, where above 0."""
        rows, columns = tile.rows, tile.columns
        products = np.empty((len(rows), len(columns)), np.float32)
        a, b = rows.held, columns.held
        kernels.byte_products(
            self.instruction, a.first, a.scales, rows.at, rows.here.stop, b.groups, b.starts, b.scales, products
        )
        if (tile.low <= tile.high).any():
            kernels.leave_out(products, tile.low, tile.high, tile.first, tile.last)
        halves = a.fine[rows.here], b.fine[columns.here]
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
