"""Reals: samples whose labels are real numbers agree if one is among the k nearest of the other in that number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy import sparse

from layerscape.core.jit import compiled_when_called
from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.agreement import Relation


@dataclass(frozen=True)
class Reals:
    """G(i, j): the probability that j is among the k samples nearest to i in φ, when ties are broken at random.

    Samples of one value share everything, so that all is kept per value, of which there are U.

    Attributes
    ----------
    codes
        Shape (N,): the number of every sample's value among the sorted values.
    values, sizes
        Shape (U,): the values, sorted, and how many samples have each.
    k
        How many are near.
    """

    codes: np.ndarray
    values: np.ndarray
    sizes: np.ndarray
    k: int
    classes: None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, phi: np.ndarray, k: int) -> Reals:
        """From one finite number per sample."""
        check_values(phi)
        values, codes, sizes = np.unique(phi, return_inverse=True, return_counts=True)
        return cls(codes, np.ldexp(values, -2), sizes, k)  # so that no difference overflows

    def at(self, samples: np.ndarray, others: np.ndarray) -> np.ndarray:
        return self.of_values(self.codes[samples], self.codes[others])

    def of_values(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """G for samples of the values number u and v."""
        reach, tied = self._reach
        away = np.abs(self.values[u] - self.values[v])
        return np.where(away < reach[u], 1.0, np.where(away == reach[u], tied[u], 0.0))

    @property
    def summed(self) -> Callable[..., float]:
        """See `Likeness`."""
        reach, tied = self._reach
        return partial(_sum_of_reals, self.values[self.codes], reach[self.codes], tied[self.codes])

    def sums(self, share: np.ndarray) -> Relation:
        near = self.between
        rows, columns = near.coords
        others = self.sizes[columns] - (rows == columns)
        pairs = self.sizes[rows] * others
        into = np.bincount(columns, (self.sizes[rows] - (rows == columns)) * near.data, len(self.values))
        n, s = len(share), float(share[0])
        return Relation(
            s * self.k * n,
            s**2 * float(pairs @ near.data**2),
            s**2 * float(pairs @ (near.data * self.of_values(columns, rows))),
            s**2 * self.k**2 * n,
            s**2 * float(self.sizes @ into**2),
            s**2 * self.k * float(self.sizes @ into),
        )

    def most(self, wanted: np.ndarray) -> np.ndarray:
        reach, tied = self._reach
        inside = self._within(reach, strictly=True)
        return ((inside + (self.k - inside) * tied) / self.k)[self.codes]

    @cached_property
    def _reach(self) -> tuple[np.ndarray, np.ndarray]:
        """For every value the distance of its k-th nearest sample, and the share of a sample at that distance."""
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        sorted_values = np.repeat(self.values, self.sizes)
        reach = np.full(len(self.values), np.inf)
        for left in range(self.k + 1):  # windows of k+1 samples that hold this one, so many of them below it
            first = starts[:-1] - left
            there = (first >= 0) & (first + self.k < len(sorted_values))
            low, high = sorted_values[first[there]], sorted_values[first[there] + self.k]
            reach[there] = np.minimum(reach[there], np.maximum(self.values[there] - low, high - self.values[there]))
        inside, all_of_them = self._within(reach, strictly=True), self._within(reach, strictly=False)
        return reach, (self.k - inside) / (all_of_them - inside)

    def _ends(self, reach: np.ndarray, strictly: bool) -> tuple[np.ndarray, np.ndarray]:
        """First and one past the last value within reach of every value, compared by their differences as computed."""
        here = np.arange(len(self.values))

        def outside(places: np.ndarray) -> np.ndarray:
            away = np.abs(self.values[places] - self.values)
            return away >= reach if strictly else away > reach

        low = _first(lambda places: ~outside(places), np.zeros_like(here), here + (reach == 0))
        high = _first(outside, here, np.full_like(here, len(here)))
        return np.minimum(low, high), high

    def _within(self, reach: np.ndarray, strictly: bool) -> np.ndarray:
        """How many other samples are within reach of a sample of every value."""
        low, high = self._ends(reach, strictly)
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        return starts[high] - starts[low] - (high > low)

    @cached_property
    def between(self) -> sparse.coo_array:
        """Shape (U, U): G between samples of two values."""
        low, high = self._ends(self._reach[0], strictly=False)
        rows = np.repeat(np.arange(len(low)), high - low)
        columns = np.arange(len(rows)) - np.repeat(np.cumsum(high - low) - (high - low), high - low) + low[rows]
        return sparse.coo_array((self.of_values(rows, columns), (rows, columns)), shape=(len(low), len(low)))


def check_values(phi: np.ndarray) -> None:
    """Raise unless all numbers are finite and two of them differ."""
    infinite = np.isinf(phi)
    if infinite.any():
        raise InvalidValue(
            f"{int(infinite.sum())} of {len(phi)} labels are infinite, the first at row {int(infinite.argmax())}; "
            "leave these samples out, or give them a finite value."
        )
    if (phi == phi[0]).all():
        raise InvalidValue(f"all {len(phi)} samples have the value {phi[0]:g}; give at least two values.")


@compiled_when_called
def _sum_of_reals(values, reach, tied, starts, members, weights, share, order):
    total = 0.0
    for i in range(len(order)):
        own, part = order[i], 0.0
        if share[own] == 0:  # of another k
            continue
        for e in range(starts[i], starts[i + 1]):
            away = abs(values[own] - values[order[members[e]]])
            if away < reach[own]:
                part += weights[e]
            elif away == reach[own]:
                part += weights[e] * tied[own]
        total += share[own] * part
    return total


def _first(holds: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The first place from low, before high, at which something holds from there on; high if nowhere."""
    low, high = low.copy(), high.copy()
    while (low < high).any():
        middle = (low + high) // 2
        open_ = low < high
        there = holds(np.minimum(middle, len(low) - 1))
        high = np.where(open_ & there, middle, high)
        low = np.where(open_ & ~there, middle + 1, low)
    return low
