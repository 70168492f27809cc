"""Inner loops over bounds from bytes: rows rounded twice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from layerscape.core.jit import compiled, compiled_within
from layerscape.search.kernels.bounds import product
from layerscape.search.kernels.mixing import mix
from layerscape.search.rounding import halves_of

PIECE = 2**16  # columns whose sums of products fit int32, twice over
TINY = 2.0**-50  # rows with no larger coordinate are rounded to 0, where products of scales would be subnormal
NEARLY = 2.0**-28  # of a squared length: what rounding can do to the part of it across a direction
FINER = 254  # the second bytes are in this part of the first ones' unit


class Rounded(NamedTuple):
    """Rows as bytes: x is about scale·(first + second / FINER); more follow, as many as are multiplied together.

    Attributes
    ----------
    first
        Shape (n + more, whole 64s): with the instruction's offset, as it takes rows.
    second
        Shape (n, whole 64s), int8.
    groups
        Shape (groups, steps, points of a group, depth), int8: the first bytes as the instruction takes points.
    starts, sums
        Shape (pieces, n), int32: what the offset adds to sums of products with the first and with the second bytes of
        a row, with the sign turned.
    refined
        Shape (n + more,), bool: whether a second byte is not 0.
    scales
        Shape (n + more,), float32.
    coarse, fine
        Shape (n + more,), float32: half of the squared length, less the row's share of what a bound from the first
        bytes, or from both, can be too high by. Infinite where there is no row.
    above
        The same as coarse with that share added, for bounds from above.
    """

    first: np.ndarray
    second: np.ndarray
    groups: np.ndarray
    starts: np.ndarray
    sums: np.ndarray
    refined: np.ndarray
    scales: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    above: np.ndarray


@compiled
def round_rows(block, center, scale, step, mixed, ratios, direction, offset, at, rounded, doubts):
    """Put (block − center)·scale into the rows from number ``at`` on, and into ``doubts`` how far half a squared
    distance can be above its fine bound on their account. ``step`` is the unit of rows that bytes of it hold, if above
    0; ``mixed`` the width at which rows are mixed before, if above 0; ``direction`` a unit vector along which rows are
    long, or empty; ``ratios`` about those of e to w across it and along it, see docs/search.md.
    """
    d = max(block.shape[1], mixed)
    x, left = np.empty(d), np.empty(d)
    first, second = np.empty(d, np.int32), np.empty(d, np.int32)
    for i in range(len(block)):
        row = at + i
        for j in range(block.shape[1], d):
            x[j] = 0.0
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
        length, error = np.sqrt(product(x, x)), np.sqrt(product(left, left))
        long, off = product(direction, x), product(direction, left)
        finer, inverse = each / FINER, FINER * inverse
        for j in range(d):
            part = min(max(np.rint(left[j] * inverse), -127.0), 127.0)
            second[j] = np.int32(part)
            left[j] -= finer * part
        rest, finer_off = np.sqrt(product(left, left)), product(direction, left)
        put(first, second, row, offset, rounded)
        by_first = each * np.sqrt(_squares(first))
        by_second = finer * np.sqrt(_squares(second))
        across = np.sqrt(max(length * length - long * long, 0.0) + NEARLY * length * length)
        rounded.scales[row], rounded.refined[row] = unit, by_second > 0
        rounded.coarse[row], rounded.above[row], _ = _halves(
            length, error, across + error / 2, ratios[0], by_first + by_second, 0.0,
            _along(length, error, long, off, ratios[1]),
        )  # fmt: skip
        rounded.fine[row], _, doubts[i] = _halves(
            length, rest, across + rest / 2, ratios[0] / FINER, by_first + by_second, by_second,
            _along(length, rest, long, finer_off, ratios[1] / FINER),
        )  # fmt: skip


@compiled_within
def unit_of(x, step):
    """What one of the first bytes of a row stands for: a step of the grid, where bytes of it hold the row.

    They hold none of a row that is less than half a step, beside which products of steps could overflow, too.
    """
    low = high = 0.0
    for j in range(len(x)):
        low, high = min(low, x[j]), max(high, x[j])
    top = max(-low, high)
    if top < TINY:
        return np.float32(0)
    holds = high < 127.25 * step and low > -128.25 * step and 127 * step >= TINY and 2 * top >= step
    return np.float32(step) if holds else np.float32(top / 127)


_halves = compiled_within(halves_of)


@compiled_within
def _along(length, error, long, off, ratio):
    """What a bound can be wrong by along a direction, in which the row is ``long`` and what is left of it ``off``."""
    rest = abs(off) + 2.0**-31 * error + 2.0**-48 * length
    middle = abs(long) + 2.0**-31 * length + rest / 2
    return (rest * rest / ratio + ratio * middle * middle) / 2


@compiled_within
def _squares(values):
    """The sum of squares of whole numbers."""
    total = np.int64(0)
    for j in range(len(values)):
        total += values[j] * values[j]
    return np.float64(total)


@compiled_within
def put(first, second, row, offset, rounded):
    """Put the bytes of one row to where its products are made from."""
    size, depth = rounded.groups.shape[2], rounded.groups.shape[3]
    for piece in range(len(rounded.starts)):
        begin, end = np.uint64(piece * PIECE), np.uint64(min(len(first), (piece + 1) * PIECE))
        sums = store(first, second, np.uint64(row), begin, end, offset, rounded.first, rounded.second)
        rounded.starts[piece, row], rounded.sums[piece, row] = -offset * sums[0], -offset * sums[1]
    for place in range(depth):
        for step in range((len(first) - place + depth - 1) // depth):
            rounded.groups[row // size, step, row % size, place] = first[step * depth + place]


@compiled
def store(first, second, row, begin, end, offset, into_first, into_second):
    """Put some bytes of one row into two arrays; the sums of both.

    Places are unsigned, or numba would have each checked for a negative sign.
    """
    of_first, of_second = np.int32(0), np.int32(0)
    for j in range(begin, end):
        into_first[row, j] = first[j] + offset
        into_second[row, j] = second[j]
        of_first += first[j]
        of_second += second[j]
    return of_first, of_second
