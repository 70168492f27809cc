"""Ranking: who is nearer to whom in one representation, asked pair by pair, since all ranks would be N × N numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.neighbors import Neighbors


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
    places
        Called with such pairs, gives the first and the last rank that each may have where distances tie, shape (P, 2),
        of which the rank is the mean. None where these are not known.
    apart
        Which samples are no neighbors of each other: they have no rank, and no rank counts them.
    """

    n_samples: int
    n_units: int | None
    ranks: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    between: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = field(default=None, repr=False)
    places: Callable[[np.ndarray], np.ndarray] | None = field(default=None, repr=False)
    apart: Apart | None = None

    @property
    def ends(self) -> np.ndarray:
        """Shape (N,): one more than the last rank around each sample, which is twice the mean of its ranks."""
        every = np.arange(self.n_samples)
        return self.n_samples - (0 if self.apart is None else self.apart.counts(every) - 1) + np.zeros_like(every)


@dataclass(frozen=True, eq=False)
class Ends:
    """The two ends of pairs as representations of their own: row p of each is of pair p.

    Attributes
    ----------
    graph
        Called with 0 for the queries or 1 for the partners and a number of neighbors, gives the graph of that end.
    ranking
        Called with 0 or 1, gives the ranking of that end.
    """

    graph: Callable[[int, int], Neighbors] = field(repr=False)
    ranking: Callable[[int], Ranking] = field(repr=False)
