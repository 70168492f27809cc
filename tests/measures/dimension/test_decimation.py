"""Decimation: its subsets are those that a search of each of them alone would give."""

import re

import numpy as np
import pytest

from layerscape.core.subsets import draw_subsets
from layerscape.errors import InvalidValue
from layerscape.measures import catalog
from layerscape.measures.dimension.decimation import decimation
from layerscape.measures.dimension.twonn import twonn
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors
from layerscape.supply.subsets import subsets_of


def test_every_point_is_the_mean_over_disjoint_subsets(rng):
    x = rng.standard_normal((1000, 4))
    result = estimate("decimation", x, smallest=30, repetitions=4, seed=3)
    subsets = draw_subsets(1000, smallest=30, repetitions=4, seed=3)
    alone = {}
    for rows in subsets:
        alone.setdefault(len(rows), []).append(twonn(find_neighbors(x[rows], 2)).value)
    assert {point.n_samples: point.value for point in result.curve} == {
        size: pytest.approx(np.mean(values), rel=1e-12) for size, values in alone.items()
    }
    assert [len(values) for values in alone.values()] == [1, 2, 4, 4, 4, 4]
    assert result.details["spread"][2] == pytest.approx(np.std(alone[250], ddof=1))
    assert result.value == estimate("twonn", x).value
    assert all(point.low < point.value < point.high for point in result.curve)


def test_subsets_of_one_size_are_disjoint_and_of_the_sizes_asked():
    subsets = draw_subsets(1001, smallest=100, repetitions=3, seed=0)
    assert [len(rows) for rows in subsets] == [1001, 500, 500, 250, 250, 250, 125, 125, 125]
    assert len(set(np.concatenate(subsets[3:6]))) == 750
    assert all((np.diff(rows) > 0).all() for rows in subsets)


def test_noise_falls_away_as_samples_do(rng):
    t = rng.random((4000, 1))
    x = np.c_[np.cos(6 * t), np.sin(6 * t), np.zeros((4000, 3))] + 0.002 * rng.standard_normal((4000, 5))
    curve = estimate("decimation", x, smallest=60).curve
    assert curve[0].value > 1.8 > 1.3 > curve[-1].value
    scales = [point.scale for point in curve]
    assert scales == sorted(scales)


def test_a_graph_that_holds_enough_will_do_and_one_that_does_not_says_what_to_do(rng):
    x = rng.standard_normal((400, 3))
    wide = find_neighbors(x, 399)
    assert estimate("decimation", wide).curve == estimate("decimation", x).curve
    text = (
        r"the graph of 4 neighbors holds too few for \d+ of a subset of 200 samples; search with a larger k, give the "
        "vectors, or raise smallest above 200."
    )
    with pytest.raises(InvalidValue, match=f"^{text}$"):
        estimate("decimation", find_neighbors(x, 4))


def test_copies_are_left_out_before_subsets_are_drawn(rng):
    x = rng.standard_normal((500, 4))
    again = np.concatenate([x, x[:100]])
    result = estimate("decimation", again)
    assert result.curve == estimate("decimation", x).curve
    assert "100 exact copies left out; 500 samples remain" in result.warnings


def test_too_few_samples_to_halve_are_one_point_and_said(rng):
    result = estimate("decimation", rng.standard_normal((150, 3)))
    assert len(result.curve) == 1
    assert "150 samples are too few to take half of them; the curve is one point: lower smallest" in result.warnings


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"smallest": 2}, "smallest=2; give at least 3."),
        ({"repetitions": 0}, "repetitions=0; give at least 1."),
    ],
)
def test_errors(options, text, rng):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("decimation", rng.standard_normal((300, 3)), **options)


def test_a_graph_of_queries_has_no_subsets(rng):
    graph = find_neighbors(rng.standard_normal((300, 3)), 20, queries=np.arange(5))
    with pytest.raises(InvalidValue, match="a graph of some queries has no subsets; give the graph of all samples"):
        subsets_of(catalog()["decimation"], {}, graph)
    assert decimation.__doc__
