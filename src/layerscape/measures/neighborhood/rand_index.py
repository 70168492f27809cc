"""The adjusted Rand index of two partitions, its chance level and its spread: shared by what compares clusters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.interval import within
from layerscape.core.permutation import chance_by_permutation
from layerscape.measures.neighborhood.clusters import margin_of_halves

LOWEST = -0.5  # for any two partitions
RESOLUTION = 4.0  # over N: about what one sample in another part changes


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """(Σ C(n_ij, 2) − E) / (½(A + B) − E), with A = Σ C(n_i, 2), B = Σ C(n_j, 2) and E = A·B / C(N, 2).

    Parameters
    ----------
    a, b
        Shapes (N,): the number, from 0, of the part that each sample is in. NaN if both have one part, or N parts.
    """
    n = len(a)
    both = sparse.coo_array((np.ones(n), (a, b))).tocsr()
    both.sum_duplicates()
    together, of_a, of_b = ((float(sizes @ sizes) - n) / 2 for sizes in (both.data, both.sum(axis=1), both.sum(axis=0)))
    expected = of_a * of_b / (n * (n - 1) / 2) if n > 1 else together
    room = (of_a + of_b) / 2 - expected
    return (together - expected) / room if room else float("nan")


def compare_partitions(
    a: np.ndarray, b: np.ndarray, halves: tuple[np.ndarray, np.ndarray], permutations: int, seed: int
) -> Estimate:
    """The index with its interval and chance.

    Parameters
    ----------
    a, b
        Shapes (N,): two partitions with more than one part at least in one of them.
    halves
        Shapes (20, N): the same partitions of halves of the samples, −1 where a sample is not in.
    permutations, seed
        Of `chance_by_permutation`.
    """
    value = adjusted_rand(a, b)
    chance, null = chance_by_permutation(lambda order: adjusted_rand(a, b[order]), value, len(a), permutations, seed)
    spread = np.array([_of_half(*half) for half in zip(*halves, strict=True)])
    # The mean over all permutations is 0 by the definition of the index.
    exact: Chance = replace(chance, value=0.0)
    low, high = within(value, margin_of_halves(spread), (LOWEST, 1.0), RESOLUTION / len(a))
    return Estimate(value, low, high, len(a), chance=exact, details={"null": null})


def _of_half(a: np.ndarray, b: np.ndarray) -> float:
    """The index of one half; 0, no agreement, where neither partition has two parts."""
    inside = (a >= 0) & (b >= 0)
    return float(np.nan_to_num(adjusted_rand(a[inside], b[inside]))) if inside.any() else 0.0
