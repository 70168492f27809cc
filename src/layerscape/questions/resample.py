"""Which layer is best, and how sure is that: tests for values of the same samples."""

from __future__ import annotations

from math import exp, expm1, pi, sqrt

import numpy as np

from layerscape.core.permutation import ROUNDING, share_as_high
from layerscape.errors import InvalidValue


def wins(per_sample: np.ndarray, groups: np.ndarray | None = None, *, parts: int = 20, seed: int = 0) -> np.ndarray:
    """In which share of disjoint subsets of the samples each layer has the highest mean; shape (layers,).

    Parameters
    ----------
    per_sample
        Shape (layers, N): values about 1.
    groups
        Shape (N,): numbers 0…G−1 of the groups of samples that belong together, which subsets do not part.
    parts
        How many subsets; layers that tie, but for rounding, share the win.
    """
    groups = np.arange(per_sample.shape[1]) if groups is None else groups
    n = int(groups.max()) + 1
    if not 2 <= parts <= n:
        raise InvalidValue(f"parts={parts} of {n} samples; give 2..{n}.")
    member = (np.random.default_rng(seed).permutation(n) % parts)[groups]
    means = np.array([np.bincount(member, values, parts) for values in per_sample])
    best = means >= means.max(axis=0) - ROUNDING
    return (best / best.sum(axis=0)).mean(axis=1)


def p_of_largest(null: np.ndarray, value: float) -> float:
    """The p-value of a largest value: how many permuted ones are as high or, where none is, Gumbel's law.

    The largest of many values follows Gumbel's law (1958), here that of the mean and spread of ``null``, which says how
    far beyond all of them a value is.

    Parameters
    ----------
    null
        Shape (permutations,): the largest value for permuted labels.
    value
        The largest value for the labels.

    Examples
    --------
    >>> null = np.random.default_rng(0).gumbel(size=99)
    >>> p_of_largest(null, 0.0) > 0.5, p_of_largest(null, 50.0) < 1e-6, p_of_largest(np.zeros(99), 1e-16)
    (True, True, 1.0)
    """
    p, spread = share_as_high(null, value), float(null.std(ddof=1))
    if p > 1 / (1 + len(null)) or spread < ROUNDING:
        return p
    z = (value - float(null.mean())) / spread
    return min(p, -expm1(-exp(-(pi / sqrt(6) * z + np.euler_gamma))))
