"""Levina–Bickel against its own law, TwoNN and a plain loop."""

import re

import numpy as np
import pytest

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, UnknownName
from layerscape.measures.dimension.levina_bickel import levina_bickel
from layerscape.measures.dimension.twonn import twonn
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


def poisson_graph(d, n, k, seed=0):
    distances = np.cumsum(np.random.default_rng(seed).exponential(size=(n, k)), axis=1) ** (1 / d)
    return Neighbors((np.arange(n)[:, None] + np.arange(1, k + 1)) % n, distances, n)


@pytest.mark.parametrize("average", ["harmonic", "arithmetic"])
@pytest.mark.parametrize("d", [2, 12])
def test_its_own_law_is_read_without_bias(d, average):
    values = [levina_bickel(poisson_graph(d, 400, 20, seed), average=average).value for seed in range(40)]
    assert abs(np.mean(values) - d) < 4 * np.std(values) / np.sqrt(40) + 0.001 * d


def test_it_is_the_plain_loop(rng):
    graph = find_neighbors(rng.standard_normal((300, 5)), 12)
    inverse = [np.mean([np.log(row[11] / row[j]) for j in range(11)]) for row in graph.distances]
    result = levina_bickel(graph, k=12)
    assert result.value == pytest.approx(1 / np.mean(inverse), rel=1e-12)
    assert result.per_sample == pytest.approx((10 / 11) / np.array(inverse), rel=1e-12)
    assert levina_bickel(graph, k=12, average="arithmetic").value == pytest.approx(result.per_sample.mean())


def test_three_neighbors_of_a_curve_start_near_twonn(rng):
    graph = find_neighbors(rng.standard_normal((2000, 4)), 16)
    result = levina_bickel(graph, k=16)
    assert [point.k for point in result.curve] == [4, 8, 16]
    assert result.curve[0].value == pytest.approx(twonn(graph).value, rel=0.08)
    assert result.curve[-1].value == result.value
    assert result.curve[-1].scale == graph.distances[:, 15].mean()


def test_the_local_dimension_tells_a_line_from_a_cloud(rng):
    line = np.c_[np.linspace(0, 50, 500), np.zeros((500, 2))]
    cloud = rng.random((500, 3)) * 10 + 100
    result = estimate("levina_bickel", np.concatenate([line + 1e-4 * rng.standard_normal((500, 3)), cloud]))
    assert np.median(result.per_sample[:500]) < 1.4
    assert np.median(result.per_sample[500:]) > 2.4


def test_an_infinite_local_dimension_is_refused_by_the_arithmetic_mean_and_borne_by_the_other(rng):
    square = np.array([[0.0, 1], [1, 0], [0, -1], [-1, 0]])
    x = np.concatenate([np.zeros((1, 2)), square, 10 + rng.random((60, 2))])
    graph = find_neighbors(x, 4)
    assert np.isinf(levina_bickel(graph, k=4).per_sample[0])
    with pytest.raises(InvalidValue, match="samples have all 4 neighbors at one distance"):
        levina_bickel(graph, k=4, average="arithmetic")


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda x: estimate("levina_bickel", x, k=2), InvalidValue, "k=2; give at least 3."),
        (
            lambda x: estimate("levina_bickel", x, average="geometric"),
            UnknownName,
            "unknown average of levina_bickel 'geometric'; nearest: arithmetic. There are: arithmetic, harmonic.",
        ),
        (
            lambda x: levina_bickel(find_neighbors(x, 5), k=6),
            InvalidValue,
            "k=6 neighbors asked of a graph that holds 5; k must lie in 1..5: search again with a larger k.",
        ),
        (
            lambda x: levina_bickel(find_neighbors(np.repeat(x, 2, axis=0), 5), k=5),
            InvalidValue,
            "100 of 100 samples lie at distance 0 of their neighbor 1: they are copies, of which a dimension cannot be "
            "computed; ls.estimate and ls.measure leave copies out when given the vectors.",
        ),
        (
            lambda x: estimate("levina_bickel", np.eye(30), k=4),
            InvalidValue,
            "neighbors 1 and 4 are equally far from each of 30 samples, as on a lattice: levina_bickel cannot be "
            "computed; count with i3d, or add to every unit normal noise with a standard deviation of one step.",
        ),
    ],
)
def test_errors(call, kind, text, rng):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call(rng.standard_normal((50, 4)))
