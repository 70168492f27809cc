"""Inner loops over bounds of distances: rows made ready, tiles of a matrix product looked through."""

from __future__ import annotations

import numpy as np

from layerscape.core.jit import compiled, compiled_in_any_order
from layerscape.search.kernels.lists import cut


@compiled
def overview_rows(x, low, high, hashes):
    """Smallest and largest value of every column, a hash of every row; the first row with a value not finite, or −1."""
    low[:], high[:] = np.inf, -np.inf
    for i in range(len(x)):
        mark, finite = np.uint64(0x9E3779B97F4A7C15), 0.0
        for j in range(x.shape[1]):
            value = np.float64(x[i, j]) + 0.0  # −0.0 becomes 0.0
            finite += value - value
            mark = (mark ^ np.float64(value).view(np.uint64)) * np.uint64(0xD6E8FEB86659FD93)
            mark ^= mark >> np.uint64(32)
        if finite != 0:
            return i
        hashes[i] = mark
        for j in range(x.shape[1]):
            low[j] = min(low[j], x[i, j])
            high[j] = max(high[j], x[i, j])
    return -1


@compiled
def center_rows(x, center, scale, share, rows, halves):
    """(x − center)·scale in float32, and half of each squared length times ``share``."""
    for i in range(len(x)):
        for j in range(x.shape[1]):
            rows[i, j] = np.float32((x[i, j] - center[j]) * scale)
        halves[i] = np.float32(product(rows[i], rows[i]) * 0.5 * share)


@compiled_in_any_order
def product(a, b):
    """Of two rows, in float64, summed in any order."""
    total = 0.0
    for j in range(len(a)):
        total += np.float64(a[j]) * np.float64(b[j])
    return total


@compiled
def guess_limits(products, row_halves, column_halves, rank, limits):
    """Set each row's limit to about the ``rank``-th smallest bound of a tile, from the minima of groups of columns."""
    n_rows, n_columns = products.shape
    n_groups = min(n_columns, 8 * rank)
    minima = np.empty(n_groups, np.float32)
    for i in range(n_rows):
        minima[:] = np.inf
        for start in range(0, n_columns - n_groups + 1, n_groups):
            row, halves = products[i, start : start + n_groups], column_halves[start : start + n_groups]
            for g in range(n_groups):
                minima[g] = min(minima[g], (row_halves[i] + halves[g]) - row[g])
        cut(minima, rank)
        guess = minima[rank - 1]
        if guess > 0:  # a limit of 0 would keep everything out
            limits[i] = guess


@compiled
def leave_out(products, low, high, begins, ends):
    """Make the bounds infinite of all columns whose marks ``begins`` to ``ends`` lie in the window of the row."""
    for i in range(len(products)):
        for j in range(products.shape[1]):
            if low[i] <= begins[j] and ends[j] <= high[i]:
                products[i, j] = -np.inf


@compiled
def scan(
    products, row_halves, column_halves, row_limits, column_limits, own, low, high, begins, ends, first, mirrored,
    position, hits, values
):  # fmt: skip
    """Collect the pairs of a tile whose bound is below the limit of their row or, from column ``mirrored`` on, of their
    column, but for those that the windows of the rows leave out. Goes on from row ``position[0]``, and stops early when
    ``hits`` is full.

    Returns how many were found; ``hits`` holds row and column within the tile, ``values`` the bounds.
    """
    n_rows, n_columns = products.shape
    below = np.zeros((n_columns + 7) // 8 * 8, np.uint8)
    words = below.view(np.uint64)
    found = 0
    for i in range(position[0], n_rows):
        if found + n_columns > len(values):
            position[0] = i
            return found
        half, limit, row = row_halves[i], row_limits[i], products[i]
        for j in range(mirrored):
            below[j] = (half + column_halves[j]) - row[j] < limit
        _mark(row[mirrored:], half, column_halves[mirrored:], limit, column_limits[mirrored:], below[mirrored:])
        itself = own[i] - first
        if 0 <= itself < n_columns:
            below[itself] = 0
        for w in range(len(words)):
            if words[w] != 0:
                for j in range(8 * w, 8 * w + 8):
                    if below[j] and not (low[i] <= begins[j] and ends[j] <= high[i]):
                        hits[found, 0] = i
                        hits[found, 1] = j
                        values[found] = max(np.float32(0), (half + column_halves[j]) - row[j])
                        found += 1
    position[0] = n_rows
    return found


@compiled
def _mark(row, half, column_halves, limit, column_limits, below):
    for j in range(len(row)):  # from 0, or numba would have each place checked for a negative sign
        below[j] = (half + column_halves[j]) - row[j] < max(limit, column_limits[j])


@compiled
def count_nearer(
    products, row_halves, column_halves, row_doubts, column_doubts, weights, places, low, high, surely, position, doubts
):  # fmt: skip
    """Add up the weights of the columns that are surely nearer to a pair's row than the pair is, and list the doubtful.

    Goes on from pair ``position[0]``, and stops early when ``doubts`` is full. Half a squared distance lies between its
    bound and that plus the doubts of row and column; below ``low`` it is nearer, above ``high`` farther.

    Returns how many doubts were found: pair and column.
    """
    n_columns = products.shape[1]
    found = 0
    for p in range(position[0], len(places)):
        if found + n_columns > len(doubts):
            position[0] = p
            return found
        half, row, nearest, farthest = row_halves[places[p]], products[places[p]], low[p], high[p]
        doubt = row_doubts[places[p]]
        near, doubtful = np.int32(0), np.int32(0)
        for j in range(n_columns):
            bound = (half + column_halves[j]) - row[j]
            surely_nearer = bound + (doubt + column_doubts[j]) < nearest
            near += weights[j] * np.int32(surely_nearer)
            doubtful += np.int32(bound <= farthest) - np.int32(surely_nearer)
        surely[p] += near
        if doubtful:
            for j in range(n_columns):
                bound = (half + column_halves[j]) - row[j]
                if bound <= farthest and not bound + (doubt + column_doubts[j]) < nearest:
                    doubts[found, 0] = p
                    doubts[found, 1] = j
                    found += 1
    position[0] = len(places)
    return found
