"""What the workers of a cluster are told of a search, and what they read: written once where all of them see it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.frame import Scales, Standardized
from layerscape.core.nearness import Nearness
from layerscape.core.representation import Representation
from layerscape.core.resources import Resources
from layerscape.errors import FileProblem, InvalidValue
from layerscape.search.census import Census
from layerscape.search.members import Asked
from layerscape.search.rows import Rows, Scale, drawn_of
from layerscape.search.sources import StoredRows, digest_of, put_whole

SHARE_OF_SHARD, SHARE_OF_PIECE = 4, 16  # parts of the memory of a task
PER_NEIGHBOR = 64  # bytes of a list while it is made
FEWEST_ROWS, MOST_ROWS = 16, 8192  # of a piece


class BadSample(Exception):
    """A sample that cannot be searched: NaN or infinite, or without direction (``kind``), and its row."""

    def __init__(self, kind: str, row: int):
        super().__init__(kind, row)
        self.kind, self.row = kind, row


@dataclass(frozen=True, eq=False)
class Assignment:
    """A search of queries among samples, cut into blocks of queries and shards of samples.

    Attributes
    ----------
    source, queries
        Where the samples are, and the queries; None where all samples are asked.
    folder
        Where results go.
    piece, per_shard
        Rows that are read and proven together, and how many such pieces make a shard. A piece of all samples, or as
        many of the queries, is a block.
    near, how
        What is near, and how it is computed; ``how.memory`` is what one task may take.
    k
        How many neighbors each query gets.
    code
        What tells the version of the code that all must run.
    rows
        Rows of the queries, −1 for points that are none; None where all samples are asked.
    drawn
        Rows that are drawn of all, from which center and scale are taken.
    scales
        What brings units to one scale, where they are.
    digests
        Of every piece, what it was when it was looked over.
    census, scale
        Who is a copy of whom, and how rows are centered and scaled; both are known after all were looked over.
    """

    source: StoredRows
    queries: StoredRows | None
    folder: Path
    piece: int
    per_shard: int
    near: Nearness
    how: Resources
    k: int
    code: str
    rows: np.ndarray | None = None
    drawn: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    scales: Scales | None = None
    digests: tuple[str, ...] = ()
    census: Census | None = None
    scale: Scale | None = None

    @property
    def n_samples(self) -> int:
        return self.source.n_samples

    @property
    def n_queries(self) -> int:
        return self.n_samples if self.rows is None else len(self.rows)

    @property
    def n_blocks(self) -> int:
        return -(-self.n_queries // self.piece)

    @property
    def n_shards(self) -> int:
        return -(-self.n_samples // (self.piece * self.per_shard))

    @property
    def outside(self) -> bool:
        """Whether the queries are points of their own."""
        return self.rows is not None and bool((self.rows < 0).all())

    def block(self, number: int) -> slice:
        """Which queries are a block."""
        return slice(number * self.piece, min((number + 1) * self.piece, self.n_queries))

    def pieces(self, shard: int) -> Iterator[tuple[int, slice]]:
        """The pieces of a shard by number, and their rows."""
        first = shard * self.per_shard
        for number in range(first, min(first + self.per_shard, -(-self.n_samples // self.piece))):
            yield number, slice(number * self.piece, min((number + 1) * self.piece, self.n_samples))

    def asked(self, block: int) -> np.ndarray:
        """The rows of the queries of a block, −1 where they are none."""
        where = self.block(block)
        return np.arange(where.start, where.stop) if self.rows is None else self.rows[where]

    def units(self, block: int) -> tuple[np.ndarray, Asked, np.ndarray]:
        """The queries of a block that differ: their places in it, the point of each, and which each query is."""
        census, rows = self.census, self.asked(block)
        assert census is not None
        if self.outside:
            every, none = np.arange(len(rows)), np.zeros(len(rows), np.int64)
            return every, Asked(none - 1, none + 1, none), every
        return census.units(rows)

    def values(self, block: int) -> np.ndarray:
        """The queries of a block as they are stored."""
        where = self.block(block)
        return self.proven(block, where) if self.queries is None else self.queries.read(where)

    def read(self, shard: int) -> Iterator[tuple[int, slice, np.ndarray]]:
        """The pieces of a shard by number, their rows, and these as they are stored; they are read at once."""
        every = list(self.pieces(shard))
        first = every[0][1].start
        values = self.source.read(slice(first, every[-1][1].stop))
        for piece, rows in every:
            yield piece, rows, self.checked(piece, rows, values[rows.start - first : rows.stop - first])

    def proven(self, piece: int, rows: slice) -> np.ndarray:
        """A piece as it is stored."""
        return self.checked(piece, rows, self.source.read(rows))

    def checked(self, piece: int, rows: slice, found: np.ndarray) -> np.ndarray:
        """A piece; raises if it is not what it was when all were looked over."""
        if self.digests and digest_of(found) != self.digests[piece]:
            raise FileProblem(
                f"rows {rows.start}..{rows.stop - 1} of {self.source.title} were changed during the search; "
                "search again when nothing writes there."
            )
        return found

    def points(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows of a shard that are no copies of earlier ones, as they are stored, and the number of each point."""
        assert self.census is not None
        blocks, numbers = [], []
        for _, rows, values in self.read(shard):
            every = np.arange(rows.start, rows.stop)
            heads = self.census.heads_of(every) == every
            blocks.append(values if heads.all() else values[heads])
            numbers.append(self.census.points_of(every[heads]))
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks), np.concatenate(numbers)

    def seen(self, values: np.ndarray) -> Rows:
        """Rows as the search sees them."""
        matrix: Any = Representation(values)
        if self.scales is not None:
            matrix = Representation(Standardized(matrix, *self.scales))
        rows = Rows(matrix, self.near.metric)
        if self.scale is not None:
            self.scale.of(rows)
        return rows

    def first_points(self, values: np.ndarray) -> Rows:
        """The points of a shard, and some of them at random for first limits."""
        points = self.seen(values)
        points.drawn = drawn_of(points.n_points)
        points.sample = points.read(points.drawn).astype(np.float64)
        return points

    def save(self, name: str) -> Path:
        """Write it where the workers read it."""
        return put_whole(self.folder / f"{name}.pickle", pickle.dumps(self))


