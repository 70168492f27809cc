"""Hubness against scipy, its definition with ties, known cases, and what cannot be measured."""

import re

import numpy as np
import pytest
from scipy.stats import binom, skew, t

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.hubness import hubness
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


def test_it_is_the_skewness_of_the_in_degrees(rng):
    x = rng.standard_normal((400, 20))
    result = estimate("hubness", x, k=7)
    counts = np.bincount(find_neighbors(x, 7).indices.ravel(), minlength=400)
    assert result.value == pytest.approx(skew(counts), rel=1e-12)
    assert (result.details["occurrences"] == counts).all()
    assert result.details["antihub_share"] == (counts == 0).mean()
    assert result.details["largest"] == counts.max()
    assert result.details["robin_hood"] == pytest.approx(np.maximum(counts - 7, 0).sum() / counts.sum())
    assert result.details["random"] == pytest.approx(binom(399, 7 / 399).stats("s"))


def test_the_interval_is_that_of_leaving_out_one_sample_after_the_other(rng):
    graph = find_neighbors(rng.standard_normal((60, 30)), 5)
    counts = np.bincount(graph.indices.ravel(), minlength=60)
    value, without = skew(counts), np.array([skew(np.delete(counts, i)) for i in range(60)])
    squares = (without - without.mean()) ** 2
    sd = np.sqrt(59 / 60 * squares.sum() / (1 + value**2))
    margin = t.ppf(0.975, squares.sum() ** 2 / (squares**2).sum() / 2) * sd
    result = hubness(graph, k=5)
    assert np.arcsinh([result.low, result.high]) == pytest.approx(
        np.arcsinh(value) + np.array([-margin, margin]), rel=1e-9
    )


def test_it_grows_with_dimension_and_random_lists_have_little(rng):
    values = [estimate("hubness", rng.standard_normal((500, d))).value for d in (3, 20, 100)]
    assert values[0] < 0.3 < values[1] < values[2]
    # Lists that are drawn at random, as a graph: the distances say nothing here.
    lists = np.array([rng.choice(np.delete(np.arange(500), i), 10, replace=False) for i in range(500)])
    graph = Neighbors(lists, np.tile(np.arange(1.0, 11), (500, 1)), 500)
    result = hubness(graph)
    assert result.low < result.details["random"] < result.high


def test_a_star_is_one_hub():
    x = np.vstack([np.zeros(9), np.eye(9)])  # the center is the first neighbor of all
    result = estimate("hubness", x, k=1)
    counts = np.array([9, *[1 / 9] * 9])
    assert result.value == pytest.approx(skew(counts))
    assert "a few hubs decide the value: the interval is itself uncertain" in result.warnings
    assert result.low < result.value < result.high


def test_ties_are_shared(rng):
    x = rng.integers(0, 2, (30, 3)).astype(float)
    counts = estimate("hubness", x, k=4).details["occurrences"]
    assert counts.sum() == pytest.approx(30 * 4)
    for row in np.unique(x, axis=0):  # copies have the same neighbors, and nobody prefers one of them
        same = counts[(x == row).all(axis=1)]
        assert same == pytest.approx(np.full(len(same), same[0]))


@pytest.mark.parametrize(
    ("x", "k", "text"),
    [
        (np.arange(3.0)[:, None], 1, "3 samples; hubness needs at least 4, and hundreds to mean something."),
        (
            np.arange(8.0)[:, None],
            7,
            "all samples are equally often among the first k=7 neighbors: k is N−1=7.",
        ),
        (
            np.ones((9, 2)),
            2,
            "all samples are equally often among the first k=2 neighbors: the data are constant, or a lattice without "
            "an edge.",
        ),
        (np.arange(8.0)[:, None], 8, "k=8 neighbors asked of 8 samples; k must lie in 1..7."),
    ],
)
def test_what_cannot_be_measured_is_said(x, k, text):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("hubness", x, k=k)


def test_a_graph_of_some_rows_is_refused(rng):
    graph = find_neighbors(rng.standard_normal((30, 3)), 10, queries=np.arange(5))
    text = "a graph of some queries only; hubness needs every sample's neighbors: give the graph of all samples."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        hubness(graph)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_other_precisions_and_shapes(rng, dtype):
    for shape in ((60, 1), (30, 500), (200, 3)):
        x = rng.standard_normal(shape)
        x[0] *= 1e3
        result = estimate("hubness", x.astype(dtype), k=5)
        assert np.isfinite([result.value, result.low, result.high]).all()
