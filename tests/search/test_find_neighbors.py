"""Every graph against the plain definition: all distances in float64, sorted by (distance, index)."""

import re
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core import threads
from layerscape.core.neighbors import Neighbors
from layerscape.core.threads import thread_count, workers
from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.search import again, compiled, complete, find_neighbors, finish, floats, kernels, rows
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


@pytest.mark.parametrize("n", [2, 3, 64, 128, 1000])
@pytest.mark.parametrize("kind", ["gaussian", "lattice"])
def test_all_neighbors_of_all_samples(n, kind):
    assert_plain(cloud(kind, n, 7, 9), n - 1)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 90),
    memory=st.sampled_from([1, 3000, 20_000]),
    threads=st.integers(1, 3),
    data=st.data(),
)
def test_many_small_tiles_panels_and_threads_change_nothing(kind, n, memory, threads, data):
    k = data.draw(st.integers(1, n - 1))
    with pytest.MonkeyPatch.context() as patch:
        small = {
            compiled: {"LOCKED": 7, "MOST_HITS": 20},
            floats: {"TILE_ROWS": 7, "TILE_COLUMNS": 11},
            finish: {"PART": 5, "BLOCK_BYTES": 500},
            complete: {"PART": 4, "FEWEST": 6, "COLUMNS": 6, "FEW": 3, "MOST_PAIRS": 40},
            rows: {"SAMPLE": 4, "BLOCK_VALUES": 60},
        }
        for module, constants in small.items():
            for name, value in constants.items():
                patch.setattr(module, name, value)
        assert_plain(cloud(kind, n, 6, 3), k, memory=memory, threads=threads)


@pytest.mark.parametrize("kind", ["gaussian", "copies", "lattice"])
def test_a_sample_that_misleads_costs_time_and_no_neighbor(kind, monkeypatch):
    """Limits far too low keep neighbors out of the lists; the proof fails for these rows, which are searched again."""
    searched_again = []

    def mislead(products, row_halves, column_halves, rank, limits):
        limits[:] = 0.02

    def count(job, rows, upper):
        searched_again.extend(rows)
        return complete.complete(job, rows, upper)

    monkeypatch.setattr(kernels, "guess_limits", mislead)
    monkeypatch.setattr(again, "complete", count)
    x = cloud(kind, 3000, 3, 4)
    asked = np.arange(0, 3000, 100)
    graph = find_neighbors(x, 20)
    indices, distances = plain(x, 20, asked)
    np.testing.assert_array_equal(graph.indices[asked], indices)
    np.testing.assert_array_equal(graph.distances[asked], distances)
    assert len(searched_again) > 0 or kind != "gaussian"


def test_clusters_that_float32_cannot_look_into_are_searched_in_float64(rng):
    centers = np.repeat(rng.standard_normal((30, 12)), 20, axis=0)
    assert_plain(centers + 1e-7 * rng.standard_normal((600, 12)), 10)
    assert_plain(centers + 1e-12 * rng.standard_normal((600, 12)), 25)


def unprovable(kind: str) -> np.ndarray:
    """More rows than one part of `complete` takes, none of which float32 lists can prove."""
    rng = np.random.default_rng(8)
    if kind == "wide":
        return rng.standard_normal((140, 40_000))
    x = rng.standard_normal((700, 20))
    x[np.arange(700), np.arange(700) % 3] += 1e6  # three clusters, none of them in the middle
    return x[rng.integers(0, 600, 700)] if kind == "with copies" else x


@pytest.mark.parametrize("memory", [1, 2 * 24 * 20 * 270, 2 * 24 * 20 * 600, 2**29])
@pytest.mark.parametrize("kind", ["clusters", "with copies"])
def test_what_lists_cannot_prove_is_the_definition_at_every_memory(kind, memory):
    x = unprovable(kind)
    assert_plain(x, 64, memory=memory)
    asked = np.arange(699, 0, -2)
    some = find_neighbors(x, 64, queries=asked, memory=memory)
    np.testing.assert_array_equal(some.indices, plain(x, 64, asked)[0])
    np.testing.assert_array_equal(some.distances, plain(x, 64, asked)[1])
    points = find_neighbors(x, 64, queries=x[asked], memory=memory)  # each finds itself, or the first of its copies
    np.testing.assert_array_equal(points.distances[:, 0], 0)
    np.testing.assert_array_equal(points.distances[:, 1:], some.distances[:, :63])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_wide_rows_that_lists_cannot_prove(metric, monkeypatch):
    searched_again = []

    def count(job, rows, upper):
        searched_again.extend(rows)
        return complete.complete(job, rows, upper)

    monkeypatch.setattr(again, "complete", count)
    monkeypatch.setattr(complete, "PART", 8)
    monkeypatch.setattr(complete, "FEWEST", 12)
    x = unprovable("wide")
    seen = x / np.linalg.norm(x, axis=1, keepdims=True) if metric == "cosine" else x
    square = np.stack([((seen - row) ** 2).sum(axis=1) for row in seen])
    np.fill_diagonal(square, np.inf)
    for memory in (1, 2**28):  # some rows at a time, and all
        graph = find_neighbors(x, 32, metric=metric, memory=memory)
        np.testing.assert_array_equal(graph.indices, np.argsort(square, axis=1)[:, :32])
        np.testing.assert_allclose(graph.distances, np.sqrt(np.sort(square, axis=1)[:, :32]), rtol=1e-13)
    assert len(searched_again) > 40


