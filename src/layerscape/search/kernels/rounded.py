"""Inner loops over bounds from bytes: rows rounded twice, groups of points looked through, limits guessed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from layerscape.core.jit import compiled, compiled_within
from layerscape.search.kernels.bounds import squared_length
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
        unit = np.float32(top / 127) if top >= TINY else np.float32(0)
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


@compiled_within
def _half(length, error, middle, ratio, largest, dropped):
    """Half a squared length less what a bound can be wrong by on account of the row, and twice the latter."""
    up = 1 + 2.0**-30
    error, middle = error * up + 2.0**-50 * length, middle * up
    doubt = (error * error / ratio + ratio * middle * middle + dropped * dropped * up) / 2
    half = length * length / 2
    doubt = doubt * up + 2.0**-19 * (largest * largest + half + doubt)
    return np.float32(half - doubt), np.float32(2 * doubt * (1 + 2.0**-20))


@compiled_within
def _squares(values):
    """The sum of squares of whole numbers."""
    total = np.int64(0)
    for j in range(len(values)):
        total += values[j] * values[j]
    return np.float64(total)


@compiled_within
def store(first, second, row, group, column, offset, depth, rounded):
    """Put the bytes of one row to where its products are made from."""
    for piece in range(len(rounded.starts)):
        of_first, of_second = 0, 0
        for j in range(piece * PIECE, min(len(first), (piece + 1) * PIECE)):
            rounded.first[row, j] = first[j] + offset
            rounded.second[row, j] = second[j]
            rounded.groups[group, j // depth, column, j % depth] = first[j]
            of_first += first[j]
            of_second += second[j]
        rounded.starts[piece, row] = -offset * of_first
        rounded.sums[piece, row] = -offset * of_second


@compiled_within
def multiply(instruction, rows, r, columns, g, out, more):
    """``out`` (ROWS, group) becomes the products of rows from number r on with those of group g."""
    steps, depth = columns.groups.shape[1], columns.groups.shape[3]
    for piece in range(len(columns.starts)):
        begin = piece * PIECE
        n, into = min(steps - begin // depth, PIECE // depth), out if piece == 0 else more
        products(instruction, rows.first, r, columns.groups, g, columns.starts, piece, begin, n, into)  # pyright: ignore[reportCallIssue]
        if piece > 0:
            for i in range(ROWS):
                for j in range(out.shape[1]):
                    out[i, j] += more[i, j]


@compiled
def cross(instruction, rows, i, columns, j):
    """What the second bytes of a row and a column add to their product, in units of scale·scale / FINER."""
    total, d = np.float32(0), rows.second.shape[1]
    for piece in range(len(rows.sums)):
        begin = piece * PIECE
        part = crossed(  # pyright: ignore[reportCallIssue]
            instruction, rows.first, rows.second, i, columns.first, columns.second, j, begin, min(d - begin, PIECE)
        )
        total += np.float32(np.int32(part + rows.sums[piece, i] + columns.sums[piece, j]))
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
        for j in range(size):
            limits[j] = column_limits[at + j] if j < n and at + j >= mirrored else np.float32(-np.inf)
        while r < r1:
            if found + ROWS * size > len(values):
                position[0], position[1] = g, r
                return found
            multiply(instruction, rows, r, columns, (c0 + at) // size, out, more)
            for i in range(min(ROWS, r1 - r)):
                row, half, scale, limit = r - r0 + i, rows.coarse[r + i], rows.scales[r + i], row_limits[r - r0 + i]
                mask = below(  # pyright: ignore[reportCallIssue]
                    instruction, half, scale, limit, columns.coarse, columns.scales, c0 + at, limits, out, i
                )
                while mask != 0:
                    j = lowest_bit(mask)
                    mask &= mask - np.uint64(1)
                    if j >= n or at + j == own[row] - first:
                        continue
                    if low[row] <= begins[at + j] and ends[at + j] <= high[row]:
                        continue
                    tally[0] += 1
                    sum_ = out[i, j] + cross(instruction, rows, r + i, columns, c0 + at + j) * small
                    bound = (rows.fine[r + i] + columns.fine[c0 + at + j]) - scale * columns.scales[c0 + at + j] * sum_
                    if bound < max(limit, limits[j]):
                        hits[found, 0], hits[found, 1] = row, at + j
                        values[found] = max(np.float32(0), bound)
                        found += 1
            r += ROWS
        g, r = g + 1, r0
    position[0], position[1] = g, r
    return found


@compiled
def byte_products(instruction, rows, r0, r1, columns, out):
    """``out`` (r1 − r0, n) becomes the products of rows r0 to r1 with the first n columns, by their first bytes."""
    size = columns.groups.shape[2]
    part, more = np.empty((ROWS, size), np.float32), np.empty((ROWS, size), np.float32)
    for g in range((out.shape[1] + size - 1) // size):
        for r in range(r0, r1, ROWS):
            multiply(instruction, rows, r, columns, g, part, more)
            for i in range(min(ROWS, r1 - r)):
                scale = rows.scales[r + i]
                for j in range(min(size, out.shape[1] - g * size)):
                    out[r - r0 + i, g * size + j] = scale * columns.scales[g * size + j] * part[i, j]
