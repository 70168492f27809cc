"""Inner loops over bounds from bytes: rows rounded twice, groups of points looked through, limits guessed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from layerscape.core.jit import compiled
from layerscape.search.kernels.bounds import cut, squared_length
from layerscape.search.kernels.instructions import ROWS, below, crossed, lowest_bit, products

PIECE = 2**16  # columns whose sums of products fit int32, twice over
TINY = 2.0**-50  # rows with no larger coordinate are rounded to 0, where products of scales would be subnormal
FINER = 254  # the second bytes are in this part of the first ones' unit


class Rounded(NamedTuple):
    """Rows as bytes: x is about scale·(first + second / FINER).

    Attributes
    ----------
    first
        Shape (n + ROWS, whole 64s): with the instruction's offset, as it takes rows.
    second
        Shape (n, whole 64s), int8.
    groups
        Shape (groups, steps, points of a group, depth), int8: the first bytes as the instruction takes points.
    starts, sums
        Shape (pieces, n), int32: what the offset adds to sums of products with the first and with the second bytes of
        a row, with the sign turned.
    scales
        Shape (n + ROWS,), float32.
    coarse, fine
        Shape (n + ROWS,), float32: half of the squared length, less the row's share of what a bound from the first
        bytes, or from both, can be too high by. Infinite where there is no row.
    """

    first: np.ndarray
    second: np.ndarray
    groups: np.ndarray
    starts: np.ndarray
    sums: np.ndarray
    scales: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray


@compiled
def round_rows(block, center, scale, ratio, offset, at, rounded, doubts):
    """Put (block − center)·scale into the rows from number ``at`` on, and into ``doubts`` how far half a squared
    distance can be above its fine bound on their account. ``ratio`` is about that of e to w, see docs/search.md.
    """
    d, size, depth = block.shape[1], rounded.groups.shape[2], rounded.groups.shape[3]
    x, left = np.empty(d), np.empty(d)
    first, second = np.empty(d, np.int32), np.empty(d, np.int32)
    for i in range(len(block)):
        row, group, column = at + i, (at + i) // size, (at + i) % size
        top = 0.0
        for j in range(d):
            x[j] = (block[i, j] - center[j]) * scale
            top = max(top, abs(x[j]))
        unit = np.float32(top / 126.5) if top >= TINY else np.float32(0)
        each = np.float64(unit)
        inverse = 1 / each if each > 0 else 0.0
        for j in range(d):
            whole = np.rint(x[j] * inverse)
            first[j] = np.int32(whole)
            left[j] = x[j] - each * whole
        length, error = np.sqrt(squared_length(x)), np.sqrt(squared_length(left))
        finer, inverse = each / FINER, FINER * inverse
        for j in range(d):
            part = min(max(np.rint(left[j] * inverse), -127.0), 127.0)
            second[j] = np.int32(part)
            left[j] -= finer * part
        rest = np.sqrt(squared_length(left))
        store(first, second, row, group, column, offset, depth, rounded)
        by_first = each * np.sqrt(_squares(first))
        by_second = finer * np.sqrt(_squares(second))
        rounded.scales[row] = unit
        rounded.coarse[row], _ = _half(length, error, (length + by_first) / 2, ratio, by_first + by_second, 0.0)
        rounded.fine[row], doubts[i] = _half(
            length, rest, length + rest / 2, ratio / FINER, by_first + by_second, by_second
        )


@compiled
def _half(length, error, middle, ratio, largest, dropped):
    """Half a squared length less what a bound can be wrong by on account of the row, and twice the latter."""
    up = 1 + 2.0**-30
    error, middle = error * up + 2.0**-50 * length, middle * up
    doubt = (error * error / ratio + ratio * middle * middle + dropped * dropped * up) / 2
    half = length * length / 2
    doubt = doubt * up + 2.0**-19 * (largest * largest + half + doubt)
    return np.float32(half - doubt), np.float32(2 * doubt * (1 + 2.0**-20))


@compiled
def _squares(values):
    """The sum of squares of whole numbers."""
    total = np.int64(0)
    for j in range(len(values)):
        total += values[j] * values[j]
    return np.float64(total)


@compiled
def store(first, second, row, group, column, offset, depth, rounded):
    """Put the bytes of one row to where its products are made from."""
    for j in range(len(first)):
        rounded.first[row, j] = first[j] + offset
        rounded.second[row, j] = second[j]
        rounded.groups[group, j // depth, column, j % depth] = first[j]
    for piece in range(len(rounded.starts)):
        of_first, of_second = 0, 0
        for j in range(piece * PIECE, min(len(first), (piece + 1) * PIECE)):
            of_first += first[j]
            of_second += second[j]
        rounded.starts[piece, row] = -offset * of_first
        rounded.sums[piece, row] = -offset * of_second


@compiled
def multiply(instruction, rows, r, columns, g, out, more):
    """``out`` (ROWS, group) becomes the products of rows from number r on with those of group g."""
    size, depth = columns.groups.shape[2], columns.groups.shape[3]
    own = slice(g * size, (g + 1) * size)
    if len(columns.starts) == 1:
        products(instruction, rows.first[r : r + ROWS], columns.groups[g], columns.starts[0, own], out)  # pyright: ignore[reportCallIssue]
        return
    out[:] = 0
    for piece in range(len(columns.starts)):
        part, steps = (
            slice(piece * PIECE, (piece + 1) * PIECE),
            slice(piece * PIECE // depth, (piece + 1) * PIECE // depth),
        )
        products(  # pyright: ignore[reportCallIssue]
            instruction, rows.first[r : r + ROWS, part], columns.groups[g, steps], columns.starts[piece, own], more
        )
        out += more


@compiled
def cross(instruction, rows, i, columns, j):
    """What the second bytes of a row and a column add to their product, in units of scale·scale / FINER."""
    total = np.float32(0)
    for piece in range(len(rows.sums)):
        part = slice(piece * PIECE, (piece + 1) * PIECE)
        sum_ = crossed(  # pyright: ignore[reportCallIssue]
            instruction, rows.first[i, part], rows.second[i, part], columns.first[j, part], columns.second[j, part]
        )
        total += np.float32(np.int32(sum_ + rows.sums[piece, i] + columns.sums[piece, j]))
    return total


@compiled
def look(
    instruction, rows, r0, r1, columns, c0, c1, row_limits, column_limits, own, low, high, begins, ends, first,
    mirrored, position, hits, values, tally,
):  # fmt: skip
    """What `scan` does, for rows r0 to r1 and columns c0 to c1, where a group begins at c0; goes on from group
    ``position[0]`` and row ``position[1]``. ``tally`` adds up how many pairs passed the first bytes.
    """
    size = columns.groups.shape[2]
    out, more = np.empty((ROWS, size), np.float32), np.empty((ROWS, size), np.float32)
    limits = np.zeros(size, np.float32)
    small = np.float32(1 / FINER)
    found, g, r = 0, position[0], position[1]
    while c0 + g * size < c1:
        at, n = g * size, min(size, c1 - c0 - g * size)
        group = slice(c0 + at, c0 + at + size)
        halves, scales = columns.coarse[group], columns.scales[group]
        for j in range(size):
            limits[j] = column_limits[at + j] if j < n and at + j >= mirrored else np.float32(-np.inf)
        while r < r1:
            if found + ROWS * size > len(values):
                position[0], position[1] = g, r
                return found
            multiply(instruction, rows, r, columns, (c0 + at) // size, out, more)
            for i in range(min(ROWS, r1 - r)):
                row, scale, limit = r - r0 + i, rows.scales[r + i], row_limits[r - r0 + i]
                mask = below(instruction, rows.coarse[r + i], scale, limit, halves, scales, limits, out[i])  # pyright: ignore[reportCallIssue]
                while mask != 0:
                    j = lowest_bit(mask)
                    mask &= mask - np.uint64(1)
                    if j >= n or at + j == own[row] - first:
                        continue
                    if low[row] <= begins[at + j] and ends[at + j] <= high[row]:
                        continue
                    tally[0] += 1
                    sum_ = out[i, j] + cross(instruction, rows, r + i, columns, c0 + at + j) * small
                    bound = (rows.fine[r + i] + columns.fine[c0 + at + j]) - scale * scales[j] * sum_
                    if bound < max(limit, limits[j]):
                        hits[found, 0], hits[found, 1] = row, at + j
                        values[found] = max(np.float32(0), bound)
                        found += 1
            r += ROWS
        g, r = g + 1, r0
    position[0], position[1] = g, r
    return found


@compiled
def guess_from_bytes(instruction, rows, r0, r1, sample, n, low, high, begins, ends, apart, rank, limits):
    """Set the limits of rows r0 to r1 to about the ``rank``-th smallest bound of the n points of a sample."""
    size = sample.groups.shape[2]
    n_groups = (n + size - 1) // size
    wide = size * max(1, min(n_groups, (6 * rank + size - 1) // size))
    out, more = np.empty((ROWS, size), np.float32), np.empty((ROWS, size), np.float32)
    minima = np.empty((ROWS, wide), np.float32)
    for r in range(r0, r1, ROWS):
        minima[:] = np.inf
        for g in range(n_groups):
            multiply(instruction, rows, r, sample, g, out, more)
            at = g * size % wide
            group, points = slice(at, at + size), slice(g * size, (g + 1) * size)
            for i in range(min(ROWS, r1 - r)):
                row = r - r0 + i
                for j in range(min(size, n - g * size) if apart else 0):
                    if low[row] <= begins[g * size + j] and ends[g * size + j] <= high[row]:
                        out[i, j] = np.float32(-np.inf)
                _least(
                    minima[i, group], rows.fine[r + i], rows.scales[r + i], sample.fine[points], sample.scales[points],
                    out[i],
                )  # fmt: skip
        for i in range(min(ROWS, r1 - r)):
            cut(minima[i], rank)
            if minima[i, rank - 1] > 0:  # a limit of 0 would keep everything out
                limits[r - r0 + i] = minima[i, rank - 1]


@compiled
def _least(minima, half, scale, halves, scales, out):
    for j in range(len(minima)):
        minima[j] = min(minima[j], (half + halves[j]) - scale * scales[j] * out[j])
