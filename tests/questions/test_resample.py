"""Tests between layers: their size when there is nothing, and their power."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.influence import mean_of
from layerscape.core.paired import difference
from layerscape.errors import InvalidValue
from layerscape.questions.evidence import above, chance_of
from layerscape.questions.resample import wins
from layerscape.search import find_neighbors


def clouds(seed, noise, n=400):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 5))
    classes = (x[:, 0] + 0.5 * rng.standard_normal(n) > 0).astype(int) + 2 * (x[:, 1] > 0)
    return [x + s * rng.standard_normal((n, 5)) for s in noise], classes


def influences(layers, classes):
    return [ls.estimate("label_overlap", x, classes, k=10, influence=True).influence for x in layers]


@pytest.mark.parametrize("ties", [False, True])
def test_influences_are_of_the_value_above_chance_and_of_the_mean_of_several(rng, ties):
    x, classes = rng.standard_normal((200, 3)), np.arange(200) % 3
    x = np.round(x) if ties else x
    overlap = ls.estimate("label_overlap", x, classes, k=8, influence=True)
    chance = overlap.chance.value
    one = above(overlap.influence, chance_of(overlap))
    assert one.value == pytest.approx((overlap.value - chance) / (1 - chance))
    assert one.per_sample == pytest.approx((overlap.per_sample - chance) / (1 - chance))
    assert one.alone.sum() == pytest.approx(0, abs=1e-12)
    other = ls.estimate("label_overlap", x, classes[::-1], k=8, influence=True).influence
    two = mean_of([overlap.influence, other])
    assert two.value == pytest.approx((overlap.value + other.value) / 2)
    assert two.moved == pytest.approx((overlap.influence.moved + other.moved) / 2)


def test_a_difference_covers_what_it_is_on_average():
    """96 of 100 clouds or so; benchmarks/coverage.py draws 400."""
    found = [difference(*influences(*clouds(seed, (0, 0.5)))) for seed in range(100)]
    mean = np.mean([one.value for one in found])
    covered = np.mean([one.low <= mean <= one.high for one in found])
    assert 0.89 <= covered <= 1
    widths = np.mean([one.high - one.low for one in found]) / 3.92
    assert widths == pytest.approx(np.std([one.value for one in found]), rel=0.3)


def test_equal_layers_differ_rarely_and_a_layer_not_from_itself():
    p = []
    for seed in range(100):
        both = influences(*clouds(seed, (0.5, 0.5)))
        p.append(difference(*both).p)
    assert np.mean(np.array(p) < 0.05) <= 0.11
    same = difference(both[0], both[0])
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_wins_are_shares_of_disjoint_subsets():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((3, 300)) + np.array([[0.0], [0.1], [5.0]])
    assert wins(values, parts=10).tolist() == [0, 0, 1]
    assert wins(np.zeros((4, 50)), parts=5) == pytest.approx(np.full(4, 0.25))
    with pytest.raises(InvalidValue, match=re.escape("parts=51 of 50 samples; give 2..50.")):
        wins(np.zeros((4, 50)), parts=51)


def test_a_graph_of_some_queries_is_refused(rng):
    graph = find_neighbors(rng.standard_normal((50, 3)), 6, queries=np.arange(9))
    with pytest.raises(InvalidValue, match=r"^a graph of some queries only; an influence needs every sample's"):
        ls.estimate("label_overlap", graph, np.arange(50) % 2, k=5, influence=True)
