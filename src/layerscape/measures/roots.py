"""Sums of square roots of eigenvalues after a small change of the matrix, without its eigenvalues.

With √λ = (1/2π) ∫₀^∞ t^(−1/2)·log(1 + λ/t) dt a sum of roots needs only det(M + t), and a change of rank one or two
changes that by a factor that is a determinant of that size. The derivative of λ^p by p gives √λ·log λ in the same way:
2·√λ + (1/2π) ∫ t^(−1/2)·log t·log(1 + λ/t) dt. In log t both integrands are analytic and fall off at both ends, so that
sums over equally spaced nodes are as good as exact (Trefethen and Weideman 2014, doi:10.1137/130932132).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np

STEP = 0.75  # of log t, for an error of exp(−2π²/STEP) = 4e-12
BELOW, ABOVE = 52, 46  # how far log t goes from that of the largest eigenvalue
LEAST = 1e-300


@dataclass(frozen=True)
class Roots:
    """The nodes for matrices M of some scale.

    Attributes
    ----------
    nodes
        Shape (Q,): the t.
    """

    nodes: np.ndarray

    @classmethod
    def of(cls, eigenvalues: np.ndarray) -> Roots:
        """For the eigenvalues of M, of which the largest is above 0."""
        middle = log(float(eigenvalues.max()))
        return cls(np.exp(np.arange(middle - BELOW, middle + ABOVE, STEP)))

    def change(self, logs: np.ndarray) -> np.ndarray:
        """How much Σ√λ grows where the logarithm of det(M + t) grows by this, shape (…, Q)."""
        return logs @ self._weights

    def change_of_logs(self, logs: np.ndarray) -> np.ndarray:
        """How much Σ√λ·log λ grows."""
        return logs @ (self._weights * (2 + np.log(self.nodes)))

    @property
    def _weights(self) -> np.ndarray:
        return np.sqrt(self.nodes) * (STEP / (2 * pi))


def log_of(factors: np.ndarray, less_one: np.ndarray) -> np.ndarray:
    """The logarithm of factors that are known with and without the 1 that they are near at large t, or 0 at small."""
    near = np.abs(less_one) < 0.5
    return np.where(near, np.log1p(np.where(near, less_one, 0.0)), np.log(np.maximum(factors, LEAST)))
