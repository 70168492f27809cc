"""From neighbors among distinct rows to neighbors among all rows, each copy at its own place.

Engines search distinct rows only, so that data full of copies (a constant token, padding, repeated samples) cost less
and not more, and a border of thousands of tied copies is kept as one number.
"""

from __future__ import annotations

import numpy as np

from layerscape.search.engine import Found

ENTRIES_AT_ONCE = 2**22


def expand(
    found: Found, own: np.ndarray, which: np.ndarray, query_rows: np.ndarray, copies: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Neighbors of all queries among all samples.

    Parameters
    ----------
    found
        Neighbors of distinct queries among groups of equal samples.
    own
        For each distinct query its group, or −1.
    which
        For each query its row in ``found``.
    query_rows
        For each query its sample, or −1.
    copies
        For each sample the number of its group of equal rows.
    k
        How many neighbors each query gets.

    Returns
    -------
    squared, indices, border_starts, border_copies
        As in `Neighbors`, with squared distances.
    """
    sizes = np.bincount(copies)
    order = np.argsort(copies, kind="stable")
    heads_at = np.cumsum(sizes) - sizes
    heads = order[heads_at]
    special = np.bincount(found.border_rows, minlength=len(own)) > 0
    if sizes.max() > 1:
        special |= (sizes[found.indices] > 1).any(axis=1) | ((own >= 0) & (sizes[own] > 1))
    if len(sizes) == len(copies) and not special.any() and np.array_equal(which, np.arange(len(own))):
        return found.squared, found.indices, np.zeros(len(which) + 1, np.int64), np.empty(0, np.int64)
    squared, indices = np.empty((len(which), k)), np.empty((len(which), k), np.int64)
    starts, borders = np.zeros(len(which) + 1, np.int64), [np.empty(0, np.int64)]
    plain = np.flatnonzero(~special[which])
    step = max(1, ENTRIES_AT_ONCE // (k + 1))
    for rows in (plain[first : first + step] for first in range(0, len(plain), step)):
        # Groups of one member are in the order of their members.
        squared[rows], indices[rows] = found.squared[which[rows], :k], heads[found.indices[which[rows], :k]]
    rest = np.flatnonzero(special[which])
    some = np.minimum(sizes, k + 1)  # of each group these suffice; the query itself may be one of them
    step = max(1, step // int(some.max()))
    for rows in (rest[first : first + step] for first in range(0, len(rest), step)):
        chosen = which[rows]
        near, far = found.indices[chosen], found.squared[chosen]
        if own.min(initial=0) >= 0:  # a query's own group comes first: its copies are neighbors at distance 0
            near = np.concatenate([own[chosen, None], near], axis=1)
            far = np.concatenate([np.zeros((len(rows), 1)), far], axis=1)
        squared[rows], indices[rows] = _members(near, far, query_rows[rows], order, heads_at, some, k)
        counts, border = _border(found, chosen, near, far, np.sqrt(squared[rows]), sizes, query_rows[rows])
        starts[rows + 1] = counts
        borders.append(border)
    return squared, indices, np.cumsum(starts), np.concatenate(borders)


def _members(
    near: np.ndarray,
    far: np.ndarray,
    query_rows: np.ndarray,
    order: np.ndarray,
    heads_at: np.ndarray,
    some: np.ndarray,
    k: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The first k members of the groups ``near``, by (distance, index), without the query itself.

    Of each group ``some`` members are enough, from place ``heads_at`` of ``order`` on: they are in order of the index.
    """
    counts = some[near]
    needed = np.cumsum(counts, axis=1) - counts <= k
    last = np.where(needed, far, -1).max(axis=1)
    # Whole ties, or their members would not be in the order of the index.
    counts = np.where(far <= last[:, None], counts, 0).ravel()
    row = np.repeat(np.repeat(np.arange(len(near)), near.shape[1]), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    sample = order[np.repeat(heads_at[near.ravel()], counts) + offset]
    value = np.repeat(far.ravel(), counts)
    other = sample != query_rows[row]
    row, sample, value = row[other], sample[other], value[other]
    nearest = np.lexsort((sample, value, row))
    begin = np.searchsorted(row[nearest], np.arange(len(near)))
    chosen = nearest[begin[:, None] + np.arange(k)]
    return value[chosen], sample[chosen]


def _border(
    found: Found,
    chosen: np.ndarray,
    near: np.ndarray,
    far: np.ndarray,
    distances: np.ndarray,
    sizes: np.ndarray,
    query_rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The groups at the distance of the last column, for the queries whose columns do not hold all their members, and
    how many each query has.
    """
    last = distances[:, -1:]
    # Groups that tie with the last column are either listed, in `near` …
    tied = np.sqrt(far) == last
    rows, columns = np.nonzero(tied)
    entries = near[rows, columns]
    # … or in the border of the list, which is as far as its last group: only if that ties does the border tie.
    order = np.argsort(found.border_rows, kind="stable")
    sorted_rows = found.border_rows[order]
    first, stop = np.searchsorted(sorted_rows, chosen), np.searchsorted(sorted_rows, chosen, side="right")
    reaches = np.where(tied[:, -1], stop - first, 0)
    more_rows = np.repeat(np.arange(len(chosen)), reaches)
    offset = np.arange(reaches.sum()) - np.repeat(np.cumsum(reaches) - reaches, reaches)
    more = found.border[order[np.repeat(first, reaches) + offset]]
    rows, entries = np.concatenate([rows, more_rows]), np.concatenate([entries, more])
    # They have so many members; where the columns at that distance are fewer, some members lie beyond the last column.
    total = np.bincount(rows, weights=sizes[entries], minlength=len(chosen))
    total -= (last[:, 0] == 0) & (query_rows >= 0)  # its own group counts the query too
    beyond = total > (distances == last).sum(axis=1)
    rows, entries = rows[beyond[rows]], entries[beyond[rows]]
    return np.bincount(rows, minlength=len(chosen)), entries[np.argsort(rows, kind="stable")]
