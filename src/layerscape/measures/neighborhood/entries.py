"""Entries: from which k on each sample is among the first k neighbors of another. All overlaps are read from them.

Without ties the r-th neighbor enters at k = r. Neighbors that tie over the ranks s+1…e enter each at one of these, and
all at different ones; with the order among them at random, each is among the first k with probability
(k−s)/(e−s), cut to 0…1. That is what is kept: s and e, called ``after`` and ``until``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerscape.core.jit import compiled_when_called
from layerscape.core.memo import remembered
from layerscape.core.neighbors import Neighbors
from layerscape.measures.neighborhood.agreement import Relation

TILE = 4096  # samples whose in-degrees at all k are in memory at a time


@dataclass(frozen=True)
class Entries:
    """The first k neighbors of M queries among N samples.

    Rows without ties are those of ``indices``; rows with ties are the lists ``members[starts[i]:starts[i + 1]]``, which
    hold whoever ties with the k-th neighbor too.
    """

    indices: np.ndarray  # (M, k)
    starts: np.ndarray  # (M + 1,)
    members: np.ndarray
    after: np.ndarray
    until: np.ndarray
    n_samples: int

    @property
    def lists(self) -> tuple[np.ndarray, ...]:
        """As the compiled loops take them."""
        return self.indices, self.starts, self.members, self.after, self.until


@remembered
def entries(graph: Neighbors, k: int) -> Entries:
    """The entries of the first k neighbors."""
    graph.need(k)
    rows = _with_ties(graph, k)
    lengths = np.zeros(len(graph.indices) + 1, np.int64)
    members = after = until = np.empty(0, np.int32)
    if len(rows):
        places, members, distances = graph.up_to(k, rows)
        order = np.lexsort((distances, places))
        places, members, distances = places[order], members[order], distances[order]
        lengths[rows + 1] = np.bincount(places, minlength=len(rows))
        after, until = _spans(places, distances)
    return Entries(graph.indices[:, :k], np.cumsum(lengths), members, after, until, graph.n_samples)


@remembered
def relation(graph: Neighbors, k: int) -> Relation:
    """The sums over being among the first 1…k neighbors, for every two of these numbers; of a graph of all samples."""
    return _relation(entries(graph, k))


def _with_ties(graph: Neighbors, k: int) -> np.ndarray:
    """Numbers of the rows in which two of the first k distances are equal, or the k-th and one beyond."""
    distances = graph.distances[:, : k + 1]
    ties = (distances[:, 1:] == distances[:, :-1]).any(axis=1)
    if graph.k == k and graph.border_starts is not None:
        ties |= np.diff(graph.border_starts) > 0
    return np.flatnonzero(ties)


def _spans(places: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of its row are nearer than an entry, and how many are not farther; the entries are in order."""
    n = len(places)
    new_row = np.concatenate([[True], places[1:] != places[:-1]])
    new_value = new_row | np.concatenate([[True], distances[1:] != distances[:-1]])
    first = np.maximum.accumulate(np.where(new_row, np.arange(n), 0))
    of_value = np.flatnonzero(new_value)
    number = np.cumsum(new_value) - 1
    after = of_value[number] - first
    until = np.append(of_value[1:], n)[number] - first
    return after.astype(np.int32), until.astype(np.int32)


def _relation(these: Entries) -> Relation:
    n, k = these.indices.shape
    sources = transpose(*these.lists, n)
    mutual, into = np.zeros((k, k)), np.zeros((k, k))
    for first in range(0, n, TILE):
        degrees = np.zeros((min(TILE, n - first), k))
        add_sources(*these.lists, *sources, first, degrees, mutual)
        degrees = degrees.cumsum(axis=1).cumsum(axis=1)
        into += degrees.T @ degrees
    for _ in range(2):  # from steps to how many enter together at two numbers, and from these to up to two numbers
        mutual = mutual.cumsum(axis=0).cumsum(axis=1)
    up_to = np.arange(1.0, k + 1)
    products = n * np.outer(up_to, up_to)
    return Relation(n * up_to, _squares(these), mutual, products, into, products)


def _squares(these: Entries) -> np.ndarray:
    """Σ of the products of an entry's probabilities at two k."""
    n, k = these.indices.shape
    up_to = np.arange(1, k + 1)
    squares = (n - np.count_nonzero(np.diff(these.starts))) * np.minimum.outer(up_to, up_to).astype(float)
    spans, counts = np.unique(np.stack([these.after, these.until]), axis=1, return_counts=True)
    after, until = spans[:, :, None]
    shares = np.clip((up_to - after) / np.maximum(1, until - after), 0, 1)
    return squares + (shares.T * counts) @ shares


@compiled_when_called
def transpose(indices, starts, members, after, until, n):
    """Whose neighbor a sample is, as compressed rows: starts, and each source with its ``after`` and ``until``."""
    k = indices.shape[1]
    begins = np.zeros(n + 1, np.int64)
    for i in range(len(indices)):
        if starts[i] == starts[i + 1]:
            for c in range(k):
                begins[indices[i, c] + 1] += 1
        else:
            for e in range(starts[i], starts[i + 1]):
                begins[members[e] + 1] += 1
    for j in range(n):
        begins[j + 1] += begins[j]
    at = begins[:-1].copy()
    sources = np.empty((begins[n], 3), np.int32)
    for i in range(len(indices)):
        plain = starts[i] == starts[i + 1]
        for e in range(k if plain else starts[i + 1] - starts[i]):
            j = indices[i, e] if plain else members[starts[i] + e]
            sources[at[j], 0] = i
            sources[at[j], 1] = e if plain else after[starts[i] + e]
            sources[at[j], 2] = e + 1 if plain else until[starts[i] + e]
            at[j] += 1
    return begins, sources


@compiled_when_called
def add_sources(indices, starts, members, after, until, begins, sources, first, degrees, mutual):
    """Add for some samples, as steps, how many have them as neighbor and how many of these are theirs.

    ``degrees[j, r]`` and ``mutual[r, t]`` take the differences along each axis of how many enter at rank r + 1.
    """
    k = indices.shape[1]
    place = np.full(len(indices), -1, np.int32)
    for j in range(first, first + len(degrees)):
        plain = starts[j] == starts[j + 1]
        size = k if plain else starts[j + 1] - starts[j]
        for e in range(size):
            place[indices[j, e] if plain else members[starts[j] + e]] = e
        for f in range(begins[j], begins[j + 1]):
            i, s, u = sources[f]
            share = 1.0 / (u - s)
            degrees[j - first, s] += share
            if u < k:
                degrees[j - first, u] -= share
            e = place[i]
            if e >= 0:
                t = e if plain else after[starts[j] + e]
                v = e + 1 if plain else until[starts[j] + e]
                share /= v - t
                mutual[t, s] += share
                if u < k:
                    mutual[t, u] -= share
                if v < k:
                    mutual[v, s] -= share
                    if u < k:
                        mutual[v, u] += share
        for e in range(size):
            place[indices[j, e] if plain else members[starts[j] + e]] = -1
