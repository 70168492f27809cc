"""ABIDE against a plain loop, known dimensions, and noise that it must look through."""

import re
from math import log

import numpy as np
import pytest
from scipy.stats import chi2

from layerscape.errors import InvalidValue
from layerscape.measures.dimension.abide import abide
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


def neighborhoods(graph, d, k_max, alpha=1e-6):
    """K* by the definition, one sample at a time."""
    kept = []
    for row, distances in enumerate(graph.distances):
        k = 3
        while k < k_max:
            v_x, v_y = distances[k - 1] ** d, graph.distances[graph.indices[row, k], k - 1] ** d
            if -2 * k * (log(v_x) + log(v_y) - 2 * log(v_x + v_y) + log(4)) > chi2.isf(alpha, 1):
                break
            k += 1
        kept.append(k)
    return np.array(kept)


def test_neighborhoods_are_those_of_the_definition(rng):
    graph = find_neighbors(rng.standard_normal((400, 3)), 60)
    result = abide(graph, k_max=60)
    inside = result.details["neighbors"]
    # The last round's neighborhoods belong to the value before, which is less than 1e-4 away.
    assert (inside != neighborhoods(graph, result.value, 60)).mean() < 0.01
    tau = 0.2032 ** (1 / result.value)
    radius = graph.distances[np.arange(400), inside - 1]
    n = sum((graph.distances[i, : k - 1] < tau * radius[i]).sum() for i, k in enumerate(inside))
    assert log(n / (inside - 1).sum()) / log(tau) == pytest.approx(result.value, rel=1e-3)


@pytest.mark.parametrize(("d", "tolerance"), [(1, 0.05), (2, 0.05), (5, 0.14), (10, 0.25)])
def test_known_dimensions(d, tolerance, rng):
    x = rng.random((2000, d)) @ np.linalg.qr(rng.standard_normal((d + 3, d + 3)))[0][:d]
    assert estimate("abide", x).value == pytest.approx(d, rel=tolerance)


def test_small_noise_is_looked_through(rng):
    t = rng.random((3000, 2))
    x = np.c_[t, np.zeros((3000, 3))] + 0.004 * rng.standard_normal((3000, 5))
    assert estimate("twonn", x).value > 2.5
    assert estimate("abide", x).value == pytest.approx(2, abs=0.15)


def test_a_density_that_changes_gives_smaller_neighborhoods_than_one_that_does_not(rng):
    flat = estimate("abide", rng.random((1500, 2))).details
    steep = estimate("abide", np.exp(2 * rng.standard_normal((1500, 2)))).details
    assert steep["mean_neighbors"] < 0.85 * flat["mean_neighbors"]


def test_neighborhoods_that_end_with_the_graph_are_said(rng):
    result = estimate("abide", rng.random((2000, 2)), k_max=20)
    assert result.details["share_at_k_max"] > 0.9
    assert any("up to k_max=20 neighbors: the scale is set by k_max" in words for words in result.warnings)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: estimate("abide", x, k_max=7),
            "k_max=7; give at least 8, so that there is something to choose from.",
        ),
        (lambda x: estimate("abide", x, alpha=0), "alpha=0.0; it is the level of a test: give 0 < alpha < 1."),
        (
            lambda x: abide(find_neighbors(x, 40, queries=[1, 2, 3])),
            "a graph of some queries only; abide needs every sample's neighbors: give the graph of all samples.",
        ),
        (
            lambda x: abide(find_neighbors(x, 40)),
            "k=59 neighbors asked of a graph that holds 40; k must lie in 1..40: search again with a larger k.",
        ),
        (
            lambda x: estimate("abide", np.indices((6, 6, 6)).reshape(3, -1).T),
            "neighbors 1 and 2 are equally far from each of 216 samples, as on a lattice: abide cannot be computed; "
            "count with i3d, or add to every unit normal noise with a standard deviation of one step.",
        ),
    ],
)
def test_errors(call, text, rng):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        call(rng.standard_normal((60, 4)))
