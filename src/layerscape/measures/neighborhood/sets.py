"""Sets: samples with several labels agree in the share of their labels that they have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from layerscape.core.labels import is_missing
from layerscape.errors import InvalidValue
from layerscape.measures.classes import refuse_missing
from layerscape.measures.neighborhood.agreement import Relation
from layerscape.measures.neighborhood.functions import SOME, grown, sampled, some_rows
from layerscape.measures.rows import slices

MOST_SETS = 8192  # distinct sets of which all pairs are counted
BLOCK = 2**21  # pairs at once


@dataclass(frozen=True)
class Sets:
    """G(i, j) = |Lᵢ ∩ Lⱼ| / |Lᵢ ∪ Lⱼ| (Jaccard), and 0 for samples without labels.

    Symmetric, 1 only for equal sets, and [Lᵢ = Lⱼ] where every sample has one label. The share of the sample's own
    labels would rather reward neighbors that carry many labels.

    Attributes
    ----------
    codes
        Shape (N,): the number of every sample's set.
    holds
        Shape (U, V): which distinct set holds which label.
    """

    codes: np.ndarray
    holds: sparse.csr_array
    warnings: tuple[str, ...] = ()
    classes: None = None
    summed: None = None

    @classmethod
    def of(cls, labels: Sequence[Collection[Any] | None], n_samples: int) -> Sets:
        """From one list or set of labels per sample."""
        if len(labels) != n_samples:
            raise InvalidValue(f"{len(labels)} sets of labels for {n_samples} samples; give one set per sample.")
        refuse_missing(np.array([is_missing(one) for one in labels]))
        sets = [frozenset(map(str, one)) for one in labels if one is not None]
        numbers = {one: number for number, one in enumerate(sorted(set(sets), key=sorted))}
        codes = np.array([numbers[one] for one in sets])
        words = {word: number for number, word in enumerate(sorted(set().union(*numbers)))}
        if len(numbers) == 1:
            raise InvalidValue(f"all {n_samples} samples have the same set of labels; give at least two sets.")
        pairs = np.array([(number, words[word]) for one, number in numbers.items() for word in one])
        holds = sparse.csr_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(numbers), len(words)))
        found = cls(codes, holds, _words(sets, len(numbers)))
        if np.bincount(codes) @ holds @ np.ones(len(words)) == len(words):
            raise InvalidValue(f"no two of the {n_samples} samples share a label; give labels that samples share.")
        return found

    def at(self, samples: np.ndarray, others: np.ndarray) -> np.ndarray:
        value = np.empty(len(samples))
        for part in slices(len(samples), BLOCK // 8):
            u, v = self.codes[samples[part]], self.codes[others[part]]
            common = self.holds[u].multiply(self.holds[v]).sum(axis=1)
            value[part] = common / np.maximum(1, self._lengths[u] + self._lengths[v] - common)
        return value

    def sums(self, share: np.ndarray) -> Relation:
        rows = some_rows(len(share), SOME) if len(self._lengths) > MOST_SETS else np.arange(len(share))
        kept, codes, sizes = np.unique(self.codes[rows], return_inverse=True, return_counts=True)
        part = replace(self, codes=codes, holds=self.holds[kept])
        degree, squares = part._degrees(sizes)
        s, out = float(share[0]), float(sizes @ degree**2)
        square = s**2 * float(sizes @ squares)
        found = Relation(s * float(sizes @ degree), square, square, s**2 * out, s**2 * out, s**2 * out)
        return grown(found, len(rows), len(share))

    def most(self, wanted: np.ndarray) -> None:
        return None

    def _degrees(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ_j G and Σ_j G² of a sample of every set, over all other samples."""
        degree, squares = np.empty((2, len(sizes)))
        for part in slices(len(sizes), BLOCK // len(sizes)):
            common = (self.holds[part] @ self.holds.T).toarray()
            alike = common / np.maximum(1, self._lengths[part, None] + self._lengths - common)
            own = (self._lengths[part] > 0).astype(float)  # a sample is no pair with itself
            degree[part], squares[part] = alike @ sizes - own, alike**2 @ sizes - own
        return degree, squares

    @cached_property
    def _lengths(self) -> np.ndarray:
        return np.asarray(self.holds.sum(axis=1))


def _words(sets: Sequence[frozenset[str]], n_distinct: int) -> tuple[str, ...]:
    empty = sum(not one for one in sets)
    found = (f"{empty} of {len(sets)} samples have no label and agree with none",) if empty else ()
    return found + ((sampled(len(sets), SOME),) if n_distinct > MOST_SETS else ())