def rows_of_piece(source: StoredRows, k: int, memory: int) -> int:
    """How many rows are read together, which are those of a block too: whole chunks, or equal parts of one."""
    if source.together * source.row_bytes > memory // 2:
        raise InvalidValue(
            f"{source.title} is stored in chunks of {source.together} rows, {source.together * source.row_bytes:,} "
            f"bytes each, and a task may take {memory:,}; store smaller chunks, or give more memory."
        )
    rows = memory // SHARE_OF_PIECE // (8 * source.n_units + PER_NEIGHBOR * k)
    rows = int(np.clip(rows, FEWEST_ROWS, MOST_ROWS))
    if rows >= source.together:
        return rows - rows % source.together
    parts = range(-(-source.together // rows), 2 * -(-source.together // rows) + 1)
    return next((source.together // part for part in parts if source.together % part == 0), rows)


def pieces_of_shard(source: StoredRows, piece: int, memory: int) -> int:
    """How many pieces are searched together: those of whole chunks, where they are not too large."""
    most = max(1, memory // SHARE_OF_SHARD // (piece * max(source.row_bytes, 4 * source.n_units)))
    of_chunk = max(1, source.together // piece)
    return most - most % of_chunk if most >= of_chunk else most


@lru_cache(2)
def assignment_at(path: Path, state: str) -> Assignment:
    """What was written there; ``state`` tells one search from another in the same place."""
    found: Assignment = pickle.loads(path.read_bytes())
    found.source.check_here()  # of a worker that came later nobody has asked it
    return found


def check_finite(values: np.ndarray, first: int) -> None:
    """Raise at the first sample that has a value that is NaN or infinite."""
    if values.dtype.kind == "f" and not (good := np.isfinite(values).all(axis=1)).all():
        raise BadSample("not finite", first + int(np.argmin(good)))


def check_direction(rows: Rows, first: int) -> None:
    """Raise at the first row of zeros, where directions are compared."""
    if rows.metric == "cosine" and not (some := rows.representation.stored(slice(None)).any(axis=1)).all():
        raise BadSample("no direction", first + int(np.argmin(some)))
