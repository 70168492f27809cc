"""Deletion: what becomes of a graph's lists of neighbors when one sample is deleted, without a new search.

Whoever had it among the first k has one neighbor fewer before the next in line, and nobody else notices. So a graph of
k + 1 neighbors holds all graphs of k neighbors of which one sample is missing, and each of its N·k places is in one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerscape.core.border import every_place, none_tie_beyond
from layerscape.core.checks import check_all_asked
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue

LEFT = 5  # samples beside a sample and its neighbors, of fewer of which intervals of overlaps are too narrow


def need_next(graph: Neighbors, k: int) -> None:
    """Raise unless the graph is of all samples and holds the neighbor that follows the first k."""
    check_all_asked(graph, "an influence")
    check_next(graph.n_samples, k)
    graph.need(k)
    if k == graph.k:
        raise InvalidValue(
            f"an influence reads the neighbor that follows the first {k}, and the graph holds {k}; give a graph of "
            f"{k + 1} neighbors."
        )


def check_next(n_samples: int, k: int) -> None:
    """Raise unless one sample fewer still has k neighbors."""
    if k >= n_samples - 1:
        raise InvalidValue(
            f"{k} neighbors of {n_samples} samples: without one of them there are not so many, and so no influence; "
            f"{k} neighbors take {k + 2} samples."
        )


def without_next(graph: Neighbors, k: int) -> str:
    """Why the first k neighbors of a graph have no interval, and what can be done; empty where they have one.

    Some samples must be none of the first k. What a deletion moves is read from these, and of fewer than `LEFT` of them
    intervals of 95 % hold in 55 to 90 %.
    """
    n = graph.n_samples
    most = graph.near.most(n) - LEFT
    if k <= min(most, graph.k - 1):
        return ""
    why, fewer = f"no interval: it reads the neighbor that follows the first {k}", min(k - 1, most)
    smaller = [f"k={fewer}"] if fewer > 0 else []
    if k <= most:
        return f"{why}; give {', or '.join([f'a graph of {k + 1} neighbors', *smaller])}"
    return f"{why}, and of {n} samples too few are left; give {', or '.join([*smaller, 'more samples'])}"


def lost_by_others(
    graph: Neighbors, k: int, values: np.ndarray, value_of: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """How much less the values of all others add up to without each sample, shape (N,).

    Parameters
    ----------
    values
        Shape (N,): of every sample, from the distances to its first k neighbors.
    value_of
        The same from any such distances, shape (N, k).
    """
    lost = np.zeros(graph.n_samples)
    for place in range(k):
        lost += np.bincount(graph.indices[:, place], values - value_of(shortened(graph, k, place)), graph.n_samples)
    return lost


def shortened(graph: Neighbors, k: int, place: int) -> np.ndarray:
    """Distances to the first k neighbors of all samples when each loses that at one place, shape (N, k)."""
    return np.delete(graph.distances[:, : k + 1], place, axis=1)


@dataclass(frozen=True)
class Lists:
    """The first k + 1 neighbors of N samples, and what each of them becomes when another one is deleted.

    With w the probabilities of being among the first k and u what the first k + 1 add to them, deleting j leaves
    w_l + w_j·u_l / (1 − u_j): the place of j goes to who is next. That holds with ties too, which u and w share evenly.

    Attributes
    ----------
    rows, members
        Sample ``members[e]`` may be among the first k + 1 of sample ``rows[e]``.
    among, next
        w and u.
    """

    n_samples: int
    rows: np.ndarray
    members: np.ndarray
    among: np.ndarray
    next: np.ndarray

    @cached_property
    def opens(self) -> np.ndarray:
        """How much of u all others gain when a member is deleted, w / (1 − u)."""
        return np.divide(self.among, 1 - self.next, out=np.zeros_like(self.among), where=self.among > 0)

    def by_row(self, *values: np.ndarray) -> list[np.ndarray]:
        """Sums over the entries of each sample, of each kind of values; shape (N,)."""
        return [np.bincount(self.rows, each, self.n_samples) for each in values]

    def by_member(self, values: np.ndarray) -> np.ndarray:
        """Sums over the lists that a sample is in, shape (N,)."""
        return np.bincount(self.members, values, self.n_samples)

    def entries(self, rows: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the entries of some pairs, and whether there are such entries."""
        keys = self.rows * np.int64(self.n_samples) + self.members
        order = np.argsort(keys)
        wanted = rows * np.int64(self.n_samples) + members
        found = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(order) - 1)]
        return found, keys[found] == wanted


def lists(graph: Neighbors, k: int) -> Lists:
    """The lists of a graph of all samples that holds k + 1 neighbors."""
    need_next(graph, k)
    if none_tie_beyond(graph, k) and none_tie_beyond(graph, k + 1):
        among = np.tile(np.append(np.ones(k), 0.0), graph.n_samples)
        return Lists(graph.n_samples, *every_place(graph, k + 1), among, 1 - among)
    rows, members, order = graph.up_to(k + 1)
    among, wide = (_shares(order, rows, graph.order[:, m - 1], m) for m in (k, k + 1))
    return Lists(graph.n_samples, rows, members, among, wide - among)


def lists_of(graph: Neighbors, wanted: np.ndarray) -> Lists:
    """The same where each sample has its own k, shape (N,)."""
    parts, each_k = [], np.unique(wanted)
    if len(each_k) == 1:
        return lists(graph, int(each_k[0]))
    for k in each_k:
        found = lists(graph, int(k))
        own = wanted[found.rows] == k
        parts.append([found.rows[own], found.members[own], found.among[own], found.next[own]])
    return Lists(graph.n_samples, *(np.concatenate(each) for each in zip(*parts, strict=True)))


def _shares(distances: np.ndarray, rows: np.ndarray, last: np.ndarray, k: int) -> np.ndarray:
    """Probability of being among the first k, of whom the last lies that far."""
    nearer, tied = distances < last[rows], distances == last[rows]
    places = k - np.bincount(rows[nearer], minlength=len(last))
    return np.where(nearer, 1.0, np.where(tied, (places / np.bincount(rows[tied], minlength=len(last)))[rows], 0.0))
