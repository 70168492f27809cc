"""Ranks against the plain definition: all distances in float64, counted."""

import re
import tracemalloc
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.search import between, find_neighbors, ranks
from layerscape.search.distances import squared_distances
from tests.search.reference import plain_ranks


def cloud(kind, n, d, rng):
    x = rng.standard_normal((n, d))
    return {
        "gaussian": x,
        "float32": x.astype(np.float32),
        "offset": (x + 1e6).astype(np.float32),
        "lattice": rng.integers(0, 3, (n, d)),
        "copies": x[rng.integers(0, max(1, n // 3), n)],
        "tiny clusters": np.repeat(x[: -(-n // 4)], 4, axis=0)[:n] + 1e-9 * x,
        "constant": np.ones((n, d)),
    }[kind]


KINDS = ["gaussian", "float32", "offset", "lattice", "copies", "tiny clusters", "constant"]


def some_pairs(n, rng, n_pairs):
    first = rng.integers(0, n, n_pairs)
    return np.stack([first, (first + rng.integers(1, n, n_pairs)) % n], axis=1)


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(KINDS), n=st.integers(2, 60), d=st.integers(1, 40), seed=st.integers(0, 99))
def test_ranks_are_counts_of_nearer_samples(kind, n, d, seed):
    rng = np.random.default_rng(seed)
    x, pairs = cloud(kind, n, d, rng), some_pairs(n, rng, 30)
    for sorts in (False, True):
        with patch("layerscape.search.rank.pays", lambda *_, sorts=sorts: sorts):
            np.testing.assert_array_equal(ranks(x, pairs), plain_ranks(x, pairs))


def test_all_distances_of_a_sample_are_sorted_where_it_has_many_pairs(rng, monkeypatch):
    x = np.concatenate([cloud("lattice", 90, 2, rng), cloud("gaussian", 60, 2, rng)])
    pairs = np.argwhere(~np.eye(150, dtype=bool))
    monkeypatch.setattr("layerscape.search.rank._Count._arithmetic", None)  # what counts is not asked
    monkeypatch.setattr("layerscape.search.sorting.AT_ONCE", 1000)
    np.testing.assert_array_equal(ranks(x, pairs), plain_ranks(x, pairs))
    with pytest.raises(TypeError, match="NoneType"):
        ranks(x, pairs[::149])
    with pytest.raises(TypeError, match="NoneType"):
        ranks(x, pairs, memory=10_000)


@pytest.mark.parametrize(("kind", "memory"), [("copies", 2**22), ("gaussian", 2**26)])
def test_threads_that_sort_share_the_memory(kind, memory, rng, monkeypatch):
    x = cloud(kind, 3000, 3, rng)
    first = np.repeat(np.arange(3000), 9)
    pairs = np.stack([first, (first + rng.integers(1, 3000, len(first))) % 3000], axis=1)
    expected = ranks(x, pairs, threads=1)
    monkeypatch.setattr("layerscape.search.rank._Count._arithmetic", None)
    monkeypatch.setattr("layerscape.core.threads._allowed", lambda: 16)
    tracemalloc.start()
    np.testing.assert_array_equal(ranks(x, pairs, threads=16, memory=memory), expected)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < memory / 2 + 2**22  # of which the result and what is known of pairs take some


@pytest.mark.parametrize("kind", KINDS)
def test_little_memory_and_full_lists_of_doubts_change_nothing(kind, monkeypatch):
    rng = np.random.default_rng(1)
    x, pairs = cloud(kind, 700, 5, rng), some_pairs(700, rng, 900)
    monkeypatch.setattr("layerscape.search.rank.MOST_DOUBTS", 100)
    monkeypatch.setattr("layerscape.search.rank.PART", 90)
    monkeypatch.setattr("layerscape.search.rank.pays", lambda *_: False)
    np.testing.assert_array_equal(ranks(x, pairs, memory=20_000), plain_ranks(x, pairs))


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1e20, 1e200])
def test_scale_changes_no_rank(scale, rng):
    x, pairs = cloud("gaussian", 100, 7, rng), some_pairs(100, rng, 50)
    np.testing.assert_array_equal(ranks(x * scale, pairs), ranks(x, pairs))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_neighbor_in_column_k_has_rank_k_plus_1(metric, rng):
    x = cloud("gaussian", 300, 6, rng)
    graph = find_neighbors(x, 299, metric=metric)
    pairs = np.stack([np.arange(300), graph.indices[:, 123]], axis=1)
    assert (ranks(x, pairs, metric=metric) == 124).all()


def test_progress_counts_the_pairs(rng):
    told = []
    ranks(cloud("gaussian", 50, 3, rng), some_pairs(50, rng, 70), progress=told.append)
    assert sum(told) == 70
    assert len(ranks(cloud("gaussian", 50, 3, rng), np.empty((0, 2), int))) == 0


@pytest.mark.parametrize(
    ("pairs", "kind", "text"),
    [
        ([[0, 9]], InvalidValue, "row 9 in a pair of 9 samples; rows must lie in 0..8."),
        ([[-1, 3]], InvalidValue, "row -1 in a pair of 9 samples; rows must lie in 0..8."),
        (
            [[0, 1], [4, 4]],
            InvalidValue,
            "pair 1 is sample 4 with itself, which has no rank; give two different samples.",
        ),
        (
            [0, 1],
            InvalidType,
            "pairs of shape (2,) and type int64; give row numbers of shape (pairs, 2): a sample, and one whose rank "
            "is asked.",
        ),
        (
            [[0.0, 1.0]],
            InvalidType,
            "pairs of shape (1, 2) and type float64; give row numbers of shape (pairs, 2): a sample, and one whose "
            "rank is asked.",
        ),
    ],
)
def test_bad_pairs(pairs, kind, text, rng):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        ranks(cloud("gaussian", 9, 3, rng), pairs)


def test_other_bad_input(rng):
    x = cloud("gaussian", 9, 3, rng)
    with pytest.raises(UnknownName, match="unknown metric 'cosin'"):
        ranks(x, [[0, 1]], metric="cosin")
    x[4, 1] = np.nan
    with pytest.raises(InvalidValue, match="sample '4' has a value that is NaN or infinite"):
        ranks(x, [[0, 1]])


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 60),
    d=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_who_stands_between_a_pair_is_who_its_rank_counts(kind, n, d, seed):
    rng = np.random.default_rng(seed)
    x, pairs, weights = cloud(kind, n, d, rng), some_pairs(n, rng, 30), rng.random(30)
    wide = np.asarray(x, np.float64)
    distances = np.sqrt(squared_distances(wide[:, None, :], wide[None, :, :]))
    rows, asked = distances[pairs[:, 0]], distances[pairs[:, 0], pairs[:, 1]][:, None]
    counted = (rows < asked) + (rows == asked) / 2
    counted[np.arange(30)[:, None], pairs] = 0
    np.testing.assert_allclose(between(x, pairs, weights), weights @ counted, atol=1e-12)
    assert between(x, pairs, weights).sum() == pytest.approx(weights @ (ranks(x, pairs) - 1))
