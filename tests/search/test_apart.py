"""Graphs without the samples that belong together, against the plain definition; and what is refused."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.search import find_neighbors
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
