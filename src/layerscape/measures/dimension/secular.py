"""Eigenvalues of a scatter that loses the part of one sample: the roots of the secular equation.

Of diag(λ) − z·zᵀ, with λ falling, the eigenvalue number a lies between λ_{a+1} and λ_a, at the root of
1 = Σ z_b² / (λ_b − μ) (Golub 1973, doi:10.1137/1015032).
"""

from __future__ import annotations

import numpy as np

from layerscape.core.jit import compiled_when_called

ROUNDS = 100
NEAR = 1e-14  # relative: of the root, where it is found


def eigenvalues_without(eigenvalues: np.ndarray, squares: np.ndarray, first: int, last: int) -> np.ndarray:
    """Eigenvalues number first…last − 1, counted from 0, where diag(eigenvalues) loses each of some z·zᵀ.

    Parameters
    ----------
    eigenvalues
        Shape (r,), falling, above 0.
    squares
        Shape (rows, r): z², for every row.

    Returns
    -------
    np.ndarray
        Shape (rows, last − first), not below 0.
    """
    found = np.empty((len(squares), last - first))
    _fill(eigenvalues, np.ascontiguousarray(squares), first, found)
    return found


@compiled_when_called
def _fill(eigenvalues, squares, first, found):
    """By the method of false position in its Illinois form on the equation without its two nearest poles.

    With δ = λ_a − μ and w the width of the interval that is δ·(w − δ)·(1 − Σ z_b² / (λ_b − λ_a + δ)), which is not
    above 0 at δ = 0 and not below 0 at δ = w.
    """
    r, apart = len(eigenvalues), np.empty(len(eigenvalues))
    for j in range(len(squares)):
        z = squares[j]
        for place in range(found.shape[1]):
            a = first + place
            value, is_last = eigenvalues[a], a == r - 1
            width = min(value, z.sum()) if is_last else value - eigenvalues[a + 1]
            for b in range(r):
                apart[b] = eigenvalues[b] - value
            low, high, side = 0.0, width, 0
            at_low, at_high = -z[a] * width, width * (width if is_last else z[a + 1])
            if is_last:
                rest = 1.0
                for b in range(r):
                    rest -= z[b] / (apart[b] + width) if apart[b] + width > 0 else 0.0
                at_low, at_high = -z[a], width * rest
            delta, before = 0.0 if at_low >= 0 else width, -1.0
            for _ in range(ROUNDS if at_low < 0 < at_high else 0):
                delta = (low * at_high - high * at_low) / (at_high - at_low)
                rest = 1.0
                for b in range(r):
                    if b != a and (is_last or b != a + 1):
                        rest -= z[b] / (apart[b] + delta)
                if is_last:
                    now = delta * rest - z[a]
                else:
                    now = delta * (width - delta) * rest - z[a] * (width - delta) + z[a + 1] * delta
                if now == 0 or abs(delta - before) <= NEAR * value:
                    break
                before = delta
                if now < 0:
                    low, at_low, at_high = delta, now, at_high / 2 if side < 0 else at_high
                    side = -1
                else:
                    high, at_high, at_low = delta, now, at_low / 2 if side > 0 else at_low
                    side = 1
            found[j, place] = max(0.0, value - delta)
