"""What lists could not prove, searched again: tight clusters around themselves, the rest by finer bounds.

Bounds are wrong by a share of the squared lengths, so that points far from the center and near to each other cannot be
told apart. With the center among them they are short. Every neighbor of such a query lies within its distance from the
new center and the upper bound of its k-th distance, by the triangle inequality: a search among the points that do is a
search among all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from layerscape.search import kernels
from layerscape.search.complete import complete
from layerscape.search.distances import padded
from layerscape.search.engine import Found, Job, Windows, joined
from layerscape.search.rows import SAMPLE, Rows, exponent_of

Search = Callable[[Job], Found]
FEWEST = 64  # queries for which all points are looked at once more
MOST_CLUSTERS = 32
NEARER = 1 / 4  # of its distance from the center: how far a cluster may reach
MORE = 1 + 1e-6  # far above what rounding in float64 can do to a distance
TIGHTEST = 2.0**-400  # in the scale of bounds: below, squares would underflow


def again(job: Job, rows: np.ndarray, upper: np.ndarray, search: Search, finer: Search | None) -> Found:
    """The k nearest of all points for the queries ``rows``, of which ``upper`` is as in `complete`.

    Parameters
    ----------
    search
        Searches around another center.
    finer
        Searches with finer bounds; without it, and for few queries, `complete` does.
    """
    parts = []
    left = np.arange(len(rows))
    for members, cluster, numbers in _clusters(job, rows, upper):
        found = search(cluster)
        parts.append((members, replace(found, indices=numbers[found.indices], border=numbers[found.border])))
        left = np.setdiff1d(left, members, assume_unique=True)
    if len(left):
        mine = rows[left]
        if finer is None or len(left) < FEWEST:
            found = complete(job, mine, upper[left])
        elif job.symmetric and 2 * len(left) > job.queries.n_points:  # each pair once is less than all of most rows
            found = finer(job).some(mine)
        else:
            found = finer(some_queries(job, mine))
        parts.append((left, found))
    return joined(parts, len(rows), job.k)


def some_queries(job: Job, rows: np.ndarray) -> Job:
    """The same search for some of the queries."""
    w = job.windows
    windows = Windows(w.low[rows], w.high[rows], w.first, w.last)
    queries = job.queries.take(rows)
    return replace(job, queries=queries, own=job.own[rows], windows=windows, progress=lambda _: None)


def _clusters(job: Job, rows: np.ndarray, upper: np.ndarray) -> Iterator[tuple[np.ndarray, Job, np.ndarray]]:
    """Searches around other centers: places in ``rows`` that each is for, the search, and the numbers of its points."""
    center, scale = job.points.frame
    far = NEARER * _distances(job, job.queries.take(rows), center[None].astype(job.points.precision))
    near = np.sqrt(upper)
    left = np.flatnonzero(near <= far)
    for _ in range(MOST_CLUSTERS):
        if len(left) < FEWEST:
            return
        chosen = left[len(left) // 2]
        middle = job.queries.read(rows[[chosen]])
        apart = _distances(job, job.queries.take(rows[left]), middle)
        inside = np.maximum(apart, near[left]) <= far[chosen]
        members, left = left[inside], left[~inside]
        if len(members) < FEWEST:
            continue
        radius = float((apart[inside] + near[members]).max()) * MORE
        numbers = np.flatnonzero(_distances(job, job.points, middle) <= radius)
        if radius * scale > TIGHTEST and 4 * len(numbers) <= 3 * job.points.n_points:
            yield members, _around(job, rows[members], numbers, middle[0], radius), numbers


def _distances(job: Job, rows: Rows, middle: np.ndarray) -> np.ndarray:
    """Of all rows from one."""
    squared, x = np.empty(rows.n_points), np.ascontiguousarray(padded(middle))

    def look(block: slice) -> None:
        y = rows.whole_lanes(block)
        kernels.exact_pairs(x, y, np.zeros(len(y), np.int64), np.arange(len(y)), squared[block])

    job.pool.all(look, rows.blocks())
    return np.sqrt(squared)


def _around(job: Job, rows: np.ndarray, numbers: np.ndarray, middle: np.ndarray, radius: float) -> Job:
    """The search for some queries among some points, with the center among them."""
    points, w = job.points.take(numbers), job.windows
    points.center, points.reach = np.ldexp(middle, points.exponent), exponent_of(radius) + points.exponent
    points.drawn = np.sort(np.random.default_rng(0).permutation(len(numbers))[:SAMPLE])
    points.sample = points.read(points.drawn).astype(np.float64)
    places = np.searchsorted(numbers, job.own[rows])
    if len(rows) == len(numbers) and np.array_equal(numbers, job.own[rows]):
        queries = points
    else:
        queries = job.queries.take(rows)
        queries.center, queries.reach = points.center, points.reach
    return replace(
        job,
        points=points,
        queries=queries,
        own=np.where(job.own[rows] < 0, -1, places),
        windows=Windows(w.low[rows], w.high[rows], w.first[numbers], w.last[numbers]),
        progress=lambda _: None,
    )
