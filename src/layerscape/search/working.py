"""What a worker of a cluster does for a search: it looks samples over, searches blocks in shards, and writes results.

Every function gets the path of the `Assignment` and what tells it from others, and returns what is small; the lists of
a block go from worker to worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from layerscape.core.lock import hold
from layerscape.core.representation import Representation, rows_of_block
from layerscape.core.threads import workers
from layerscape.errors import FileProblem, LayerscapeError
from layerscape.search.assignment import Assignment, BadSample, assignment_at, check_direction, check_finite
from layerscape.search.blocks import write_block
from layerscape.search.copies import Expanded, expand
from layerscape.search.distances import distances_of
from layerscape.search.engine import Found, Job, nothing_found
from layerscape.search.engines import engine_for
from layerscape.search.members import Asked, QueryPart, parts
from layerscape.search.merging import NONE, NearestPoints, merged, of_parts
from layerscape.search.rows import Rows
from layerscape.search.same import check_code
from layerscape.search.sources import digest_of, slices

Task = TypeVar("Task", bound=Callable[..., Any])
Told = tuple[Path, str, str]  # where the assignment is, what tells it from others, and which code it is for


def assigned(told: Told) -> Assignment:
    """The assignment, for a worker that runs the code that it is for."""
    path, state, code = told
    check_code(code)
    return assignment_at(path, state)


def refusing(task: Task) -> Task:
    """A task whose refusal is its result: what is raised, every worker writes into its log."""

    @wraps(task)
    def found(*given: Any) -> Any:
        try:
            return task(*given)
        except (BadSample, LayerscapeError) as error:
            return error
        except OSError as error:  # as where the folder of results is gone
            return FileProblem(f"a worker cannot read or write what a search needs: {error}.")

    return found  # type: ignore[return-value]


@dataclass(frozen=True)
class Glance:
    """What a shard looks like: the digest of each piece, the extent of its columns, the rows of it that were drawn."""

    digests: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray
    sample: np.ndarray


@refusing
def digests(told: Told, shard: int) -> tuple[str, ...]:
    """The digests of the pieces of a shard."""
    return tuple(digest_of(values) for _, _, values in assigned(told).read(shard))


@refusing
def sums_of(told: Told, function: Callable[[np.ndarray], np.ndarray], first: int, last: int) -> list[np.ndarray]:
    """What a function gives of some of the blocks by which a representation is read, in their order."""
    a = assigned(told)
    every = list(slices(a.n_samples, rows_of_block(a.source.n_units)))
    found = []
    for rows in every[first:last]:
        values = a.source.read(rows)
        check_finite(values, rows.start)
        found.append(function(Representation(values).read(slice(None))))
    return found


@refusing
def look_over(told: Told, shard: int) -> Glance:
    """Read a shard once: digests, extent, a sample; hashes of its rows, and the queries among them, go to files."""
    a = assigned(told)
    seen, hashes = _looked_at(a, shard)
    with (a.folder / "hashes.bin").open("r+b") as file:
        hold(file)
        file.seek(8 * shard * a.piece * a.per_shard)
        file.write(np.concatenate(hashes).tobytes())
    return seen


@refusing
def look_at_queries(told: Told, shard: int) -> Glance:
    """The same of points that are asked for, which are the samples of this assignment; nothing is written."""
    return _looked_at(assigned(told), shard)[0]


def _looked_at(a: Assignment, shard: int) -> tuple[Glance, list[np.ndarray]]:
    """What a shard looks like, and the hashes of its rows."""
    drawn, seen, hashes = a.drawn, [], []
    asked = None if a.queries is None or a.rows is None or a.outside else np.argsort(a.rows, kind="stable")
    for _, rows, values in a.read(shard):
        check_finite(values, rows.start)
        seen_so = a.seen(values)
        check_direction(seen_so, rows.start)
        here = slice(*np.searchsorted(drawn, [rows.start, rows.stop]))
        with workers(a.how.n_threads) as pool:
            found, low, high, sample = seen_so.look(pool, drawn[here] - rows.start)
        seen.append((digest_of(values), low, high, sample))
        hashes.append(found)
        if asked is not None:
            _put_queries(a, values, rows, asked)
    digests, low, high, sample = zip(*seen, strict=True)
    return Glance(digests, np.min(low, axis=0), np.max(high, axis=0), np.concatenate(sample)), hashes


def _put_queries(a: Assignment, values: np.ndarray, rows: slice, order: np.ndarray) -> None:
    """Those of the rows that are asked for go to their places among the queries."""
    assert a.rows is not None
    assert a.queries is not None
    here = order[slice(*np.searchsorted(a.rows[order], [rows.start, rows.stop]))]
    for place in here:
        row = int(a.rows[place]) - rows.start
        a.queries.array[place : place + 1] = values[row : row + 1]


def compare(told: Told, later: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Whether rows are equal to earlier ones, pair by pair, as the search sees them."""
    a = assigned(told)
    equal = np.empty(len(later), bool)
    for piece in np.unique(later // a.piece):
        mine = np.flatnonzero(later // a.piece == piece)
        x = _rows_of(a, int(piece)).read(later[mine] - piece * a.piece)
        for other in np.unique(heads[mine] // a.piece):
            some = heads[mine] // a.piece == other
            y = _rows_of(a, int(other)).read(heads[mine[some]] - other * a.piece)
            equal[mine[some]] = (x[some] == y).all(axis=1)
    return equal


def row_bytes(told: Told, row: int) -> bytes:
    """One row as the search sees it, where copies have equal bytes."""
    a = assigned(told)
    piece = row // a.piece
    return (_rows_of(a, piece).read(np.array([row - piece * a.piece])) + 0.0).tobytes()


def _rows_of(a: Assignment, piece: int) -> Rows:
    """A piece, as the search sees it."""
    return a.seen(a.proven(piece, slice(piece * a.piece, min((piece + 1) * a.piece, a.n_samples))))


def look(told: Told, block: int, shard: int) -> NearestPoints:
    """The nearest points of a shard for the queries of a block that differ."""
    a = assigned(told)
    assert a.census is not None
    places, asked, _ = a.units(block)
    values, numbers = a.points(shard)
    if not len(numbers):
        return NearestPoints.empty(len(places), a.k)
    own = np.minimum(np.searchsorted(numbers, asked.own), len(numbers) - 1)
    own = np.where(numbers[own] == asked.own, own, NONE)
    found: list[tuple[QueryPart, Found]] = []
    engine = engine_for(a.how.device, len(places) * len(numbers) * a.source.n_units)
    points, queries = a.first_points(values), a.seen(a.values(block)[places])
    members, _ = a.census.members(numbers)
    with workers(a.how.n_threads) as pool:
        for among in (own >= 0, own < 0):  # their own point is among those of the shard, or is not
            units = np.flatnonzero(among)
            for part in parts(members, Asked(own, asked.low, asked.high)[units], a.k) if len(units) else ():
                every = len(part.asked.own) == len(numbers) and (part.asked.own == np.arange(len(numbers))).all()
                unit_of = np.zeros(len(part.asked.own), np.int64)
                unit_of[part.places] = units[part.units]
                some = points if every else queries.take(unit_of)
                windows = members.windows(part.asked)
                job = Job(points, some, part.asked.own, windows, part.k, a.how.memory // 2, pool, lambda _: None)
                result = engine(job) if part.k else nothing_found(some.n_points)
                found.append((replace(part, units=units[part.units]), result))
    return of_parts(found, len(places), a.k, numbers)


def merge(*lists: NearestPoints) -> NearestPoints:
    """The lists among the points of several shards."""
    return merged(list(lists))


def close(told: Told, block: int, lists: NearestPoints) -> str:
    """Put the copies back, and write the neighbors of a block into a file that is named after its contents."""
    a = assigned(told)
    listed = _expanded(a, block, lists)
    assert a.scale is not None
    arrays = {
        "indices": listed.indices,
        "distances": distances_of(listed.squared, a.scale.exponent),
        "border_starts": listed.border_starts,
        "border_copies": listed.border_copies,
    }
    if a.n_samples <= np.iinfo(np.int32).max:
        arrays["indices"] = arrays["indices"].astype(np.int32)
    return write_block(a.folder, block, arrays)


def _expanded(a: Assignment, block: int, lists: NearestPoints) -> Expanded:
    """Neighbors among all samples: of those that occur only, which are numbered anew."""
    assert a.census is not None
    first, units, which = a.units(block)
    known = (lists.indices[lists.indices != NONE], lists.border, units.own[units.own >= 0])
    points = np.unique(np.concatenate(known))
    members, samples = a.census.members(points)
    if a.outside:
        asked, of_asked = members.outside(len(which))
    else:
        asked, of_asked = members.asked(np.searchsorted(samples, a.asked(block)))
    # Where samples are kept apart, those that differ are what is asked; else every query is, and copies share a list.
    place = which if len(asked.own) == len(which) and a.near.apart is None else np.arange(len(first))
    engine = asked[np.unique(place, return_index=True)[1]]
    widths = (lists.indices != NONE).sum(axis=1)
    found = []
    for width in np.unique(widths[place]):
        mine = np.flatnonzero(widths[place] == width)
        chosen, places = np.unique(place[mine], return_inverse=True)
        some = np.isin(lists.border_rows, chosen)
        result = Found(
            np.searchsorted(points, lists.indices[chosen, :width]),
            lists.squared[chosen, :width],
            np.searchsorted(chosen, lists.border_rows[some]),
            np.searchsorted(points, lists.border[some]),
            lists.border_squared[some],
        )
        found.append((QueryPart(engine[chosen], int(width), mine, places), result))
    listed = expand(found, members, asked, a.k).take(of_asked)
    return replace(listed, indices=samples[listed.indices], border_copies=points[listed.border_copies])
