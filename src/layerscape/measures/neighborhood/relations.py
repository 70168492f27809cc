"""Relations: how alike the labels of two samples are, whatever form the labels have.

A label overlap needs one thing of labels: G(i, j) in 0…1, how much sample i agrees with sample j. It is read where j is
a neighbor of i, and its sums over all pairs give what chance would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from layerscape.core.columns import plain_column, words_of
from layerscape.core.jit import compiled_when_called
from layerscape.core.labels import form_of, is_missing
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.classes import Classes, LabelKind, are_real, classes_of, reals_of, refuse_missing
from layerscape.measures.neighborhood.agreement import Relation, membership
from layerscape.measures.neighborhood.functions import Agreement
from layerscape.measures.neighborhood.reals import Reals
from layerscape.measures.neighborhood.sets import Sets


class Likeness(Protocol):
    """How much the labels of samples agree."""

    @property
    def classes(self) -> Classes | None:
        """The classes, for labels that have them."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its sums leave out, in words."""
        ...

    def at(self, samples: np.ndarray, others: np.ndarray) -> np.ndarray:
        """G for pairs of different samples."""
        ...

    def sums(self, share: np.ndarray) -> Relation:
        """Sums over ``share[i]``·G(i, j) for all i ≠ j."""
        ...

    @property
    def summed(self) -> Callable[..., float] | None:
        """Σ share[o(i)]·W_ij·G(o(i), o(j)) in one go: of the rows, members and values of a sparse matrix W, of shares
        and of an order o; None where pairs are asked for one after the other.
        """
        ...

    def most(self, wanted: np.ndarray) -> np.ndarray | None:
        """The largest mean of G over so many others, for every sample; None where that is not known."""
        ...


@dataclass(frozen=True)
class Paths:
    """Categories from coarse to fine: two samples agree in the share of the path that they have in common.

    Attributes
    ----------
    levels
        Shape (N, L): the number of the path down to every level; for plain categories L is 1.
    classes
        The whole paths.
    """

    levels: np.ndarray
    classes: Classes
    warnings: tuple[str, ...] = ()

    def at(self, samples: np.ndarray, others: np.ndarray) -> np.ndarray:
        levels = np.ascontiguousarray(self.levels.T)
        alike = (levels[0][samples] == levels[0][others]).astype(float)
        for level in levels[1:]:
            alike += level[samples] == level[others]
        alike /= len(levels)
        return alike

    @property
    def summed(self) -> Callable[..., float]:
        return partial(_sum_of_paths, self.levels)

    def sums(self, share: np.ndarray) -> Relation:
        depth = self.levels.shape[1]
        degree, into, squares, mutual = np.zeros((4, len(share)))
        for place, level in enumerate(self.levels.T):
            others = np.bincount(level)[level] - 1
            shares = np.bincount(level, share)[level] - share
            degree += others / depth
            into += shares / depth
            squares += (2 * place + 1) / depth**2 * others
            mutual += (2 * place + 1) / depth**2 * shares
        out = share * degree
        return Relation(
            float(out.sum()),
            float(share**2 @ squares),
            float(share @ mutual),
            float(out @ out),
            float(into @ into),
            float(out @ into),
        )

    def most(self, wanted: np.ndarray) -> np.ndarray:
        there = [np.minimum(wanted, np.bincount(level)[level] - 1) for level in self.levels.T]
        return np.mean(there, axis=0) / wanted


@dataclass(frozen=True)
class Near:
    """Samples agree with those that are among their k nearest in a graph of vectors φ."""

    graph: Neighbors
    k: int
    classes: None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, graph: Neighbors, n_samples: int, k: int) -> Near:
        """From the graph of all samples."""
        if graph.queries is not None or graph.n_samples != n_samples:
            raise InvalidValue(
                f"labels are a graph of {len(graph.indices)} of {graph.n_samples} samples, for {n_samples} samples; "
                "give the graph of all of them."
            )
        graph.need(k)
        return cls(graph, k)

    def at(self, samples: np.ndarray, others: np.ndarray) -> np.ndarray:
        return np.asarray(membership(self.graph, self.k)[samples, others]).ravel()

    @property
    def summed(self) -> Callable[..., float]:
        near = membership(self.graph, self.k)
        return partial(_sum_of_near, near.indptr, near.indices, near.data)

    def sums(self, share: np.ndarray) -> Relation:
        return Relation.of(membership(self.graph, self.k).multiply(share[:, None]).tocsr())

    def most(self, wanted: np.ndarray) -> None:
        return None


