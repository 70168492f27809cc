"""What a label overlap reads: of each sample how many neighbors, how much they agree with it, and what it weighs.

From that follow its values for permuted labels, and what it is without each sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_all_asked, check_name, sample_rows
from layerscape.core.estimate import Chance
from layerscape.core.exchange import Score
from layerscape.core.groups import Groups
from layerscape.core.interval import jackknife_of, of_share, sd_of_deletions
from layerscape.core.neighbors import Neighbors
from layerscape.core.permutation import chance_by_law, permutations
from layerscape.errors import InvalidValue
from layerscape.measures.classes import LABEL_KINDS, LabelKind
from layerscape.measures.deletion import lists_of, without_next
from layerscape.measures.neighborhood.agreement import p_of
from layerscape.measures.neighborhood.relations import Likeness, Near, likeness_of
from layerscape.measures.neighborhood.without import MeanAgreement, likened, without_each

PERMUTATIONS = 100  # for the spread of chance where k follows the class
TOGETHER = 2**20  # pairs whose agreement is asked for at once


@dataclass(frozen=True)
class LabelReading:
    """What is read of a graph of N samples, or of M queries among them.

    Attributes
    ----------
    likeness
        How much samples agree.
    rows
        Shape (M,): the queries.
    wanted
        Shape (N,): how many neighbors are read of every sample.
    share
        Shape (M,): the weight of every query; they add up to 1.
    weight, class_fraction
        As they were asked for; see `label_overlap`.
    """

    graph: Neighbors
    likeness: Likeness
    rows: np.ndarray
    wanted: np.ndarray
    share: np.ndarray
    weight: str
    class_fraction: float | None

    @classmethod
    def of(
        cls, graph: Neighbors, labels: Any, k: int, weight: str, class_fraction: float | None, kind: LabelKind
    ) -> LabelReading:
        """From what `label_overlap` is given; raises as it says."""
        check_name("weight of label_overlap", weight, ("sample", "class"))
        check_name("kind of label_overlap", kind, LABEL_KINDS)
        graph.need(k if class_fraction is None else 1)
        likeness, rows = likeness_of(labels, graph.n_samples, k, kind), sample_rows(graph)
        wanted = _wanted(likeness, graph, k, class_fraction)
        return cls(graph, likeness, rows, wanted, _share(likeness, rows, weight), weight, class_fraction)

    def classes(self, option: str) -> np.ndarray:
        """The number of every sample's class, which an option needs."""
        return _classes(self.likeness, option)

    def near(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The first neighbors of every query, of each as many as it wants: queries, members, and shares of 1."""
        counts = self.wanted[self.rows]
        if self.class_fraction is None:
            rows, columns, weights = self.graph.weights(int(counts[0]))
            weights /= counts[0]
            return rows, columns, weights
        parts = []
        for k in np.unique(counts):
            rows, columns, weights = self.graph.weights(int(k))
            own = counts[rows] == k
            parts.append((rows[own], columns[own], weights[own] / k))
        rows, columns, shares = map(np.concatenate, zip(*parts, strict=True))
        return rows, columns, shares

    @property
    def jump(self) -> float:
        """What one pair of neighbors adds to the label overlap, at most."""
        return float((self.share / self.wanted[self.rows]).max())

    def permuted(self, number: int, seed: int = 0) -> np.ndarray:
        """So many label overlaps, each for labels in another order; shape (number,)."""
        return self.scored()(list(permutations(self.graph.n_samples, number, seed)))

    def scored(self) -> Score:
        """The label overlap as a function of whose label each sample gets."""
        n, wholes = self.graph.n_samples, {}
        check_all_asked(self.graph, "label_overlap of permuted labels")
        for k in np.unique(self.wanted):
            rows, columns, weights = self.graph.weights(int(k))
            wholes[int(k)] = sparse.csr_array((weights / k, (rows, columns)), shape=(n, n))

        def score(orders: Sequence[np.ndarray]) -> np.ndarray:
            found = np.zeros(len(orders))
            for k, whole in wholes.items():
                if summed := self.likeness.summed:
                    parts, own = (whole.indptr, whole.indices, whole.data), self.wanted == k
                    found += [summed(*parts, np.where(own, self._share_in(order), 0.0), order) for order in orders]
                    continue
                step = max(1, TOGETHER // whole.nnz)
                for first in range(0, len(orders), step):
                    found[first : first + step] += self._in_orders(whole, k, orders[first : first + step])
            return found / np.array([self._share_in(order)[order].sum() for order in orders])

        return score

    def _share_in(self, order: np.ndarray) -> np.ndarray:
        """Shape (N,): what goes with the label of each sample where labels are in an order, perhaps some more often:
        labels that are dealt to groups of other sizes make classes of other sizes.
        """
        if self.weight == "sample":
            return self.share
        codes = self.classes("weight='class'")
        return 1 / np.maximum(1, np.bincount(codes[order], minlength=int(codes.max()) + 1))[codes]

    def mean_over(self, groups: Groups) -> float:
        """The mean of the label overlap over all ways to deal the labels of groups anew, exactly.

        Every two groups then have the labels of any two as often. NaN where it is no sum over pairs of samples, since
        what these weigh, or how many are read, goes with the label.
        """
        if self.weight == "class" or self.class_fraction is not None:
            return nan
        rows, members, shares = self.near()
        own = float(shares[groups.codes[rows] == groups.codes[members]].sum() / shares.sum())
        itself = self.likeness.at(groups.first, groups.first)
        others = sum(float(self.likeness.at(np.full(groups.number, one), groups.first).sum()) for one in groups.first)
        between = (others - float(itself.sum())) / (groups.number * (groups.number - 1))
        return own * float(itself.mean()) + (1 - own) * between

    def _in_orders(self, whole: sparse.csr_array, k: int, orders: Sequence[np.ndarray]) -> list[float]:
        """What the samples that read k neighbors add to the label overlap, for labels in each of some orders."""
        pairs, shares = [], []
        for order in orders:
            rows = np.flatnonzero(self.wanted[order] == k)
            part = whole if len(rows) == len(order) else whole[rows]
            own = np.repeat(order[rows], np.diff(part.indptr))
            pairs.append(np.stack([own, order[part.indices]]))
            shares.append(self._share_in(order)[own] * part.data)
        agrees = np.split(self.likeness.at(*np.hstack(pairs)), np.cumsum(list(map(len, shares)))[:-1])
        return [float(share @ agree) for share, agree in zip(shares, agrees, strict=True)]

    @property
    def can_lose_one(self) -> bool:
        """Whether all samples are asked, and have as many neighbors as are read when one of them is deleted."""
        return self.graph.queries is None and int(self.wanted.max()) < self.graph.n_samples - 1

    def deleted(self) -> tuple[MeanAgreement, np.ndarray]:
        """The means over the neighbors, and the label overlap without each sample, shape (N,)."""
        likeness = self.likeness
        codes = np.zeros(len(self.rows), int) if likeness.classes is None else likeness.classes.codes
        left = np.bincount(codes)[codes] - 1
        here = own = self._means(self.wanted)
        if self.class_fraction is not None:
            own = self._means(of_class(self.class_fraction, left))
        others, same = without_each(here, own, codes, self.share)
        if self.weight == "sample":
            return here, (others + same) * (len(codes) / (len(codes) - 1))
        n_classes = len(np.unique(codes))
        alone = others * (n_classes / max(1, n_classes - 1))
        return here, np.where(left > 0, others + same * (left + 1) / np.maximum(1, left), alone)

    def interval(self, value: float, per_sample: np.ndarray) -> tuple[float, float, tuple[str, ...]]:
        """Low and high, or why there are none."""
        most, n = int(self.wanted.max()), self.graph.n_samples
        held = [self.graph, *([self.likeness.graph] if isinstance(self.likeness, Near) else [])]
        if words := without_next(min(held, key=lambda graph: graph.k), most):
            return nan, nan, (words,)
        here, without = self.deleted()
        read = float(self.share @ self.wanted)
        sd = sd_of_deletions(jackknife_of(without), here.together(self.share), n * self.share * per_sample, read)
        return *of_share(value, sd, n), ()

    def _means(self, wanted: np.ndarray) -> MeanAgreement:
        near = lists_of(self.graph, wanted)
        return MeanAgreement.of(near, likened(near, self.likeness), wanted)


def chance_of_fraction(reading: LabelReading, value: float) -> tuple[Chance, np.ndarray]:
    """Chance where how many neighbors are read is permuted together with the labels."""
    null = reading.permuted(PERMUTATIONS)
    mean = reading.likeness.sums(reading.share).total / (reading.graph.n_samples - 1)
    spread = float(null.std(ddof=1))
    p = p_of(value, mean, spread, mean, reading.permuted, reading.jump)
    return chance_by_law(mean, spread, spread / mean if mean else 0.0, p, (0.0, 1.0)), null


def _wanted(likeness: Likeness, graph: Neighbors, k: int, class_fraction: float | None) -> np.ndarray:
    """Shape (N,): how many neighbors are read of every sample."""
    if class_fraction is None:
        return np.full(graph.n_samples, k)
    if not 0 < class_fraction <= 1:
        raise InvalidValue(f"class_fraction={class_fraction}; give a share of the class, above 0 and at most 1.")
    codes = _classes(likeness, "class_fraction")
    sizes = np.bincount(codes)
    per_class = of_class(class_fraction, sizes)
    largest = int(per_class.max())
    if largest > graph.k:
        raise InvalidValue(
            f"class_fraction={class_fraction} of a class of {sizes.max()} is {largest} neighbors, asked of a graph "
            f"that holds {graph.k}; give k={largest} or a smaller class_fraction."
        )
    return per_class[codes]


def of_class(class_fraction: float, sizes: np.ndarray) -> np.ndarray:
    """How many neighbors are read of a member of each class; a product that is whole but for rounding is whole."""
    return np.maximum(1, np.floor(class_fraction * sizes * (1 + 1e-12)).astype(int))


def _classes(likeness: Likeness, option: str) -> np.ndarray:
    """The number of every sample's class, which an option needs."""
    if likeness.classes is None:
        raise InvalidValue(f"{option} for labels without classes; it needs categories: leave it out.")
    return likeness.classes.codes


def _share(likeness: Likeness, rows: np.ndarray, weight: str) -> np.ndarray:
    """Shape (M,): the weight of every query."""
    if weight == "sample":
        return np.full(len(rows), 1 / len(rows))
    codes = _classes(likeness, "weight='class'")[rows]
    share = 1 / np.bincount(codes)[codes]
    return share / share.sum()
