"""The engine for CUDA: torch multiplies matrices on the device, which keeps the smallest bounds of every query.

A bound is that of `compiled`: half of the squared distance, less what rounding can have added. What `engine.slack`
allows for is what a device does: float32 products are added in float32 in an order of its own, which costs at most D·u;
(h_b − a·b) + h_a is rounded twice, where no value exceeds ‖a‖² + ‖b‖², within the 8u for such steps; and numbers that a
device takes for 0 are smaller than UNDERFLOW. TF32 and autocast would break this: both are kept out, and a product that
shows them is tried before each search.

Work is queued on the device and not waited for: while it searches for some queries, the results of those before are
fetched and the next are loaded. Points that do not fit are loaded again for every panel of queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from layerscape.core.threads import ahead
from layerscape.errors import InvalidValue, require
from layerscape.search import compiled
from layerscape.search.again import again
from layerscape.search.engine import SPARE, Candidates, Found, Job, enter, slack
from layerscape.search.finish import finish
from layerscape.search.floats import doubts_of

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

TILE_ROWS, TILE_COLUMNS = 4096, 2**15
GROUP = 32  # columns of which the smallest decides whether all are looked at; divides TILE_COLUMNS
FAR = 2.0**100  # above any bound
USABLE = 0.8  # of the free memory: the rest is for what torch and the driver take themselves


def available(wanted: str) -> str | None:
    """The device that is wanted, in torch's words; None if ``"auto"`` finds no CUDA.

    Raises
    ------
    InvalidValue
        If a device was named and is not there.
    """
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda" if n_devices else None
    if int(wanted.partition(":")[2] or 0) < n_devices:
        return wanted
    seen = f"only {', '.join(f'cuda:{n}' for n in range(n_devices))}" if n_devices else "no CUDA device"
    raise InvalidValue(f"device={wanted!r} asked for, and torch sees {seen} here; use device='cpu' or 'auto'.")


def search(job: Job, device: str) -> Found:
    """The k nearest of all points for each query.

    Parameters
    ----------
    device
        What `available` gave; any device of torch will do.

    Raises
    ------
    InvalidValue
        If the device runs out of memory, or cannot multiply at full precision.
    """
    place = torch.device(device)
    with _full_products(), torch.cuda.device(place) if place.type == "cuda" else nullcontext():
        try:
            _try_products(place)
            candidates = _Sweep(job, place).candidates()
        except RuntimeError as error:  # which libraries below torch raise for this too
            if not any(words in str(error) for words in ("out of memory", "ALLOC_FAILED")):
                raise
            raise InvalidValue(
                f"device={device!r} ran out of memory; free some of it, give a smaller memory= than {job.memory} "
                "bytes, or use device='cpu'."
            ) from None
    return finish(job, candidates, partial(again, search=compiled.search, finer=None))


@contextmanager
def _full_products() -> Iterator[None]:
    """For a time no TF32; then what torch was set to before."""
    matmul = torch.backends.cuda.matmul
    # Where torch has the first name, the second may raise an error after the first was used.
    name, full = ("fp32_precision", "ieee") if hasattr(matmul, "fp32_precision") else ("allow_tf32", False)
    before = getattr(matmul, name)
    setattr(matmul, name, full)
    try:
        yield
    finally:
        setattr(matmul, name, before)


def _try_products(device: torch.device) -> None:
    """Raise unless the device multiplies float32 in full: in TF32 and bfloat16, 1 + 2⁻¹⁶ is 1."""
    rows = torch.full((256, 64), 1 + 2.0**-16, dtype=torch.float32, device=device)
    halves = torch.full((256,), 64.0, dtype=torch.float32, device=device)
    tile = torch.empty(256 * 256, dtype=torch.float32, device=device)
    if not bool((_bounds(rows, torch.ones_like(rows), halves, tile) == -(2.0**-10)).all()):
        raise InvalidValue(f"device='{device}' multiplies float32 at less than full precision here; use device='cpu'.")


def _bounds(rows: torch.Tensor, points: torch.Tensor, halves: torch.Tensor, tile: torch.Tensor) -> torch.Tensor:
    """Bounds of all pairs but for the half of the row, which changes no order within it; in the memory of ``tile``."""
    out = tile[: len(rows) * len(points)].view(len(rows), len(points))
    return torch.addmm(halves, rows, points.T, alpha=-1, out=out)  # with out=, autocast leaves it alone


def _smallest(bounds: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``width`` smallest of every row, and their columns.

    They lie in the groups with the ``width`` smallest minima, so that one look at all columns is enough.
    """
    n_rows, n_columns = bounds.shape
    n_groups = n_columns // GROUP
    if not _grouped(n_columns, width):
        return torch.topk(bounds, min(width, n_columns), largest=False, sorted=False)
    groups = torch.topk(bounds.view(n_rows, GROUP, n_groups).amin(1), width, largest=False, sorted=False)[1]
    members = torch.arange(0, n_columns, n_groups, device=bounds.device)
    columns = (groups[:, :, None] + members).flatten(1)
    values, places = torch.topk(bounds.gather(1, columns), width, largest=False, sorted=False)
    return values, columns.gather(1, places)


