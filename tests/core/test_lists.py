"""Neighbors as other tools hand them out: taken, or refused in a line that says what to do."""

import copy
import pickle
import re

import numpy as np
import pytest
from hypothesis import given as told
from hypothesis import settings
from hypothesis import strategies as st

import layerscape as ls
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidType, InvalidValue

ONLY_ORDER = ("overlap", "rank_overlap", "hubness", "label_overlap", "knn_probe", "neighbor_survival")
THE_DISTANCES = ("twonn", "gride", "levina_bickel", "abide", "decimation", "mst", "isomap", "hidalgo", "density_peaks")


def with_itself(graph):
    """The matrices as scikit-learn gives them: the sample itself first, at distance 0."""
    own = np.arange(graph.n_samples)[:, None]
    return np.hstack([own, graph.indices]), np.hstack([np.zeros_like(own, float), graph.distances])


@pytest.fixture
def graph(rng):
    return ls.find_neighbors(rng.standard_normal((300, 5)), k=40)


def data_of(name, graph):
    label = (np.arange(graph.n_samples) % 3,) if name in ("label_overlap", "knn_probe") else ()
    return (graph, *(label or ((graph,) if name in ("overlap", "rank_overlap", "neighbor_survival") else ())))


@pytest.mark.parametrize("name", ONLY_ORDER)
def test_who_is_near_is_enough_for_what_asks_no_more(name, graph):
    indices, _ = with_itself(graph)
    given = Neighbors.from_arrays(indices)
    expected = ls.estimate(name, *data_of(name, graph), k=20, influence=True)
    found = ls.estimate(name, *data_of(name, given), k=20, influence=True)
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)
    np.testing.assert_array_equal(found.influence.moved, expected.influence.moved)


@pytest.mark.parametrize("name", THE_DISTANCES)
def test_distances_are_asked_for_by_what_reads_them(name, graph):
    indices, distances = with_itself(graph)
    options = {"abide": {"k_max": 30}, "density_peaks": {"k_max": 30}, "mst": {"k": 8, "smallest": 100}}.get(name, {})
    expected = ls.estimate(name, graph, **options)
    assert ls.estimate(name, Neighbors.from_arrays(indices, distances), **options).value == expected.value
    with pytest.raises(InvalidValue) as raised:
        ls.estimate(name, Neighbors.from_arrays(indices), **options)
    assert str(raised.value) == (
        f"{name} reads distances: the graph was given without distances; "
        "give them: Neighbors.from_arrays(indices, distances)."
    )


def test_a_graph_without_distances_is_a_graph(graph):
    given = Neighbors.from_arrays(graph.indices)
    assert not hasattr(given, "distances")
    assert (given.k, given.first(7).k) == (40, 7)
    for other in (copy.copy(given), pickle.loads(pickle.dumps(given))):
        np.testing.assert_array_equal(other.indices, graph.indices)
    with pytest.raises(AttributeError, match="a graph has no attribute 'nothing'"):
        _ = given.nothing


def test_scikit_learns_lists_of_data_with_copies_are_those_of_the_search(rng):
    neighbors = pytest.importorskip("sklearn.neighbors")
    x = np.repeat(rng.standard_normal((40, 3)), 3, axis=0)  # so that itself stands in any of three columns
    distances, indices = neighbors.NearestNeighbors(n_neighbors=9).fit(x).kneighbors(x)
    assert (indices[:, 0] != np.arange(120)).any()
    with pytest.raises(
        InvalidValue, match=r"^\d+ of 120 rows list the sample itself first and \d+ elsewhere; say self"
    ):
        Neighbors.from_arrays(indices, distances)
    found, searched = Neighbors.from_arrays(indices, distances, self_first=True), ls.find_neighbors(x, k=8)
    np.testing.assert_array_equal(found.distances[:, :2], 0)
    np.testing.assert_allclose(found.distances, searched.distances)
    np.testing.assert_array_equal(np.sort(found.indices), np.sort(searched.indices))


def test_more_copies_than_columns_hide_the_sample_itself(rng):
    x = np.repeat(rng.standard_normal((30, 3)), 6, axis=0)
    copies = np.arange(180) // 6 * 6
    indices = copies[:, None] + np.arange(4)  # the first four of six copies: two do not find themselves
    found = Neighbors.from_arrays(indices, np.zeros((180, 4)), self_first=True)
    assert found.k == 3
    np.testing.assert_array_equal(found.indices[5], [0, 1, 2])
    with pytest.warns(
        UserWarning, match=r"^60 of 180 lists are without the sample itself, as where it has more copies"
    ):
        Neighbors.from_arrays(indices, self_first=True)
    with pytest.raises(InvalidValue, match=r"^row 4 lists neighbors at a distance above 0, but not the sample itself"):
        Neighbors.from_arrays(indices, np.tile([0, 0, 0, 1.0], (180, 1)), self_first=True)
    assert len(x) == found.n_samples


