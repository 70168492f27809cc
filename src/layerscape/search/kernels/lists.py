"""Inner loops over lists of candidates: kept short while they are filled, cut to what is in doubt, put in order.

An entry is a bound's bits over the number of its point: as bounds are not negative, entries sort as they do.
"""

from __future__ import annotations

import math

import numpy as np

from layerscape.core.jit import compiled

TRIES = 20  # of a pivot, before a list is sorted as far as is needed: for bounds that are all the same
FULL = 8  # in a bucket, up to which neighbors are exchanged


@compiled
def keep(lists, counts, limits, width, hits, values, found, side, other, mirrored):
    """Put the hits into the lists of their rows (``side`` 0) or columns (``side`` 1).

    A list that is full is cut to ``width`` of the smallest or somewhat more, and what all the others reach becomes its
    limit. So at any time every point that is not in a list has a bound of at least the list's limit.
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
            count = shorten(lists[i], width)
            limits[i] = bound_of(lists[i, count])
            counts[i] = count
            if values[h] >= limits[i]:
                continue
        lists[i, count] = (np.uint64(bits[h]) << np.uint64(32)) | np.uint64(other + hits[h, 1 - side])
        counts[i] = count + 1


@compiled
def bound_of(entry):
    """The bound of an entry."""
    return np.uint32(entry >> np.uint64(32)).view(np.float32)


@compiled
def shorten(entries, width):
    """Bring ``width`` of the smallest entries to the front, or somewhat more; returns how many. The next one is not
    below any that is left behind it, nor above: no entry from there on has a smaller bound.
    """
    pivot = pivot_of(entries, width, width + (len(entries) - width) // 4)
    if pivot == 0:
        cut(entries, width + 1)
        return width
    kept = 0
    for c in range(len(entries)):
        entry = entries[c]
        entries[kept] = entry
        kept += np.int64(entry < pivot)
    entries[kept] = pivot
    return kept


@compiled
def pivot_of(entries, least, most):
    """A bound, as an entry, that at least and at most so many entries are below; 0 where none is found soon.

    All entries are counted for every try, which vector instructions do faster than anything that moves entries.
    """
    smallest, largest = entries[0], entries[0]
    for c in range(len(entries)):
        smallest, largest = min(smallest, entries[c]), max(largest, entries[c])
    low, high = np.float64(bound_of(smallest)), np.float64(bound_of(largest))
    below_low, below_high = 0, len(entries)
    for attempt in range(TRIES):
        share = 0.5
        if attempt % 2 == 0:
            share = ((least + most) / 2 - below_low) / (below_high - below_low)
        middle = np.float32(low + share * (high - low))
        pivot = np.uint64(middle.view(np.uint32)) << np.uint64(32)
        below = 0
        for c in range(len(entries)):
            below += np.int64(entries[c] < pivot)
        if below < least:
            low, below_low = np.float64(middle), below
        elif below > most:
            high, below_high = np.float64(middle), below
        else:
            return pivot
    return np.uint64(0)


@compiled
def cut(entries, width):
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


@compiled
def trim(lists, counts, row_doubts, column_doubts, k, underflow, numbers):
    """The candidates that fewer than k others are surely nearer than, sorted by number; ``counts`` says how many."""
    starts, places = np.empty(lists.shape[1] + 1, np.int32), np.empty(lists.shape[1], np.int32)
    these, sorted_ = np.empty(lists.shape[1]), np.empty(lists.shape[1])  # in float64, for which loops are compiled
    scale = 1 / len(column_doubts)
    for i in range(len(counts)):
        entries, highest = lists[i, : counts[i]], np.inf
        if len(entries) > k:
            pivot = pivot_of(entries, k, k)
            if pivot == 0:
                cut(entries, k)
                pivot = entries[k - 1] + np.uint64(1)
            highest = 0.0
            for c in range(len(entries)):
                if entries[c] < pivot:
                    error = np.float64(row_doubts[i]) + column_doubts[np.uint32(entries[c])] + underflow
                    highest = max(highest, bound_of(entries[c]) + error)
        kept = 0
        for c in range(len(entries)):
            these[kept] = np.uint32(entries[c])
            kept += np.int64(bound_of(entries[c]) <= highest)
        counts[i] = kept
        fullest = spread(these[:kept], 0.0, scale * kept, starts, places)
        for c in range(kept):
            sorted_[places[c]] = these[c]
            numbers[i, places[c]] = np.int32(these[c])
        _sort(sorted_[:kept], numbers[i, :kept], fullest)


@compiled
def order(squared, numbers, counts, k, indices, nearest):
    """The first k of each row's candidates, by (d², number). What follows them stays at its place, in order.

    ``counts`` becomes k and the ties that follow, or 0 where k are not there. Ties are judged after the square root,
    which can make two neighboring values one.
    """
    starts, places = np.empty(squared.shape[1] + 1, np.int32), np.empty(squared.shape[1], np.int32)
    far, these = np.empty(squared.shape[1]), np.empty(squared.shape[1], np.int32)
    for i in range(len(counts)):
        count = counts[i]
        if count < k:
            counts[i] = 0
            continue
        low, high = np.inf, -np.inf
        for c in range(count):
            low, high = min(low, squared[i, c]), max(high, squared[i, c])
        scale = count / (high - low) if high - low > 1e-300 else 0.0
        fullest = spread(squared[i, :count], low, scale, starts, places)
        for c in range(count):
            far[places[c]], these[places[c]] = squared[i, c], numbers[i, c]
        _sort(far[:count], these[:count], fullest)
        for c in range(k):
            nearest[i, c], indices[i, c] = far[c], these[c]
        last, tied = math.sqrt(far[k - 1]), k
        while tied < count and math.sqrt(far[tied]) == last:
            squared[i, tied], numbers[i, tied] = far[tied], these[tied]
            tied += 1
        counts[i] = tied


@compiled
def spread(values, low, scale, starts, places):
    """Where each value goes for all to be sorted by buckets, of which there are as many as values; returns how many the
    fullest holds.
    """
    n, fullest = len(values), 0
    starts[: n + 1] = 0
    for c in range(n):
        places[c] = min(np.int64((values[c] - low) * scale), n - 1)
        starts[places[c] + 1] += 1
    for b in range(n):
        fullest = max(fullest, starts[b + 1])
        starts[b + 1] += starts[b]
    for c in range(n):
        bucket = places[c]
        places[c] = starts[bucket]
        starts[bucket] += 1
    return fullest


@compiled
def _sort(values, numbers, fullest):
    """By value and then by number, in place, of which buckets are sorted (Shell's sort; numpy's takes numba seconds to
    compile).
    """
    gap = 1
    while fullest > FULL and gap < len(values) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, len(values)):
            value, number, j = values[i], numbers[i], i
            while j >= gap and (values[j - gap] > value or (values[j - gap] == value and numbers[j - gap] > number)):
                values[j], numbers[j] = values[j - gap], numbers[j - gap]
                j -= gap
            values[j], numbers[j] = value, number
        gap //= 3
