"""The engine for processors: every pair once, in tiles that compiled loops look through.

An arithmetic gives a bound for each pair of a tile: half of the squared distance, less what it can be wrong by. A pair
whose bound is below the limit of its row joins the row's list, and below that of its column the column's; so N²·D
products serve a graph of N samples. Lists that are full keep their smallest bounds, which lowers their limits. The
first limits come from a sample of the points, which holds a known share of every query's neighbors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial

import numpy as np

from layerscape.core.threads import ahead
from layerscape.search import kernels
from layerscape.search.again import again
from layerscape.search.engine import SPARE, Arithmetic, Block, Candidates, Found, Job, Tile
from layerscape.search.finish import finish
from layerscape.search.floats import Floats
from layerscape.search.guessing import rank_reached
from layerscape.search.processor import arithmetic_for

LOCKED = 512  # lists that share a lock
LOADED = 4096  # rows that are read at a time
MOST_HITS = 2**17  # of a tile before they are put into the lists


def search(job: Job) -> Found:
    """The k nearest of all points for each query."""
    return search_by(job, arithmetic_for(job))


def search_by(job: Job, arithmetic: Arithmetic) -> Found:
    """The same by bounds of one arithmetic; what these cannot prove is searched again."""
    by_floats = None if isinstance(arithmetic, Floats) else lambda part: search_by(part, Floats(part))
    return finish(job, Sweep(job, arithmetic).candidates(), partial(again, search=search, finer=by_floats))


class Sweep:
    """One pass over all pairs, which fills the lists."""

    def __init__(self, job: Job, arithmetic: Arithmetic):
        self.job, self.arithmetic = job, arithmetic
        self.n_queries, self.n_points = job.queries.n_points, job.points.n_points
        self.width = min(job.k + SPARE, self.n_points)
        capacity = min(self.n_points, self.width + max(self.width // 2, 32))
        self.lists = np.empty((self.n_queries, capacity), np.uint64)
        self.counts = np.zeros(self.n_queries, np.int32)
        self.limits = np.full(self.n_queries, np.inf, np.float32)
        self.row_doubts = np.empty(self.n_queries, np.float32)
        self.column_doubts = self.row_doubts if job.symmetric else np.empty(self.n_points, np.float32)
        # A list is written by one thread at a time; neighboring lists share a lock.
        self.locks = [threading.Lock() for _ in range(0, self.n_queries, LOCKED)]
        self.scratch = threading.local()
        self.pairs_done, self.queries_told = 0, 0

    def candidates(self) -> Candidates:
        """The smallest bounds of every query."""
        held = self.job.memory // 2 // self.arithmetic.row_bytes
        rows = self.arithmetic.tile[0]
        held = self.n_queries if held >= self.n_queries else max(1, held // rows) * rows
        step = int(np.clip(self.job.memory // 8 // (4 * self.job.points.n_units), 1, LOADED))
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
        return Candidates(self.lists, self.counts, self.limits, self.row_doubts, self.column_doubts)

    def _panel(self, where: slice, step: int, then: Callable[[Block], None] | None = None) -> Block:
        """Some queries in memory, after ``then`` was done with every part of them."""
        queries = self.job.queries
        panel = self.arithmetic.room(where.start, where.stop - where.start)
        for block, values in ahead(lambda block: queries.read(block.where), list(panel.parts(step))):

            def task(part: Block, first: int = block.first, values: np.ndarray = values) -> None:
                mine = values[part.first - first :][: len(part)]
                self.arithmetic.fill(queries, mine, part, self.row_doubts[part.where])
                if then:
                    then(part)

            self.job.pool.all(task, block.parts(self.arithmetic.tile[0]))
        return panel

    def _guesser(self) -> Callable[[Block], None] | None:
        """What sets the limits of some queries to a bound that about ``rank`` points of a sample are below.

        The sample was drawn at random, so how many of all points are below does not depend on the data: fewer than k
        for less than `MISSED` of the queries, which are then searched again. None where a sample tells too little.
        """
        drawn, sample = _sample(self.job, self.arithmetic)
        rank = rank_reached(self.job.k * len(drawn) / self.n_points) + 1  # 1 for the query itself
        if 8 * len(drawn) > self.n_points or 2 * rank > len(drawn):
            return None

        def guess(block: Block) -> None:
            tile = self._tile(block, sample, drawn, np.empty(0, np.float32), 0)
            self.arithmetic.guess(tile, rank)

        return guess

    def _search(self, panel: Block, step: int) -> None:
        """All pairs of the queries of a panel with the points, those among the panel itself first."""
        after, (height, breadth) = 0, self.arithmetic.tile
        if self.job.symmetric:
            self._run((r, c) for r in panel.parts(height) for c in panel.parts(breadth, r.first - panel.first))
            after = panel.where.stop
        blocks = [slice(at, min(at + step, self.n_points)) for at in range(after, self.n_points, step)]
        for _, block in ahead(self._points, blocks):
            self._run((r, c) for r in panel.parts(height) for c in block.parts(breadth))

    def _points(self, where: slice) -> Block:
        block = self.arithmetic.room(where.start, where.stop - where.start)
        points = self.job.points
        self.arithmetic.fill(points, points.read(where), block, self.column_doubts[where])
        return block

    def _run(self, tiles: Iterable[tuple[Block, Block]]) -> None:
        """Look through tiles of rows and columns, side by side."""
        pairs = self.n_queries * self.n_points / (2 if self.job.symmetric else 1)
        for rows, columns in self.job.pool.each(self._look_through, tiles):
            self.pairs_done += len(rows) * len(columns)
            reached = min(self.n_queries, int(self.pairs_done / pairs * self.n_queries))
            if reached > self.queries_told:
                self.job.progress(reached - self.queries_told)
                self.queries_told = reached

    def _tile(
        self, rows: Block, columns: Block, numbers: slice | np.ndarray, limits: np.ndarray, mirrored: int
    ) -> Tile:
        """A tile of the columns with these numbers."""
        windows, mine = self.job.windows, rows.where
        return Tile(
            rows, columns, self.limits[mine], limits, mirrored, self.job.own[mine], windows.low[mine],
            windows.high[mine], windows.first[numbers], windows.last[numbers],
        )  # fmt: skip

    def _look_through(self, tile: tuple[Block, Block]) -> None:
        rows, columns = tile
        symmetric, mine = self.job.symmetric, self.scratch
        if not hasattr(mine, "hits"):
            mine.hits, mine.values = np.empty((MOST_HITS, 2), np.int32), np.empty(MOST_HITS, np.float32)
        limits = self.limits[columns.where] if symmetric else np.zeros(len(columns), np.float32)
        # From here on columns collect too: nowhere unless all points are queries, and not among the tile's own rows, of
        # which it holds both pairs.
        own = max(0, rows.where.stop - columns.first) if symmetric else len(columns)
        mirrored = min(own, len(columns))
        pairs = self._tile(rows, columns, columns.where, limits, mirrored)
        for found in self.arithmetic.look(pairs, mine.hits, mine.values):
            self._keep(rows.where, found, 0, columns.first, 0)
            if symmetric:
                self._keep(columns.where, found, 1, rows.first, mirrored)

    def _keep(self, where: slice, found: int, side: int, other: int, mirrored: int) -> None:
        """Put the hits of this thread into the lists of their rows (side 0) or columns (side 1)."""
        with ExitStack() as held:
            for lock in self.locks[where.start // LOCKED : (where.stop - 1) // LOCKED + 1]:
                held.enter_context(lock)
            kernels.keep(
                self.lists[where], self.counts[where], self.limits[where], self.width,
                self.scratch.hits, self.scratch.values, found, side, other, mirrored,
            )  # fmt: skip


def _sample(job: Job, arithmetic: Arithmetic) -> tuple[np.ndarray, Block]:
    """Some points at random, by number and as the arithmetic holds them."""
    size = min(arithmetic.n_sampled, job.points.n_points // 8)
    if size <= len(job.points.drawn):
        drawn, values = job.points.drawn, job.points.sampled
    else:
        drawn = np.sort(np.random.default_rng(1).permutation(job.points.n_points)[:size])
        values = job.points.read(drawn)
    sample = arithmetic.room(0, len(drawn))
    arithmetic.fill(job.points, values, sample, np.empty(len(drawn), np.float32))
    return drawn, sample
