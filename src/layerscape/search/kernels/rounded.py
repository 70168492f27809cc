"""Inner loops over bounds from bytes: rows rounded twice, groups of points looked through, products for guesses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from layerscape.core.jit import compiled, compiled_within
from layerscape.search.kernels.bounds import squared_length
from layerscape.search.kernels.instructions import ROWS, below, crossed, lowest_bit, products
from layerscape.search.kernels.mixing import mix
from layerscape.search.rounding import halves_of

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
    words
        Shape (groups, steps, points of a group): the same, the bytes of one step and point as one number.
    starts, sums
        Shape (pieces, n), int32: what the offset adds to sums of products with the first and with the second bytes of
        a row, with the sign turned.
    refined
        Shape (n + ROWS,), bool: whether a second byte is not 0.
    scales
        Shape (n + ROWS,), float32.
    coarse, fine
        Shape (n + ROWS,), float32: half of the squared length, less the row's share of what a bound from the first
        bytes, or from both, can be too high by. Infinite where there is no row.
    above
        The same as coarse with that share added, for bounds from above.
    """

    first: np.ndarray
    second: np.ndarray
    groups: np.ndarray
    words: np.ndarray
    starts: np.ndarray
    sums: np.ndarray
    refined: np.ndarray
    scales: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    above: np.ndarray


@compiled
def round_rows(block, center, scale, step, mixed, ratio, offset, at, rounded, doubts):
    """Put (block − center)·scale into the rows from number ``at`` on, and into ``doubts`` how far half a squared
    distance can be above its fine bound on their account. ``step`` is the unit of rows that bytes of it hold, if above
    0; ``mixed`` the width at which rows are mixed before, if above 0; ``ratio`` about that of e to w, see
    docs/search.md.
    """
    packed = np.zeros(rounded.groups.shape[1] * rounded.groups.shape[3], np.int8)
    d = max(block.shape[1], mixed)
    x, left = np.empty(d), np.empty(d)
    first, second = np.empty(d, np.int32), np.empty(d, np.int32)
    for i in range(len(block)):
        row = at + i
        x[block.shape[1] :] = 0
        for j in range(block.shape[1]):
            x[j] = (block[i, j] - center[j]) * scale
        if mixed > 0:
            mix(x)
        unit = unit_of(x, step)
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
        put(first, second, packed, row, offset, rounded)
        by_first = each * np.sqrt(_squares(first))
        by_second = finer * np.sqrt(_squares(second))
        rounded.scales[row], rounded.refined[row] = unit, by_second > 0
        rounded.coarse[row], rounded.above[row], _ = _halves(
            length, error, (length + by_first) / 2, ratio, by_first + by_second, 0.0
        )
        rounded.fine[row], _, doubts[i] = _halves(
            length, rest, length + rest / 2, ratio / FINER, by_first + by_second, by_second
        )


@compiled_within
def unit_of(x, step):
    """What one of the first bytes of a row stands for: a step of the grid, where bytes of it hold the row."""
    low = high = 0.0
    for j in range(len(x)):
        low, high = min(low, x[j]), max(high, x[j])
    top = max(-low, high)
    if top < TINY:
        return np.float32(0)
    holds = high < 127.25 * step and low > -128.25 * step and 127 * step >= TINY
    return np.float32(step) if holds else np.float32(top / 127)


_halves = compiled_within(halves_of)


@compiled_within
def _squares(values):
    """The sum of squares of whole numbers."""
    total = np.int64(0)
    for j in range(len(values)):
        total += values[j] * values[j]
    return np.float64(total)


