"""Pairs of samples: how many lie within each of some radii, and how much sums over such pairs vary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from layerscape.core.checks import check_least
from layerscape.measures.rows import drawn

Tile = tuple[slice, slice, np.ndarray]  # rows among the references, columns among all samples, distances


def draw_references(n_samples: int, references: int, seed: int) -> np.ndarray:
    """Increasing row numbers of the samples from which distances are measured: all of them if there are fewer."""
    check_least(3, references=references)
    return drawn(n_samples, references, seed)


@dataclass(frozen=True, eq=False)
class PairCounts:
    """How many pairs of a reference and any other sample lie within each of R radii.

    Attributes
    ----------
    rows
        Shape (M,): row numbers of the references.
    by_row, by_column
        Shapes (M, R) and (N, R): the count of each reference, and of how many references each sample is that near.
    beside
        Pairs within each of some more radii.
    """

    rows: np.ndarray
    by_row: np.ndarray
    by_column: np.ndarray
    beside: np.ndarray

    @property
    def totals(self) -> np.ndarray:
        """Pairs within each radius, those of two references twice."""
        return self.by_row.sum(axis=0)

    def sd_of_sum(self, inner: int, outer: int, within: float, between: float) -> float:
        """Standard deviation of the sum over all pairs of a function of the distance whose mean is 0.

        The function is ``within`` up to radius number ``inner``, ``between`` from there to number ``outer``, and 0
        beyond. Two pairs vary together if they share a sample: the squares of what each sample takes part in count
        their products, and every pair's own square twice, of which one is taken off (Efron and Stein 1981,
        doi:10.1214/aos/1176345462, section 5).
        """
        per_sample = self.by_sample(inner, outer, within, between)
        # A pair of two references stands twice in the sum, and so four times in the squares of its half of the counts.
        pairs = self.totals + self.by_column[self.rows].sum(axis=0)
        squares = within**2 * float(pairs[inner]) + between**2 * float(pairs[outer] - pairs[inner])
        return float(np.sqrt(max(float(per_sample @ per_sample) - squares, squares / 4)))

    def by_sample(self, inner: int, outer: int, within: float, between: float) -> np.ndarray:
        """The same sum over the pairs of each sample, shape (N,)."""
        per_row, per_sample = (
            within * counts[:, inner] + between * (counts[:, outer] - counts[:, inner])
            for counts in (self.by_row, self.by_column)
        )
        per_sample[self.rows] += per_row
        return per_sample


def count_pairs(
    tiles: Iterable[Tile], limits: np.ndarray, rows: np.ndarray, n_samples: int, beside: np.ndarray | None = None
) -> PairCounts:
    """Count the distances that are at most each of the increasing ``limits``; infinite ones are never counted.

    Of those ``beside`` these, in any order, all pairs are counted and not those of each sample.
    """
    beside = np.empty(0) if beside is None else beside
    every, width = np.unique(np.concatenate([limits, beside])), len(limits) + 1
    ring_of, in_rings = np.searchsorted(limits, every), np.zeros(len(every), dtype=np.int64)
    by_row, by_column = (np.zeros((size, width), dtype=np.int64) for size in (len(rows), n_samples))
    farthest = min(float(every[-1]), np.finfo(np.float64).max)
    for some, columns, distances in tiles:
        near = np.flatnonzero(distances <= farthest)
        ring = np.searchsorted(every, distances.ravel()[near])
        in_rings += np.bincount(ring, minlength=len(every))
        row, column = np.divmod(near, distances.shape[1])
        for counts, position in ((by_row[some], row), (by_column[columns], column)):  # views
            place = position * width + ring_of[ring]
            counts += np.bincount(place, minlength=counts.size).reshape(counts.shape)
    by_row, by_column = (counts.cumsum(axis=1)[:, :-1] for counts in (by_row, by_column))
    return PairCounts(rows, by_row, by_column, in_rings.cumsum()[np.searchsorted(every, beside)])
