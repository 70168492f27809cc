"""Removal: what a value is without each block of groups, from which follows how well a difference of two is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from layerscape.core.interval import jackknife_of


@dataclass(frozen=True, eq=False)
class Removal:
    """What a value is without each of B blocks of groups, which are independent of each other.

    Attributes
    ----------
    value
        The value.
    without
        Shape (B,): what it is without each.
    per_sample
        Shape (N,): a value for every sample, of which it is the mean.
    """

    value: float
    without: np.ndarray
    per_sample: np.ndarray

    is_small = True  # and may be kept for every layer

    def beside(self, other: Removal) -> tuple[float, float]:
        """Standard deviation of the difference to another value of the same samples, and the freedom of Student's law.

        That of the delete-one-group jackknife.
        """
        return sqrt(jackknife_of(self.without - other.without)), len(self.without) - 1.0

    def scaled(self, factor: float, shift: float = 0.0) -> Removal:
        """The same of factor · value + shift."""
        return Removal(factor * self.value + shift, factor * self.without + shift, factor * self.per_sample + shift)

    def among(self, rows: np.ndarray, n_samples: int) -> Removal:
        """The same for N samples of which these were measured; each other one has the value itself."""
        per_sample = np.full(n_samples, self.value)
        per_sample[rows] = self.per_sample
        return replace(self, per_sample=per_sample)

    @classmethod
    def mean(cls, removals: Sequence[Removal]) -> Removal:
        """The same of the mean of values of one kind."""
        value = float(np.mean([each.value for each in removals]))
        without, per_sample = (
            np.mean([getattr(each, name) for each in removals], axis=0) for name in ("without", "per_sample")
        )
        return cls(value, without, per_sample)
