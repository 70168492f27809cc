"""Entries: from which k on each sample is among the first k neighbors of another. All overlaps are read from them.

Without ties the r-th neighbor enters at k = r. Neighbors that tie over the ranks s+1…e enter each at one of these, and
all at different ones; with the order among them at random, each is among the first k with probability
(k−s)/(e−s), cut to 0…1. That is what is kept: s and e, called ``after`` and ``until``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from layerscape.core.jit import compiled_when_called
from layerscape.core.memo import remembered
from layerscape.core.neighbors import Neighbors
from layerscape.measures.neighborhood.agreement import Relation

TILE = 4096  # samples whose in-degrees at all k are in memory at a time


class Entries(NamedTuple):
    """The first k neighbors of M queries among N samples, as the compiled loops take them.

    Rows without ties begin with those of ``indices``, which the loops read faster where they lie one after the other
    in memory and perhaps go on beyond k; rows with ties are the lists ``members[starts[i]:starts[i + 1]]``, which
    hold whoever ties with the k-th neighbor too.
    """

    k: int
    indices: np.ndarray  # (M, k or more)
    starts: np.ndarray  # (M + 1,)
    members: np.ndarray
    after: np.ndarray
    until: np.ndarray
    n_samples: int


class Sources(NamedTuple):
    """Whose neighbor each of N samples is: of sample j the rows ``starts[j]:starts[j + 1]`` of ``entries``."""

    starts: np.ndarray  # (N + 1,)
    entries: np.ndarray  # (·, 3): the query that has j in its list, ``after`` and ``until``


@remembered
def entries(graph: Neighbors, k: int) -> Entries:
    """The entries of the first k neighbors."""
    graph.need(k)
    rows = _with_ties(graph, k)
    lengths = np.zeros(len(graph.indices) + 1, np.int64)
    members = after = until = np.empty(0, np.int32)
    if len(rows):
        places, members, order = graph.up_to(k, rows)
        sorted_ = np.lexsort((order, places))
        places, members = places[sorted_], members[sorted_]
        lengths[rows + 1] = np.bincount(places, minlength=len(rows))
        after, until = _spans(places, order[sorted_])
    return Entries(k, np.ascontiguousarray(graph.indices), np.cumsum(lengths), members, after, until, graph.n_samples)


@remembered
def relation(graph: Neighbors, k: int) -> Relation:
    """The sums over being among the first 1…k neighbors, for every two of these numbers; of a graph of all samples."""
    return _relation(entries(graph, k))


def longest(these: Entries) -> int:
    """At most how many entries a sample has."""
    return these.k + int(np.diff(these.starts).max())


def _with_ties(graph: Neighbors, k: int) -> np.ndarray:
    """Numbers of the rows in which two of the first k distances are equal, or the k-th and one beyond."""
    order = graph.order[:, : k + 1]
    ties = (order[:, 1:] == order[:, :-1]).any(axis=1)
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
    n, k = len(these.indices), these.k
    sources = Sources(*transpose(these))
    mutual, into = np.zeros((k, k)), np.zeros((k, k))
    for first in range(0, n, TILE):
        degrees = np.zeros((min(TILE, n - first), k))
        add_sources(these, sources, first, degrees, mutual)
        degrees = degrees.cumsum(axis=1).cumsum(axis=1)
        into += degrees.T @ degrees
    for _ in range(2):
        mutual = mutual.cumsum(axis=0).cumsum(axis=1)
    up_to = np.arange(1.0, k + 1)
    products = n * np.outer(up_to, up_to)
    return Relation(n * up_to, _squares(these), mutual, products, into, products)


def _squares(these: Entries) -> np.ndarray:
    """Σ of the products of an entry's probabilities at two k."""
    n, k = len(these.indices), these.k
    up_to = np.arange(1, k + 1)
    squares = (n - np.count_nonzero(np.diff(these.starts))) * np.minimum.outer(up_to, up_to).astype(float)
    spans, counts = np.unique(these.after * np.int64(2**32) + these.until, return_counts=True)
    after, until = (part[:, None] for part in np.divmod(spans, 2**32))
    shares = np.clip((up_to - after) / np.maximum(1, until - after), 0, 1)
    return squares + (shares.T * counts) @ shares


@compiled_when_called
def transpose(these):
    """Starts and entries of the `Sources`."""
    k, n = these.k, these.n_samples
    begins = np.zeros(n + 1, np.int64)
    for i in range(len(these.indices)):
        if these.starts[i] == these.starts[i + 1]:
            for c in range(k):
                begins[these.indices[i, c] + 1] += 1
        else:
            for e in range(these.starts[i], these.starts[i + 1]):
                begins[these.members[e] + 1] += 1
    for j in range(n):
        begins[j + 1] += begins[j]
    at = begins[:-1].copy()
    sources = np.empty((begins[n], 3), np.int32)
    for i in range(len(these.indices)):
        begin, end = these.starts[i], these.starts[i + 1]
        plain = begin == end
        for e in range(k if plain else end - begin):
            j = these.indices[i, e] if plain else these.members[begin + e]
            sources[at[j], 0] = i
            sources[at[j], 1] = e if plain else these.after[begin + e]
            sources[at[j], 2] = e + 1 if plain else these.until[begin + e]
            at[j] += 1
    return begins, sources


@compiled_when_called
def add_sources(these, sources, first, degrees, mutual):
    """Add for the samples from ``first`` on the second differences of how many have them near, and how many mutually.

    With s and u the ``after`` and ``until`` of j in the list of i, P_ij(k) = (k − s)/(u − s), cut to 0…1, is the
    probability that j is among the first k of i. Wanted are d_j(k) = Σ_i P_ij(k) and M(k, l) = Σ_ij P_ji(k)·P_ij(l).
    P_ij is 0 up to s, rises by 1/(u − s) with each k up to u and then stays 1: its second difference is 1/(u − s) at
    k = s + 1, −1/(u − s) at k = u + 1, and 0 elsewhere. A product of a function of k and one of l has the products of
    their second differences: with t and v those of i in the list of j, ±1/((u − s)(v − t)) at four (k, l). Summed up
    twice along each axis they are d, of which row j − first takes that of sample j, and M; k and l count from 1.
    """
    k = these.k
    place = np.full(len(these.indices), -1, np.int32)  # of a sample in the list of j
    for j in range(first, first + len(degrees)):
        begin = these.starts[j]
        plain = begin == these.starts[j + 1]
        size = k if plain else these.starts[j + 1] - begin
        for e in range(size):
            place[these.indices[j, e] if plain else these.members[begin + e]] = e
        for f in range(sources.starts[j], sources.starts[j + 1]):
            i, s, u = sources.entries[f]
            share = 1.0 / (u - s)
            degrees[j - first, s] += share
            if u < k:
                degrees[j - first, u] -= share
            e = place[i]
            if e >= 0:
                t = e if plain else these.after[begin + e]
                v = e + 1 if plain else these.until[begin + e]
                share /= v - t
                mutual[t, s] += share
                if u < k:
                    mutual[t, u] -= share
                if v < k:
                    mutual[v, s] -= share
                    if u < k:
                        mutual[v, u] += share
        for e in range(size):
            place[these.indices[j, e] if plain else these.members[begin + e]] = -1
