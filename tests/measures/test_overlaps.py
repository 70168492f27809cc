"""Overlap and label overlap against their definitions, by every permutation, and at chance."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from layerscape.core.permutation import permutations
from layerscape.errors import InvalidValue, UnknownName
from layerscape.measures import catalog
from layerscape.measures.deletion import without_next
from layerscape.measures.neighborhood.agreement import Relation, membership
from layerscape.measures.neighborhood.curve import permuted_sums
from layerscape.measures.neighborhood.entries import entries
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


def naive_overlap(x, y, k):
    sets = [[set(row) for row in find_neighbors(z, k).indices.tolist()] for z in (x, y)]
    return np.mean([len(a & b) / k for a, b in zip(*sets, strict=True)])


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 12), in_order=st.booleans())
def test_sums_of_a_relation_are_those_of_its_matrix(seed, n, in_order):
    rng = np.random.default_rng(seed)
    r = rng.standard_normal((n, n)) * (rng.random((n, n)) < 0.4)
    rows, members = np.nonzero(r)
    if not in_order:
        mixed = rng.permutation(len(rows))
        rows, members = rows[mixed], members[mixed]
    sums = Relation.of_entries(rows, members, r[rows, members], n)
    out, into = r.sum(axis=1), r.sum(axis=0)
    expected = [r.sum(), (r * r).sum(), (r * r.T).sum(), out @ out, into @ into, out @ into]
    found = [sums.total, sums.squares, sums.mutual, sums.out, sums.into, sums.through]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_overlap_is_the_share_of_common_neighbors(rng):
    x = rng.standard_normal((300, 6))
    y = x + 0.5 * rng.standard_normal((300, 6))
    result = estimate("overlap", x, y, k=15)
    assert result.value == pytest.approx(naive_overlap(x, y, 15), abs=1e-12)
    assert result.per_sample.mean() == pytest.approx(result.value)
    assert estimate("overlap", y, x, k=15).value == pytest.approx(result.value)


def test_a_representation_overlaps_fully_with_its_isometries(rng):
    x = rng.standard_normal((200, 5))
    q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    result = estimate("overlap", x, 7 * x @ q - 2, k=10)
    assert result.value == 1
    assert result.chance.p <= 1e-6


@pytest.mark.parametrize("ties", [False, True])
def test_independent_data_overlap_as_chance_says(ties):
    """k/(N−1) also for data full of ties: 2,000 samples with 300 distinct rows."""
    inside, values = 0, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((2, 2000, 4))
        if ties:
            x, y = x[rng.integers(0, 300, 2000)], y[rng.integers(0, 300, 2000)]
        result = estimate("overlap", x, y, k=20)
        assert result.chance.value == pytest.approx(20 / 1999)
        inside += result.low <= 20 / 1999 <= result.high
        values.append(result.value)
    assert inside >= 16
    assert np.mean(values) == pytest.approx(20 / 1999, abs=4 * np.std(values) / np.sqrt(20))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), levels=st.integers(2, 4), k=st.integers(1, 6))
def test_ties_are_averaged_over_all_ways_to_break_them(seed, levels, k):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, levels, (2, 14, 3))
    expected = estimate("overlap", x, y, k=k).value
    values = []
    for _ in range(150):  # a permutation of the rows breaks ties at random
        a, b = rng.permutation(14), rng.permutation(14)
        graph_a, graph_b = find_neighbors(x[a], k), find_neighbors(y[b], k)
        lists_a = {a[i]: set(a[graph_a.indices[i]]) for i in range(14)}
        lists_b = {b[i]: set(b[graph_b.indices[i]]) for i in range(14)}
        values.append(np.mean([len(lists_a[i] & lists_b[i]) / k for i in range(14)]))
    assert np.mean(values) == pytest.approx(expected, abs=5 * np.std(values) / 12 + 1e-9)


@pytest.mark.parametrize("ties", [False, True])
def test_chance_of_overlap_is_that_of_permutations(rng, ties):
    x, y = rng.standard_normal((2, 60, 3))
    x, y = (np.round(x), np.round(y)) if ties else (x, x + 0.3 * y)
    result = estimate("overlap", x, y, k=5)
    a, b = (membership(find_neighbors(z, 20), 5).toarray() for z in (x, y))
    values = []
    for _ in range(4000):
        order = rng.permutation(60)
        values.append((a * b[np.ix_(order, order)]).sum() / 300)
    assert np.mean(values) == pytest.approx(result.chance.value, abs=4 * np.std(values) / 63)
    assert 1.96 * np.std(values) == pytest.approx(result.chance.high - result.chance.value, rel=0.06)


@pytest.mark.parametrize("weight", ["sample", "class"])
def test_label_overlap_is_its_definition_and_its_chance_that_of_permutations(rng, weight):
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    x = labels[:, None] * [0.7, 0, 0] + rng.standard_normal((100, 3))
    graph = find_neighbors(x, 10)
    share = (labels[graph.indices] == labels[:, None]).mean(axis=1)
    weights = np.ones(100) if weight == "sample" else 1 / np.bincount(labels)[labels]
    result = estimate("label_overlap", graph, labels, k=10, weight=weight)
    assert result.value == pytest.approx(np.average(share, weights=weights))
    exact = (50 * 49 + 30 * 29 + 20 * 19) / (100 * 99) if weight == "sample" else (100 - 3) / (3 * 99)
    assert result.chance.value == pytest.approx(exact)
    values = [estimate("label_overlap", graph, rng.permutation(labels), k=10, weight=weight).value for _ in range(1500)]
    assert np.mean(values) == pytest.approx(exact, abs=4 * np.std(values) / 38)
    assert 1.96 * np.std(values) == pytest.approx(result.chance.high - exact, rel=0.08)


def test_small_classes_bound_the_value_and_the_bound_is_said(rng):
    labels = np.repeat(["many", "few"], [95, 5])
    (warning,) = estimate("label_overlap", rng.standard_normal((100, 2)), labels, k=10).warnings
    assert warning == "1 of 2 classes have fewer than k+1=11 members: the highest value possible is 0.97"


def test_a_graph_of_some_queries_averages_over_them(rng):
    x, y = rng.standard_normal((2, 100, 4))
    rows = np.array([4, 50, 7])
    a, b = (find_neighbors(z, 12, queries=rows) for z in (x, y))
    whole = estimate("overlap", find_neighbors(x, 12), find_neighbors(y, 12), k=12)
    some = estimate("overlap", a, b, k=12)
    assert some.per_sample == pytest.approx(whole.per_sample[rows])
    labels = np.arange(100) % 2
    of_labels = estimate("label_overlap", a, labels, k=12)
    assert of_labels.value == pytest.approx((labels[a.indices] == labels[rows][:, None]).mean())


@pytest.mark.parametrize(
    ("labels", "kind", "text"),
    [
        (np.zeros(50), InvalidValue, "all 50 samples have the label 0.0; give at least two classes."),
        (
            np.arange(50),
            InvalidValue,
            "each of the 50 samples has a label of its own; give labels that samples share.",
        ),
        (np.zeros(49), InvalidValue, "labels of shape (49,) for 50 samples; give one label per sample."),
        (
            np.where(np.arange(50) == 3, np.nan, 1.0),
            InvalidValue,
            "all 49 samples have the label 1.0; give at least two classes.",
        ),
        (
            [None if i == 4 else "a" for i in range(50)],
            InvalidValue,
            "all 49 samples have the label a; give at least two classes.",
        ),
    ],
)
def test_bad_labels(labels, kind, text, rng):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        estimate("label_overlap", rng.standard_normal((50, 3)), labels, k=5)


@pytest.mark.parametrize("influence", [False, True])
def test_where_nobody_asked_for_a_k_it_is_what_a_given_graph_holds_and_that_is_said(rng, influence):
    x, y = rng.standard_normal((2, 60, 3))
    found = estimate("overlap", find_neighbors(x, 10), find_neighbors(y, 12), influence=influence)
    assert (found.k, found.warnings) == (9, ("k = 9, since the graph holds 10",))
    assert found.value == estimate("overlap", x, y, k=9).value
    of_labels = estimate("label_overlap", find_neighbors(x, 10), np.arange(60) % 2, influence=influence)
    assert "since the graph holds 10" in of_labels.warnings[0]
    assert of_labels.value == estimate("label_overlap", x, np.arange(60) % 2, k=of_labels.k).value
    assert estimate("overlap", find_neighbors(x, 31), y, influence=influence).k == 15


def test_an_influence_on_a_graph_without_a_next_neighbor_says_what_it_lacks(rng):
    x, y = rng.standard_normal((2, 60, 3))
    words = (
        r"^an influence reads the neighbor that follows the first 10, and the graph holds 10; give a graph of 11 neigh"
    )
    with pytest.raises(InvalidValue, match=words):
        estimate("overlap", find_neighbors(x, 10), find_neighbors(y, 10), k=10, influence=True)
    with pytest.raises(InvalidValue, match=r"^1 neighbors of 2 samples: without one of them there are not so many"):
        estimate("overlap", x[:2], y[:2], influence=True)


def test_other_bad_input(rng):
    x = rng.standard_normal((50, 3))
    with pytest.raises(UnknownName, match=r"^unknown weight of label_overlap 'clas'; nearest: class\."):
        estimate("label_overlap", x, np.arange(50) % 2, k=5, weight="clas")
    with pytest.raises(InvalidValue, match=r"^k=50 neighbors asked of 50 samples; k must lie in 1\.\.49\.$"):
        estimate("overlap", x, x, k=50)
    with pytest.raises(InvalidValue, match="both must be of the same samples in the same order"):
        estimate("overlap", x, x[:40], k=5)
    with pytest.raises(InvalidValue, match=r"k=9 neighbors asked of a graph that holds 5; k must lie in 1\.\.5"):
        estimate("overlap", find_neighbors(x, 5), find_neighbors(x, 5), k=9)


def test_p_of_few_neighbors_is_what_permutations_say(rng):
    """One neighbor each, N = 100: the normal law gives less than half of what permutations say of a score."""
    x, y = rng.standard_normal((2, 100, 3))
    a = find_neighbors(x, 2)
    null = permuted_sums(entries(a, 1), entries(find_neighbors(y, 2), 1), np.ones(1), 3000) / 100
    score = np.sort(null)[-15]  # reached by 15 of 3,000
    order = list(permutations(100, 3000, 0))[int(np.flatnonzero(null == score)[0])]
    chance = estimate("overlap", a, find_neighbors(y[order], 2), k=1).chance
    assert chance is not None
    assert norm.sf((score - null.mean()) / null.std()) < 0.5 * (null >= score).mean()
    assert chance.p == pytest.approx((null >= score).mean(), rel=0.6)


def test_a_graph_of_k_neighbors_has_no_interval_and_says_what_to_give(rng):
    x, y = rng.standard_normal((2, 60, 3))
    wide = estimate("overlap", find_neighbors(x, 6), find_neighbors(y, 6), k=5)
    found = estimate("overlap", find_neighbors(x, 5), find_neighbors(y, 5), k=5)
    assert found.value == wide.value
    assert np.isnan([found.low, found.high]).all()
    assert found.warnings == (
        "no interval: it reads the neighbor that follows the first 5; give a graph of 6 neighbors, or k=4",
    )
    assert np.isfinite([wide.low, wide.high]).all()
    labels = estimate("label_overlap", find_neighbors(x, 5), x[:, 0] > 0, k=5)
    assert np.isnan(labels.low)
    few = x[:25]  # of which no graph holds 25 neighbors
    assert without_next(find_neighbors(few, 24), 24) == (
        "no interval: it reads the neighbor that follows the first 24, and "
        "of 25 samples too few are left; give k=19, or more samples"
    )
    assert without_next(find_neighbors(few, 24), 20)  # four others: intervals would hold in 55 to 90 %
    assert not without_next(find_neighbors(few, 24), 19)
    for k, words in ((24, r"1\.\.23: search again with a larger k\.$"), (25, r"1\.\.23\.$")):
        with pytest.raises(InvalidValue, match=words):
            find_neighbors(few, 23).need(k)
    assert labels.warnings == found.warnings
    by_graph = estimate("label_overlap", find_neighbors(x, 6), find_neighbors(y, 5), k=5)
    assert by_graph.value == found.value
    assert by_graph.warnings == found.warnings


def test_intervals_hold_where_neighborhoods_are_most_of_the_samples():
    rng, k, found = np.random.default_rng(0), 37, {"overlap": [], "label_overlap": []}
    for _ in range(100):
        classes = rng.permutation(np.arange(50) % 3)
        x = rng.standard_normal((50, 5)) + 1.2 * np.eye(3, 5)[classes]
        a, b = (find_neighbors(z, k + 1) for z in (x, x + 0.5 * rng.standard_normal(x.shape)))
        found["overlap"].append(estimate("overlap", a, b, k=k))
        found["label_overlap"].append(estimate("label_overlap", a, classes, k=k, weight="class"))
    for every in found.values():
        mean = np.mean([one.value for one in every])
        assert sum(one.low <= mean <= one.high for one in every) >= 85  # 49 and 46 with a share that does not fall


def test_vectors_are_searched_one_neighbor_further_for_the_interval(rng):
    x, y = rng.standard_normal((2, 60, 3))
    by_graphs = estimate("overlap", find_neighbors(x, 6), find_neighbors(y, 6), k=5)
    found = estimate("overlap", x, y, k=5)
    assert (found.low, found.high) == (by_graphs.low, by_graphs.high)
    everyone = estimate("overlap", x, y, k=59)
    assert (everyone.value, everyone.low, everyone.high) == (1, 1, 1)


def test_nothing_in_common_is_no_certainty():
    """The nearest of each sample lies elsewhere in the other layer: Wilson's interval of 0 of 40."""
    x = np.arange(40.0)[:, None]
    found = estimate("overlap", x, np.where(x % 2, x + 100, x), k=1)
    assert found.value == 0
    assert (found.low, found.high) == (0, pytest.approx(3.8415 / 43.8415, abs=1e-4))


