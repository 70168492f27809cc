"""Functions: samples agree as a function of the user's says; and sums over all pairs from some of the samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.agreement import Relation
from layerscape.measures.rows import slices

MOST = 3000  # samples of which all pairs are evaluated
SOME = 2000  # samples drawn where there are more
FEW = 500  # the same for a function that takes one pair at a time
BLOCK = 2**20  # pairs in one call


@dataclass(frozen=True)
class Agreement:
    """G(i, j) = φ(i, j), in 0…1.

    Attributes
    ----------
    phi
        Takes two integer arrays of one shape and returns as many values.
    rows
        Of which all pairs stand for all pairs of all samples.
    """

    phi: Callable[[np.ndarray, np.ndarray], np.ndarray]
    rows: np.ndarray
    warnings: tuple[str, ...] = ()
    classes: None = None
    summed: None = None

    @classmethod
    def of(cls, phi: Callable[[Any, Any], Any], n_samples: int) -> Agreement:
        """From a function of two row numbers, or of two arrays of them."""
        at_once = _takes_arrays(phi, n_samples)
        limit, drawn = (MOST, SOME) if at_once else (FEW, FEW)
        if n_samples <= limit:
            rows, words = np.arange(n_samples), ()
        else:
            rows, words = some_rows(n_samples, drawn), (sampled(n_samples, drawn),)
        return cls(phi if at_once else _one_at_a_time(phi), rows, words)

    def at(self, samples: np.ndarray, others: np.ndarray) -> np.ndarray:
        value = np.empty(len(samples))
        for part in slices(len(samples), BLOCK):
            value[part] = self.phi(samples[part], others[part])
        wrong = ~((value >= 0) & (value <= 1))
        if wrong.any():
            first = int(wrong.argmax())
            raise InvalidValue(
                f"the function of labels gave {value[first]:g} for samples {samples[first]} and {others[first]}; "
                "it must give values in 0..1."
            )
        return value

    def sums(self, share: np.ndarray) -> Relation:
        n = len(self.rows)
        i, j = np.divmod(np.arange(n * n), n)
        pairs = i != j
        matrix = np.zeros((n, n))
        matrix[i[pairs], j[pairs]] = self.at(self.rows[i[pairs]], self.rows[j[pairs]])
        matrix *= share[0]
        out, into = matrix.sum(axis=1), matrix.sum(axis=0)
        found = Relation(
            float(out.sum()),
            float((matrix**2).sum()),
            float((matrix * matrix.T).sum()),
            float(out @ out),
            float(into @ into),
            float(out @ into),
        )
        return grown(found, n, len(share))

    def most(self, wanted: np.ndarray) -> None:
        return None


def some_rows(n_samples: int, count: int) -> np.ndarray:
    """So many of the rows, always the same."""
    return np.sort(np.random.default_rng(0).permutation(n_samples)[:count])


def sampled(n_samples: int, count: int) -> str:
    """The warning that goes with sums from some of the rows."""
    return f"chance is estimated from the pairs among {count} of the {n_samples} samples"


def grown(few: Relation, n_few: int, n_samples: int) -> Relation:
    """Sums over all samples from those over some, drawn at random: every kind of pair of pairs keeps its mean."""
    if n_few == n_samples:
        return few
    pairs = n_samples * (n_samples - 1) / (n_few * (n_few - 1))
    threes = pairs * (n_samples - 2) / (n_few - 2)
    return Relation(
        few.total * pairs,
        few.squares * pairs,
        few.mutual * pairs,
        (few.out - few.squares) * threes + few.squares * pairs,
        (few.into - few.squares) * threes + few.squares * pairs,
        (few.through - few.mutual) * threes + few.mutual * pairs,
    )


def _takes_arrays(phi: Callable[[Any, Any], Any], n_samples: int) -> bool:
    """Whether φ of arrays is the array of its values."""
    i, j = np.array([0, 1, 0]), np.array([1, n_samples - 1, n_samples - 1])
    try:
        together = np.asarray(phi(i, j), dtype=np.float64)
    except (TypeError, ValueError, LookupError, AttributeError):
        return False
    return together.shape == i.shape and bool((together == _one_at_a_time(phi)(i, j)).all())


def _one_at_a_time(phi: Callable[[Any, Any], Any]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def values(samples: np.ndarray, others: np.ndarray) -> np.ndarray:
        return np.array([float(phi(i, j)) for i, j in zip(samples.tolist(), others.tolist(), strict=True)])

    return values
