"""The engine for processors: every pair once, in tiles of a matrix product that compiled loops look through.

A tile gives a bound for each of its pairs: half of the squared distance, less what rounding can have added. A pair
whose bound is below the limit of its row joins the row's list, and below that of its column the column's; so N²·D
flops serve a graph of N samples. Lists that are full keep their smallest bounds, which lowers their limits. The first
limits come from a sample of the points, which holds a known share of every query's neighbors.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from layerscape.search import kernels
from layerscape.search.engine import Candidates, Found, Job, slack
from layerscape.search.finish import finish
from layerscape.search.rows import SAMPLE
from layerscape.search.threads import ahead

TILE_ROWS, TILE_COLUMNS = 512, 2048
MOST_HITS = 2**17  # of a tile before they are put into the lists
SPARE = 12  # candidates beyond k: on clouds of points these suffice, and copies were taken out before


def search(job: Job) -> Found:
    """The k nearest of all points for each query."""
    return finish(job, _Sweep(job).candidates())


@dataclass(frozen=True)
class _Tile:
    """Rows of the panel that is held, and columns of a block, both counted from the start of each."""

    rows: slice
    columns: slice


class _Sweep:
    """One pass over all pairs, which fills the lists."""

    def __init__(self, job: Job):
        self.job, self.pool = job, job.pool
        self.share = 1 - slack(job.points.n_units)
        self.n_queries, self.n_points = job.queries.n_points, job.points.n_points
        self.width = min(job.k + SPARE, self.n_points)
        capacity = min(self.n_points, self.width + max(self.width // 2, 32))
        self.lists = np.empty((self.n_queries, capacity), np.uint64)
        self.counts = np.zeros(self.n_queries, np.int32)
        self.limits = np.full(self.n_queries, np.inf, np.float32)
        self.row_halves = np.empty(self.n_queries, np.float32)
        self.column_halves = self.row_halves if job.symmetric else np.empty(self.n_points, np.float32)
        # A list is written by one thread at a time; neighboring lists share a lock.
        self.locks = [threading.Lock() for _ in range(0, self.n_queries, TILE_ROWS)]
        self.scratch = threading.local()
        self.pairs_done, self.queries_told = 0, 0

    def candidates(self) -> Candidates:
        """The smallest bounds of every query."""
        row_bytes = 4 * self.job.points.n_units
        held = int(min(self.n_queries, max(1, self.job.memory // 2 // row_bytes)))
        panels = list(
            self.job.queries.blocks(held if held == self.n_queries else max(1, held // TILE_ROWS) * TILE_ROWS)
        )
        step = int(np.clip(self.job.memory // 8 // row_bytes, 1, 2 * TILE_COLUMNS))
        rows = np.empty((panels[0].stop, self.job.points.n_units), np.float32)
        self._guess(panels, rows, step)
        for panel in panels:
            if len(panels) > 1:
                self._load_queries(panel, rows)
            self._search(panel, rows[: panel.stop - panel.start], step)
        self.job.progress(self.n_queries - self.queries_told)
        return Candidates(self.lists, self.counts, self.limits, self.row_halves, self.column_halves)

    def _load_queries(self, rows: slice, out: np.ndarray) -> np.ndarray:
        out = out[: rows.stop - rows.start]
        self.job.queries.centered(self.job.queries.read(rows), self.share, out, self.row_halves[rows])
        return out

    def _load_points(self, rows: slice) -> np.ndarray:
        out = np.empty((rows.stop - rows.start, self.job.points.n_units), np.float32)
        self.job.points.centered(self.job.points.read(rows), self.share, out, self.column_halves[rows])
        return out

    def _guess(self, panels: list[slice], rows: np.ndarray, step: int) -> None:
        """Load every query once, and give it a limit that about the ``rank`` nearest of the sample lie below.

        The sample was drawn at random, so how many of all points lie below does not depend on the data: fewer than k
        in about one of 10⁴ queries, which `finish` then searches again.
        """
        sample = self.job.points.sample
        expected = self.job.k * len(sample) / self.n_points
        rank = math.ceil(expected + 4 * math.sqrt(expected) + 4) + 1  # 1 for the query itself
        useful = 4 * len(sample) <= self.n_points and 2 * rank <= len(sample)
        halves = np.empty(len(sample), np.float32)
        centered = np.empty(sample.shape, np.float32)
        self.job.points.centered(sample, self.share, centered, halves)

        for panel in panels:
            blocks = [slice(s, min(s + step, panel.stop)) for s in range(panel.start, panel.stop, step)]

            def load(block: slice, panel: slice = panel) -> np.ndarray:
                return self._load_queries(block, rows[block.start - panel.start :])

            def guess(part: tuple[slice, np.ndarray]) -> None:
                where, values = part
                products = self._products(values, centered)
                kernels.guess_limits(products, self.row_halves[where], halves, rank, self.limits[where])

            for block, values in ahead(load, blocks):
                if useful:
                    parts = _split(len(values), TILE_ROWS)
                    self.pool.all(guess, [(_shift(part, block.start), values[part]) for part in parts])

    def _search(self, panel: slice, rows: np.ndarray, step: int) -> None:
        """All pairs of the queries of a panel with the points, those among the panel itself first."""
        after = 0
        if self.job.symmetric:
            tiles = (
                _Tile(part, slice(start, min(start + TILE_COLUMNS, len(rows))))
                for part in _split(len(rows), TILE_ROWS)
                for start in range(part.start, len(rows), TILE_COLUMNS)
            )
            self._run(tiles, panel.start, rows, panel.start, rows)
            after = panel.stop
        blocks = [slice(s, min(s + step, self.n_points)) for s in range(after, self.n_points, step)]
        for block, columns in ahead(self._load_points, blocks):
            tiles = (
                _Tile(part, other)
                for part in _split(len(rows), TILE_ROWS)
                for other in _split(len(columns), TILE_COLUMNS)
            )
            self._run(tiles, panel.start, rows, block.start, columns)

    def _run(self, tiles: Iterator[_Tile], first_row: int, rows: np.ndarray, first: int, columns: np.ndarray) -> None:
        pairs = self.n_queries * self.n_points / (2 if self.job.symmetric else 1)

        def task(tile: _Tile) -> None:
            products = self._products(rows[tile.rows], columns[tile.columns])
            # On the diagonal a tile holds both pairs of two of its rows.
            twice = tile.rows.stop - tile.rows.start if rows is columns and tile.rows.start == tile.columns.start else 0
            self._look_through(products, _shift(tile.rows, first_row), _shift(tile.columns, first), twice)

        for tile in self.pool.each(task, tiles):
            self.pairs_done += (tile.rows.stop - tile.rows.start) * (tile.columns.stop - tile.columns.start)
            reached = min(self.n_queries, int(self.pairs_done / pairs * self.n_queries))
            if reached > self.queries_told:
                self.job.progress(reached - self.queries_told)
                self.queries_told = reached

    def _products(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """rows · columnsᵀ, in memory that this thread uses again for its next tile."""
        if not hasattr(self.scratch, "products"):
            self.scratch.products = np.empty(TILE_ROWS * max(TILE_COLUMNS, SAMPLE), np.float32)
            self.scratch.hits, self.scratch.values = np.empty((MOST_HITS, 2), np.int32), np.empty(MOST_HITS, np.float32)
        products = self.scratch.products[: len(rows) * len(columns)].reshape(len(rows), len(columns))
        return np.matmul(rows, columns.T, out=products)

    def _look_through(self, products: np.ndarray, rows: slice, columns: slice, twice: int) -> None:
        symmetric, hits, values = self.job.symmetric, self.scratch.hits, self.scratch.values
        row_halves, column_halves = self.row_halves[rows], self.column_halves[columns]
        column_limits = self.limits[columns] if symmetric else np.zeros(len(column_halves), np.float32)
        mirrored = twice if symmetric else len(column_halves)
        position = np.zeros(1, np.int64)
        while position[0] < len(row_halves):
            found = kernels.scan(
                products, row_halves, column_halves, self.limits[rows], column_limits, self.job.own[rows],
                columns.start, mirrored, position, hits, values,
            )  # fmt: skip
            self._keep(rows, hits, values, found, 0, columns.start, 0)
            if symmetric:
                self._keep(columns, hits, values, found, 1, rows.start, mirrored)

    def _keep(
        self, where: slice, hits: np.ndarray, values: np.ndarray, found: int, side: int, other: int, mirrored: int
    ) -> None:
        with ExitStack() as held:
            for lock in self.locks[where.start // TILE_ROWS : (where.stop - 1) // TILE_ROWS + 1]:
                held.enter_context(lock)
            kernels.keep(
                self.lists[where], self.counts[where], self.limits[where], self.width,
                hits, values, found, side, other, mirrored,
            )  # fmt: skip


def _split(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _shift(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)