def test_graphs_without_own_groups_have_no_chance_of_independent_samples(rng):
    x, y = rng.standard_normal((2, 60, 3))
    groups = np.repeat(np.arange(20), 3)
    a, b = (find_neighbors(each, 6, groups=groups) for each in (x, y))
    found = estimate("overlap", a, b, k=5)
    assert found.value == pytest.approx(naive_share(a, b, 5))
    assert found.chance is None
    assert np.isnan([found.low, found.high]).all()
    words = "own group left out: samples are not independent, so that neither chance nor an interval is known"
    assert found.warnings == (words,)
    assert np.isnan(estimate("label_overlap", a, groups % 2, k=5).low)
    with pytest.raises(InvalidValue, match="graphs with nobody left out and own group left out; search both"):
        catalog()["overlap"](a, find_neighbors(y, 6), k=5)


def naive_share(a, b, k):
    lists = zip(a.indices[:, :k].tolist(), b.indices[:, :k].tolist(), strict=True)
    return np.mean([len(set(one) & set(other)) / k for one, other in lists])


@pytest.mark.parametrize("k", [1, 2, 5])
def test_chance_of_few_shared_neighbors_is_skewed_and_never_below_none(rng, k):
    """Its ends are those of permuted samples, to one shared neighbor where there are few."""
    x, y = rng.standard_normal((2, 150, 5))
    found = estimate("overlap", x, y, k=k).chance
    a, b = (membership(find_neighbors(z, k), k).toarray() for z in (x, y))
    values = []
    for _ in range(2000):
        order = rng.permutation(150)
        values.append((a * b[np.ix_(order, order)]).sum() / (150 * k))
    low, high = np.quantile(values, [0.025, 0.975])
    assert found.low >= 0
    assert [found.low, found.high] == pytest.approx([low, high], abs=1.01 / (150 * k))
