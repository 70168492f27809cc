"""Influence: how each sample moves a value, from which follows how well a difference of two values is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, sqrt
from typing import Any

import numpy as np
from scipy import sparse

from layerscape.core.interval import spread_of_sum

PER_PAIR = 1.7  # of the interactions, what is left in for each pair of neighbors of a sample, over N: chosen at N = 100


@dataclass(frozen=True, eq=False)
class Influence:
    """How each of N samples moves a value.

    Attributes
    ----------
    value
        The value.
    moved
        Shape (N,): what the value loses when the sample is deleted and all others find their neighbors again; None
        where that would mean to learn anew.
    alone
        Shape (N,): what each sample adds to the value by itself, to first order; adds up to 0.
    near
        Shape (N, K): the samples on whose place that depends, −1 for none; None if it depends on no other.
    pairs
        Shape (N, N): for a value that is a mean over pairs of neighbors, what the neighbor j of sample i adds, less
        its share of the value; its rows add up to ``alone``. None for any other value.
    """

    value: float
    moved: np.ndarray | None
    alone: np.ndarray
    near: np.ndarray | None = None
    pairs: sparse.csr_array | None = None

    @classmethod
    def of_mean(cls, per_sample: np.ndarray) -> Influence:
        """The influence on a mean of one value per sample, with what was learned held fixed."""
        value = float(per_sample.mean())
        return cls(value, None, (per_sample - value) / len(per_sample))

    @property
    def is_small(self) -> bool:
        """Whether it may be kept for every layer: pairs of neighbors are many, and are found again."""
        return self.pairs is None

    @property
    def per_sample(self) -> np.ndarray:
        """Shape (N,): a value for every sample, of which ``value`` is the mean (to first order)."""
        return self.value + len(self.alone) * self.alone

    @cached_property
    def _own(self) -> np.ndarray:
        """What each sample adds by itself and as a neighbor of others."""
        return self.alone if self.pairs is None else self.alone + self.pairs.sum(axis=0)

    def beside(self, other: Influence) -> tuple[float, float]:
        """Standard deviation of the difference to another value of the same samples, and the freedom of Student's law.

        For means over pairs that of the jackknife, less the interactions that it counts twice (Efron and Stein 1981,
        doi:10.1214/aos/1176345462), of which a share stays where samples are few; for all else that of the sandwich
        over samples that are near in either.
        """
        own = self._own - other._own
        if self.pairs is not None and other.pairs is not None:
            pairs, alone = sparse.csr_array(self.pairs - other.pairs), self.alone - other.alone
            interactions = float((pairs.data**2).sum() + pairs.multiply(pairs.T).sum())
            measured = np.count_nonzero(np.diff(self.pairs.indptr))
            twice = max(0.5, 1 - PER_PAIR * self.pairs.nnz / measured**2)
            return sqrt(max(float(own @ own) - twice * interactions, float(alone @ alone) / 4)), inf
        near = [each.near for each in (self, other) if each.near is not None]
        sd, freedom = spread_of_sum(own, np.hstack(near) if near else np.full((len(own), 1), -1))
        return sd, freedom if near else inf

    def scaled(self, factor: float, shift: float = 0.0) -> Influence:
        """How each sample moves factor · value + shift."""
        moved = None if self.moved is None else factor * self.moved
        pairs = None if self.pairs is None else self.pairs * factor
        return replace(self, value=factor * self.value + shift, moved=moved, alone=factor * self.alone, pairs=pairs)

    def among(self, rows: np.ndarray, n_samples: int) -> Influence:
        """The same for N samples of which these, by their numbers ``rows``, were measured; the others move nothing."""

        def spread(values: np.ndarray) -> np.ndarray:
            found = np.zeros(n_samples)
            found[rows] = values
            return found

        near, pairs = None, None
        if self.near is not None:
            near = np.full((n_samples, self.near.shape[1]), -1)
            near[rows] = np.where(self.near < 0, -1, rows[self.near])
        if self.pairs is not None:
            entries = self.pairs.tocoo()
            places = rows[entries.row], rows[entries.col]
            pairs = sparse.csr_array((entries.data, places), shape=(n_samples, n_samples))
        moved = None if self.moved is None else spread(self.moved)
        return Influence(self.value, moved, spread(self.alone), near, pairs)

    @classmethod
    def mean(cls, influences: Sequence[Influence]) -> Influence:
        """How each sample moves the mean of values of one kind."""
        share = 1 / len(influences)
        moved = [each.moved for each in influences if each.moved is not None]
        near = [each.near for each in influences if each.near is not None]
        pairs = [each.pairs for each in influences if each.pairs is not None]
        return cls(
            float(np.mean([each.value for each in influences])),
            np.mean(moved, axis=0) if len(moved) == len(influences) else None,
            np.mean([each.alone for each in influences], axis=0),
            np.hstack(near) if near else None,
            sum(pairs[1:], pairs[0]) * share if pairs else None,
        )


Moved = Any  # an `Influence`, or a `Removal`; the two are never mixed


def mean_of(moved: Sequence[Moved]) -> Moved:
    """How samples, or groups of them, move the mean of values of one kind."""
    return moved[0] if len(moved) == 1 else type(moved[0]).mean(moved)
