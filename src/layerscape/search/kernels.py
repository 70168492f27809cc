"""The inner loops of the search, compiled by numba, which keeps the machine code on disk.

None of them holds Python's lock, so threads run them side by side. Where distances are computed, sums are added in
the order written and no product is fused into a sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from layerscape.search.distances import LANES


def _compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """``function`` as machine code, kept on disk where there is a folder to keep it in."""
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True, **options)(function)


def _compiled_in_any_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with sums added in whatever order is fastest: for bounds that allow for any."""
    return _compiled(function, fastmath={"reassoc"})


@_compiled
def survey_rows(x, low, high, hashes):
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


@_compiled_in_any_order
def center_rows(x, center, scale, share, rows, halves):
    """(x − center)·scale in float32, and half of each squared length times ``share``."""
    for i in range(len(x)):
        total = 0.0
        for j in range(x.shape[1]):
            value = np.float32((x[i, j] - center[j]) * scale)
            rows[i, j] = value
            total += np.float64(value) * np.float64(value)
        halves[i] = np.float32(total * 0.5 * share)


@_compiled
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
        guess = np.partition(minima, rank - 1)[rank - 1]
        if guess > 0:  # a limit of 0 would keep everything out
            limits[i] = guess


@_compiled
def scan(products, row_halves, column_halves, row_limits, column_limits, own, first, mirrored, position, hits, values):
    """Collect the pairs of a tile whose bound is below the limit of their row or, from column ``mirrored`` on, of their
    column. Goes on from row ``position[0]``, and stops early when ``hits`` is full.

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
                    if below[j]:
                        hits[found, 0] = i
                        hits[found, 1] = j
                        values[found] = max(np.float32(0), (half + column_halves[j]) - row[j])
                        found += 1
    position[0] = n_rows
    return found


@_compiled
def _mark(row, half, column_halves, limit, column_limits, below):
    for j in range(len(row)):  # from 0, or numba would have each place checked for a negative sign
        below[j] = (half + column_halves[j]) - row[j] < max(limit, column_limits[j])


@_compiled
def keep(lists, counts, limits, width, hits, values, found, side, other, mirrored):
    """Put the hits into the lists of their rows (``side`` 0) or columns (``side`` 1).

    An entry is a bound's bits over the number of its point: as bounds are not negative, entries sort as they do. A list
    that is full is cut to the ``width`` smallest, the largest of which becomes its limit. So at any time every point
    that is not in a list has a bound of at least the list's limit.
    """
    capacity = lists.shape[1]
    bits = values.view(np.uint32)
    for h in range(found):
        if side == 1 and hits[h, 1] < mirrored:
            continue
        i = hits[h, side]
        if values[h] >= limits[i]:
            continue
        count = counts[i]
        if count == capacity:
            _cut(lists[i], width)
            count = width
            limits[i] = bound_of(lists[i, width - 1])
            counts[i] = count
            if values[h] >= limits[i]:
                continue
        lists[i, count] = (np.uint64(bits[h]) << np.uint64(32)) | np.uint64(other + hits[h, 1 - side])
        counts[i] = count + 1


@_compiled
def bound_of(entry):
    """The bound of an entry."""
    return np.uint32(entry >> np.uint64(32)).view(np.float32)


@_compiled
def _cut(entries, width):
    """Bring the ``width`` smallest entries to the front, the largest of them last (Hoare's selection)."""
    low, high, k = 0, len(entries) - 1, width - 1
    while low < high:
        middle = (low + high) // 2
        a, b, c = entries[low], entries[middle], entries[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while entries[i] < pivot:
                i += 1
            while entries[j] > pivot:
                j -= 1
            if i <= j:
                entries[i], entries[j] = entries[j], entries[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return


@_compiled
def trim(lists, counts, row_halves, column_halves, k, slack, underflow, numbers):
    """The candidates that fewer than k others are surely nearer than, sorted by number; ``counts`` says how many."""
    for i in range(len(counts)):
        entries = lists[i, : counts[i]]
        if len(entries) > k:
            _cut(entries, k)
            highest = 0.0
            for c in range(k):
                error = slack * (row_halves[i] + column_halves[np.uint32(entries[c])]) + underflow
                highest = max(highest, bound_of(entries[c]) + error)
            kept = k
            for c in range(k, len(entries)):
                if bound_of(entries[c]) <= highest:
                    entries[kept] = entries[c]
                    kept += 1
            counts[i] = kept
        for c in range(counts[i]):
            numbers[i, c] = np.uint32(entries[c])
        numbers[i, : counts[i]] = np.sort(numbers[i, : counts[i]])


@intrinsic
def squared_distance(typingctx, a, b):
    """d² of two rows of whole lanes, in the order of summation that `layerscape.search.distances` states.

    Written as vector instructions, since numba's loops would take one lane at a time.
    """
    narrow = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}[a.dtype]
    wide = ir.VectorType(ir.DoubleType(), LANES)

    def emit(context, builder, signature, arguments):
        arrays = [
            cgutils.create_struct_proxy(kind)(context, builder, value=value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        size = builder.extract_value(arrays[0].shape, 0)
        total = cgutils.alloca_once_value(builder, ir.Constant(wide, [0.0] * LANES))
        with cgutils.for_range_slice(builder, size.type(0), size, size.type(LANES), size.type) as (place, _):
            lanes = []
            for array in arrays:
                address = builder.bitcast(builder.gep(array.data, [place]), ir.VectorType(narrow, LANES).as_pointer())
                value = builder.load(address, align=a.dtype.bitwidth // 8)
                lanes.append(builder.fpext(value, wide) if narrow != ir.DoubleType() else value)
            difference = builder.fsub(*lanes)
            builder.store(builder.fadd(builder.load(total), builder.fmul(difference, difference)), total)
        lanes, half = builder.load(total), LANES
        while half > 1:
            half //= 2
            places = [ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(at, at + half))) for at in (0, half)]
            lanes = builder.fadd(*[builder.shuffle_vector(lanes, lanes, place) for place in places])
        return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))

    return types.float64(a, b), emit


@_compiled
def exact_block(x, y, first, numbers, counts, done, squared):
    """Squared distances of each row of x to those of its candidates that lie in y, the rows from ``first`` on."""
    stop = first + len(y)
    for i in range(len(x)):
        c = done[i]
        while c < counts[i] and numbers[i, c] < stop:
            squared[i, c] = squared_distance(x[i], y[numbers[i, c] - first])  # pyright: ignore[reportCallIssue]
            c += 1
        done[i] = c


@_compiled
def exact_pairs(x, y, rows, columns, squared):
    """Squared distances of x[rows[p]] and y[columns[p]]."""
    for p in range(len(rows)):
        squared[p] = squared_distance(x[rows[p]], y[columns[p]])  # pyright: ignore[reportCallIssue]


@_compiled
def order(numbers, squared, counts, k):
    """Sort each row's candidates by (d², number).

    ``counts`` becomes k and the ties that follow, or 0 where k are not there. Ties are judged after the square root,
    which can make two neighboring values one.
    """
    for i in range(len(counts)):
        count = counts[i]
        if count < k:
            counts[i] = 0
            continue
        places = np.argsort(squared[i, :count], kind="mergesort")
        squared[i, :count] = squared[i, :count][places]
        numbers[i, :count] = numbers[i, :count][places]
        last, tied = math.sqrt(squared[i, k - 1]), k
        while tied < count and math.sqrt(squared[i, tied]) == last:
            tied += 1
        counts[i] = tied