def _grouped(n_columns: int, width: int) -> bool:
    """Whether looking at groups of columns first pays."""
    return 2 * width * GROUP <= n_columns


@dataclass(frozen=True)
class _Sizes:
    """How a search is cut to fit into the memory of its device."""

    block: int  # points loaded at a time, in whole groups
    columns: int  # points of a tile
    part: int  # queries loaded at a time, and the rows of a tile
    resident: bool  # whether all points stay on the device
    panel: int  # parts that are there at a time


def _sizes(job: Job, width: int, free: int) -> _Sizes:
    """Points that stay, or a panel, may take half of the free memory, a tile a quarter, and what is moved the rest."""
    n_points, row_bytes = job.points.n_points, 4 * job.points.n_units
    query_bytes = row_bytes + 12 * width
    loaded = min(job.memory // 8, free // 16)
    block = max(1, min(loaded // row_bytes, n_points + GROUP - 1) // GROUP) * GROUP
    columns = min(TILE_COLUMNS, block)
    looked_at = width * GROUP if _grouped(columns, width) else min(width, columns)
    tile_row_bytes = 7 * columns + 12 * looked_at + 48 * width  # bounds, choice and merging, with torch's own copies
    part = min(TILE_ROWS, min(job.memory, free // 4) // tile_row_bytes, loaded // query_bytes)
    part = max(1, min(part, job.queries.n_points))
    resident = (row_bytes + 4) * n_points <= free // 2
    return _Sizes(block, columns, part, resident, 1 if resident else max(1, free // 2 // (part * query_bytes)))


def _free_memory(device: torch.device, job: Job) -> int:
    """Bytes of the device that can be used."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # by torch, from what was there before
        return int(USABLE * (torch.cuda.mem_get_info()[0] + kept))
    return job.memory


class _Part:
    """Some queries on the device, and the smallest bounds found for them so far."""

    def __init__(self, where: slice, rows: torch.Tensor, width: int, marks: list[torch.Tensor] | None):
        self.where, self.rows, self.marks = where, rows, marks  # windows of all queries, ends of all points
        self.bounds = torch.full((len(rows), width), FAR, dtype=torch.float32, device=rows.device)
        self.numbers = torch.zeros((len(rows), width), dtype=torch.int32, device=rows.device)

    def add(self, first: int, points: torch.Tensor, halves: torch.Tensor, tile: torch.Tensor) -> None:
        """Look through some more points, of which ``first`` is the number of the first."""
        width, bounds = self.bounds.shape[1], _bounds(self.rows, points, halves, tile)
        if self.marks:
            low, high = self.marks[0][:, self.where, None]
            begin, end = self.marks[1][:, first : first + len(points)]
            bounds.masked_fill_((low <= begin).logical_and_(end <= high), FAR)
        values, columns = _smallest(bounds, width)
        numbers = torch.cat([self.numbers, (columns + first).to(torch.int32)], dim=1)
        self.bounds, places = torch.topk(torch.cat([self.bounds, values], dim=1), width, largest=False, sorted=False)
        self.numbers = numbers.gather(1, places)

    def leave(self) -> None:
        """Send the results to the processor, without waiting, and give the memory of the device back."""
        on_cuda = self.rows.device.type == "cuda"
        self.bounds, self.numbers = (x.to("cpu", non_blocking=on_cuda) for x in (self.bounds, self.numbers))
        del self.rows


class _Sweep:
    """One pass over all pairs, which fills the lists."""

    def __init__(self, job: Job, device: torch.device):
        self.job, self.device = job, device
        self.share = 1 - slack(job.points.n_units)
        self.n_queries, self.n_points = job.queries.n_points, job.points.n_points
        self.width = min(job.k + SPARE + 1, self.n_points)  # 1 for the query itself, which is taken out at the end
        self.lists = np.empty((self.n_queries, self.width), np.uint64)
        self.counts = np.full(self.n_queries, self.width, np.int32)
        self.limits = np.full(self.n_queries, np.inf, np.float32)
        self.row_halves = np.empty(self.n_queries, np.float32)
        self.column_halves = np.empty(self.n_points, np.float32)
        self.sizes = _sizes(job, self.width, _free_memory(device, job))
        self.tile = torch.empty(self.sizes.part * self.sizes.columns, dtype=torch.float32, device=device)
        self.marks = [self._moved(x) for x in job.windows.filled(GROUP)] if job.windows.any else None
        self.pairs_done = 0

    def candidates(self) -> Candidates:
        """The smallest bounds of every query."""
        kept = list(self._points()) if self.sizes.resident else None
        loading = ahead(self._load_queries, list(self.job.queries.blocks(self.sizes.part)))
        with closing(loading) as queries:  # or an error would leave its thread waiting
            return self._candidates(kept, queries)

    def _candidates(
        self, kept: list[tuple[int, torch.Tensor, torch.Tensor]] | None, queries: Iterator[tuple[slice, np.ndarray]]
    ) -> Candidates:
        before, done = [], self._mark()
        parts = (_Part(where, self._moved(x), self.width, self.marks) for where, x in queries)
        while panel := list(islice(parts, self.sizes.panel)):
            for block in kept or self._points():
                for part in panel:
                    self._search(part, *block)
            for part in panel:
                part.leave()
            done_before, done = done, self._mark()
            self._keep(before, done_before)
            before = panel
        self._keep(before, done)
        doubts = (doubts_of(halves, 1 - self.share) for halves in (self.row_halves, self.column_halves))
        return Candidates(self.lists, self.counts, self.limits, *doubts)

    def _load_queries(self, where: slice) -> np.ndarray:
        rows = np.empty((where.stop - where.start, self.job.queries.n_units), np.float32)
        self.job.queries.centered(self.job.queries.read(where), self.share, rows, self.row_halves[where])
        return rows

    def _load_points(self, where: slice) -> tuple[np.ndarray, np.ndarray]:
        """Points and half of their squared lengths, filled up to whole groups by points that are far from all."""
        n_rows = where.stop - where.start
        n_filled = -(-n_rows // GROUP) * GROUP
        rows, halves = np.zeros((n_filled, self.job.points.n_units), np.float32), np.full(n_filled, FAR, np.float32)
        self.job.points.centered(self.job.points.read(where), self.share, rows[:n_rows], halves[:n_rows])
        self.column_halves[where] = halves[:n_rows]
        return rows, halves

    def _points(self) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """All points block by block: the number of the first, the points, half of their squared lengths."""
        done = self._mark()
        for where, (rows, halves) in ahead(self._load_points, list(self.job.points.blocks(self.sizes.block))):
            yield where.start, self._moved(rows), self._moved(halves)
            # No more than two blocks are on their way, or they would fill the memory faster than they are used.
            done_before, done = done, self._mark()
            done_before()
        done()

    def _moved(self, values: np.ndarray) -> torch.Tensor:
        """The values on the device, or on their way."""
        tensor = torch.from_numpy(values)
        if self.device.type == "cuda":  # only pinned memory is copied while the device computes
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def _mark(self) -> Callable[[], None]:
        """A wait for what the device was given until now."""
        if self.device.type == "cuda":
            event = torch.cuda.Event(blocking=True)
            event.record()
            return event.synchronize
        return lambda: None

    def _search(self, part: _Part, first: int, points: torch.Tensor, halves: torch.Tensor) -> None:
        """Show a block of points to some queries."""
        for start in range(0, len(points), self.sizes.columns):
            columns = slice(start, start + self.sizes.columns)
            part.add(first + start, points[columns], halves[columns], self.tile)
        told = self.pairs_done // self.n_points
        self.pairs_done += len(part.rows) * min(len(points), self.n_points - first)
        if self.pairs_done // self.n_points > told:
            self.job.progress(self.pairs_done // self.n_points - told)

    def _keep(self, panel: list[_Part], done: Callable[[], None]) -> None:
        """Put the results of a panel into the lists when they are there."""
        done()
        for part in panel:
            numbers, bounds = part.numbers.numpy(), part.bounds.numpy() + self.row_halves[part.where, None]
            bounds = np.where(bounds > 0, bounds, np.float32(0))  # entries sort by their bits if none is negative
            if self.width < self.n_points:
                self.limits[part.where] = bounds.max(axis=1)
            gone = (numbers == self.job.own[part.where, None]) | (bounds >= FAR)
            self.counts[part.where] -= enter(self.lists[part.where], bounds, numbers, gone)
