"""Inner loops over bounds from bytes: groups of points looked through, products for guesses."""

from __future__ import annotations

import numpy as np

from layerscape.core.jit import compiled, compiled_within
from layerscape.search.kernels.intrinsics import below, crossed, lowest_bit, products, ready, released
from layerscape.search.kernels.rounded import FINER, PIECE

MARKED = 48  # rows whose products with a group are looked at together; a multiple of those of each instruction


@compiled_within
def multiply(instruction, first, r, groups, g, starts, out, place, more):
    """Rows of ``out``, from ``place`` on, become the products of rows from number r on with group g.

    Here as in other loops arrays are given one by one: references to those in a tuple are counted each time.
    """
    steps, depth = groups.shape[1], groups.shape[3]
    products(instruction, first, r, groups, g, starts, 0, 0, min(steps, PIECE // depth), out, place)  # pyright: ignore[reportCallIssue]
    for piece in range(1, len(starts)):
        begin = piece * PIECE
        n = min(steps - begin // depth, PIECE // depth)
        products(instruction, first, r, groups, g, starts, piece, begin, n, more, 0)  # pyright: ignore[reportCallIssue]
        for i in range(more.shape[0]):
            for j in range(more.shape[1]):
                out[place + i, j] += more[i, j]


@compiled
def cross(instruction, first, second, sums, i, other_first, other_second, other_sums, j):
    """What the second bytes of a row and a column add to their product, in units of scale·scale / FINER."""
    total, d = np.float32(0), second.shape[1]
    for piece in range(len(sums)):
        begin = piece * PIECE
        part = crossed(  # pyright: ignore[reportCallIssue]
            instruction, first, second, i, other_first, other_second, j, begin, min(d - begin, PIECE)
        )
        total += np.float32(np.int32(part + sums[piece, i] + other_sums[piece, j]))
    return total


@compiled_within
def fine_bound(instruction, rows, i, columns, j, product):
    """The bound from both bytes, where ``product`` is that of the first ones."""
    if rows.refined[i] or columns.refined[j]:
        more = cross(instruction, rows.first, rows.second, rows.sums, i, columns.first, columns.second, columns.sums, j)
        product += more * np.float32(1 / FINER)
    return (rows.fine[i] + columns.fine[j]) - rows.scales[i] * columns.scales[j] * product


@compiled
def look(
    instruction, rows, r0, r1, columns, c0, c1, row_limits, column_limits, own, low, high, begins, ends, first,
    mirrored, position, hits, values, tally,
):  # fmt: skip
    """What `scan` does, for rows r0 to r1 and columns c0 to c1, where a group begins at c0; goes on from group
    ``position[0]`` and row ``position[1]``. ``tally`` adds up how many pairs passed the first bytes.
    """
    size = columns.groups.shape[2]
    out, more, masks = (
        np.empty((MARKED, size), np.float32),
        np.empty((instruction.rows, size), np.float32),
        np.empty(MARKED, np.uint64),
    )
    limits, found, g, r = np.zeros(size, np.float32), np.int64(0), position[0], position[1]
    ready(instruction)  # pyright: ignore[reportCallIssue]
    while c0 + g * size < c1:
        at, n, begin = g * size, min(size, c1 - c0 - g * size), found
        for j in range(size):
            limits[j] = column_limits[at + j] if j < n and at + j >= mirrored else np.float32(-np.inf)
        r, found = passing(
            instruction, rows.first, rows.coarse, rows.scales, r0, r, r1, columns.groups, columns.starts,
            columns.coarse, columns.scales, c0, at, n, row_limits, limits, own, low, high, begins, ends, first, found,
            hits, values, out, more, masks,
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
    released(instruction)  # pyright: ignore[reportCallIssue]
    position[0], position[1] = g, r
    return found


@compiled_within
def passing(
    instruction, row_first, row_halves, row_scales, r0, r, r1, groups, starts, column_halves, column_scales, c0, at, n,
    row_limits, limits, own, low, high, begins, ends, first, found, hits, values, out, more, masks,
):  # fmt: skip
    """Collect the pairs of rows from r on and one group whose bounds from the first bytes are below a limit, with their
    products; the row that comes next, and how many there are.
    """
    size, together = len(limits), len(more)
    there = ~np.uint64(0) >> np.uint64(64 - n)
    while r < r1:
        n_rows = min(MARKED, (len(values) - found) // size // together * together)
        if n_rows == 0:
            break
        for i in range(0, min(n_rows, r1 - r), together):
            multiply(instruction, row_first, r + i, groups, (c0 + at) // size, starts, out, i, more)
            for s in range(i, min(i + together, r1 - r)):
                half, scale, limit = row_halves[r + s], row_scales[r + s], row_limits[r - r0 + s]
                mask = below(  # pyright: ignore[reportCallIssue]
                    instruction, half, scale, limit, column_halves, column_scales, c0 + at, limits, out, s
                )
                masks[s] = mask & there
        for s in range(min(n_rows, r1 - r)):  # by themselves, or products would wait for what no one can foretell
            row, mask = r - r0 + s, masks[s]
            while mask != 0:
                j = lowest_bit(mask)  # pyright: ignore[reportCallIssue]
                mask &= mask - np.uint64(1)
                if at + j == own[row] - first or (low[row] <= begins[at + j] and ends[at + j] <= high[row]):
                    continue
                hits[found, 0], hits[found, 1], values[found] = row, at + j, out[s, j]
                found += 1
        r += n_rows
    return min(r, r1), found


@compiled_within
def finer(
    instruction, row_first, row_second, row_sums, row_refined, row_scales, row_halves, r0, column_first, column_second,
    column_sums, column_refined, column_scales, column_halves, c0, at, row_limits, limits, begin, found, hits, values,
):  # fmt: skip
    """Keep those hits from number ``begin`` on whose bounds from both bytes are below a limit; how many are left.

    It is `fine_bound` written out: called in this loop, it makes a whole search a fifth longer.
    """
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
def byte_products(instruction, first, row_scales, r0, r1, groups, starts, column_scales, out):
    """``out`` (r1 − r0, n) becomes the products of rows r0 to r1 with the first n columns, by their first bytes."""
    size, together = groups.shape[2], instruction.rows
    part, more = np.empty((together, size), np.float32), np.empty((together, size), np.float32)
    ready(instruction)  # pyright: ignore[reportCallIssue]
    for g in range((out.shape[1] + size - 1) // size):
        for r in range(r0, r1, together):
            multiply(instruction, first, r, groups, g, starts, part, 0, more)
            for i in range(min(together, r1 - r)):
                scale = row_scales[r + i]
                for j in range(min(size, out.shape[1] - g * size)):
                    out[r - r0 + i, g * size + j] = scale * column_scales[g * size + j] * part[i, j]
    released(instruction)  # pyright: ignore[reportCallIssue]
