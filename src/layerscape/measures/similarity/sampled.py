"""Rows that both sides of a comparison are read at: for measures of all pairs of samples, too many for large N."""

from __future__ import annotations

from math import frexp

import numpy as np

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue

FEWEST = 10


def check_same_samples(a: Representation, b: Representation, name: str) -> None:
    """Raise unless both are of the same number of samples, and of enough."""
    if a.n_samples != b.n_samples:
        raise InvalidValue(
            f"representations of {a.n_samples} and {b.n_samples} samples; both must be of the same samples."
        )
    if a.n_samples < FEWEST:
        raise InvalidValue(f"{a.n_samples} samples; {name} needs at least {FEWEST}.")


def drawn_rows(n_samples: int, sample: int, seed: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Increasing numbers of the rows to compare, the same for every pair of representations, and a warning if not all.

    Parameters
    ----------
    n_samples
        N.
    sample
        How many rows at most.
    seed
        Which rows.
    """
    if sample < FEWEST:
        raise InvalidValue(f"sample={sample!r}; give at least {FEWEST}.")
    if n_samples <= sample:
        return np.arange(n_samples), ()
    rows = np.sort(np.random.default_rng(seed).choice(n_samples, sample, replace=False))
    return rows, (f"measured on {sample} of {n_samples} samples, drawn at random (sample={sample}, seed={seed})",)


def rows_near_one(x: Representation, rows: np.ndarray) -> np.ndarray:
    """These rows less their median, times the power of two that brings the largest value near 1; float64.

    The median, so that one far sample takes no digits from the others.
    """
    values = x.read(rows)
    values = np.ldexp(values, -frexp(float(np.abs(values).max()))[1])
    values = values - np.median(values, axis=0)
    return np.ldexp(values, -frexp(float(np.abs(values).max()))[1])
