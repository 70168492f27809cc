"""Label overlap: how much of a label the neighborhoods encode."""

from __future__ import annotations

from math import inf
from typing import Any, Literal

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_name
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.groups import Groups
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, Z95, sd_of_pairs, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.measures.classes import LabelKind
from layerscape.measures.neighborhood.agreement import chance_of, relation_of_first
from layerscape.measures.neighborhood.label_reading import LabelReading, chance_of_fraction
from layerscape.measures.neighborhood.over_classes import margin_over_classes

COUNTED_BELOW = 20  # samples, for which permutations are counted where p is small


def label_overlap(
    graph: Neighbors,
    labels: Any,
    /,
    *,
    k: int = 30,
    weight: Literal["sample", "class"] = "sample",
    class_fraction: float | None = None,
    kind: LabelKind = "auto",
    over: Literal["samples", "classes"] = "samples",
) -> Estimate:
    """Share of the k nearest neighbors that have the sample's own label, averaged over the samples.

    χ^gt = (1/N) Σᵢ (1/k) Σ_{j ∈ first k of i} G(i, j), with G(i, j) = [label_i = label_j] for categories (Doimo et al.
    2020, eq. 2). For labels of other forms G is a share in 0…1. Where distances tie across the border of the first k,
    it is the expectation over the ways to break the tie.

    Parameters
    ----------
    graph
        At least k neighbors of N samples.
    labels
        One per sample, in one of these forms. Categories, shape (N,), of any type that can be compared. Real numbers,
        shape (N,): G says whether j is among the k samples nearest to i in that number, ties shared evenly. N lists or
        sets of several labels: G = |Lᵢ ∩ Lⱼ| / |Lᵢ ∪ Lⱼ|. Paths from coarse to fine, an array (N, L) or N tuples: G is
        the share of the path in common. The graph of N vectors φ(i): G says whether j is among the k nearest there. Or
        a function φ(i, j) in 0…1 of row numbers, called with arrays of them if it takes arrays.
    k
        Number of neighbors, 1…N−1.
    weight
        ``"sample"`` gives every sample, ``"class"`` every class (of paths: every whole path) the same weight.
    class_fraction
        Reads ⌊class_fraction · n_c⌋ neighbors, at least 1, of a sample whose class has n_c members, in place of k;
        the graph must hold so many, and k only says how many are searched.
    kind
        What numbers are: ``"category"``, ``"real"``, or ``"auto"``: real if they are not all whole.
    over
        What the interval is over: other ``"samples"`` of these classes, or other ``"classes"`` too, of which these, at
        least 5, are a draw: then it is a jackknife that leaves out one class after the other.

    Returns
    -------
    Estimate
        A share in 0…1. The mean of ``chance`` is exact: Σ n_c(n_c−1) / N(N−1) for categories, or
        (N−C) / (C(N−1)) for ``weight="class"``; k/(N−1) for real numbers; the mean of G over all pairs for others. Its
        spread is that of the permutations of the labels, in closed form, or from 100 of them with ``class_fraction``
        (in ``details["null"]``). ``details["ceiling"]`` is the highest value possible: a class of fewer than k+1
        members cannot reach 1, and a warning says so. With classes, ``details`` has ``classes``, ``class_sizes``,
        ``per_class`` (NaN for a class without queries) and ``k_per_class``.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, a label is missing, all are equal or no two are; if a weight by class or
        a class_fraction is asked of labels without classes.

    Notes
    -----
    Whole numbers are categories: give ``kind="real"`` for counts and lengths. For more than 3,000 samples (500, for a
    function of single row numbers; 8,192 distinct sets) chance is estimated from some of the samples, with a warning.

    References
    ----------
    Doimo, Glielmo, Ansuini, Laio 2020, arXiv:2007.03506.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> graph = find_neighbors(x, k=1)
    >>> label_overlap(graph, ["a", "a", "b", "b"], k=1).value
    1.0
    >>> label_overlap(graph, [0.5, 0.75, 9.0, 7.5], k=1).value
    1.0
    >>> label_overlap(graph, [{"red"}, {"red", "round"}, {"blue"}, {"blue"}], k=1).value
    0.75
    >>> label_overlap(graph, [("animal", "cat"), ("animal", "dog"), ("tool", "saw"), ("tool", "axe")], k=1).value
    0.5
    """
    check_name("over of label_overlap", over, ("samples", "classes"))
    reading = LabelReading.of(graph, labels, k, weight, class_fraction, kind)
    likeness, share = reading.likeness, reading.share
    rows, members, shares = reading.near()
    same = shares * likeness.at(rows if graph.queries is None else reading.rows[rows], members)
    per_sample = np.bincount(rows, same, len(reading.rows))
    value = float(share @ per_sample)
    details, warnings = _behind(reading, per_sample)
    if over == "samples" and reading.can_lose_one:
        low, high, words = reading.interval(value, per_sample)
        warnings += words
    else:
        shape = len(graph.indices), graph.n_samples
        near, agreed = (sparse.csr_array((each, (rows, members)), shape=shape) for each in (shares, same))
        if over == "classes":
            margin = margin_over_classes(near, agreed, reading.classes("over='classes'"), reading.rows, share)
        else:
            margin = Z95 * sd_of_pairs(near, agreed, share, reading.rows)
        low, high = within(value, margin, MEASURE.bounds, LEAST_MARGIN)
    chance = None
    if graph.queries is None:
        warnings += likeness.warnings
        if class_fraction is None:
            sums = relation_of_first(graph, k), likeness.sums(share)
            jump = reading.jump if graph.n_samples >= COUNTED_BELOW else inf  # few samples follow no smooth law
            chance = chance_of(*sums, graph.n_samples, value, 1 / k, permuted=reading.permuted, jump=jump)
        else:
            chance, details["null"] = chance_of_fraction(reading, value)
    most = int(reading.wanted.max())
    return Estimate(value, low, high, graph.n_samples, graph.n_units, most, chance, (), per_sample, details, warnings)


