"""Label overlap: how much of a label the neighborhoods encode."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import sparse

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, unknown_name
from layerscape.measures.interval import Z95
from layerscape.measures.neighborhood.agreement import Relation, chance_of, membership


def label_overlap(
    graph: Neighbors, labels: Any, /, *, k: int = 30, weight: Literal["sample", "class"] = "sample"
) -> Estimate:
    """Share of the k nearest neighbors that have the sample's own label, averaged over the samples.

    χ^gt = (1/N) Σᵢ (1/k) Σ_{j ∈ first k of i} [label_i = label_j] (Doimo et al. 2020, eq. 2). Where distances tie
    across the border of the first k, it is the expectation over the ways to break the tie.

    Parameters
    ----------
    graph
        At least k neighbors of N samples.
    labels
        Shape (N,): one category per sample, of any type that can be compared.
    k
        Number of neighbors, 1…N−1.
    weight
        ``"sample"`` gives every sample, ``"class"`` every class the same weight.

    Returns
    -------
    Estimate
        A share in 0…1. ``chance`` is exact: Σ n_c(n_c−1) / N(N−1) on average, or (N−C) / (C(N−1)) for
        ``weight="class"``, its spread from the permutations of the labels. A class of fewer than k+1 members cannot
        reach 1: a warning then states the highest value possible.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, a label is missing, all are equal or no two are.

    References
    ----------
    Doimo, Glielmo, Ansuini, Laio 2020, arXiv:2007.03506.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> label_overlap(find_neighbors(x, k=1), ["a", "a", "b", "b"], k=1).value
    1.0
    """
    if weight not in ("sample", "class"):
        raise unknown_name("weight of label_overlap", str(weight), ("sample", "class"))
    classes, sizes = _classes(labels, graph.n_samples)
    rows = graph.query_rows
    if rows.min() < 0:
        raise InvalidValue("the graph's queries are points without a label; search the rows of the data themselves.")
    members = membership(graph, k)
    same = _of_own_class(members.matrix, classes[rows], classes)
    per_sample = same.sum(axis=1) / k
    asked = np.bincount(classes[rows], minlength=len(sizes))
    share = np.ones(len(rows)) if weight == "sample" else 1 / asked[classes[rows]]
    share = share / share.sum()
    value = float(share @ per_sample)
    # A sample counts twice, through its own neighbors and as a neighbor of others (Hájek's projection).
    moved = same.T @ share / k - value * (members.matrix.T @ share / k)
    np.add.at(moved, rows, share * (per_sample - value))
    margin = Z95 * float(np.sqrt(moved @ moved))
    chance = None
    if graph.queries is None:
        per_pair = np.full(len(sizes), 1 / graph.n_samples) if weight == "sample" else 1 / (len(sizes) * sizes)
        chance = chance_of(members.relation, _of_labels(sizes, per_pair), graph.n_samples, value, 1 / k)
    return Estimate(
        value,
        max(0.0, value - margin),
        min(1.0, value + margin),
        graph.n_samples,
        graph.n_units,
        k,
        chance,
        per_sample=per_sample,
        warnings=_ceiling(share, np.minimum(1, (sizes[classes[rows]] - 1) / k), sizes, k),
    )


def _classes(labels: Any, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """The class number of every sample and the size of every class."""
    labels = np.asarray(labels)
    if labels.shape != (n_samples,):
        raise InvalidValue(f"labels of shape {labels.shape} for {n_samples} samples; give one label per sample.")
    missing = labels == "" if labels.dtype.kind in "US" else labels != labels
    if labels.dtype.kind == "O":
        missing = np.array([label is None or label == "" or label != label for label in labels])
        labels = labels.astype(str)
    if missing.any():
        raise InvalidValue(
            f"{int(missing.sum())} of {n_samples} labels are missing, the first at row {int(np.argmax(missing))}; "
            "leave these samples out, or give them a label."
        )
    names, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(names) == 1:
        raise InvalidValue(f"all {n_samples} samples have the label {names[0]!s}; give at least two classes.")
    if len(names) == n_samples:
        raise InvalidValue(f"each of the {n_samples} samples has a label of its own; give labels that samples share.")
    return classes, sizes


def _of_own_class(members: sparse.csr_array, own: np.ndarray, classes: np.ndarray) -> sparse.csr_array:
    """The neighbors of a query's own class, with their weights."""
    rows = np.repeat(np.arange(len(own)), np.diff(members.indptr))
    equal = own[rows] == classes[members.indices]
    return sparse.csr_array((members.data * equal, members.indices, members.indptr), shape=members.shape)


def _of_labels(sizes: np.ndarray, per_pair: np.ndarray) -> Relation:
    """The relation in which two samples of class c are related with weight ``per_pair[c]``."""
    degree = per_pair * (sizes - 1)
    squares = float((sizes * (sizes - 1) * per_pair**2).sum())
    out = float((sizes * degree**2).sum())
    return Relation(float((sizes * degree).sum()), squares, squares, out, out, out)


def _ceiling(share: np.ndarray, reachable: np.ndarray, sizes: np.ndarray, k: int) -> tuple[str, ...]:
    small = int((sizes <= k).sum())
    if not small:
        return ()
    return (
        f"{small} of {len(sizes)} classes have fewer than k+1={k + 1} members: "
        f"the highest value possible is {float(share @ reachable):.4g}",
    )


MEASURE = Measure(
    compute=label_overlap,
    unit="share of neighbors",
    bounds=(0, 1),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Doimo et al. 2020, arXiv:2007.03506",
    neighbors="k",
)