def likeness_of(labels: Any, n_samples: int, k: int, kind: LabelKind) -> Likeness:
    """The relation that labels make.

    Parameters
    ----------
    labels
        See `label_overlap`.
    n_samples, k
        N; how many samples are near in a real value.
    kind
        What numbers are: ``"category"``, ``"real"``, or ``"auto"``: real if they are not all whole.
    """
    if isinstance(labels, Neighbors):
        return Near.of(labels, n_samples, k)
    if callable(labels):
        return Agreement.of(labels, n_samples)
    labels = plain_column(labels)
    form = form_of(labels) if _lists(labels) and getattr(labels, "ndim", 1) == 1 else ""
    if getattr(labels, "ndim", 1) == 2 and are_real(labels.ravel(), kind):
        raise InvalidValue(
            f"labels of shape {labels.shape}, real numbers; give their graph, layerscape.find_neighbors(labels, k={k})."
        )
    if form == "path" or getattr(labels, "ndim", 1) == 2:
        return _paths(labels, n_samples)
    if form == "set":
        return Sets.of(labels, n_samples)
    if are_real(labels, kind):
        return Reals.of(reals_of(labels, n_samples), k)
    classes = classes_of(labels, n_samples)
    return Paths(classes.codes[:, None], classes)


@compiled_when_called
def _sum_of_paths(levels, starts, members, values, share, order):
    """`Likeness.summed` of `Paths`."""
    total = 0.0
    for i in range(len(order)):
        own, part = order[i], 0.0
        if share[own] == 0:  # of another k
            continue
        for e in range(starts[i], starts[i + 1]):
            other, shared = order[members[e]], 0
            for level in range(levels.shape[1]):
                shared += levels[own, level] == levels[other, level]
            part += values[e] * shared
        total += share[own] * part
    return total / levels.shape[1]


@compiled_when_called
def _sum_of_near(near_starts, near, weights, starts, members, values, share, order):
    """`Likeness.summed` of `Near`."""
    total, found = 0.0, np.zeros(len(order))  # how much each sample is near to the one that is asked for
    for i in range(len(order)):
        own, part = order[i], 0.0
        if share[own] == 0:  # of another k
            continue
        for e in range(near_starts[own], near_starts[own + 1]):
            found[near[e]] = weights[e]
        for e in range(starts[i], starts[i + 1]):
            part += values[e] * found[order[members[e]]]
        for e in range(near_starts[own], near_starts[own + 1]):
            found[near[e]] = 0.0
        total += share[own] * part
    return total


def _lists(labels: Any) -> bool:
    """Whether the labels may be lists, sets or tuples: a list, or an array of objects."""
    return isinstance(labels, (list, tuple)) or (isinstance(labels, np.ndarray) and labels.dtype.kind == "O")


def _paths(labels: Any, n_samples: int) -> Paths:
    lengths = {len(path) if path is not None else 0 for path in labels}
    if len(labels) != n_samples or len(lengths) > 1:
        found = "/".join(map(str, sorted(lengths)))
        raise InvalidValue(
            f"{len(labels)} paths of {found} levels for {n_samples} samples; give one per sample, all of one length."
        )
    columns = list(zip(*(path for path in labels), strict=True))
    levels, parent = [], np.zeros(n_samples, int)
    for column in columns:
        refuse_missing(np.array([is_missing(label) for label in column]))
        numbers = np.unique(words_of(column), return_inverse=True)[1]
        parent = np.unique(parent * (numbers.max() + 1) + numbers, return_inverse=True)[1]
        levels.append(parent)
    first, names = np.unique(levels[0]), words_of(map(tuple, labels))
    if len(np.unique(parent)) == 1:
        raise InvalidValue(f"all {n_samples} samples have the path {names[0]}; give at least two.")
    if len(first) == n_samples:
        raise InvalidValue(f"each of the {n_samples} samples has a path of its own; give levels that samples share.")
    _, at, sizes = np.unique(parent, return_index=True, return_counts=True)
    return Paths(np.stack(levels, axis=1), Classes(names[at], parent, sizes))
