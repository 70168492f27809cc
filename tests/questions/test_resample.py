"""Tests between layers: their terms against the measures, their size when there is nothing, and their power."""

import re

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.pipeline.estimate import estimate
from layerscape.resample import best_by_chance, chance_of_same, difference, label_terms, wins
from layerscape.search import find_neighbors


def clouds(seed, noise, n=400):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 5))
    classes = (x[:, 0] + 0.5 * rng.standard_normal(n) > 0).astype(int) + 2 * (x[:, 1] > 0)
    return [find_neighbors(x + s * rng.standard_normal((n, 5)), 10) for s in noise], classes


@pytest.mark.parametrize("ties", [False, True])
def test_terms_add_up_to_the_label_overlap_above_chance(rng, ties):
    x, classes = rng.standard_normal((200, 3)), np.arange(200) % 3
    graph = find_neighbors(np.round(x) if ties else x, 8)
    terms = label_terms(graph, [classes], 8)
    overlap = estimate("label_overlap", graph, classes, k=8)
    chance = overlap.chance.value
    assert chance_of_same(classes) == pytest.approx(chance)
    assert terms.value == pytest.approx((overlap.value - chance) / (1 - chance))
    assert terms.per_sample == pytest.approx((overlap.per_sample - chance) / (1 - chance))
    assert terms.influence.sum() == pytest.approx(0, abs=1e-12)
    two = label_terms(graph, [classes, classes[::-1]], 8)
    assert two.value == pytest.approx((terms.value + label_terms(graph, [classes[::-1]], 8).value) / 2)


def test_a_difference_covers_what_it_is_on_average():
    """96 of 100 clouds or so; benchmarks/coverage.py draws 400."""
    found = []
    for seed in range(100):
        graphs, classes = clouds(seed, (0, 0.5))
        found.append(difference(*(label_terms(graph, [classes], 10) for graph in graphs)))
    mean = np.mean([one.value for one in found])
    covered = np.mean([one.low <= mean <= one.high for one in found])
    assert 0.89 <= covered <= 1
    widths = np.mean([one.high - one.low for one in found]) / 3.92
    assert widths == pytest.approx(np.std([one.value for one in found]), rel=0.3)


def test_equal_layers_differ_rarely_and_a_layer_not_from_itself():
    p = []
    for seed in range(100):
        graphs, classes = clouds(seed, (0.5, 0.5))
        p.append(difference(*(label_terms(graph, [classes], 10) for graph in graphs)).p)
    assert np.mean(np.array(p) < 0.05) <= 0.11
    terms = label_terms(graphs[0], [classes], 10)
    same = difference(terms, terms)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_the_best_of_many_layers_is_higher_by_chance_than_one():
    graphs, classes = clouds(0, (0, 3, 3, 3, 3, 3))
    one = best_by_chance(graphs[:1], [classes], 10, number=99, seed=0)
    many = best_by_chance(graphs, [classes], 10, number=99, seed=0)
    assert (many >= one).all()
    assert many.mean() > one.mean() + one.std() / 2
    assert abs(one.mean()) < 0.01


def test_wins_are_shares_of_disjoint_subsets():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((3, 300)) + np.array([[0.0], [0.1], [5.0]])
    assert wins(values, parts=10).tolist() == [0, 0, 1]
    assert wins(np.zeros((4, 50)), parts=5) == pytest.approx(np.full(4, 0.25))
    with pytest.raises(InvalidValue, match=re.escape("parts=51 of 50 samples; give 2..50.")):
        wins(np.zeros((4, 50)), parts=51)


def test_a_graph_of_some_queries_is_refused(rng):
    graph = find_neighbors(rng.standard_normal((50, 3)), 5, queries=np.arange(9))
    with pytest.raises(InvalidValue, match=r"^a graph of some queries has no value for every sample; give the"):
        label_terms(graph, [np.arange(50) % 2], 5)
