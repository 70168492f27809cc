"""Ranking: who is nearer to whom in one representation, asked pair by pair, since all ranks would be N × N numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Ranking:
    """The ranks of N samples around each of them.

    Attributes
    ----------
    n_samples, n_units
        N and D of the representation.
    ranks
        Called with row numbers of shape (P, 2), sample i and the sample j whose rank for i is asked, gives the ranks,
        shape (P,): 1 for the nearest, N−1 for the farthest, mid-ranks where distances tie.
    between
        Called with such pairs and a weight of each, gives for every sample the weights of the pairs that it stands
        between, nearer to i than j is, half of them where it ties; shape (N,). None where only ranks are known.
    """

    n_samples: int
    n_units: int | None
    ranks: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    between: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = field(default=None, repr=False)
