"""Strata: which groups of about one size may change places, each cut to the size of the smallest of its stratum.

Strata say which samples are kept, by sizes alone, so that chance stays exact whichever are taken. Small ones keep most
samples, which a relation within groups is read from. Of relations between groups it is groups that count: there each
stratum holds as many as pay for the members that are cut.
"""

from __future__ import annotations

from math import exp, inf, lgamma

import numpy as np

RUN = 3  # groups of about one size in a stratum, where samples count
KEPT = 0.85  # share of the samples that is to be left where all groups are cut to the size of the smallest
FEWEST = 20  # arrangements below which there is no p
LARGEST = 700.0  # logarithm of a number that a float holds
WITHIN = 1.0  # variance within groups over that between them, from which it is told what another member is worth


def strata_of(sizes: np.ndarray, *, between: bool) -> list[list[int]]:
    """The numbers of the groups in each stratum, from small groups to large.

    >>> sizes = np.array([2, 4, 6, 8, 10, 12, 14, 16, 18])
    >>> strata_of(sizes, between=False), strata_of(sizes, between=True)
    ([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3, 4, 5, 6, 7, 8]])
    """
    by_size = np.argsort(sizes, kind="stable")
    if not between and sizes.min() * len(sizes) >= KEPT * sizes.sum():
        return [by_size.tolist()]
    starts = _by_worth(sizes[by_size]) if between else list(range(0, max(1, len(sizes) - RUN + 1), RUN))
    least = sizes[by_size[starts]]  # strata that are cut to one size are one
    found = [each.tolist() for each in np.split(by_size, np.array(starts)[1:][np.diff(least) > 0])]
    return found if arrangements(found) >= FEWEST else [by_size.tolist()]


def arrangements(strata: list[list[int]]) -> float:
    """In how many ways groups change places; infinite where they are too many for a float."""
    return count(sum(lgamma(len(each) + 1) for each in strata))


def count(logarithm: float) -> float:
    """A number of ways by its logarithm: whole where it matters, infinite where it is too large for a float."""
    found = exp(logarithm) if logarithm < LARGEST else inf
    return round(found) if found < 1e9 else found


def _by_worth(ordered: np.ndarray) -> list[int]:
    """Where strata begin among increasing sizes, so that what is free to move is worth most.

    A stratum of s groups of m members has s − 1 that are free, each worth m / (m + 1): the share of the variance of its
    mean that lies between groups.
    """
    places = np.flatnonzero(np.diff(ordered, prepend=0))  # groups of one size are never parted
    least, ends = ordered[places], [*places[1:].tolist(), len(ordered)]
    best, last = np.zeros(len(places) + 1), np.zeros(len(places) + 1, int)
    for end, many in enumerate(ends, 1):
        worth = best[:end] + (many - places[:end] - 1) * least[:end] / (least[:end] + WITHIN)
        last[end] = int(np.argmax(worth))
        best[end] = worth[last[end]]
    starts, end = [], len(places)
    while end:
        end = int(last[end])
        starts.insert(0, int(places[end]))
    return starts
