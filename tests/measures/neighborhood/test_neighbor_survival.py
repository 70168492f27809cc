"""Neighbor survival against sets of neighbors, its law, its chance, and through runs and files."""

import re
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

import layerscape as ls
from layerscape.core.permutation import permutations
from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.agreement import membership, p_of, permuted_agreement
from layerscape.search import find_neighbors

N, K = 150, 8


def chain(seed, n_layers=4):
    rng = np.random.default_rng(seed)
    layers = [rng.standard_normal((N, 5))]
    for _ in range(n_layers - 1):
        layers.append(layers[-1] + 0.3 * rng.standard_normal((N, 5)))
    return layers


def by_sets(graphs):
    lists = [[set(row) for row in graph.indices[:, :K].tolist()] for graph in graphs]
    return np.mean([len(set.intersection(*sets)) / K for sets in zip(*lists, strict=True)])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_it_is_the_share_in_all_sets_never_rises_and_is_at_most_the_overlap(seed):
    graphs = [find_neighbors(x, K) for x in chain(seed)]
    found = [ls.estimate("neighbor_survival", graphs[0], graphs[1 : last + 1], k=K).value for last in (1, 2, 3)]
    assert found == pytest.approx([by_sets(graphs[: last + 1]) for last in (1, 2, 3)])
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(ls.estimate("overlap", *graphs[:2], k=K).value)
    assert found[2] <= ls.estimate("overlap", graphs[0], graphs[3], k=K).value + 1e-12


def test_ties_are_broken_at_random_in_every_layer(rng):
    layers = [rng.integers(0, 3, (60, 2)).astype(float) for _ in range(3)]
    weights = []
    for x in layers:
        rows, columns, share = find_neighbors(x, K).weights(K)
        weights.append(np.zeros((60, 60)))
        weights[-1][rows, columns] = share
    found = ls.estimate("neighbor_survival", layers[0], layers[1:], k=K)
    np.testing.assert_allclose(found.per_sample, reduce(np.multiply, weights).sum(axis=1) / K)


@pytest.mark.parametrize("mean", [0.05, 0.5, 1.0, 2.0, 4.0])
def test_p_of_a_handful_of_shared_pairs_is_that_of_a_count(mean):
    counts = np.random.default_rng(0).poisson(mean, 500).astype(float)
    for shared in range(1, 15):
        at_least = poisson.sf(shared - 1, mean)
        if 1e-3 < at_least < 0.2:
            p = p_of(shared, mean, np.sqrt(mean), mean, lambda number: counts[:number], step=1.0)
            assert 0.8 * at_least < p < 4 * at_least


def test_unrelated_layers_seldom_have_a_small_p_where_few_pairs_can_be_shared():
    rng, small = np.random.default_rng(0), 0
    for _ in range(300):
        x, y = rng.standard_normal((2, 100, 2))
        graphs = [find_neighbors(z, 2) for z in (x, y, y + 0.3 * rng.standard_normal(y.shape))]
        small += ls.estimate("neighbor_survival", graphs[0], graphs[1:], k=1).chance.p < 0.001
    assert small <= 1  # four by the normal law


@pytest.mark.parametrize("name", ["overlap", "neighbor_survival"])
@pytest.mark.parametrize("levels", [2, 3, 6])
def test_p_where_most_neighbors_tie_is_that_of_permutations(levels, name):
    rng = np.random.default_rng(levels)
    x, y = rng.integers(0, levels, (2, 80, 2)).astype(float)
    drawn = permuted_agreement(*(membership(find_neighbors(z, 3), 2) for z in (x, y)), 2000)
    one = int(np.argsort(drawn)[-80])  # at least so much is scored by 4 % of the orders, or a little more
    order = list(permutations(80, 2000, 0))[one]
    p = ls.estimate(name, x, y[order] if name == "overlap" else [y[order]], k=2).chance.p
    assert p == pytest.approx((drawn >= drawn[one] - 1e-9).mean(), rel=0.35)


def test_chance_is_that_of_permuted_samples(rng):
    graphs = [find_neighbors(x, K) for x in chain(3)]
    found = ls.estimate("neighbor_survival", graphs[0], graphs[1:], k=K).chance
    near = [np.zeros((N, N)) for _ in graphs]
    for matrix, graph in zip(near, graphs, strict=True):
        np.put_along_axis(matrix, graph.indices[:, :K], 1.0, axis=1)
    through, drawn = reduce(np.multiply, near[1:]), []
    for _ in range(400):
        order = rng.permutation(N)
        drawn.append((near[0][np.ix_(order, order)] * through).sum() / (N * K))
    assert found.value == pytest.approx(K * through.sum() / (K * N * (N - 1)))
    assert found.value == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / 20)
    assert (found.high - found.value) / 1.96 == pytest.approx(np.std(drawn), rel=0.15)


def test_a_run_has_every_pair_in_order_whatever_is_asked_first():
    layers = dict(zip("abcd", chain(5), strict=True))
    run = ls.from_arrays(layers)
    table = ls.measure(run, ["neighbor_survival"], k=K, threads=2)
    assert [(row.layer, row.other_layer) for row in table.itertuples()] == [
        ("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d"),
    ]  # fmt: skip
    graphs = {name: find_neighbors(x, K) for name, x in layers.items()}
    for first, last in (("b", "d"), ("a", "d"), ("a", "c"), ("b", "c")):  # longer before shorter
        names = "abcd"["abcd".index(first) + 1 : "abcd".index(last) + 1]
        value = ls.estimate("neighbor_survival", graphs[first], [graphs[name] for name in names], k=K).value
        assert table.value[(table.layer == first) & (table.other_layer == last)].item() == value


@pytest.mark.parametrize(
    ("later", "text"),
    [
        ([], "no later layer is given; neighbor_survival follows neighbors through at least one."),
        ([np.ones((N, 2)), np.eye(9)], "graphs of 150 of 150 and 9 of 9 samples; both must be of the same samples in "
         "the same order."),
    ],
)  # fmt: skip
def test_errors(later, text):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.estimate("neighbor_survival", chain(0)[0], later, k=K)
    run = ls.from_arrays({"a": np.eye(9)})
    with pytest.raises(InvalidValue, match=r"^measure 'neighbor_survival' does not compare two representations"):
        ls.compare(run, run, ["neighbor_survival"])
