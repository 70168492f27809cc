"""The adjusted Rand index against scikit-learn, at chance, and of clusters with labels and with clusters."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.rand_index import adjusted_rand
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors

adjusted_rand_score = pytest.importorskip("sklearn.metrics").adjusted_rand_score


def clouds(rng, n=400, gap=6.0):
    """Four clouds at the corners of a square, named after their corner and after its first coordinate."""
    corner = rng.integers(0, 4, n)
    return rng.standard_normal((n, 2)) + gap * np.stack([corner % 2, corner // 2], axis=1), corner


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=60))
def test_it_is_that_of_scikit_learn(pairs):
    a, b = (np.unique(side, return_inverse=True)[1] for side in zip(*pairs, strict=True))
    found = adjusted_rand(a, b)
    assert found == pytest.approx(adjusted_rand(b, a), nan_ok=True)
    if np.isnan(found):  # scikit-learn says 1 where nothing can agree
        assert len(set(a)) == len(set(b)) in (1, len(a))
    else:
        assert -0.5 <= found <= 1 + 1e-12
        assert found == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_nucleation_is_the_index_of_the_clusters_with_the_labels(rng):
    x, corner = clouds(rng)
    graph = find_neighbors(x, 100)
    cluster = estimate("density_peaks", graph).details["cluster"]
    for labels in (corner, corner % 2, np.array(list("abcd"))[corner], [f"{c}" for c in corner], rng.random(400) > 0.5):
        result = estimate("nucleation", graph, labels)
        assert result.value == pytest.approx(adjusted_rand_score(labels, cluster))
        assert (result.details["cluster"] == cluster).all()
        assert result.details["clusters"] == 4
        assert result.details["classes"] == len(set(labels))
        assert -0.5 <= result.low <= result.value <= result.high <= 1
    assert estimate("nucleation", graph, corner).value > 0.95
    assert estimate("nucleation", graph, corner).chance.p == 1 / 101


def test_cluster_agreement_is_the_index_of_two_layers(rng):
    x, corner = clouds(rng)
    y = x * [1, 0.1]  # the upper and the lower clouds become one
    a, b = (find_neighbors(z, 100) for z in (x, y))
    clusters = [estimate("density_peaks", graph).details["cluster"] for graph in (a, b)]
    result = estimate("cluster_agreement", a, b)
    assert result.value == pytest.approx(adjusted_rand_score(*clusters))
    assert result.value == pytest.approx(estimate("cluster_agreement", b, a).value)
    assert (result.details["a"], result.details["b"]) == (4, 2)
    assert estimate("cluster_agreement", a, x @ [[0, 3], [-3, 0]]).value == 1
    assert estimate("nucleation", b, corner % 2).value > 0.95


def test_unrelated_labels_are_at_chance(rng):
    x, corner = clouds(rng, 200)
    graph = find_neighbors(x, 100)
    found = [estimate("nucleation", graph, rng.permutation(corner), permutations=19) for _ in range(60)]
    values = [result.value for result in found]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / np.sqrt(60))
    assert {result.chance.value for result in found} == {0.0}
    assert np.mean([result.chance.p <= 0.1 for result in found]) < 0.25


def test_one_cluster_agrees_with_nothing_and_that_is_said(rng):
    x, corner = clouds(rng)
    flat = rng.random((400, 2))
    result = estimate("nucleation", flat, corner)
    assert result.value == 0
    assert result.chance.p == 1
    assert "the layer has one cluster, which no label can agree with: the index is 0 by definition" in result.warnings
    result = estimate("cluster_agreement", flat, x)
    assert result.value == 0
    assert result.low < 0 < result.high
    assert "the first has one cluster, which no other can agree with: the index is 0 by definition" in result.warnings
    text = "both have only one cluster, so that there is nothing to agree on; give a smaller z, or more samples."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("cluster_agreement", flat, flat)


def test_copies_and_few_samples_are_said_of_the_side_that_has_them(rng):
    x, _ = clouds(rng, 80, 9.0)
    y = x + 0.1 * rng.standard_normal(x.shape)
    once = estimate("cluster_agreement", x, y, k_max=79)
    assert once.warnings == (
        "the first: only 80 samples: the interval is itself uncertain",
        "the second: only 80 samples: the interval is itself uncertain",
    )
    again = np.r_[0:80, 0:30]
    twice = estimate("cluster_agreement", x[again], y[again], k_max=109)
    assert all(twice.details[side] == once.details[side] for side in "ab")
    assert twice.n_samples == 110


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (np.zeros(50), "all 50 samples have the label 0.0; give at least two classes."),
        (np.arange(50), "each of the 50 samples has a label of its own; give labels that samples share."),
        (np.zeros(49), "labels of shape (49,) for 50 samples; give one label per sample."),
        ([None if i == 4 else "a" for i in range(50)], "all 49 samples have the label a; give at least two classes."),
        (np.where(np.arange(50) < 2, np.nan, 1.0), "all 48 samples have the label 1.0; give at least two classes."),
    ],
)
def test_bad_labels(labels, text, rng):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("nucleation", rng.standard_normal((50, 3)), labels)


def test_other_bad_input(rng):
    x, corner = clouds(rng, 60)
    with pytest.raises(InvalidValue, match=r"^permutations=5; give at least 19, so that p can reach 0\.05\.$"):
        estimate("nucleation", x, corner, permutations=5)
    text = (
        "graphs of 60 of 60 and 50 of 50 samples; both must be of the same samples in the same order: give the graph "
        "of all samples."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("cluster_agreement", x, x[:50])
    text = "a graph of some queries only; a clustering needs every sample's neighbors: give the graph of all samples."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("nucleation", find_neighbors(x, 59, queries=np.arange(30)), corner)