@compiled_within
def put(first, second, packed, row, offset, rounded):
    """Put the bytes of one row to where its products are made from; ``packed`` has room for them."""
    size, n_pieces = rounded.groups.shape[2], len(rounded.starts)
    for piece in range(n_pieces):
        these = slice(piece * PIECE, min(len(first), (piece + 1) * PIECE))
        into_first, into_second = rounded.first[row, these], rounded.second[row, these]
        sums = store(first[these], second[these], offset, into_first, into_second, packed[these])
        rounded.starts[piece, row], rounded.sums[piece, row] = -offset * sums[0], -offset * sums[1]
    pack(packed.view(rounded.words.dtype), rounded.words, row // size, row % size)


@compiled
def store(first, second, offset, into_first, into_second, packed):
    """Put some bytes of one row into three arrays; the sums of both."""
    of_first, of_second = np.int32(0), np.int32(0)
    for j in range(len(first)):  # from 0, or numba would have each place checked for a negative sign
        into_first[j] = first[j] + offset
        into_second[j] = second[j]
        packed[j] = first[j]
        of_first += first[j]
        of_second += second[j]
    return of_first, of_second


@compiled
def pack(these, words, group, column):
    """Put the words of one row to those of its group."""
    for j in range(len(these)):
        words[group, j, column] = these[j]


@compiled_within
def multiply(instruction, first, r, groups, g, starts, out, more):
    """``out`` (ROWS, group) becomes the products of rows from number r on with those of group g.

    Here as in other loops arrays are given one by one: references to those in a tuple are counted each time.
    """
    steps, depth = groups.shape[1], groups.shape[3]
    products(instruction, first, r, groups, g, starts, 0, 0, min(steps, PIECE // depth), out)  # pyright: ignore[reportCallIssue]
    for piece in range(1, len(starts)):
        begin = piece * PIECE
        n = min(steps - begin // depth, PIECE // depth)
        products(instruction, first, r, groups, g, starts, piece, begin, n, more)  # pyright: ignore[reportCallIssue]
        for i in range(ROWS):
            for j in range(out.shape[1]):
                out[i, j] += more[i, j]


@compiled
def cross(instruction, rows, i, columns, j):
    """What the second bytes of a row and a column add to their product, in units of scale·scale / FINER."""
    total, d = np.float32(0), rows.second.shape[1]
    if rows.refined[i] or columns.refined[j]:
        for piece in range(len(rows.sums)):
            begin = piece * PIECE
            part = crossed(  # pyright: ignore[reportCallIssue]
                instruction, rows.first, rows.second, i, columns.first, columns.second, j, begin, min(d - begin, PIECE)
            )
            total += np.float32(np.int32(part + rows.sums[piece, i] + columns.sums[piece, j]))
    return total


@compiled_within
def fine_bound(instruction, rows, i, columns, j, product):
    """The bound from both bytes, where ``product`` is that of the first ones."""
    sum_ = product + cross(instruction, rows, i, columns, j) * np.float32(1 / FINER)
    return (rows.fine[i] + columns.fine[j]) - rows.scales[i] * columns.scales[j] * sum_


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
    limits, found, g, r = np.zeros(size, np.float32), np.int64(0), position[0], position[1]
    while c0 + g * size < c1:
        at, n, begin = g * size, min(size, c1 - c0 - g * size), found
        for j in range(size):
            limits[j] = column_limits[at + j] if j < n and at + j >= mirrored else np.float32(-np.inf)
        r, found = passing(
            instruction, rows.first, rows.coarse, rows.scales, r0, r, r1, columns.groups, columns.starts,
            columns.coarse, columns.scales, c0, at, n, row_limits, limits, own, low, high, begins, ends, first, found,
            hits, values, out, more,
        )  # fmt: skip
        tally[0] += found - begin  # and now one after the other, so that the processor waits for none
        found = finer(
            instruction, rows.first, rows.second, rows.sums, rows.refined, rows.scales, rows.fine, r0, columns.first,
            columns.second, columns.sums, columns.refined, columns.scales, columns.fine, c0, at, row_limits, limits,
            begin, found, hits, values,
        )  # fmt: skip
        if r < r1:
            break
        g, r = g + 1, r0
    position[0], position[1] = g, r
    return found


@compiled_within
def passing(
    instruction, row_first, row_halves, row_scales, r0, r, r1, groups, starts, column_halves, column_scales, c0, at, n,
    row_limits, limits, own, low, high, begins, ends, first, found, hits, values, out, more,
):  # fmt: skip
    """Collect the pairs of rows from r on and one group whose bounds from the first bytes are below a limit, with their
    products; the row that comes next, and how many there are.
    """
    size = len(limits)
    while r < r1 and found + ROWS * size <= len(values):
        multiply(instruction, row_first, r, groups, (c0 + at) // size, starts, out, more)
        for i in range(min(ROWS, r1 - r)):
            row, half, scale, limit = r - r0 + i, row_halves[r + i], row_scales[r + i], row_limits[r - r0 + i]
            mask = below(  # pyright: ignore[reportCallIssue]
                instruction, half, scale, limit, column_halves, column_scales, c0 + at, limits, out, i
            )
            while mask != 0:
                j = lowest_bit(mask)
                mask &= mask - np.uint64(1)
                no_pair = j >= n or at + j == own[row] - first
                if no_pair or (low[row] <= begins[at + j] and ends[at + j] <= high[row]):
                    continue
                hits[found, 0], hits[found, 1], values[found] = row, at + j, out[i, j]
                found += 1
        r += ROWS
    return r, found


@compiled_within
def finer(
    instruction, row_first, row_second, row_sums, row_refined, row_scales, row_halves, r0, column_first, column_second,
    column_sums, column_refined, column_scales, column_halves, c0, at, row_limits, limits, begin, found, hits, values,
):  # fmt: skip
    """Keep those hits from number ``begin`` on whose bounds from both bytes are below a limit; how many are left."""
    kept, d = begin, row_second.shape[1]
    for h in range(begin, found):
        i, j, total = hits[h, 0], hits[h, 1], np.float32(0)
        r, c = np.int64(r0 + i), np.int64(c0 + j)
        if row_refined[r] or column_refined[c]:
            for piece in range(len(row_sums)):
                start = piece * PIECE
                part = crossed(  # pyright: ignore[reportCallIssue]
                    instruction, row_first, row_second, r, column_first, column_second, c, start, min(d - start, PIECE)
                )
                total += np.float32(np.int32(part + row_sums[piece, r] + column_sums[piece, c]))
        product = values[h] + total * np.float32(1 / FINER)
        bound = (row_halves[r] + column_halves[c]) - row_scales[r] * column_scales[c] * product
        hits[kept, 0], hits[kept, 1], values[kept] = i, j, max(np.float32(0), bound)
        kept += np.int64(bound < max(row_limits[i], limits[j - at]))
    return kept


@compiled
def byte_products(instruction, rows, r0, r1, columns, out):
    """``out`` (r1 − r0, n) becomes the products of rows r0 to r1 with the first n columns, by their first bytes."""
    size = columns.groups.shape[2]
    part, more = np.empty((ROWS, size), np.float32), np.empty((ROWS, size), np.float32)
    for g in range((out.shape[1] + size - 1) // size):
        for r in range(r0, r1, ROWS):
            multiply(instruction, rows.first, r, columns.groups, g, columns.starts, part, more)
            for i in range(min(ROWS, r1 - r)):
                scale = rows.scales[r + i]
                for j in range(min(size, out.shape[1] - g * size)):
                    out[r - r0 + i, g * size + j] = scale * columns.scales[g * size + j] * part[i, j]
