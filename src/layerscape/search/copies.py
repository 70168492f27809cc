"""From neighbors among distinct rows to neighbors among all rows, each copy at its own place.

Engines search distinct rows only, so that data full of copies (a constant token, padding, repeated samples) cost less
and not more, and a border of thousands of tied copies is kept as one number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerscape.search.engine import Found
from layerscape.search.members import Asked, Members, QueryPart

ENTRIES_AT_ONCE = 2**22


@dataclass(frozen=True)
class Expanded:
    """Neighbors of queries among all samples, as in `Neighbors`, with squared distances."""

    squared: np.ndarray
    indices: np.ndarray
    border_starts: np.ndarray
    border_copies: np.ndarray

    def take(self, queries: np.ndarray) -> Expanded:
        """Those of some queries, in any order and number."""
        if np.array_equal(queries, np.arange(len(self.squared))):
            return self
        sizes = np.diff(self.border_starts)[queries]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        entries = np.repeat(self.border_starts[queries] - starts[:-1], sizes) + np.arange(starts[-1])
        return Expanded(self.squared[queries], self.indices[queries], starts, self.border_copies[entries])


def expand(found: list[tuple[QueryPart, Found]], members: Members, asked: Asked, k: int) -> Expanded:
    """The k nearest samples of every query.

    Parameters
    ----------
    found
        What engines found for parts of the queries: neighbors among points.
    members
        The samples of the points.
    asked
        The queries.
    k
        How many neighbors each gets.
    """
    n_queries = len(asked.own)
    if len(found) == 1 and (listed := _as_found(*found[0], members, n_queries)) is not None:
        return listed
    squared, indices = np.empty((n_queries, k)), np.empty((n_queries, k), np.int64)
    counts, borders = np.zeros(n_queries, np.int64), [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for part, result in found:
        special = _special(part, result, members)[part.places]
        plain = np.flatnonzero(~special)
        step = max(1, ENTRIES_AT_ONCE // (k + 1))
        for some in (plain[first : first + step] for first in range(0, len(plain), step)):
            # Points of one sample are in the order of their samples.
            places, units = part.places[some], part.units[some]
            squared[units], indices[units] = result.squared[places, :k], members.heads[result.indices[places, :k]]
        rest = np.flatnonzero(special)
        step = max(1, step // min(int(members.sizes.max()), k + int(members.most_left_out)))
        for some in (rest[first : first + step] for first in range(0, len(rest), step)):
            units, chosen = part.units[some], part.places[some]
            near = _Near(result, chosen, members, asked[units], k)
            squared[units], indices[units] = near.members()
            rows, entries = near.border(np.sqrt(squared[units]))
            counts[units] = np.bincount(rows, minlength=len(units))
            borders.append((units[rows], entries))
    rows, entries = (np.concatenate(each) for each in zip(*borders, strict=True))
    return Expanded(
        squared, indices, np.concatenate([[0], np.cumsum(counts)]), entries[np.argsort(rows, kind="stable")]
    )


def _as_found(part: QueryPart, found: Found, members: Members, n_queries: int) -> Expanded | None:
    """The result where points are samples and nothing ties beyond the last column."""
    if len(members.sizes) < len(members.copies) or len(found.border_rows):
        return None
    if not np.array_equal(part.places, np.arange(n_queries)):
        return None
    return Expanded(found.squared, found.indices, np.zeros(n_queries + 1, np.int64), np.empty(0, np.int64))


def _special(part: QueryPart, found: Found, members: Members) -> np.ndarray:
    """Which queries of a part have copies to be put in order, or a border."""
    own, sizes = part.asked.own, members.sizes
    special = np.bincount(found.border_rows, minlength=len(own)) > 0
    if sizes.max() > 1:
        special |= (sizes[found.indices] > 1).any(axis=1) | ((own >= 0) & (sizes[own] > 1))
    return special


class _Near:
    """The points near some queries, flat and by query, and how many of their samples can be neighbors.

    A point's first sample may be left out, so that another point that ties with the last of a list may come before it:
    then the border is looked at too.
    """

    def __init__(self, found: Found, chosen: np.ndarray, members: Members, asked: Asked, k: int):
        self.all, self.asked, self.k = members, asked, k
        points, far = found.indices[chosen], found.squared[chosen]
        if asked.own.min(initial=0) >= 0:  # a query's own point comes first: its copies are neighbors at distance 0
            points = np.concatenate([asked.own[:, None], points], axis=1)
            far = np.concatenate([np.zeros((len(chosen), 1)), far], axis=1)
        more_rows, more = _border_of(found, chosen)
        rows = np.concatenate([np.repeat(np.arange(len(chosen)), points.shape[1]), more_rows])
        by_row = np.argsort(rows, kind="stable")
        self.rows = rows[by_row]
        self.points = np.concatenate([points.ravel(), found.border[more]])[by_row]
        self.far = np.concatenate([far.ravel(), found.border_squared[more]])[by_row]
        self.listed = by_row < points.size
        self.gone = members.left_out(asked[self.rows], self.points)
        self.open = members.sizes[self.points] - self.gone

    def members(self) -> tuple[np.ndarray, np.ndarray]:
        """The first k samples of the points, by (distance, index), without those that are left out."""
        members, k = self.all, self.k
        looked_at = self.listed if members.apart is None else slice(None)
        rows, points, far = self.rows[looked_at], self.points[looked_at], self.far[looked_at]
        gone, open_ = self.gone[looked_at], self.open[looked_at]
        starts = np.searchsorted(rows, np.arange(len(self.asked.own)))
        before = np.cumsum(open_) - open_
        needed = before - before[starts][rows] < k
        last = np.maximum.reduceat(np.where(needed, far, -1), starts)
        # Whole ties, or their samples would not be in the order of the index; of each point so many are enough.
        counts = np.where(far <= last[rows], np.minimum(members.sizes[points], k + gone), 0)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        sample = members.order[np.repeat(members.starts[points], counts) + offset]
        row, value, mark = np.repeat(rows, counts), np.repeat(far, counts), members.marks[sample]
        other = (mark < self.asked.low[row]) | (self.asked.high[row] < mark)
        row, sample, value = row[other], sample[other], value[other]
        nearest = np.lexsort((sample, value, row))
        begin = np.searchsorted(row[nearest], np.arange(len(starts)))
        chosen = nearest[begin[:, None] + np.arange(k)]
        return value[chosen], sample[chosen]

    def border(self, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(queries, points) at the distance of the last column, where the columns do not hold all samples of them."""
        last = distances[:, -1]
        tied = (np.sqrt(self.far) == last[self.rows]) & (self.open > 0)
        rows, entries = self.rows[tied], self.points[tied]
        # They have so many samples; where the columns at that distance are fewer, some lie beyond the last column.
        beyond = np.bincount(rows, weights=self.open[tied], minlength=len(last)) > (distances == last[:, None]).sum(
            axis=1
        )
        return rows[beyond[rows]], entries[beyond[rows]]


def _border_of(found: Found, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For which of the chosen queries, and where, the border of a result has entries."""
    order = np.argsort(found.border_rows, kind="stable")
    first, stop = (np.searchsorted(found.border_rows[order], chosen, side=side) for side in ("left", "right"))
    sizes = stop - first
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(np.arange(len(chosen)), sizes), order[np.repeat(first, sizes) + offset]
