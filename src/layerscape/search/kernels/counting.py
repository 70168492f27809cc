"""Inner loops over bounds from bytes: counted who is nearer."""

from __future__ import annotations

import numpy as np

from layerscape.core.jit import compiled, compiled_within
from layerscape.search.kernels.intrinsics import below, count_bits, lowest_bit, ready, released
from layerscape.search.kernels.looking import fine_bound, multiply


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
    together = instruction.rows
    out, more = np.empty((together, size), np.float32), np.empty((together, size), np.float32)
    none = np.full(size, -np.inf, np.float32)
    found, g, p = 0, position[0], position[1]
    ready(instruction)  # pyright: ignore[reportCallIssue]
    while g * size < len(weights):
        at = g * size
        heavy = weights[at : at + size].max() > 1
        while p < len(places):
            r, last, among = places[p] // together * together, -1, np.uint64(0)
            multiply(instruction, rows.first, r, columns.groups, g, columns.starts, out, 0, more)
            while p < len(places) and places[p] < r + together:
                if found + size > len(doubts):
                    released(instruction)  # pyright: ignore[reportCallIssue]
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
    released(instruction)  # pyright: ignore[reportCallIssue]
    position[0], position[1] = g, p
    return found
