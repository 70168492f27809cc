"""One pass over all pairs on the device, which fills the lists.

The device has the bounds of a tile of queries and points. Those below the limit of their query join its list, and
those below that of their point the point's, so that each pair is looked at once where all points are asked for and fit.
First limits come from a sample. No tile is larger than its share of the memory, and where more of its bounds are small
than may wait for the lists, it is looked at in parts, each of which lowers the limits for the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from layerscape.core.threads import ahead
from layerscape.errors import InvalidValue, require
from layerscape.search.engine import Candidates, Job
from layerscape.search.gpu.held import DeviceArithmetic, OnDevice
from layerscape.search.gpu.lists import NearestLists
from layerscape.search.gpu.sizes import Sizes, sizes_for
from layerscape.search.guessing import rank_reached

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

LOADING = {"depth": 4, "threads": 4}  # since one thread copies more slowly than a device takes
SMALLEST = 2.0**-100  # a limit that bounds of 0 are below
MOST_EXPECTED = 400  # of a query's neighbors in the sample


class Strip(NamedTuple):
    """Consecutive queries or points: the number of the first, and what the device holds of them."""

    first: int
    held: OnDevice

    def __len__(self) -> int:
        return len(self.held.halves)

    @property
    def where(self) -> slice:
        """Their numbers."""
        return slice(self.first, self.first + len(self))

    def parts(self, length: int, start: int = 0) -> Iterator[Strip]:
        """Strips of some rows each, from row ``start`` of this one on."""
        for at in range(start, len(self), length):
            yield Strip(self.first + at, self.held.part(slice(at, at + length)))


class DeviceSweep:
    """One pass over all pairs.

    Attributes
    ----------
    values
        Shape (N, D): the points as they were read, where they stay on the device.
    """

    def __init__(self, job: Job, arithmetic: DeviceArithmetic, device: torch.device, free: int):
        self.job, self.arithmetic, self.device = job, arithmetic, device
        self.n_queries, self.n_points = job.queries.n_points, job.points.n_points
        self.width = min(job.k + arithmetic.spare, self.n_points)
        self.sizes: Sizes = sizes_for(job, arithmetic, self.width, free)
        self.values: torch.Tensor | None = None
        self.own = self._moved(job.own)
        w = job.windows
        self.marks = [self._moved(x) for x in (w.low, w.high, w.first, w.last)] if w.any else None
        self.row_doubts = np.empty(self.n_queries, np.float32)
        self.column_doubts = self.row_doubts if job.symmetric else np.empty(self.n_points, np.float32)
        self.pairs_done, self.queries_told = 0, 0

    def candidates(self) -> Candidates:
        """The smallest bounds of every query."""
        lists = np.empty((self.n_queries, self.width), np.uint64)
        counts, limits = np.empty(self.n_queries, np.int32), np.empty(self.n_queries, np.float32)
        sample = self._sample()
        for where in self.job.queries.blocks(self.sizes.panel):
            kept = NearestLists(where.stop - where.start, self.width, self.sizes.waiting, self.device)
            queries = self._panel(where)
            if sample is not None:
                self._guess(queries, kept, *sample)
            if self.sizes.whole:
                self._each_once(queries, kept)
            else:
                for points in self._points():
                    self._all(queries, points, kept)
            lists[where], counts[where], limits[where] = kept.arrays(self.arithmetic.unit)
        self.job.progress(self.n_queries - self.queries_told)
        return Candidates(lists, counts, limits, self.row_doubts, self.column_doubts)

    def _panel(self, where: slice) -> Strip:
        """Some queries, on the device."""
        queries, panel = self.job.queries, Strip(where.start, self.arithmetic.room(where.stop - where.start))
        if self.sizes.kept:
            kind = torch.from_numpy(np.empty(0, queries.precision)).dtype
            self.values = torch.empty((self.n_points, queries.n_units), dtype=kind, device=self.device)
        parts = list(panel.parts(self.sizes.block))
        for part, values in ahead(lambda part: self._ready(queries.read(part.where)), parts, **LOADING):
            here, moved = part.where, values.to(self.device, non_blocking=True)
            self.row_doubts[here] = self.arithmetic.fill(queries, moved, part.held)
            if self.values is not None:
                self.values[here] = moved
        return panel

    def _points(self) -> Iterator[Strip]:
        """All points, block by block."""
        points = self.job.points
        blocks = list(points.blocks(self.sizes.block))
        for where, values in ahead(lambda where: self._ready(points.read(where)), blocks, **LOADING):
            block = Strip(where.start, self.arithmetic.room(where.stop - where.start))
            moved = values.to(self.device, non_blocking=True)
            self.column_doubts[where] = self.arithmetic.fill(points, moved, block.held)
            yield block

    def _ready(self, values: np.ndarray) -> torch.Tensor:
        """The values on the host, from where they are copied without waiting."""
        tensor = torch.from_numpy(np.require(values, requirements=["C", "W"]))
        if self.device.type != "cuda":
            return tensor
        with torch.cuda.device(self.device):  # of which a thread knows nothing
            return tensor.pin_memory()

    def _moved(self, values: np.ndarray) -> torch.Tensor:
        """The values on the device."""
        return self._ready(values).to(self.device, non_blocking=True)

    def _sample(self) -> tuple[np.ndarray, OnDevice, int] | None:
        """Some points at random, by number and on the device, and how many of them first limits reach.

        None where a sample tells too little.
        """
        points, k = self.job.points, self.job.k
        size = min(self.sizes.sampled, MOST_EXPECTED * self.n_points // k)
        if size <= len(points.drawn):
            drawn, values = points.drawn, points.sampled
        else:
            drawn = np.sort(np.random.default_rng(1).permutation(self.n_points)[:size])
            values = points.read(drawn)
        rank = rank_reached(k * len(drawn) / self.n_points) + 1  # 1 for the query itself
        if 8 * len(drawn) > self.n_points or 2 * rank > len(drawn):
            return None
        held = self.arithmetic.room(len(drawn))
        self.arithmetic.fill(points, self._moved(values), held)
        return drawn, held, rank

    def _guess(self, queries: Strip, lists: NearestLists, drawn: np.ndarray, sample: OnDevice, rank: int) -> None:
        """Set limits to a bound that about ``rank`` points of the sample are below, see `compiled`."""
        numbers = self._moved(drawn)
        for part in queries.parts(max(1, self.sizes.rows * self.sizes.columns // len(drawn))):
            bounds = self.arithmetic.bounds(part.held, sample)
            if self.marks:
                n = torch.arange(len(part), device=self.device)
                bounds.masked_fill_(self._left_out(part, n[:, None], numbers), float("inf"))
            guess = torch.topk(bounds, rank, largest=False, sorted=False)[0].amax(1)
            at = part.first - queries.first
            lists.limits[at : at + len(part)] = guess.clamp_(min=SMALLEST)

    def _each_once(self, points: Strip, lists: NearestLists) -> None:
        """Look at each pair of points once."""
        for rows in points.parts(self.sizes.rows):
            for columns in points.parts(self.sizes.columns, rows.first):
                # Of its own rows a tile holds both pairs; where it is higher than wide, so does the one beside it.
                mirrored = max(0, rows.where.stop - columns.first)
                self._look(rows, columns, lists, rows.first, mirrored)
                self._tell(len(rows) * len(columns), self.n_points / 2)

    def _all(self, queries: Strip, points: Strip, lists: NearestLists) -> None:
        """Look at all pairs of some queries with some points."""
        for rows in queries.parts(self.sizes.rows):
            for columns in points.parts(self.sizes.columns):
                self._look(rows, columns, lists, rows.first - queries.first, len(columns))
                self._tell(len(rows) * len(columns), self.n_points)

    def _tell(self, pairs: int, per_query: float) -> None:
        self.pairs_done += pairs
        reached = min(self.n_queries, int(self.pairs_done / per_query))
        if reached > self.queries_told:
            self.job.progress(reached - self.queries_told)
            self.queries_told = reached

    def _look(self, rows: Strip, columns: Strip, lists: NearestLists, place: int, mirrored: int) -> None:
        """Put the small bounds of a tile into the lists of its rows, the first of which has a ``place``, and of its
        columns from ``mirrored`` on.
        """
        self._enter(self.arithmetic.bounds(rows.held, columns.held), rows, columns, lists, place, mirrored)

    def _enter(
        self, bounds: torch.Tensor, rows: Strip, columns: Strip, lists: NearestLists, place: int, mirrored: int
    ) -> None:
        of_rows = lists.limits[place : place + len(rows)]
        of_columns = lists.limits[columns.first : columns.first + len(columns)] if mirrored < len(columns) else None
        near = bounds.ge(of_rows[:, None])
        if of_columns is not None:
            near[:, mirrored:].logical_and_(bounds[:, mirrored:].ge(of_columns[mirrored:]))
        near.logical_not_()  # so that a bound that is no number is met below, and not lost
        if len(rows) > 1 and int(torch.count_nonzero(near)) > lists.most:
            del near
            half = (len(rows) + 1) // 2
            for at, part in zip((0, half), rows.parts(half), strict=True):
                self._enter(bounds[at : at + half], part, columns, lists, place + at, mirrored)
            return
        r, c = near.nonzero(as_tuple=True)
        values = bounds[r, c]
        if bool(values.isnan().any()):
            raise InvalidValue(f"device='{self.device}' gave a product that is no number; use device='cpu'.")
        values = torch.where(values > 0, values, 0.0)
        other = self.own[rows.first + r] != columns.first + c
        if self.marks:
            other.logical_and_(self._left_out(rows, r, columns.first + c).logical_not_())
        mine = other & (values < of_rows[r])
        entries = [(place + r[mine], values[mine], columns.first + c[mine])]
        if of_columns is not None:
            mine = other & (c >= mirrored) & (values < of_columns[c])
            entries.append((columns.first + c[mine], values[mine], rows.first + r[mine]))
        for some in entries:
            lists.add(*some)

    def _left_out(self, rows: Strip, r: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Whether points are left out for rows of a strip."""
        assert self.marks is not None
        low, high, first, last = self.marks
        r = rows.first + r
        return (low[r] <= first[numbers]).logical_and_(last[numbers] <= high[r])
