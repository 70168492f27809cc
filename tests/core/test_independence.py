"""The p of a doubt holds where it is small: it is that of permutations, and not of a law fitted to few."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.independence import seen_as_copies, seen_in_column, seen_in_order

N = 300
ONE = np.zeros(N, int)


@pytest.mark.parametrize("seed", [61, 69])
def test_p_below_a_level_is_counted(seed):
    """Of samples that no order ties, whose p is small by luck: that of 2,000 orders says the same."""
    graph = ls.find_neighbors(np.random.default_rng(seed).standard_normal((N, 2)), 10)
    pairs = graph.indices.ravel(), np.repeat(np.arange(N), 10)
    rng = np.random.default_rng(1)
    orders = [np.arange(N), *(rng.permutation(N) for _ in range(2000))]
    apart = [np.abs(order[pairs[0]] - order[pairs[1]]) for order in orders]
    shares = np.array([[np.mean(each <= 2**w) for w in range(8)] for each in apart])
    z = ((shares - shares.mean(axis=0)) / shares.std(axis=0)).max(axis=1)
    exact = np.mean(z[1:] >= z[0])
    assert seen_in_order([graph], ONE, 1e-9)[0].p < 0.05  # by the law that is fitted
    assert (seen_in_order([graph], ONE, 0.05)[0].p < 0.05) == (exact < 0.05)


def test_orders_within_classes_stay_within_them():
    kind = np.repeat([0, 1, 2], 100)
    x = 9.0 * kind[:, None] + np.random.default_rng(0).standard_normal((N, 4))
    graph = ls.find_neighbors(x, 10)
    assert seen_in_order([graph], ONE, 0.01)[0].p < 1e-4
    assert seen_in_order([graph], kind, 0.01)[0].p > 0.01
    assert seen_in_column([graph], kind, 0.01)[0].p < 1e-4


def test_graphs_that_are_asked_together_say_what_each_says_alone():
    rng = np.random.default_rng(3)
    kind, codes = rng.integers(0, 3, N), np.where(np.arange(N) < 9, -1, np.arange(N) // 30)
    layers = [rng.standard_normal((N, 3)), np.arange(N)[:, None] + 20 * rng.standard_normal((N, 2)), 9 * codes[:, None]]
    graphs = [ls.find_neighbors(x + 1e-3 * rng.standard_normal(x.shape), 10) for x in layers]
    for seen, given in ((seen_in_order, kind), (seen_in_column, codes)):
        assert seen(graphs, given, 0.05) == [seen([graph], given, 0.05)[0] for graph in graphs]
        assert seen([], given, 0.05) == []


def test_copies_count_beyond_some_rows():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, 4))
    x[1:60:2] = x[0:60:2] + 1e-4 * rng.standard_normal((30, 4))
    graph = ls.find_neighbors(x, 10)
    assert seen_as_copies(graph).value > 50
    assert seen_as_copies(graph, beyond=1).value == 0
