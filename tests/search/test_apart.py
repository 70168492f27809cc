"""Graphs and ranks without the samples that belong together, against the plain definition; and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerscape as ls
from layerscape.core.apart import Apart
from layerscape.core.nearness import Nearness
from layerscape.errors import InvalidType, InvalidValue
from layerscape.search import again as again_
from layerscape.search import between, find_neighbors, ranks
from layerscape.search.complete import complete
from layerscape.search.distances import squared_distances
from tests.search.reference import cloud

N = 40


def plain(x, k, excluded):
    """All squared distances in the stated order of summation, sorted by (d², index), without the pairs ``excluded``."""
    x = np.asarray(x, np.float64)
    squared = squared_distances(x[:, None, :], x[None, :, :])
    squared[excluded] = np.inf
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return order, np.sqrt(np.take_along_axis(squared, order, 1)), np.sqrt(squared)


def assert_plain(graph, x, k, excluded, rows=None):
    rows = np.arange(len(x)) if rows is None else rows
    indices, distances, every = plain(x, k, excluded)
    np.testing.assert_array_equal(graph.indices, indices[rows])
    np.testing.assert_array_equal(graph.distances, distances[rows])
    for width in {1, k}:  # and who ties with the last column beyond it
        where, members, order = graph.up_to(width)
        for place, row in enumerate(rows):
            mine = where == place
            expected = np.flatnonzero(every[row] <= distances[row, width - 1])
            assert sorted(members[mine]) == expected.tolist()
            np.testing.assert_array_equal(order[mine], every[row, members[mine]])


@st.composite
def grouped(draw):
    """A cloud with ties and copies across groups, and groups of unequal sizes."""
    n, d = draw(st.integers(2, N)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kind = draw(st.sampled_from(["lattice", "gaussian", "copies", "binary", "constant"]))
    x = np.ones((n, d)) if kind == "constant" else cloud(kind, n, d, draw(st.integers(0, 99))).astype(float)
    groups = rng.integers(0, draw(st.integers(2, n)), n)
    groups[0], groups[-1] = 0, 1
    if draw(st.booleans()):
        groups[: draw(st.integers(0, n - 1))] = 0  # a large one
        groups[-1] = 1
    return x, groups


@settings(max_examples=200, deadline=None)
@given(data=st.data(), case=grouped())
def test_members_of_the_own_group_are_no_neighbors_and_copies_in_others_are(data, case):
    x, groups = case
    most = len(x) - np.bincount(groups).max()
    k = data.draw(st.one_of(st.just(most), st.integers(1, most)))
    assert_plain(find_neighbors(x, k, groups=groups), x, k, groups[:, None] == groups)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), case=grouped())
def test_samples_within_the_lag_are_no_neighbors(data, case):
    x, _ = case
    lag = data.draw(st.integers(0, (len(x) - 2) // 2))
    k = data.draw(st.integers(1, len(x) - 2 * lag - 1))
    row = np.arange(len(x))
    assert_plain(find_neighbors(x, k, lag=lag), x, k, np.abs(row[:, None] - row) <= lag)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), case=grouped())
def test_rows_that_are_asked_for_have_the_neighbors_that_they_have_among_all(data, case):
    x, groups = case
    rows = np.array(data.draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=8)))
    most = len(x) - np.bincount(groups)[groups[rows]].max()
    k = data.draw(st.integers(1, most))
    graph = find_neighbors(x, k, queries=rows, groups=groups)
    assert_plain(graph, x, k, groups[:, None] == groups, rows)


def left_out(data, groups):
    """Either way to leave samples out, as keywords, and the pairs that it leaves out."""
    row, lag = np.arange(len(groups)), data.draw(st.integers(1, max(1, (len(groups) - 2) // 2)))
    if len(groups) > 3 and data.draw(st.booleans()):
        return {"lag": lag}, np.abs(row[:, None] - row) <= lag
    return {"groups": groups}, groups[:, None] == groups


@settings(max_examples=100, deadline=None)
@given(data=st.data(), case=grouped())
def test_ranks_are_those_among_the_samples_that_are_not_left_out(data, case):
    x, groups = case
    options, excluded = left_out(data, groups)
    distances = plain(x, 1, excluded)[2]
    pairs = np.argwhere(~excluded)[: data.draw(st.integers(1, 30))]
    asked = distances[tuple(pairs.T)][:, None]
    rows = distances[pairs[:, 0]]
    expected = ((rows < asked).sum(axis=1) + (rows <= asked).sum(axis=1) + 1) / 2
    np.testing.assert_array_equal(ranks(x, pairs, **options), expected)
    weights = np.arange(1.0, len(pairs) + 1)
    stands = (rows < asked) + (rows == asked) / 2
    stands[np.arange(len(pairs)), pairs[:, 1]] = 0
    np.testing.assert_allclose(
        between(x, pairs, weights, apart=find_neighbors(x, 1, **options).near.apart), weights @ stands, atol=1e-9
    )


def graph_of(**options):
    x = np.random.default_rng(3).standard_normal((60, 4))
    return x, find_neighbors(x, 5, **options)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("standardize", [None, "units"])
def test_groups_go_with_what_else_is_near(metric, standardize):
    x = np.random.default_rng(3).integers(1, 4, (60, 3)).astype(float)
    groups = np.repeat(np.arange(12), 5)
    near = {"metric": metric, "standardize": standardize}
    every = find_neighbors(x, 59, **near)
    graph = find_neighbors(x, 55, groups=groups, **near)
    kept = groups[every.indices] != groups[:, None]
    np.testing.assert_array_equal(graph.indices, every.indices[kept].reshape(60, 55))
    np.testing.assert_array_equal(graph.distances, every.distances[kept].reshape(60, 55))


@pytest.mark.parametrize("memory", [2**29, 2**19])
@pytest.mark.parametrize("options", [{"groups": True}, {"lag": 300}])
def test_many_tiles_prove_most_of_their_rows_at_once(memory, options, monkeypatch):
    rng, n = np.random.default_rng(0), 6000
    groups = np.repeat(np.arange(12), n // 12)
    x = (3 * rng.standard_normal((12, 6))[groups] + rng.standard_normal((n, 6))).astype(np.float32)
    x[5000:5010] = x[:10]  # copies in another group, at another time
    again = []

    def noted(job, rows, upper):
        again.append(len(rows))
        return complete(job, rows, upper)

    monkeypatch.setattr(again_, "complete", noted)
    options = {"groups": groups} if "groups" in options else options
    graph = find_neighbors(x, 7, memory=memory, **options)
    every = find_neighbors(x, n - 1, queries=np.arange(0, n, 250))
    for place, row in enumerate(range(0, n, 250)):
        kept = groups[every.indices[place]] != groups[row]
        if "lag" in options:
            kept = np.abs(every.indices[place] - row) > 300
        np.testing.assert_array_equal(graph.indices[row], every.indices[place][kept][:7])
        np.testing.assert_array_equal(graph.distances[row], every.distances[place][kept][:7])
    assert sum(again) < n / 100


def test_every_sample_in_its_own_group_is_the_graph_of_all():
    x = np.random.default_rng(0).integers(0, 3, (50, 3))
    plain_graph, graph = find_neighbors(x, 9), find_neighbors(x, 9, groups=np.arange(50))
    for one, two in zip(plain_graph.weights(9), graph.weights(9), strict=True):
        np.testing.assert_array_equal(one, two)
    assert find_neighbors(x, 9, lag=0).near == plain_graph.near


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"groups": ["a"] * 60}, InvalidValue, "all 60 samples are of one group, and none has a neighbor in another; "
         "give more."),
        ({"groups": ["a", None] * 30}, InvalidValue, "30 of 60 samples have no group; give each of them one, or leave "
         "them out."),
        ({"groups": np.arange(59)}, InvalidValue, "groups of shape (59,) for 60 samples; give one label per sample."),
        ({"groups": "subject"}, InvalidType, "groups='subject' is a name, which a column of a run has; give one group "
         "per sample."),
        ({"groups": np.ones((60, 2))}, InvalidValue, "groups of shape (60, 2) for 60 samples; give one label per "
         "sample."),
        ({"groups": np.linspace(0, 1, 60)}, InvalidType, "groups of real numbers that are not whole; give categories: "
         "whole numbers, or words."),
        ({"groups": [{1}, {2}] * 30}, InvalidType, "groups of sets or lists; a sample is of one group: give one "
         "category per sample."),
        ({"groups": ["a"] * 56 + ["b"] * 4}, InvalidValue, "k=5 neighbors asked of 60 samples, 56 of which are left "
         "out (the largest group); k must lie in 1..4."),
        ({"lag": 28}, InvalidValue, "k=5 neighbors asked of 60 samples, 57 of which are left out (lag=28); k must lie "
         "in 1..3."),
        ({"lag": 60}, InvalidValue, "lag=60 of 60 samples; it must lie in 0..29, or none would be left."),
        ({"lag": -1}, InvalidValue, "lag=-1 of 60 samples; it must lie in 0..29, or none would be left."),
        ({"lag": 2.0}, InvalidType, "lag=2.0; give a whole number or None."),
        ({"lag": 2, "groups": np.arange(60) % 2}, InvalidValue, "groups and lag are given; give one: groups of "
         "recordings, or a lag within one recording."),
        ({"lag": 2, "queries": np.ones((3, 4))}, InvalidValue, "queries are points, which are of no group and at no "
         "time (lag 2); give row numbers."),
    ],
)  # fmt: skip
def test_what_cannot_be_left_out_is_said_in_one_line(options, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        graph_of(**options)


def test_pairs_that_are_kept_apart_have_no_rank():
    with pytest.raises(
        InvalidValue, match=r"^pair 1 is of samples 0 and 1, which are no neighbors \(own group left out\)"
    ):
        ranks(np.eye(4), [(0, 2), (0, 1)], groups=["a", "a", "b", "c"])


def test_groups_of_every_form_are_the_same_groups():
    codes = np.repeat([2, 0, 1], 20)
    words = np.array(["x", "yy", "z"])[codes]
    days = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], "datetime64[D]")[codes]
    forms = [codes, codes.astype(float), words, words.tolist(), days, [("s", int(code)) for code in codes]]
    pandas = pytest.importorskip("pandas")
    forms += [pandas.Series(words), pandas.Series(words).astype("category"), pandas.DataFrame({"group": words})]
    keys = {graph_of(groups=form)[1].near.key for form in forms}
    assert len(keys) == 1
    assert keys.pop().startswith("euclidean,groups=:")


def test_the_key_tells_groups_apart_and_not_what_they_are_called():
    a, b, c = (Apart.groups(labels, 4) for labels in (["x", "x", "y", "y"], [7, 7, 1, 1], [0, 1, 0, 1]))
    assert a == b
    assert hash(a) == hash(b)
    assert a.key == b.key != c.key
    assert Apart.groups([0, 0, 1, 1], 4, "subject").key == a.key.replace("=:", "=subject:")
    assert Apart.lag(2, 9).key == "lag=2" != Apart.lag(3, 9).key
    assert Apart.lag(2, 9).take(np.array([0, 1, 5])).key != "lag=2"
    long = Apart.groups([0, 1], 2, "é" * 300)
    assert len(long.key.encode()) < 80
    assert Apart.groups([0, 1], 2, "a,standardize=units").key.startswith("groups=a,standardize=units:")


def test_the_graph_says_what_was_left_out():
    groups = np.arange(60) // 6
    assert repr(graph_of(groups=groups)[1]).startswith(
        "Neighbors: 5 nearest among 60 samples × 4 units, euclidean,own group left out"
    )
    assert "euclidean,lag 10" in repr(graph_of(lag=10)[1])
    large = graph_of(groups=["a"] * 45 + ["b"] * 15)[1]
    assert repr(large).endswith("euclidean,own group left out (the largest holds 75% of all)")


def test_a_graph_of_some_samples_keeps_them_apart_still():
    x, graph = graph_of(groups=np.arange(60) // 6)
    rows = np.arange(0, 60, 2)
    wide = find_neighbors(x, 54, groups=np.arange(60) // 6)
    cut, again = wide.restrict(rows, 5), find_neighbors(x[rows], 5, groups=rows // 6)
    np.testing.assert_array_equal(cut.indices, again.indices)
    assert cut.near == again.near
    assert graph.near != again.near


def test_a_run_keeps_the_graphs_of_other_groups_apart():
    pytest.importorskip("zarr")
    x = np.random.default_rng(3).integers(0, 2, (40, 3))
    run = ls.from_arrays({"a/b": x})
    kinds = [
        None,
        Apart.groups(np.arange(40) // 4, 40, "sub/ject"),
        Apart.groups(np.arange(40) // 5, 40, "sub/ject"),
        Apart.groups(np.arange(40) // 4, 40, "other"),
        Apart.lag(4, 40),
    ]
    kept = [run.graph("a/b", 5, apart=apart) for apart in kinds]
    assert len(list((run.path / "graphs").rglob("*.safetensors"))) == len(kinds)
    for apart, graph in zip(kinds, kept, strict=True):
        read = ls.open(run.path).folder.load_graph("a/b", Nearness(apart=apart))
        assert read.near == graph.near == Nearness(apart=apart)
        for one, two in zip(read.weights(5), find_neighbors(x, 5, apart=apart).weights(5), strict=True):
            np.testing.assert_array_equal(one, two)
