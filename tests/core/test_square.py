"""Distances between all samples: a graph of them, one line where they are none, and never vectors by mistake."""

import re

import numpy as np
import pytest
from hypothesis import given as told
from hypothesis import settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist, squareform

import layerscape as ls
from layerscape.core import square
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidType, InvalidValue

GRID = np.stack(np.divmod(np.arange(36), 6), axis=1)


@pytest.fixture
def x(rng):
    return rng.standard_normal((200, 5))


def changed(d, i, j, value):
    d = np.array(d, float)
    d[i, j] = value
    return d


LINE = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))


def test_a_graph_of_distances_is_that_of_the_vectors(x):
    d = squareform(pdist(x))
    found, searched = Neighbors.from_distances(d, 30), ls.find_neighbors(x, 30)
    np.testing.assert_array_equal(found.indices, searched.indices)
    np.testing.assert_allclose(found.distances, searched.distances, rtol=1e-12)
    for name in ("twonn", "gride", "hubness"):
        options = {"k": 20} if name == "hubness" else {}
        assert ls.estimate(name, found, **options).value == pytest.approx(ls.estimate(name, searched, **options).value)
    assert Neighbors.from_distances(d).k == 199
    assert ls.estimate("overlap", found, searched, k=20).value == 1


@settings(max_examples=40)
@told(st.integers(2, 40), st.integers(1, 39), st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_ties_and_copies_are_those_of_the_search(n, k, seed, units):
    """Of points of a small lattice, whose squares are whole, so that what ties ties in both."""
    x, k = np.random.default_rng(seed).integers(0, 3, (n, units)), min(k, n - 1)
    found, searched = Neighbors.from_distances(cdist(x, x), k), ls.find_neighbors(x, k)
    np.testing.assert_array_equal(found.indices, searched.indices)
    np.testing.assert_array_equal(found.distances, searched.distances)
    np.testing.assert_array_equal(found.copies[:, None] == found.copies, searched.copies[:, None] == searched.copies)
    for each in (found, found.first(1)):
        weights = np.zeros((2, n, n))
        for weight, graph in zip(weights, (each, searched.first(each.k)), strict=True):
            rows, columns, share = graph.weights(each.k)
            weight[rows, columns] = share
        np.testing.assert_allclose(*weights)


def test_overlap_of_ties_is_the_expectation_and_not_the_order_of_rows():
    found, searched = Neighbors.from_distances(cdist(GRID, GRID), 3), ls.find_neighbors(GRID, 3)
    assert ls.estimate("overlap", found, searched, k=3).value == ls.estimate("overlap", searched, searched, k=3).value


def test_rounding_is_no_reason_to_refuse(x, rng):
    """Cosine distances of float32 are not quite symmetric, not quite 0 on the diagonal, and below 0 between copies."""
    unit = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    unit[1] = unit[0]
    d = 1 - unit @ unit.T + rng.uniform(-1e-6, 1e-6, (200, 200)).astype(np.float32)
    found = Neighbors.from_distances(d, 10)
    assert (found.distances >= 0).all()
    shared = [len(set(a) & set(b)) for a, b in zip(found.indices, ls.find_neighbors(unit, 10).indices, strict=True)]
    assert np.mean(shared) > 9.9


def test_rows_are_read_in_blocks(x, monkeypatch, tmp_path):
    d = squareform(pdist(x))
    np.save(tmp_path / "d.npy", d)
    monkeypatch.setattr(square, "BYTES", 8 * 200 * 7)
    found = Neighbors.from_distances(np.load(tmp_path / "d.npy", mmap_mode="r"), 12)
    np.testing.assert_array_equal(found.indices, ls.find_neighbors(x, 12).indices)
    with pytest.raises(InvalidValue, match=r"^from sample 3 to 190 it is 50 and back "):
        Neighbors.from_distances(changed(d, 3, 190, 50), 12)


def test_a_distance_that_is_missing_in_one_row_only_is_named():
    with pytest.raises(InvalidValue, match=r"^the distance from sample 2 to 4 is nan; give finite distances"):
        Neighbors.from_distances(changed(LINE, 2, 4, np.nan))


@pytest.mark.parametrize(
    ("d", "k", "kind", "text"),
    [
        (
            LINE[:4],
            1,
            InvalidValue,
            "distances of shape (4, 5); give a square matrix (N, N), from every sample to every other; of the k "
            "nearest only, with who they are: Neighbors.from_arrays(indices, distances).",
        ),
        (
            squareform(LINE),
            1,
            InvalidValue,
            "distances of shape (10,); give a square matrix: scipy.spatial.distance.squareform(d).",
        ),
        (
            np.triu(LINE),
            1,
            InvalidValue,
            "from sample 0 to 1 it is 1 and back 0; give distances that are the same both ways: (d + d.T) / 2, or "
            "max(d, d.T) of one half.",
        ),
        (
            np.full((4, 4), np.nan),
            1,
            InvalidValue,
            "the distance from sample 0 to 0 is nan; give finite distances between all samples, or leave out those "
            "without.",
        ),
        (
            1 - LINE / 10,
            1,
            InvalidValue,
            "sample 0 lies at distance 1 of itself; give distances, 0 on the diagonal, and no similarities "
            "(1 - s, say).",
        ),
        (
            -LINE,
            1,
            InvalidValue,
            "the distance from sample 0 to 1 is -1; distances are not negative; of similarities s give 1 - s, say.",
        ),
        (
            changed(LINE, 1, 0, np.inf),
            1,
            InvalidValue,
            "the distance from sample 1 to 0 is inf; give finite distances between all samples, or leave out those "
            "without.",
        ),
        (LINE, 5, InvalidValue, "k=5 neighbors asked of 5 samples; k must lie in 1..4."),
        (LINE, 0, InvalidValue, "k=0 neighbors asked of 5 samples; k must lie in 1..4."),
        (LINE, 2.0, InvalidType, "k=2.0 is no whole number; give how many neighbors each sample keeps."),
        (LINE.astype(str), 2, InvalidType, "distances holds values of type <U32; give real numbers."),
    ],
)
def test_what_are_no_distances_is_refused(d, k, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        Neighbors.from_distances(d, k)


def test_distances_are_not_measured_as_vectors_at_any_door(x):
    d = squareform(pdist(x))
    for given in (d, d**2, d.astype(np.float32), 1 - np.corrcoef(x), (GRID[:, None] != GRID).any(axis=2) * 1.0):
        n = len(given)
        text = (
            f"a matrix of {n} × {n} that looks like the distances of all samples from each other and not like vectors; "
            "give Neighbors.from_distances(d); vectors all the same: Representation(x)."
        )
        for call in (
            lambda given=given: ls.estimate("twonn", given),
            lambda given=given: ls.estimate("cka", x[: len(given)], given),
            lambda given=given: ls.dimension_report(given),
            lambda given=given: ls.controls("twonn", given),
            lambda given=given: ls.from_arrays({"d": given}),
            lambda given=given: ls.find_neighbors(given, 2),
            lambda given=given: ls.ranks(given, [(0, 1)]),
        ):
            with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
                call()
        assert ls.estimate("pca", ls.Representation(given)).value > 0  # on purpose


def symmetric(values):
    return np.triu(values, 1) + np.triu(values, 1).T


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: np.cov(rng.standard_normal((40, 100))),
        lambda rng: np.abs(np.corrcoef(rng.standard_normal((40, 100)))),
        lambda rng: np.eye(40),
        lambda rng: rng.standard_normal((40, 40)),
        lambda rng: np.abs(rng.standard_normal((40, 40))),
        lambda rng: symmetric(rng.random((40, 40)) < 0.2) * 1.0,  # who is joined to whom
        lambda rng: symmetric(rng.random((40, 40)) < 0.8) * 1.0,
        lambda rng: symmetric(rng.exponential(size=(40, 40)) * (rng.random((40, 40)) < 0.3)),  # and how strongly
        lambda rng: symmetric(rng.exponential(size=(40, 40))),
        lambda rng: symmetric(rng.standard_normal((40, 40))),
        lambda rng: np.diag(np.ones(39), 1) + np.diag(np.ones(39), -1),
        lambda rng: squareform(pdist(rng.standard_normal((40, 3))))[:, ::-1],
        lambda rng: np.zeros((40, 40)),
        lambda rng: np.array([[0.0, 1.0], [1.0, 0.0]]),
    ],
)
def test_square_matrices_that_are_data_are_measured(make, rng):
    assert as_vectors(make(rng)).n_samples > 0
