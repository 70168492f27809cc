"""k-nearest-neighbor probe: how often the neighbors' majority names a sample's label."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_all_asked, sample_rows
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, Z95, sd_of_mean, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.permutation import chance_by_permutation
from layerscape.measures.classes import classes_of
from layerscape.measures.deletion import lists
from layerscape.measures.neighborhood.agreement import membership

RELATED = 2  # two samples are related if one is among so many of the other: whose values depend on each other
FEW = 64  # classes, above which votes are counted among those of the neighbors alone, since most have none
BLOCK = 2**20  # votes that are counted anew at once
ROUNDING = 1e-9  # votes that are nearer to each other than this are equal


def knn_probe(graph: Neighbors, labels: Any, /, *, k: int = 20, permutations: int = 100, seed: int = 0) -> Estimate:
    """Accuracy of the majority label of the k nearest neighbors, the sample itself left out.

    A sample counts as 1 if its label has the most votes among its first k neighbors, as 1/m if m labels share that
    place, and as 0 otherwise; leave-one-out, so that nothing is trained. Where distances tie across the border of the
    first k, a neighbor's vote is its probability of being among them.

    Parameters
    ----------
    graph
        At least k neighbors of N samples.
    labels
        Shape (N,): one category per sample.
    k
        Number of neighbors, 1…N−1.
    permutations, seed
        Of the labels, for ``chance``; at least 19.

    Returns
    -------
    Estimate
        A share in 0…1. ``chance`` comes from permuted labels; ``details`` hold ``majority``, the share of the largest
        class, ``balanced_accuracy``, the mean over classes, and the arrays ``per_class``, ``classes`` and ``null``.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, a label is missing, all are equal or no two are.

    Notes
    -----
    With classes of different size the majority is won by the large ones: read ``balanced_accuracy`` beside it, or
    `label_overlap`, which loses less of what the neighbors say.

    References
    ----------
    Cover, Hart 1967, doi:10.1109/TIT.1967.1053964; as a probe: Wu, Xiong, Yu, Lin 2018, arXiv:1805.01978.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> knn_probe(find_neighbors(x, k=2), list("aaabbb"), k=2).value
    1.0
    """
    classes = classes_of(labels, graph.n_samples)
    rows = sample_rows(graph)
    members, n_classes = membership(graph, k), len(classes.names)

    def right(codes: np.ndarray) -> np.ndarray:
        return _right(members, codes, n_classes, codes[rows])

    per_sample = right(classes.codes)
    value = float(per_sample.mean())
    chance, null = None, {}
    if graph.queries is None:
        chance, draws = chance_by_permutation(
            lambda order: float(right(classes.codes[order]).mean()), value, graph.n_samples, permutations, seed
        )
        null = {"null": draws}
    margin = Z95 * sd_of_mean(per_sample, graph, k=min(RELATED, k))
    asked = np.bincount(classes.codes[rows], minlength=n_classes)
    per_class = np.divide(
        np.bincount(classes.codes[rows], per_sample, n_classes), asked, out=np.full(n_classes, np.nan), where=asked > 0
    )
    details = {
        "majority": float(classes.sizes.max() / graph.n_samples),
        "balanced_accuracy": float(np.nanmean(per_class)),
        "per_class": per_class,
        "classes": classes.names,
        **null,
    }
    low, high = within(value, margin, MEASURE.bounds, LEAST_MARGIN)
    return Estimate(value, low, high, graph.n_samples, k=k, chance=chance, per_sample=per_sample, details=details)


def _right(members: Any, codes: np.ndarray, n_classes: int, own: np.ndarray) -> np.ndarray:
    """How much of the first place the own class of each query has, among the classes of its neighbors."""
    if n_classes <= FEW:
        one_hot = np.zeros((len(codes), n_classes))
        one_hot[np.arange(len(codes)), codes] = 1.0
        return _won(np.asarray(members @ one_hot), own)
    each: Any = sparse.csr_array((np.ones(len(codes)), codes, np.arange(len(codes) + 1)), shape=(len(codes), n_classes))
    votes = members @ each
    starts, row = votes.indptr[:-1], np.repeat(np.arange(len(own)), np.diff(votes.indptr))
    first = votes.data >= np.maximum.reduceat(votes.data, starts)[row] - ROUNDING
    won = np.bincount(row, first & (votes.indices == own[row]), len(own))
    return won / np.bincount(row, first, len(own))


def _won(votes: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How much of the first place each row's own class has."""
    first = votes >= votes.max(axis=1, keepdims=True) - ROUNDING
    return first[np.arange(len(codes)), codes] / first.sum(axis=1)


def _score(graph: Neighbors, labels: Any, /, *, k: int, permutations: int, seed: int) -> Score:
    """The accuracy for labels in another order."""
    check_all_asked(graph, "knn_probe of labels in another order")
    classes, members = classes_of(labels, graph.n_samples), membership(graph, k)

    def score(order: np.ndarray) -> float:
        codes = classes.codes[order]
        return float(_right(members, codes, len(classes.names), codes).mean())

    return of_each(score)


def _influence(graph: Neighbors, labels: Any, /, *, k: int, permutations: int, seed: int) -> Influence:
    """How each sample moves the accuracy: by its own neighbors, and by the votes that it gives or takes from others."""
    near, classes = lists(graph, k), classes_of(labels, graph.n_samples)
    codes, n = classes.codes, graph.n_samples
    one_hot = np.eye(len(classes.names))
    votes, following = (
        sparse.csr_array((each, (near.rows, near.members)), shape=(n, n)) @ one_hot[codes]
        for each in (near.among, near.next)
    )
    won = _won(votes, codes)
    taken = np.flatnonzero(near.among)
    rows, members, opens = near.rows[taken], near.members[taken], near.opens[taken]
    left = np.empty(len(taken))
    step = max(1, BLOCK // len(classes.names))
    for start in range(0, len(taken), step):
        part = slice(start, start + step)
        i, j = rows[part], members[part]
        lost = (near.among[taken[part]] + opens[part] * near.next[taken[part]])[:, None] * one_hot[codes[j]]
        left[part] = _won(votes[i] + opens[part, None] * following[i] - lost, codes[i])
    value, change = float(won.mean()), np.bincount(members, left - won[rows], n)
    alone = (won - value) / n
    without = (won.sum() - won + change) / (n - 1)
    return Influence(value, value - without, alone, graph.indices[:, : min(RELATED, k)])


MEASURE = Measure(
    compute=knn_probe,
    title="k-NN probe",
    unit="accuracy",
    bounds=(0, 1),
    closer="high",
    sentence="the majority of its {k} nearest neighbors names {label} best",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Cover and Hart 1967, doi:10.1109/TIT.1967.1053964",
    neighbors="k",
    score=_score,
    influence=_influence,
)
