"""Every graph against the plain definition: all distances in float64, sorted by (distance, index)."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.search import find_neighbors
from layerscape.search.distances import squared_distances
from tests.search.reference import KINDS, cloud, plain


def assert_plain(x, k, **options):
    graph = find_neighbors(x, k, **options)
    indices, distances = plain(x, k)
    np.testing.assert_array_equal(graph.indices, indices)
    np.testing.assert_array_equal(graph.distances, distances)
    return graph


@pytest.mark.parametrize("kind", KINDS)
def test_graph_is_the_sorted_list_of_all_distances(kind):
    assert_plain(cloud(kind, 300, 20, 0), 17)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 64),
    d=st.integers(1, 40),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_graph_is_exact_for_every_size(kind, n, d, seed, data):
    assert_plain(cloud(kind, n, d, seed), data.draw(st.integers(1, n - 1)))


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1e20, 1e200])
def test_scale_of_the_data_changes_no_neighbor(scale):
    x = cloud("gaussian", 200, 12, 1)
    graph = find_neighbors(x * scale, 20)
    np.testing.assert_array_equal(graph.indices, find_neighbors(x, 20).indices)
    np.testing.assert_allclose(graph.distances / scale, find_neighbors(x, 20).distances, rtol=1e-14)


def test_many_tiles_and_little_memory_give_the_same_graph():
    x = cloud("gaussian", 9000, 3, 2)
    graph = find_neighbors(x, 5, memory=2**22)
    rows = np.arange(0, 9000, 300)
    indices, distances = plain(x, 5, rows)
    np.testing.assert_array_equal(graph.indices[rows], indices)
    np.testing.assert_array_equal(graph.distances[rows], distances)


def test_all_neighbors_can_be_asked_for():
    assert_plain(cloud("copies", 128, 5, 3), 127)


def test_queries_by_row_are_those_rows_of_the_whole_graph():
    x, rows = cloud("copies", 200, 4, 4), [7, 3, 3, 199]
    whole, some = find_neighbors(x, 9), find_neighbors(x, 9, queries=rows)
    np.testing.assert_array_equal(some.indices, whole.indices[rows])
    np.testing.assert_array_equal(some.distances, whole.distances[rows])
    np.testing.assert_array_equal(some.queries, rows)


def test_other_points_find_the_rows_themselves():
    x = cloud("copies", 150, 4, 5)
    graph = find_neighbors(x, 150, queries=x[:10])
    assert (graph.distances[:, 0] == 0).all()
    assert (np.sort(graph.indices, axis=1) == np.arange(150)).all()
    far = find_neighbors(x, 1, queries=np.full((1, 4), 1e30))
    np.testing.assert_allclose(far.distances, [[2e30]])


@pytest.mark.parametrize("d", [6, 16, 40])
def test_cosine_is_the_chord_between_unit_vectors(d):
    x = cloud("gaussian", 100, d, 6) * 1e-30
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    graph = find_neighbors(x, 8, metric="cosine")
    indices, distances = plain(unit, 8)
    np.testing.assert_array_equal(graph.indices, indices)
    np.testing.assert_allclose(graph.distances, distances, rtol=1e-12)


def test_copies_are_neighbors_at_distance_zero_and_are_counted():
    x = np.repeat(cloud("gaussian", 50, 3, 7), 4, axis=0)
    graph = find_neighbors(x, 3)
    assert (graph.distances == 0).all()
    assert graph.n_copies == 150
    np.testing.assert_array_equal(np.sort(graph.indices[5]), [4, 6, 7])


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(["lattice", "copies", "binary", "gaussian"]), n=st.integers(3, 50), seed=st.integers(0, 99))
def test_border_holds_every_sample_that_ties_with_the_last_column(kind, n, seed):
    x = np.asarray(cloud(kind, n, 3, seed), np.float64)
    full = np.sqrt(squared_distances(x[:, None, :], x[None, :, :]))
    np.fill_diagonal(full, np.inf)
    for k in {1, 2, n // 2, n - 1} - {0}:
        graph = find_neighbors(x, k)
        for view in (graph, graph.first(max(1, k // 2))):
            rows, members, weights = view.weights(view.k)
            dense = np.zeros((n, n))
            dense[rows, members] = weights
            last = np.sort(full, axis=1)[:, view.k - 1 : view.k]
            inside, tied = full < last, full == last
            expected = inside + tied * (view.k - inside.sum(1, keepdims=True)) / tied.sum(1, keepdims=True)
            np.testing.assert_allclose(dense, expected, atol=1e-12)


def test_all_rows_equal_tie_with_each_other():
    graph = find_neighbors(np.ones((30, 4)), 5)
    assert (graph.distances == 0).all()
    rows, _, weights = graph.weights(5)
    assert len(rows) == 30 * 29
    np.testing.assert_allclose(weights, 5 / 29)


def test_memmap_and_tensor_and_list_are_read(tmp_path):
    x = cloud("float32", 40, 5, 8)
    np.save(tmp_path / "x.npy", x)
    torch = pytest.importorskip("torch")
    expected = find_neighbors(x, 4).indices
    for given_as in (np.load(tmp_path / "x.npy", mmap_mode="r"), torch.from_numpy(x), x.tolist()):
        np.testing.assert_array_equal(find_neighbors(given_as, 4).indices, expected)
    assert find_neighbors(torch.from_numpy(x).bfloat16(), 4).k == 4


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda x: find_neighbors(x, 50), InvalidValue, "k=50 neighbors asked of 50 samples; k must lie in 1..49."),
        (lambda x: find_neighbors(x, 0), InvalidValue, "k=0 neighbors asked of 50 samples; k must lie in 1..49."),
        (lambda x: find_neighbors(x, 1.5), InvalidType, "k=1.5 is no whole number; give how many neighbors to find."),
        (
            lambda x: find_neighbors(x[:1], 1),
            InvalidValue,
            "k=1 neighbors asked of 1 samples; k must lie in 1..0: a graph needs at least two samples.",
        ),
        (
            lambda x: find_neighbors(x, 3, metric="cosin"),
            UnknownName,
            "unknown metric 'cosin'; nearest: cosine. There are: cosine, euclidean.",
        ),
        (
            lambda x: find_neighbors(x, 3, queries=[50]),
            InvalidValue,
            "query row 50 asked of 50 samples; rows must lie in 0..49.",
        ),
        (
            lambda x: find_neighbors(x, 3, queries=[]),
            InvalidType,
            "queries of shape (0,) and type float64; give a list of row numbers, or a matrix of points.",
        ),
        (
            lambda x: find_neighbors(x, 3, queries=np.empty(0, int)),
            InvalidValue,
            "queries is empty; name at least one row, or leave it out to ask for all.",
        ),
        (
            lambda x: find_neighbors(x, 3, queries=x[:, :2]),
            InvalidValue,
            "queries have 2 units and the samples 4; widths must agree.",
        ),
        (
            lambda x: find_neighbors(x * [0, 0, 0, 0], 3, metric="cosine"),
            InvalidValue,
            "sample '0' is a row of zeros, which has no direction; leave it out, or use metric='euclidean'.",
        ),
        (
            lambda x: find_neighbors(np.where(x == x[7, 1], np.nan, x), 3),
            InvalidValue,
            "sample '7' has a value that is NaN or infinite; remove such rows, or repair what produced them.",
        ),
        (
            lambda x: find_neighbors(x[0], 3),
            InvalidValue,
            "the data has shape (4,); a representation is a matrix of samples × units: reshape it with "
            "x.reshape(len(x), -1).",
        ),
        (
            lambda x: find_neighbors(x[:0], 3),
            InvalidValue,
            "the data is empty, shape (0, 4); give at least one row and one column.",
        ),
        (
            lambda x: find_neighbors(x.astype(str), 3),
            InvalidType,
            "the data holds values of type <U32; give real numbers.",
        ),
    ],
)
def test_errors_say_what_was_given_what_is_allowed_and_what_to_do(call, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call(cloud("gaussian", 50, 4, 0))


def test_graph_checks_itself():
    with pytest.raises(InvalidValue, match="a sample is listed as its own neighbor"):
        Neighbors(np.array([[0], [0]]), np.ones((2, 1)), 2)
    with pytest.raises(InvalidValue, match="not decrease along a row"):
        Neighbors(np.array([[1, 2], [0, 2], [0, 1]]), np.array([[2.0, 1.0]] * 3), 3)


@settings(max_examples=50, deadline=None)
@given(d=st.integers(1, 300), seed=st.integers(0, 99))
def test_sums_are_added_in_the_stated_order(d, seed):
    """Column j into lane j mod 16, one after the other; lanes as a tree; to the bit."""
    a, b = np.random.default_rng(seed).standard_normal((2, d))
    lanes = [0.0] * 16
    for column, difference in enumerate((a - b).tolist()):
        lanes[column % 16] += difference * difference
    for half in (8, 4, 2, 1):
        lanes = [lanes[i] + lanes[i + half] for i in range(half)]
    assert squared_distances(a, b) == lanes[0]
    assert (squared_distances(np.tile(a, (7, 5, 1)), b) == lanes[0]).all()
