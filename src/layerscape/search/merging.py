"""NearestPoints of neighbors among parts of the points, and how those of several parts become one.

A distance depends on its two samples only, so that lists are merged by (d², number of the point) and nothing else: the
lists of all points, whatever the parts were and in which order they come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerscape.search.engine import Found
from layerscape.search.members import QueryPart

NONE = -1  # in the place of a point where there are fewer than k


@dataclass(frozen=True, eq=False)
class NearestPoints:
    """The nearest points of queries, ties by number.

    Attributes
    ----------
    indices, squared
        Shape (U, k): points and squared distances; `NONE` and infinity beyond the last where there are fewer.
    border_rows, border, border_squared
        What ties with the last column beyond it: queries, increasing, and points.
    """

    indices: np.ndarray
    squared: np.ndarray
    border_rows: np.ndarray
    border: np.ndarray
    border_squared: np.ndarray

    @classmethod
    def empty(cls, n_queries: int, k: int) -> NearestPoints:
        """Without a point."""
        none = np.empty(0, np.int64)
        return cls(np.full((n_queries, k), NONE), np.full((n_queries, k), np.inf), none, none, np.empty(0))

    @property
    def n_queries(self) -> int:
        return len(self.indices)

    @property
    def k(self) -> int:
        return self.indices.shape[1]

    def flat(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All entries: queries, squared distances and points."""
        rows, columns = np.nonzero(self.indices != NONE)
        return (
            np.concatenate([rows, self.border_rows]),
            np.concatenate([self.squared[rows, columns], self.border_squared]),
            np.concatenate([self.indices[rows, columns], self.border]),
        )


def of_parts(found: list[tuple[QueryPart, Found]], n_queries: int, k: int, numbers: np.ndarray) -> NearestPoints:
    """The lists of queries from what an engine found for parts of them, each unit once, among points so numbered."""
    lists, borders = NearestPoints.empty(n_queries, k), [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for part, result in found:
        lists.indices[part.units, : part.k] = numbers[result.indices[part.places]]
        lists.squared[part.units, : part.k] = result.squared[part.places]
        unit = np.full(len(part.asked.own), NONE)
        unit[part.places] = part.units
        rows = unit[result.border_rows]
        mine = rows != NONE
        borders.append((rows[mine], numbers[result.border[mine]], result.border_squared[mine]))
    rows, border, squared = (np.concatenate(each) for each in zip(*borders, strict=True))
    order = np.lexsort((border, squared, rows))
    return NearestPoints(lists.indices, lists.squared, rows[order], border[order], squared[order])


def merged(parts: list[NearestPoints]) -> NearestPoints:
    """The lists among the points of all parts."""
    n_queries, k = parts[0].n_queries, parts[0].k
    rows, squared, points = (np.concatenate(each) for each in zip(*(part.flat() for part in parts), strict=True))
    order = np.lexsort((points, squared, rows))
    rows, squared, points = rows[order], squared[order], points[order]
    starts = np.searchsorted(rows, np.arange(n_queries))
    place = np.arange(len(rows)) - starts[rows]
    lists = NearestPoints.empty(n_queries, k)
    first = place < k
    lists.indices[rows[first], place[first]] = points[first]
    lists.squared[rows[first], place[first]] = squared[first]
    # Ties are judged after the square root, as everywhere.
    tied = ~first & (np.sqrt(squared) == np.sqrt(lists.squared[rows, -1]))
    return NearestPoints(lists.indices, lists.squared, rows[tied], points[tied], squared[tied])