def test_files_of_unlike_width_are_read_as_far_as_both_go(rng):
    """Fifty neighbors of each sample, and the distances of two, each with the sample itself first."""
    x = rng.standard_normal((100, 4))
    whole = ls.find_neighbors(x, k=20)
    indices = np.c_[np.arange(100), whole.indices]
    distances = np.c_[np.zeros(100), whole.distances]
    for read in (
        ls.Neighbors.from_arrays(indices, distances[:, :3]),
        ls.Neighbors.from_arrays(indices[:, :3], distances),
    ):
        np.testing.assert_array_equal(read.indices, whole.indices[:, :2])
        np.testing.assert_array_equal(read.distances, whole.distances[:, :2])
    with pytest.raises(InvalidValue, match=r"lies at distance .* of itself"):
        ls.Neighbors.from_arrays(indices, distances[:, 1:3])


def test_lists_are_taken_from_whatever_holds_them(graph):
    pandas, torch = pytest.importorskip("pandas"), pytest.importorskip("torch")
    indices, distances = with_itself(graph)
    for numbers in (indices.tolist(), indices.astype(float), indices.astype(np.uint64), indices.astype(np.uint16)):
        np.testing.assert_array_equal(Neighbors.from_arrays(numbers).indices, graph.indices)
    for make in (pandas.DataFrame, torch.tensor):
        found = Neighbors.from_arrays(make(indices), make(distances.astype(np.float32)))
        np.testing.assert_allclose(found.distances, graph.distances, rtol=1e-6)
    rounded = distances + np.where(distances == 0, -1e-9, 0)  # as a product of matrices leaves it
    np.testing.assert_array_equal(Neighbors.from_arrays(indices, rounded).distances, graph.distances)


N = 6
LISTS = (np.arange(N)[:, None] + np.arange(3)) % N
APART = np.tile([0.0, 1, 2], (N, 1))


def changed(matrix, value, row=1, column=1):
    matrix = matrix.copy()
    matrix[row, column] = value
    return matrix


