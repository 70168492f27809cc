"""From candidates to neighbors: exact distances, the order, and the proof that nothing was missed.

Why the result is exact. Every point outside a query's list has a *lower bound* of its distance that is at least the
list's limit: what an arithmetic can be wrong by was taken off. The distances of the list are computed again in float64
from differences of the stored values. If the limit is above the k-th of these, no other point can be nearer than it or
tie with it: the query is proven. Queries that are not proven are searched again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layerscape.core.threads import ahead
from layerscape.search import kernels
from layerscape.search.complete import complete
from layerscape.search.engine import ULPS, UNDERFLOW, Candidates, Found, Job

Again = Callable[[Job, np.ndarray, np.ndarray], Found]
LookUp = Callable[[Job, slice, np.ndarray, np.ndarray, np.ndarray], None]
PART = 512  # queries that one thread takes at a time
BLOCK_BYTES = 2**23  # of points that are looked up at a time: what the processor's cache holds


def looked_up(job: Job, panel: slice, numbers: np.ndarray, counts: np.ndarray, squared: np.ndarray) -> None:
    """Set ``squared`` to the squared distances of some queries from the first ``counts`` of ``numbers``."""
    done, parts = np.zeros(len(counts), np.int32), _parts(len(counts))
    x = job.queries.whole_lanes(panel)
    blocks = list(job.points.blocks(max(1, BLOCK_BYTES // (x.itemsize * x.shape[1]))))
    for block, y in ahead(job.points.whole_lanes, blocks):

        def look_up(part: slice, first: int = block.start, y: np.ndarray = y) -> None:
            kernels.exact_block(x[part], y, first, numbers[part], counts[part], done[part], squared[part])

        job.pool.all(look_up, parts)


def finish(job: Job, candidates: Candidates, again: Again = complete, look_up: LookUp = looked_up) -> Found:
    """The k nearest of all points for each query; those that are not proven are searched ``again``."""
    n_queries, capacity = candidates.lists.shape
    indices, squared = np.empty((n_queries, job.k), np.int64), np.empty((n_queries, job.k))
    upper = np.full(n_queries, np.inf)
    borders = []
    per_query = 16 * capacity + 8 * job.points.n_units
    for panel in job.queries.blocks(max(PART, job.memory // 2 // per_query)):
        numbers, distances, counts = _exact(job, candidates, panel, look_up, indices[panel], squared[panel])
        found = counts > 0
        upper[panel][found] = squared[panel][found, job.k - 1]
        borders.append(_beyond(numbers, distances, counts, job.k, panel.start))
    proven = 2 * candidates.limits.astype(np.float64) - UNDERFLOW > job.points.in_bound_units(upper) * ULPS
    proven |= np.isinf(candidates.limits) & np.isfinite(upper)
    rows, samples, far = (np.concatenate(parts) for parts in zip(*borders, strict=True))
    rows, samples, far = rows[proven[rows]], samples[proven[rows]], far[proven[rows]]
    left = np.flatnonzero(~proven)
    if len(left):
        other = again(job, left, upper[left])
        indices[left], squared[left] = other.indices, other.squared
        rows = np.concatenate([rows, left[other.border_rows]])
        samples = np.concatenate([samples, other.border])
        far = np.concatenate([far, other.border_squared])
    return Found(indices, squared, rows, samples, far)


def _exact(
    job: Job, candidates: Candidates, panel: slice, look_up: LookUp, indices: np.ndarray, nearest: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first k of the candidates and their squared distances.

    Returns numbers and squared distances of the candidates, in order behind the first k, and how many are among the
    first k or tie with the last of them. The distances take the place of the bounds.
    """
    counts, lists = candidates.counts[panel].copy(), candidates.lists[panel]
    numbers, squared = np.empty(lists.shape, np.int32), lists.view(np.float64)
    parts, row_doubts = _parts(len(counts)), candidates.row_doubts[panel]

    def trim(part: slice) -> None:
        kernels.trim(
            lists[part], counts[part], row_doubts[part], candidates.column_doubts, job.k, UNDERFLOW, numbers[part]
        )

    job.pool.all(trim, parts)
    look_up(job, panel, numbers, counts, squared)

    def order(part: slice) -> None:
        kernels.order(squared[part], numbers[part], counts[part], job.k, indices[part], nearest[part])

    job.pool.all(order, parts)
    return numbers, squared, counts


def _parts(n_queries: int) -> list[slice]:
    return [slice(start, min(start + PART, n_queries)) for start in range(0, n_queries, PART)]


def _beyond(
    numbers: np.ndarray, squared: np.ndarray, counts: np.ndarray, k: int, first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(queries, samples, squared distances) that tie with column k beyond it."""
    more = np.maximum(counts - k, 0)
    rows = np.repeat(np.arange(len(counts)), more)
    columns = k + np.arange(len(rows)) - np.repeat(np.cumsum(more) - more, more)
    return rows + first, numbers[rows, columns].astype(np.int64), squared[rows, columns]
