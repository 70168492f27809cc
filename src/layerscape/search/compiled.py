"""The engine for processors: every pair once, in tiles of a matrix product that compiled loops look through.

A tile gives a bound for each of its pairs: half of the squared distance, less what rounding can have added. A pair
whose bound is below the limit of its row joins the row's list, and below that of its column the column's; so N²·D
flops serve a graph of N samples. Lists that are full keep their smallest bounds, which lowers their limits. The first
limits come from a sample of the points, which holds a known share of every query's neighbors.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from layerscape.core.threads import ahead
from layerscape.search import kernels
from layerscape.search.engine import SPARE, Candidates, Found, Job, slack
from layerscape.search.finish import finish

TILE_ROWS, TILE_COLUMNS = 512, 2048
MOST_HITS = 2**17  # of a tile before they are put into the lists


def search(job: Job) -> Found:
    """The k nearest of all points for each query."""
    return finish(job, _Sweep(job).candidates())


@dataclass(frozen=True)
class _Block:
    """Consecutive rows in memory as `Rows.centered` gives them, from number ``first`` on."""

    first: int
    rows: np.ndarray
    halves: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def where(self) -> slice:
        return slice(self.first, self.first + len(self))

    def parts(self, length: int, start: int = 0) -> Iterator[_Block]:
        """Blocks of some rows each, from place ``start`` on."""
        for at in range(start, len(self), length):
            yield _Block(self.first + at, self.rows[at : at + length], self.halves[at : at + length])


class _Sweep:
    """One pass over all pairs, which fills the lists."""

    def __init__(self, job: Job):
        self.job = job
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
        held = self.job.memory // 2 // row_bytes
        held = self.n_queries if held >= self.n_queries else max(1, held // TILE_ROWS) * TILE_ROWS
        step = int(np.clip(self.job.memory // 8 // row_bytes, 1, 2 * TILE_COLUMNS))
        panels = list(self.job.queries.blocks(held))
        guess = self._guesser()
        if len(panels) == 1:
            self._search(self._panel(panels[0], step, guess), step)
        else:
            for where in panels if guess else []:  # first, since a pair may join the list of a query of any panel
                self._panel(where, step, guess)
            for where in panels:
                self._search(self._panel(where, step), step)
        self.job.progress(self.n_queries - self.queries_told)
        return Candidates(self.lists, self.counts, self.limits, self.row_halves, self.column_halves)

    def _panel(self, where: slice, step: int, then: Callable[[_Block], None] | None = None) -> _Block:
        """Some queries in memory, after ``then`` was done with every part of them."""
        queries = self.job.queries
        rows = np.empty((where.stop - where.start, queries.n_units), np.float32)
        panel = _Block(where.start, rows, self.row_halves[where])
        for block, values in ahead(lambda block: queries.read(block.where), list(panel.parts(step))):

            def task(part: _Block, first: int = block.first, values: np.ndarray = values) -> None:
                queries.centered(values[part.first - first :][: len(part)], self.share, part.rows, part.halves)
                if then:
                    then(part)

            self.job.pool.all(task, block.parts(TILE_ROWS))
        return panel

    def _guesser(self) -> Callable[[_Block], None] | None:
        """What sets the limits of some queries to a bound that about ``rank`` points of a sample are below.

        The sample was drawn at random, so how many of all points are below does not depend on the data: fewer than k
        for less than one of 10⁵ queries, which `finish` then searches again. None where a sample tells too little.
        """
        sample = self.job.points.sample
        expected = self.job.k * len(sample) / self.n_points
        rank = math.ceil(expected + 4 * math.sqrt(expected) + 4) + 1  # 1 for the query itself
        if 8 * len(sample) > self.n_points or 2 * rank > len(sample):
            return None
        points, halves = np.empty(sample.shape, np.float32), np.empty(len(sample), np.float32)
        self.job.points.centered(sample, self.share, points, halves)

        windows, drawn = self.job.windows, self.job.points.drawn
        leaves_out, first, last = windows.any, windows.first[drawn], windows.last[drawn]

        def guess(block: _Block) -> None:
            products = self.job.pool.product(block.rows, points)
            if leaves_out:
                kernels.leave_out(products, windows.low[block.where], windows.high[block.where], first, last)
            kernels.guess_limits(products, block.halves, halves, rank, self.limits[block.where])

        return guess

    def _search(self, panel: _Block, step: int) -> None:
        """All pairs of the queries of a panel with the points, those among the panel itself first."""
        after = 0
        if self.job.symmetric:
            self._run((r, c) for r in panel.parts(TILE_ROWS) for c in panel.parts(TILE_COLUMNS, r.first - panel.first))
            after = panel.where.stop
        blocks = [slice(at, min(at + step, self.n_points)) for at in range(after, self.n_points, step)]
        for _, block in ahead(self._points, blocks):
            self._run((r, c) for r in panel.parts(TILE_ROWS) for c in block.parts(TILE_COLUMNS))

    def _points(self, where: slice) -> _Block:
        rows = np.empty((where.stop - where.start, self.job.points.n_units), np.float32)
        self.job.points.centered(self.job.points.read(where), self.share, rows, self.column_halves[where])
        return _Block(where.start, rows, self.column_halves[where])

    def _run(self, tiles: Iterable[tuple[_Block, _Block]]) -> None:
        """Look through tiles of rows and columns, side by side."""
        pairs = self.n_queries * self.n_points / (2 if self.job.symmetric else 1)
        for rows, columns in self.job.pool.each(self._look_through, tiles):
            self.pairs_done += len(rows) * len(columns)
            reached = min(self.n_queries, int(self.pairs_done / pairs * self.n_queries))
            if reached > self.queries_told:
                self.job.progress(reached - self.queries_told)
                self.queries_told = reached

    def _look_through(self, tile: tuple[_Block, _Block]) -> None:
        rows, columns = tile
        symmetric, mine = self.job.symmetric, self.scratch
        if not hasattr(mine, "hits"):
            mine.hits, mine.values = np.empty((MOST_HITS, 2), np.int32), np.empty(MOST_HITS, np.float32)
        products, position = self.job.pool.product(rows.rows, columns.rows), np.zeros(1, np.int64)
        windows = self.job.windows
        column_limits = self.limits[columns.where] if symmetric else np.zeros(len(columns), np.float32)
        # From here on columns collect too: nowhere unless all points are queries, and where a tile meets the diagonal
        # not among its own rows, of which it holds both pairs.
        mirrored = len(columns) if not symmetric else len(rows) if rows.first == columns.first else 0
        while position[0] < len(rows):
            found = kernels.scan(
                products, rows.halves, columns.halves, self.limits[rows.where], column_limits,
                self.job.own[rows.where], windows.low[rows.where], windows.high[rows.where],
                windows.first[columns.where], windows.last[columns.where],
                columns.first, mirrored, position, mine.hits, mine.values,
            )  # fmt: skip
            self._keep(rows.where, found, 0, columns.first, 0)
            if symmetric:
                self._keep(columns.where, found, 1, rows.first, mirrored)

    def _keep(self, where: slice, found: int, side: int, other: int, mirrored: int) -> None:
        """Put the hits of this thread into the lists of their rows (side 0) or columns (side 1)."""
        with ExitStack() as held:
            for lock in self.locks[where.start // TILE_ROWS : (where.stop - 1) // TILE_ROWS + 1]:
                held.enter_context(lock)
            kernels.keep(
                self.lists[where], self.counts[where], self.limits[where], self.width,
                self.scratch.hits, self.scratch.values, found, side, other, mirrored,
            )  # fmt: skip
