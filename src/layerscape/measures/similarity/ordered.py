"""Sums over pairs of samples of what two sides have there, with the samples of one side in another order."""

from __future__ import annotations

import numpy as np

from layerscape.core.exchange import Score, of_each
from layerscape.core.jit import compiled_when_called
from layerscape.errors import InvalidValue

PAIRS_PER_ROW = 50  # of units, that are multiplied in the time in which two samples are looked up
HELD = 8192  # rows whose Gram matrices are held in memory


def score_of_pairs(a: np.ndarray, b: np.ndarray, n_samples: int, measure: str) -> Score:
    """Σ a_ij·b_ij over all i ≠ j, as a function of orders of the samples of b.

    Parameters
    ----------
    a, b
        Shape (n, n), symmetric.
    n_samples
        N; raises if not all of them are compared.
    """
    check_all_compared(len(a), n_samples, measure)
    return of_each(lambda order: 2.0 * sum_below(a, b, order))


def squares_of_cross(x: np.ndarray, y: np.ndarray) -> Score:
    """‖xᵀy‖_F², as a function of orders of the rows of y: by Gram matrices where these are less work."""
    n = len(x)
    if x.shape[1] * y.shape[1] < PAIRS_PER_ROW * n or n > HELD:
        return of_each(lambda order: float(np.square(x.T @ y[order]).sum()))
    of_x, of_y = x @ x.T, y @ y.T
    own_x, own_y = np.diag(of_x), np.diag(of_y)
    return of_each(lambda order: 2.0 * sum_below(of_x, of_y, order) + float(own_x @ own_y[order]))


def check_all_compared(n: int, n_samples: int, measure: str) -> None:
    """Raise where a measure looks at some samples only, which part groups."""
    if n < n_samples:
        raise InvalidValue(
            f"{measure} looks at {n} of {n_samples} samples: chance over groups needs all; raise sample=, or give fewer"
        )


@compiled_when_called
def sum_below(a, b, order):
    """Σ a_ij·b_ij over all i > j, with sample i of a the sample order[i] of b."""
    total = 0.0
    for i in range(len(a)):
        of_b = b[order[i]]
        part = 0.0
        for j in range(i):
            part += a[i, j] * of_b[order[j]]
        total += part
    return total