def test_rows_of_one_hash_are_no_copies_unless_they_are_equal(monkeypatch):
    survey = kernels.overview_rows

    def collide(block, low, high, hashes):
        bad = survey(block, low, high, hashes)
        hashes[:] %= 3
        return bad

    monkeypatch.setattr(kernels, "overview_rows", collide)
    x = np.repeat(cloud("gaussian", 60, 4, 5), 2, axis=0)
    assert assert_plain(x, 9).n_copies == 60


def test_minus_zero_is_zero():
    x = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 0.0]])
    graph = find_neighbors(x, 2)
    assert graph.n_copies == 1
    assert graph.distances[0].tolist() == [0, 5**0.5]


def test_the_graph_does_not_depend_on_the_number_of_threads():
    x = cloud("float16", 5000, 20, 6)
    one, three = find_neighbors(x, 30, threads=1), find_neighbors(x, 30, threads=3)
    np.testing.assert_array_equal(one.indices, three.indices)
    np.testing.assert_array_equal(one.distances, three.distances)


def test_threads_are_counted(monkeypatch):
    monkeypatch.setattr(threads, "_allowed", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert (thread_count(None), thread_count(3), thread_count(99)) == (8, 3, 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    assert (thread_count(None), thread_count(3)) == (2, 3)


def test_an_interruption_leaves_no_thread_and_blas_as_it_was(monkeypatch):
    info = threads._libraries().info()

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_neighbors(cloud("gaussian", 4000, 30, 7), 5, progress=interrupt)
    assert not [t for t in threading.enumerate() if t.name.startswith("layerscape")]
    assert threads._libraries().info() == info


def test_searches_side_by_side_give_blas_back_when_the_last_ends():
    info = threads._libraries().info()
    first, second = workers(1), workers(1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert all(library["num_threads"] == 1 for library in threads._libraries().info() if library["user_api"] == "blas")
    second.__exit__(None, None, None)
    assert threads._libraries().info() == info


def test_rows_too_wide_for_a_proof_are_refused():
    text = "1048577 units; a search can prove its result up to 1048576: pool the layer, or project it."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        find_neighbors(np.zeros((2, 2**20 + 1), np.float32), 1)


def test_a_large_group_of_copies_takes_no_more_of_them_than_are_asked_for(rng):
    x = np.concatenate([np.zeros((900, 3)), rng.standard_normal((300, 3))])[rng.permutation(1200)]
    graph = assert_plain(x, 20)
    rows, _, weights = graph.weights(20)
    np.testing.assert_allclose(np.bincount(rows, weights), 20)
    one_hot = assert_plain(np.eye(60), 5)
    assert len(one_hot.border_copies) == 60 * 59


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr(kernels, "keep", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        find_neighbors(cloud("gaussian", 3000, 5, 8), 5)


@pytest.mark.parametrize("kind", ["gaussian", "copies", "constant"])
def test_progress_counts_every_query(kind):
    told = []
    x = np.ones((6000, 2)) if kind == "constant" else cloud(kind, 6000, 4, 9)
    find_neighbors(x, 5, progress=told.append)
    assert sum(told) == 6000
    assert len(told) > 3 or kind != "gaussian"


def test_arrays_on_disk_are_read_in_blocks(tmp_path, rng):
    zarr = pytest.importorskip("zarr")
    x = rng.standard_normal((3000, 40)).astype(np.float16)
    stored = zarr.create_array(tmp_path / "x", shape=x.shape, chunks=(700, 40), dtype=x.dtype)
    stored[:] = x
    expected = find_neighbors(x, 6)
    for queries in (None, [2999, 0, 17]):
        graph = find_neighbors(stored, 6, queries=queries, memory=100_000)
        chosen = slice(None) if queries is None else queries
        np.testing.assert_array_equal(graph.indices, expected.indices[chosen])
        np.testing.assert_array_equal(graph.distances, expected.distances[chosen])


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


PRECISIONS = [np.float64, np.float32, np.float16, np.int64, np.int8]


@pytest.mark.parametrize("queries_as", PRECISIONS)
@pytest.mark.parametrize("as_", PRECISIONS)
@pytest.mark.parametrize("n", [40, 3000])
def test_samples_and_other_points_may_be_of_different_precision(n, as_, queries_as, rng):
    x, queries = (20 * rng.standard_normal((n, 21))).astype(as_), (20 * rng.standard_normal((9, 21))).astype(queries_as)
    graph = find_neighbors(x, 7, queries=queries)
    squared = squared_distances(queries.astype(float)[:, None], x.astype(float)[None])
    order = np.argsort(squared, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(graph.indices, order)
    np.testing.assert_array_equal(graph.distances, np.sqrt(np.take_along_axis(squared, order, 1)))


def test_a_kernel_takes_rows_of_one_precision_only(rng):
    x, one = rng.standard_normal((2, 16)), np.zeros(1, np.int64)
    with pytest.raises(Exception, match="rows of float64 and float32"):
        kernels.exact_pairs(x, x.astype(np.float32), one, one, np.zeros(1))


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([[1e80], [0.0], [3e-90], [1e-90]], [1, 3, 3, 1]),
        ([[1.0, 0], [1.0, 5e-324], [1.0, 2e-323]], [1, 0, 1]),
        ([[1e100, 0], [1e100, 1e-220], [1e100, 3e-220]], [1, 0, 1]),
        ([[1e308], [1.1e308], [1.2e308], [1.35e308]], [1, 0, 1, 2]),
        ([[-8e307], [8e307], [7e307]], [2, 2, 1]),
    ],
)
def test_numbers_at_the_ends_of_float64_keep_their_order(x, expected):
    assert find_neighbors(x, 1).indices.ravel().tolist() == expected


@pytest.mark.parametrize("as_", [np.float64, np.float32])
def test_one_far_query_changes_no_other(as_):
    points = np.array([[3.0], [2.0], [1.0]], as_)
    assert find_neighbors(points, 1, queries=[[1.1], [1e200]]).indices.ravel().tolist() == [2, 0]


def test_squares_that_underflow_tie_and_nothing_is_lost():
    graph = find_neighbors([[m * 2.0**-545] for m in range(100)] + [[2.0**-250]], 1)
    assert graph.distances[:100].max() == 0
    assert graph.indices[:3].ravel().tolist() == [1, 0, 0]


@pytest.mark.parametrize("scale", [1.5e308, 1.0, 5e-324])
def test_directions_do_not_depend_on_scale(scale):
    x = scale * np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert find_neighbors(x, 2, metric="cosine").distances[1].tolist() == pytest.approx([(2 - 2**0.5) ** 0.5, 2**0.5])


def test_a_distance_that_float64_cannot_hold_is_said():
    text = "a distance exceeds what float64 can hold (1.8e308); divide the data by 2 or more."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        find_neighbors([[-1.7e308], [1.7e308]], 1)


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
    half = torch.from_numpy(x).bfloat16()
    np.testing.assert_array_equal(find_neighbors(half, 4).distances, find_neighbors(half.float(), 4).distances)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda x: find_neighbors(x, 50), InvalidValue, "k=50 neighbors asked of 50 samples; k must lie in 1..49."),
        (lambda x: find_neighbors(x, 0), InvalidValue, "k=0 neighbors asked of 50 samples; k must lie in 1..49."),
        (lambda x: find_neighbors(x, 1.5), InvalidType, "k=1.5; give a whole number."),
        (
            lambda x: find_neighbors(x[:1], 1),
            InvalidValue,
            "k=1 neighbors asked of one sample; a graph needs at least two samples.",
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
            lambda x: find_neighbors(x, 3, queries=x[0]),
            InvalidType,
            "queries of shape (4,) and type float64; give a list of row numbers, or a matrix of points.",
        ),
        (
            lambda x: find_neighbors(x, 3, queries=np.where(x == x[2, 1], np.inf, x)),
            InvalidValue,
            "sample '2' has a value that is NaN or infinite; remove such rows, or repair what produced them.",
        ),
        (lambda x: find_neighbors(x, 3, threads=0), InvalidValue, "threads=0; at least 1 must run."),
        (
            lambda x: find_neighbors(x, 3, threads=1.5),
            InvalidType,
            "threads=1.5 is no whole number; give how many may run at a time.",
        ),
        (lambda x: find_neighbors(x, 3, memory=0), InvalidValue, "memory=0 bytes; give at least 1."),
        (
            lambda x: find_neighbors(x, 3, memory="1G"),
            InvalidType,
            "memory='1G' is no whole number; give how many bytes to work with.",
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
