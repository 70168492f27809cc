"""A search by the workers of a cluster: shards of samples × blocks of queries, to the bit what one machine finds.

Why. A distance depends on its two samples only (`search/distances.py`), what is a copy of what and the scale of all
rows are found before, over all samples, and lists are merged by (d², number of the point). So neither shards nor
workers can change a bit. Every piece of the samples is known by a digest after the first look, and compared each time
it is read; the results of a block are written by the worker that merges them, under a name that holds their digest.
Whoever asks again in the same folder goes on from the blocks that are whole.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from layerscape.core.frame import scales_over
from layerscape.core.lock import Lock
from layerscape.core.neighbors import Neighbors
from layerscape.core.provenance import fingerprint
from layerscape.core.representation import not_finite, rows_of_block
from layerscape.errors import FileProblem, InvalidValue
from layerscape.search import working
from layerscape.search.asking import Asking, asked_of, at_most, check_k, check_lists_fit, leaving_out
from layerscape.search.assignment import Assignment, BadSample, check_finite, pieces_of_shard, rows_of_piece
from layerscape.search.blocks import Blocks, is_ours
from layerscape.search.census import Census, suspects, told_apart
from layerscape.search.cluster import Cluster, connected
from layerscape.search.rows import check_width, drawn_of, no_copies, no_direction, scale_of
from layerscape.search.same import code
from layerscape.search.sources import RowFile, StoredRows, slices, source_of, written

FAN = 4  # lists that are merged at a time
AHEAD = 3  # tasks per thread that are under way
log = logging.getLogger("layerscape")


def find_on(cluster: Any, wish: Asking, folder: str | Path | None) -> Neighbors:
    """The graph that `find_neighbors` finds, by the workers of a cluster; ``folder`` keeps what is found meanwhile."""
    with connected(cluster) as found, _folder(folder) as path:
        return Spread(found, wish, path, lasts=folder is not None).searched().graph()


@contextlib.contextmanager
def _folder(folder: str | Path | None) -> Iterator[Path]:
    """Where results go; one of the user's own stays, so that who asks again gets them without a search."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="layerscape-", ignore_cleanup_errors=True) as path:
            yield Path(path)
        return
    path = Path(folder).absolute()
    new = [each for each in (path, *path.parents) if not each.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        others = [file.name for file in path.iterdir() if not is_ours(file.name)]
        if others:
            raise FileProblem(f"{path} holds other things ({others[0]}); give a new or an empty folder.")
        lock = Lock(path, wait=False, busy=f"another search writes into {path}; wait until it ends.")
    except FileProblem:
        raise
    except OSError as error:
        raise FileProblem(f"{path} cannot be a folder of results ({error.strerror}); give another one.") from None
    try:
        yield path
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # what nothing was kept in goes again
            for each in new:
                each.rmdir()


class Spread:
    """One search by a cluster."""

    def __init__(self, cluster: Cluster, wish: Asking, folder: Path, *, lasts: bool) -> None:
        self.cluster, self.wish, self.folder = cluster, wish, folder
        self.kept = f"; what was finished is kept in {folder}: run the same again" if lasts else ""
        self.told: working.Told = (folder, "", code())
        self.call = uuid4().hex  # no task of an earlier call, whose result a scheduler may still hold, is taken for one

    def searched(self) -> Blocks:
        """All blocks of results, of which those that were there already are not searched again."""
        self.cluster.check(self.folder)
        with self.cluster.problems(self.kept), self._cleared():
            a = self._standardized(self._assigned())
            a = self._looked_over(a)
            blocks = Blocks.of(a, self.wish.near, self._identity(a))
            self._give(a)
            self._search(a, blocks)
            log.info("peak memory of workers: %s", self.cluster.remember_peaks())
            return blocks

    @contextlib.contextmanager
    def _cleared(self) -> Iterator[None]:
        """What is read again at each start does not stay; and a sample that cannot be searched is said by its name."""
        try:
            yield
        except BadSample as error:
            raise self._said(error) from None
        finally:
            for name in ("vectors.bin", "queries.bin", "hashes.bin", "assignment.pickle"):
                (self.folder / name).unlink(missing_ok=True)

    def _said(self, error: BadSample) -> InvalidValue:
        name = self.source.name_of(error.row)
        if error.kind == "no direction":
            return no_direction(name)
        return not_finite(name, "" if self.source.title == "the data" else f" of {self.source.title}")

    def _assigned(self) -> Assignment:
        """What is asked, checked, and cut into blocks and shards."""
        wish = self.wish
        self.source = source = source_of(wish.x, self.folder, self._stored)
        self.cluster.everywhere(source.sent().check_here)
        n = source.n_samples
        check_width(source.n_units)
        near = leaving_out(wish.near, wish.groups, wish.lag, n)
        self.wish = replace(wish, near=near)
        rows, outside = asked_of(n, source.n_units, wish.queries)
        check_k(wish.k, n, near.apart, rows, external=outside is not None)
        check_lists_fit(len(rows), wish.k, 16)
        memory = self.cluster.memory_of_task(wish.how.memory)
        piece = Blocks.piece_before(self.folder, source, wish.k) or rows_of_piece(source, wish.k, memory)
        queries = None
        if outside is not None:
            queries = written(outside, self.folder / "queries.bin")
        elif wish.queries is not None:
            queries = StoredRows(
                RowFile(self.folder / "queries.bin", (len(rows), source.n_units), source.array.dtype), "queries"
            )
            queries.array.create()
        per_shard = pieces_of_shard(source, piece, memory)
        return Assignment(
            source.sent(), queries and queries.sent(), self.folder, piece, per_shard, near,
            replace(wish.how, memory=memory, threads=wish.how.threads or 1), wish.k, code(),
            None if wish.queries is None else rows, drawn_of(n),
        )  # fmt: skip

    def _stored(self, delayed: Any) -> None:
        self.cluster.client.compute(delayed, sync=True)

    def _give(self, a: Assignment) -> None:
        """Tell the workers what is to be done."""
        path = a.save("assignment")
        self.told = (path, fingerprint([path.read_bytes()])[:16], a.code)

    def _task(self, function: Callable[..., Any], *given: Any, name: str, priority: int = 0, **named: Any) -> Any:
        key = f"layerscape-{function.__name__}-{self.call}-{self.told[1]}-{name}"
        resources = self.cluster.resources(self.wish.how.device)
        more = {"resources": resources} if resources and function is working.look else {}
        return self.cluster.client.submit(function, *given, key=key, priority=priority, **named, **more)

    @property
    def _ahead(self) -> int:
        return AHEAD * self.cluster.n_threads

    def _standardized(self, a: Assignment) -> Assignment:
        """With the scales of units, from sums that are taken where the samples are and added in their order."""
        self._give(a)
        if not a.near.standardize:
            return a

        def known(shard: int) -> Any:
            return self._task(working.digests, self.told, shard, name=str(shard))

        digests = [found for _, found in self.cluster.each(known, range(a.n_shards), self._ahead)]
        step = rows_of_block(a.source.n_units)
        some = list(slices(-(-a.n_samples // step), 4))

        def over(function: Any) -> Iterator[np.ndarray]:
            called = fingerprint([function.func.__name__])[:6]

            def start(part: slice) -> Any:
                return self._task(
                    working.sums_of, self.told, function, part.start, part.stop, name=f"{called}-{part.start}"
                )

            for _, found in self.cluster.each(start, some, self._ahead):
                yield from found

        first = a.source.read(slice(0, 1))
        check_finite(first, 0)
        scales = scales_over(first.astype(np.float64)[0], a.n_samples, a.source.title, over)
        # By these digests the look that follows tells whether the sums are of what is there.
        return replace(a, scales=scales, digests=tuple(digest for each in digests for digest in each))

    def _looked_over(self, a: Assignment) -> Assignment:
        """With what one look at all samples tells: digests, who is a copy of whom, and the scale."""
        (self.folder / "hashes.bin").write_bytes(b"")
        self._give(a)

        def start(shard: int) -> Any:
            return self._task(working.look_over, self.told, shard, name=str(shard))

        seen = [found for _, found in self.cluster.each(start, range(a.n_shards), self._ahead)]
        a = replace(a, digests=tuple(digest for each in seen for digest in each.digests))
        census = self._census(a)
        sample = np.concatenate([each.sample for each in seen])[no_copies(census.heads_of(a.drawn) == a.drawn)]
        edges = [edge for each in seen for edge in (each.low, each.high)]
        precisions = [a.seen(a.source.read(slice(0, 1))).precision]
        if a.outside and a.queries is not None:
            edges += self._look_at_queries(a)
            precisions.append(a.seen(a.queries.read(slice(0, 1))).precision)
        return replace(a, census=census, scale=scale_of(sample, edges, precisions))

    def _look_at_queries(self, a: Assignment) -> list[np.ndarray]:
        """The extent of points that are asked for."""
        assert a.queries is not None
        own = replace(a, source=a.queries, queries=None, digests=(), drawn=np.empty(0, np.int64))
        self._give(own)
        source, self.source = self.source, a.queries

        def start(shard: int) -> Any:
            return self._task(working.look_at_queries, self.told, shard, name=str(shard))

        seen = [found for _, found in self.cluster.each(start, range(own.n_shards), self._ahead)]
        self.source = source
        return [edge for each in seen for edge in (each.low, each.high)]

    def _census(self, a: Assignment) -> Census:
        """Who is a copy of whom: rows of one hash, which are compared where they are."""
        later, heads = suspects(lambda: np.fromfile(self.folder / "hashes.bin", np.uint64))
        if len(later):
            self._give(a)
            cuts = np.flatnonzero(np.diff(later // (a.piece * a.per_shard))) + 1
            parts = list(zip(np.split(later, cuts), np.split(heads, cuts), strict=True))

            def start(part: tuple[np.ndarray, np.ndarray]) -> Any:
                return self._task(working.compare, self.told, *part, name=str(part[0][0]))

            equal = np.concatenate([found for _, found in self.cluster.each(start, parts, self._ahead)])
            later, heads = told_apart(later, heads, equal, partial(working.row_bytes, self.told))
        return Census(a.n_samples, later, heads, a.near.apart)

    def _identity(self, a: Assignment) -> str:
        """What tells this search from any other: the samples, the queries, and what is near."""
        asked = b"" if a.rows is None else np.ascontiguousarray(a.rows, "<i8").tobytes()
        outside: list[str] = []
        if a.outside and a.queries is not None:
            every = slices(a.n_queries, a.piece)
            outside = [fingerprint([a.queries.read(rows).tobytes()]) for rows in every]
        shape = (a.n_samples, a.source.n_units, str(a.source.array.dtype), a.piece, a.k, a.near.key, a.code)
        return fingerprint([json.dumps(shape), *a.digests, asked, *outside])

    def _search(self, a: Assignment, blocks: Blocks) -> None:
        """Search the blocks that are not there, some at a time, and tell of each that is done."""
        tell = at_most(a.n_queries, self.wish.progress)
        left = [block for block in range(a.n_blocks) if block not in blocks.names]
        tell(sum(_length(a.block(block)) for block in blocks.names))
        at_once = max(2, 1 + self._ahead // a.n_shards)
        running: dict[Any, int] = {}
        waiting = iter(left)
        try:
            while True:
                while len(running) < at_once and (block := next(waiting, None)) is not None:
                    running[self._start(a, block)] = block
                if not running:
                    return
                for future in self.cluster.wait(running):
                    blocks.names[running[future]] = future.result()
                    tell(_length(a.block(running.pop(future))))
        finally:
            self.cluster.cancel(running)

    def _start(self, a: Assignment, block: int) -> Any:
        """The tasks of a block: it is looked for in every shard, and the lists are merged as a tree."""
        looks = [
            self._task(working.look, self.told, block, shard, name=f"{block}-{shard}", priority=-block)
            for shard in range(a.n_shards)
        ]
        level = 0
        while len(looks) > 1:
            level += 1
            looks = [
                self._task(working.merge, *looks[some], name=f"{block}-{level}-{some.start}", priority=-block)
                for some in slices(len(looks), FAN)
            ]
        return self._task(working.close, self.told, block, looks[0], name=str(block), priority=-block)


def _length(where: slice) -> int:
    return where.stop - where.start
