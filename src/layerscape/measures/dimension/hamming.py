"""Hamming distances of all pairs of binary codes, counted by groups of samples and summed by sample."""

from __future__ import annotations

from math import isqrt

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.rows import slices

GROUPS = 64  # of samples at most, whose pairs are counted apart for the interval
COUNTS = 2**24  # numbers of pairs held at once, from which follows how many groups there can be
TILE = 2**22  # distances held at once


def bits_of(x: Representation) -> np.ndarray:
    """The samples as −1 and 1, shape (N, D), int8."""
    bits, seen = np.empty((x.n_samples, x.n_units), dtype=np.int8), set()
    for rows, block in x.blocks():
        bits[rows] = np.where(block > 0, 1, -1)
        odd = ~np.isin(block, (-1, 0, 1))
        seen |= {value for value in (-1, 0, 1) if (block == value).any()}
        if odd.any() or {-1, 0} <= seen:
            wrong = f"{block[odd][0]:g}" if odd.any() else "both −1 and 0"
            raise InvalidValue(
                f"the data hold {wrong}; bid is for bits, 0 and 1 or −1 and 1: make them binary first, as with x > 0 "
                "or x > np.median(x, axis=0)."
            )
    if (bits == bits[0]).all():
        raise constant(x, " and has no dimension; leave it out")
    return bits


def count_by_groups(bits: np.ndarray, seed: int) -> np.ndarray:
    """How many pairs have each Hamming distance, shape (B, B, D + 1), by the groups b ≤ c that the two samples are of.

    One product of matrices gives the number of the cell (c, r) of each pair: (D − a·b)/2 + c·(D + 1), which float32
    holds exactly up to D = 2²⁰.
    """
    n, n_units = bits.shape
    width = n_units + 1
    n_groups = min(n, GROUPS, max(16, isqrt(COUNTS // width)))
    order = np.random.default_rng(seed).permutation(n)
    parts = np.array_split(np.arange(n), n_groups)
    group = np.repeat(np.arange(n_groups), [len(part) for part in parts])
    counts = np.zeros((n_groups, n_groups * width), dtype=np.int64)
    for some in slices(n, TILE // max(width, len(parts[0]))):
        right = np.column_stack([bits[order[some]], n_units / 2 + group[some] * width]).astype(np.float32).T
        for number, part in enumerate(parts):
            first = max(0, part[0] - some.start)  # pairs with samples before this group were counted from their side
            if part[0] >= some.stop:
                break
            left = np.column_stack([bits[order[part]] * np.float32(-0.5), np.ones(len(part), dtype=np.float32)])
            cells = (left @ right[:, first:]).astype(np.int64).ravel()
            counts[number] += np.bincount(cells, minlength=counts.shape[1])
    counts = counts.reshape(n_groups, n_groups, width)
    own = counts[np.diag_indices(n_groups)]
    own[:, 0] -= [len(part) for part in parts]  # of a sample with itself
    counts[np.diag_indices(n_groups)] = own // 2
    return counts


def sums_by_sample(bits: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What each sample's pairs add up to, shape (N, V), for V values of every distance, shape (D + 1, V)."""
    n, n_units = bits.shape
    sums, codes = np.empty((n, values.shape[1])), bits.astype(np.float32)
    for rows in slices(n, TILE // n):
        distances = ((n_units - codes[rows] @ codes.T) / 2).astype(np.int64)
        cells = np.arange(len(distances))[:, None] * (n_units + 1) + distances
        own = np.bincount(cells.ravel(), minlength=len(distances) * (n_units + 1)).reshape(len(distances), -1)
        own[:, 0] -= 1
        sums[rows] = own @ values
    return sums
