"""What comparisons of two representations share: the same samples, which of them are looked at, and a fair scale."""

from __future__ import annotations

from math import frexp, sqrt
from typing import get_args

import numpy as np

from layerscape.core.checks import check_least, check_name, check_samples
from layerscape.core.nearness import MetricOfRows
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.rows import drawn

FEWEST = 10
DOMINANT = 0.5  # a share of the variance above which one unit or sample decides


def same_samples(a: Representation, b: Representation, measure: str, fewest: int = FEWEST) -> int:
    """N; raises if the representations are not of the same number of samples, or of too few."""
    if a.n_samples != b.n_samples:
        raise InvalidValue(
            f"representations of {a.n_samples} and {b.n_samples} samples; both must be of the same samples."
        )
    check_samples(a.n_samples, measure, fewest)
    return a.n_samples


def drawn_rows(n_samples: int, sample: int, seed: int, fewest: int = FEWEST) -> tuple[np.ndarray, tuple[str, ...]]:
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
    check_least(fewest, sample=sample)
    rows = drawn(n_samples, sample, seed)
    if n_samples <= sample:
        return rows, ()
    return rows, (f"measured on {sample} of {n_samples} samples, drawn at random (sample={sample}, seed={seed})",)


def rows_near_one(x: Representation, rows: np.ndarray, metric: MetricOfRows) -> np.ndarray:
    """These rows less their median, times the power of two that brings the largest value near 1; float64.

    The median, so that one far sample takes no digits from the others. Their Euclidean distances are those of the
    metric.
    """
    check_name("metric", metric, get_args(MetricOfRows))
    values = x.read(rows) if metric == "euclidean" else directions(x, rows, metric)
    values = np.ldexp(values, -frexp(float(np.abs(values).max()))[1])
    values = values - np.median(values, axis=0)
    return np.ldexp(values, -frexp(float(np.abs(values).max()))[1])


def directions(x: Representation, rows: np.ndarray, metric: MetricOfRows) -> np.ndarray:
    """These rows at length 1, for ``"correlation"`` less their own means first; a row without direction is refused."""
    values = x.read(rows)
    values = np.ldexp(values, -np.frexp(np.abs(values).max(axis=1, keepdims=True))[1] - 1)
    if metric == "correlation":
        values -= values[:, :1]  # exact for a row of equal values
        values -= values.mean(axis=1, keepdims=True)
    largest = np.abs(values).max(axis=1, keepdims=True)
    if not largest.all():
        name = x.ids[rows[int(np.flatnonzero(largest == 0)[0])]]
        why = "0 in every unit: it has no cosine" if metric == "cosine" else "equal in all units: it has no correlation"
        raise InvalidValue(f"sample {name!r} of {x.title} is {why}; leave it out, or choose another metric.")
    values = np.ldexp(values, -np.frexp(largest)[1])
    return values / np.sqrt(np.einsum("ij,ij->i", values, values))[:, None]


def corrected(value: float, chance: float) -> float:
    """0 at chance, 1 at 1."""
    return (value - chance) / (1 - chance)


def spread_of_pairs(moved: np.ndarray) -> float:
    """Standard deviation of a sum over pairs of samples; the jackknife counts what two samples add together twice.

    Parameters
    ----------
    moved
        Shape (n, n), symmetric, 0 on the diagonal: how much each pair moves the sum.
    """
    by_sample = moved.sum(axis=1)
    jackknife = float(((by_sample - by_sample.mean()) ** 2).sum())
    return sqrt(max(jackknife - float(np.einsum("ij,ij->", moved, moved)) / 2, jackknife / 4))


def of_one_sample(shares: np.ndarray, what: str, name: str) -> list[str]:
    """Words about units or components of which one sample holds most; ``shares``: the largest share in each."""
    count = int((shares > DOMINANT).sum())
    if not count:
        return []
    return [f"{count} of {len(shares)} {what} of {name} owe more than half of their variance to one sample"]