def _behind(reading: LabelReading, per_sample: np.ndarray) -> tuple[dict[str, float | np.ndarray], tuple[str, ...]]:
    """The details, and what keeps the value from reaching 1, in words."""
    likeness, wanted, rows, share = reading.likeness, reading.wanted, reading.rows, reading.share
    most = likeness.most(wanted)
    ceiling = None if most is None else float(share @ most[rows])
    details: dict[str, float | np.ndarray] = {} if ceiling is None else {"ceiling": ceiling}
    if likeness.classes is None:
        if ceiling is None or ceiling > 1 - 1e-9:
            return details, ()
        return details, (f"labels tie: the highest value possible is {ceiling:.4g}",)
    codes, sizes = likeness.classes.codes, likeness.classes.sizes
    asked = np.bincount(codes[rows], minlength=len(sizes))
    total = np.bincount(codes[rows], per_sample, len(sizes))
    k_per_class = np.empty(len(sizes), int)
    k_per_class[codes] = wanted
    details["classes"], details["class_sizes"], details["k_per_class"] = likeness.classes.names, sizes, k_per_class
    details["per_class"] = np.divide(total, asked, out=np.full(len(sizes), np.nan), where=asked > 0)
    small = int((sizes <= k_per_class).sum())
    if not small:
        return details, ()
    k = int(wanted.max())
    few = f"fewer than k+1={k + 1} members" if k == wanted.min() else "no more members than neighbors are read"
    return details, (f"{small} of {len(sizes)} classes have {few}: the highest value possible is {ceiling:.4g}",)


def _score(graph: Neighbors, labels: Any, /, *, over: str, **options: Any) -> Score:
    """The overlap for labels in another order, which does not depend on what an interval is over."""
    return LabelReading.of(graph, labels, **options).scored()


def _mean(graph: Neighbors, labels: Any, /, *, groups: Groups, over: str, **options: Any) -> float:
    """What the overlap is on average where the labels of groups are dealt anew."""
    return LabelReading.of(graph, labels, **options).mean_over(groups)


def _influence(graph: Neighbors, labels: Any, /, *, over: str, **options: Any) -> Influence:
    """How each sample moves the overlap; with a class_fraction, its class may then read one neighbor fewer."""
    reading = LabelReading.of(graph, labels, **options)
    here, without = reading.deleted()
    return here.influence(reading.share, without)


MEASURE = Measure(
    compute=label_overlap,
    standard=True,
    headline=True,
    unit="share of neighbors",
    bounds=(0, 1),
    closer="high",
    sentence="its {k} nearest neighbors are most alike in {label}",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Doimo et al. 2020, arXiv:2007.03506",
    neighbors="k",
    spare=1,
    score=_score,
    mean=_mean,
    influence=_influence,
)