@pytest.mark.parametrize(
    ("arguments", "self_first", "kind", "text"),
    [
        ((LISTS + 1,), None, InvalidValue, "indices from 1 to 6 in 6 rows: they count from 1; subtract 1."),
        (
            (changed(LISTS, -1),),
            None,
            InvalidValue,
            "indices from -1 to 5 in 6 rows: below 0 stands what a tool did not find; search again, exactly.",
        ),
        (
            (LISTS[:4],),
            None,
            InvalidValue,
            "indices from 0 to 5 in 4 rows: give one row for each sample that is listed, in the order of their "
            "numbers.",
        ),
        (
            (LISTS + 0.5,),
            None,
            InvalidType,
            "indices of type float64 that are no row numbers; give whole numbers in 0…N−1.",
        ),
        ((LISTS[0],), None, InvalidValue, "indices of shape (3,); give a matrix (N, k): the neighbors of each sample."),
        ((changed(LISTS, 3),), None, InvalidValue, "a row lists a sample twice; list each neighbor once."),
        (
            (LISTS[:, :1],),
            None,
            InvalidValue,
            "the only column is the samples themselves; give at least one neighbor of each.",
        ),
        (
            (changed(LISTS, 4, 2, 0),),
            None,
            InvalidValue,
            "5 of 6 rows list the sample itself first and 0 elsewhere; say self_first=True where it is among its "
            "neighbors (exact copies may come before it), False where it should not be.",
        ),
        (
            (LISTS,),
            False,
            InvalidValue,
            "self_first=False, but 6 of 6 rows list the sample itself; give self_first=True.",
        ),
        (
            (LISTS[::-1],),
            True,
            InvalidValue,
            "self_first=True, but 4 of 6 rows do not list their own number; give the rows in the order of their "
            "numbers, or leave self_first out.",
        ),
        (
            (LISTS, APART[:5]),
            None,
            InvalidValue,
            "indices of shape (6, 3) and distances of shape (5, 3); give one for each other.",
        ),
        (
            (LISTS[:, 1:], np.zeros((6, 1))),
            None,
            InvalidValue,
            "the first distance is 0 in every row, as of the samples themselves, which the indices do not list first; "
            "leave that column out.",
        ),
        (
            (LISTS, changed(APART, np.nan)),
            None,
            InvalidValue,
            "a distance is NaN; search again, or leave those samples out of the data.",
        ),
        (
            (LISTS, -APART),
            None,
            InvalidValue,
            "distances fall along a row; give distances, nearest first, and no similarities.",
        ),
        (
            (LISTS, changed(APART, 3)),
            None,
            InvalidValue,
            "distances must be finite, not negative, and not decrease along a row; sort them.",
        ),
        (
            (LISTS, changed(APART, -1)),
            None,
            InvalidValue,
            "distances must be finite, not negative, and not decrease along a row; sort them.",
        ),
        (
            (LISTS, APART + 1),
            None,
            InvalidValue,
            "sample 0 lies at distance 1 of itself; give the distances of these very neighbors.",
        ),
        ((LISTS, APART.astype(str)), None, InvalidType, "distances holds values of type <U32; give real numbers."),
    ],
)
def test_what_is_no_graph_is_refused(arguments, self_first, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        Neighbors.from_arrays(*arguments, self_first=self_first)


def test_a_graph_made_by_hand_lists_no_sample_twice():
    with pytest.raises(InvalidValue, match=r"^a row lists a sample twice; list each neighbor once\.$"):
        Neighbors(np.array([[1, 1], [0, 2], [0, 1]]), np.ones((3, 2)), 3)


def test_row_numbers_and_distances_are_not_measured_as_vectors(graph, rng):
    indices, distances = with_itself(graph)
    rows = (indices, indices[:, 1:], indices + 1, indices[:, 1:] + 1)  # other tools count from 1
    for given, what in (*((each, "row numbers") for each in rows), (distances, "distances")):
        shape = " × ".join(map(str, given.shape))
        text = (
            f"a matrix of {shape} that looks like {what} of neighbors and not like vectors; give "
            "Neighbors.from_arrays(indices, distances, self_first=…); vectors all the same: Representation(x)."
        )
        for call in (
            lambda given=given: ls.estimate("overlap", given, given),
            lambda given=given: ls.estimate("twonn", given.tolist()),
            lambda given=given: ls.estimate("cka", rng.standard_normal((300, 3)), given),
            lambda given=given: ls.dimension_report(given),
            lambda given=given: ls.find_neighbors(given, 5),
            lambda given=given: ls.ranks(given, [(0, 1)]),
            lambda given=given: ls.from_arrays({"a": given}),
            lambda given=given: ls.controls("twonn", given),
        ):
            with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
                call()
        assert ls.estimate("overlap", ls.Representation(given), ls.Representation(given), k=5).value == 1
    a, b = indices, with_itself(ls.find_neighbors(rng.standard_normal((300, 5)), k=40))[0]
    assert ls.estimate("overlap", Neighbors.from_arrays(a), Neighbors.from_arrays(b)).value < 0.2


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: rng.integers(0, 2, (200, 12)),  # bits
        lambda rng: np.eye(2, dtype=int)[rng.integers(0, 2, 200)],  # one of two
        lambda rng: np.eye(20)[rng.integers(0, 20, 200)],
        lambda rng: rng.poisson(5, (200, 10)),
        lambda rng: rng.integers(0, 256, (100, 64)).astype(np.uint8),  # pixels
        lambda rng: np.argsort(rng.standard_normal((200, 10)), axis=1),  # ranks of ten
        lambda rng: np.argsort(rng.standard_normal((200, 10)), axis=0),  # ranks of the samples, in each unit
        lambda rng: np.stack(np.divmod(np.arange(400), 20), axis=1),  # a lattice
        lambda rng: rng.integers(0, 50_000, (100, 5)),
        lambda rng: np.sort(rng.random((100, 5)), axis=1),
        lambda rng: rng.standard_normal((100, 5)),
        lambda rng: np.arange(50)[:, None],
    ],
)
def test_whole_numbers_that_are_data_are_measured(make, rng):
    assert as_vectors(make(rng)).n_samples > 0


@settings(max_examples=30)
@told(st.integers(3, 60), st.integers(1, 8), st.integers(0, 2**32 - 1), st.booleans())
def test_lists_with_and_without_the_sample_itself_are_one_graph(n, k, seed, discrete):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (n, 2)) if discrete else rng.standard_normal((n, 2))
    graph = ls.find_neighbors(x, min(k, n - 1))
    whole = Neighbors.from_arrays(*with_itself(graph))
    for found in (whole, Neighbors.from_arrays(graph.indices, graph.distances)):
        np.testing.assert_array_equal(found.indices, graph.indices)
        np.testing.assert_array_equal(found.distances, graph.distances)
