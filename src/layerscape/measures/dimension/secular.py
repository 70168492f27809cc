"""Eigenvalues of a scatter that loses the part of one sample: the roots of the secular equation.

Of diag(λ) − z·zᵀ, with λ falling, the eigenvalue number a lies between λ_{a+1} and λ_a, at the root of
1 = Σ z_b² / (λ_b − μ) (Golub 1973, doi:10.1137/1015032).
"""

from __future__ import annotations

import numpy as np

from layerscape.core.jit import compiled_when_called

ROUNDS = 100
NEAR = 1e-9  # relative: after a step as small as this one the error is about its square


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
    """By the middle way of Li 1993 (LAPACK working note 89), between bounds.

    With δ = λ_a − μ and w = λ_a − λ_{a+1}, f = 1 − Σ z_b²/(λ_b − μ) grows from −∞ at δ = 0 to ∞ at δ = w. Where it is
    looked at, it is replaced by C − s/δ + S/(w − δ) of the same value, of which s has the slope of the terms up to a
    and S that of those beyond; the root of that, 2·s·w / (B + √(B² − 4·C·s·w)) with B = C·w + s + S, comes next.
    """
    r = len(eigenvalues)
    for j in range(len(squares)):
        for place in range(found.shape[1]):
            a = first + place
            value = eigenvalues[a]
            width = value if a == r - 1 else value - eigenvalues[a + 1]
            low, high = 0.0, width
            delta = min(squares[j, a], width / 2) if squares[j, a] > 0 else width / 2
            for _ in range(ROUNDS if width > 0 else 0):
                f, before, beyond = 1.0, 0.0, 0.0
                for b in range(a + 1):
                    over = 1 / (eigenvalues[b] - value + delta)
                    f, before = f - squares[j, b] * over, before + squares[j, b] * over * over
                for b in range(a + 1, r):
                    over = 1 / (eigenvalues[b] - value + delta)
                    f, beyond = f - squares[j, b] * over, beyond + squares[j, b] * over * over
                low, high = (delta, high) if f < 0 else (low, delta)
                left = width - delta
                c, s, t = f + delta * before - left * beyond, delta**2 * before, left**2 * beyond
                middle = c * width + s + t
                new = middle + np.sqrt(max(0.0, middle**2 - 4 * c * s * width))
                new = 2 * s * width / new if new > 0 else high
                if not low < new < high:
                    new = (low + high) / 2
                moved, delta = abs(new - delta), new
                if moved <= NEAR * value:
                    break
            found[j, place] = max(0.0, value - delta)
