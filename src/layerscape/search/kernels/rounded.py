"""Inner loops over bounds from bytes: rows rounded twice, groups of points looked through, limits guessed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from layerscape.core.jit import compiled, compiled_within
from layerscape.search.kernels.bounds import squared_length
from layerscape.search.kernels.instructions import ROWS, below, count_bits, crossed, lowest_bit, products
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
    starts, sums
        Shape (pieces, n), int32: what the offset adds to sums of products with the first and with the second bytes of
        a row, with the sign turned.
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
    starts: np.ndarray
    sums: np.ndarray
    scales: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    above: np.ndarray


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
        rounded.coarse[row], rounded.above[row], _ = _halves(
            length, error, (length + by_first) / 2, ratio, by_first + by_second, 0.0
        )
        rounded.fine[row], _, doubts[i] = _halves(
            length, rest, length + rest / 2, ratio / FINER, by_first + by_second, by_second
        )


_halves = compiled_within(halves_of)


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
    limits, found, g, r = np.zeros(size, np.float32), 0, position[0], position[1]
    while c0 + g * size < c1:
        at, n, begin = g * size, min(size, c1 - c0 - g * size), found
        for j in range(size):
            limits[j] = column_limits[at + j] if j < n and at + j >= mirrored else np.float32(-np.inf)
        while r < r1 and found + ROWS * size <= len(values):
            multiply(instruction, rows, r, columns, (c0 + at) // size, out, more)
            for i in range(min(ROWS, r1 - r)):
                row, half, scale, limit = r - r0 + i, rows.coarse[r + i], rows.scales[r + i], row_limits[r - r0 + i]
                mask = below(  # pyright: ignore[reportCallIssue]
                    instruction, half, scale, limit, columns.coarse, columns.scales, c0 + at, limits, out, i
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
        tally[0] += found - begin  # and now one after the other, so that the processor waits for none
        found = finer(instruction, rows, r0, columns, c0, at, row_limits, limits, begin, found, hits, values)
        if r < r1:
            break
        g, r = g + 1, r0
    position[0], position[1] = g, r
    return found


@compiled_within
def finer(instruction, rows, r0, columns, c0, at, row_limits, limits, begin, found, hits, values):
    """Keep those hits from number ``begin`` on whose bounds from both bytes are below a limit; how many are left."""
    kept = begin
    for h in range(begin, found):
        i, j = hits[h, 0], hits[h, 1]
        bound = fine_bound(instruction, rows, r0 + i, columns, c0 + j, values[h])
        hits[kept, 0], hits[kept, 1], values[kept] = i, j, max(np.float32(0), bound)
        kept += np.int64(bound < max(row_limits[i], limits[j - at]))
    return kept


@compiled_within
def others(own, low, high, begins, ends, at):
    """The bits of the columns of a group but for number ``own`` of them and those that a window leaves out."""
    mask = ~np.uint64(0)
    if 0 <= own < 64:
        mask &= ~(np.uint64(1) << np.uint64(own))
    if low <= high:
        for j in range(min(64, len(begins) - at)):
            out = np.uint64(low <= begins[at + j] and ends[at + j] <= high)
            mask &= ~(out << np.uint64(j))
    return mask


@compiled_within
def weight_of(mask, weights, at):
    """The sum of the weights of the columns of a group whose bits are set."""
    total = 0
    while mask != 0:
        total += weights[at + lowest_bit(mask)]  # pyright: ignore[reportCallIssue]
        mask &= mask - np.uint64(1)
    return total


@compiled_within
def sides(instruction, rows, i, columns, at, out, row, none, lowest, highest):
    """The bits of the columns of a group that are surely nearer to row i than a radius, and of those in doubt."""
    scale = rows.scales[i]
    near = below(instruction, rows.above[i], scale, lowest, columns.above, columns.scales, at, none, out, row)  # pyright: ignore[reportCallIssue]
    may = below(instruction, rows.coarse[i], scale, highest, columns.coarse, columns.scales, at, none, out, row)  # pyright: ignore[reportCallIssue]
    return near, may & ~near


@compiled
def count(
    instruction, rows, columns, own, low, high, begins, ends, weights, places, nearest, farthest, row_doubts,
    column_doubts, surely, position, doubts, tally,
):  # fmt: skip
    """What `count_nearer` does with the first rows and columns; goes on from group ``position[0]`` and radius
    ``position[1]``; ``places``, the rows, do not decrease. ``tally`` is how many the first bytes left in doubt.
    """
    size = columns.groups.shape[2]
    out, more = np.empty((ROWS, size), np.float32), np.empty((ROWS, size), np.float32)
    none = np.full(size, -np.inf, np.float32)
    found, g, p = 0, position[0], position[1]
    while g * size < len(weights):
        at = g * size
        heavy = weights[at : at + size].max() > 1
        while p < len(places):
            r, last, among = places[p] // ROWS * ROWS, -1, np.uint64(0)
            multiply(instruction, rows, r, columns, g, out, more)
            while p < len(places) and places[p] < r + ROWS:
                if found + size > len(doubts):
                    position[0], position[1] = g, p
                    return found
                i = places[p]
                if i != last:
                    among, last = others(own[i] - at, low[i], high[i], begins, ends, at), i
                near, mask = sides(instruction, rows, i, columns, at, out, i - r, none, nearest[p], farthest[p])
                near, mask = near & among, mask & among
                surely[p] += weight_of(near, weights, at) if heavy else count_bits(near)  # pyright: ignore[reportCallIssue]
                while mask != 0:
                    j = at + lowest_bit(mask)  # pyright: ignore[reportCallIssue]
                    mask &= mask - np.uint64(1)
                    tally[0] += 1
                    bound = fine_bound(instruction, rows, i, columns, j, out[i - r, j - at])
                    if np.float64(bound) + row_doubts[i] + column_doubts[j] < nearest[p]:
                        surely[p] += weights[j]
                    elif bound < farthest[p]:
                        doubts[found, 0], doubts[found, 1] = p, j
                        found += 1
                p += 1
        g, p = g + 1, 0
    position[0], position[1] = g, p
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
