"""What deletions do to overlaps: against deletions with a new search, ties included, and from some of the rows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.interval import jackknife_of
from layerscape.core.permutation import permutations
from layerscape.measures import catalog
from layerscape.measures.neighborhood import curve_jackknife
from layerscape.measures.neighborhood.curve import permuted_sums
from layerscape.measures.neighborhood.entries import entries
from layerscape.search import find_neighbors
from tests.measures.neighborhood.test_rank_overlap import clouds


def sums_of(x, y, weights):
    """T of every sample, by the graphs' own weights."""
    k = len(weights)
    a, b = find_neighbors(x, k), find_neighbors(y, k)
    found = np.zeros(len(x))
    for m, weight in enumerate(weights, start=1):
        both = np.zeros((2, len(x), len(x)))
        for side, graph in zip(both, (a, b), strict=True):
            rows, columns, shares = graph.weights(m)
            side[rows, columns] = shares
        found += weight * both.prod(axis=0).sum(axis=1)
    return found


def by_deletion(x, y, weights):
    """Jackknife and interactions, from a new search without each sample."""
    n, whole, changes, without = len(x), sums_of(x, y, weights), np.zeros((len(x), len(x))), []
    for j in range(n):
        others = np.delete(np.arange(n), j)
        left = sums_of(x[others], y[others], weights)
        changes[others, j] = left - whole[others]
        without.append(left.mean())
    together = (np.triu(changes + changes.T, 1) ** 2).sum() / n**2
    return jackknife_of(np.array(without)), together


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 99),
    kind=st.sampled_from(["free", "lattice", "copies"]),
    k=st.integers(1, 6),
    spread=st.booleans(),
)
def test_jackknife_and_interactions_are_those_of_deletions(seed, kind, k, spread):
    x, y = clouds(seed, kind, n=16)
    weights = np.full(k, 1 / k**2) if spread else np.r_[np.zeros(k - 1), 1 / k]
    a, b = (entries(find_neighbors(each, k + 1), k + 1) for each in (x, y))
    found = curve_jackknife.jackknife_of_curve(a, b, weights, sums_of(x, y, weights))
    assert found == pytest.approx(by_deletion(x, y, weights), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("kind", ["free", "lattice"])
def test_some_of_the_rows_tell_what_all_do(kind, monkeypatch):
    """A fifth of 2,000 rows: the jackknife within a tenth, and the interactions, from 64 rows, within a quarter."""
    x, y = clouds(0, kind, n=2000)
    graphs = [find_neighbors(each, 11) for each in (x, y)]
    sums = catalog()["overlap"](*graphs, k=10).per_sample
    assert sums is not None
    a, b = (entries(graph, 11) for graph in graphs)
    weights = np.r_[np.zeros(9), 0.1]
    whole = curve_jackknife.jackknife_of_curve(a, b, weights, sums)
    monkeypatch.setattr(curve_jackknife, "ROWS", 400)
    monkeypatch.setattr(curve_jackknife, "LOOKED_UP", 0)
    found = curve_jackknife.jackknife_of_curve(a, b, weights, sums)
    assert found[0] == pytest.approx(whole[0], rel=0.1)
    assert found[1] == pytest.approx(whole[1], rel=0.25)


def test_long_lists_of_ties_are_looked_at_in_part(rng, monkeypatch):
    """Of 400 samples 300 are one point in one graph, as in a layer that is dead for them."""
    y = rng.standard_normal((400, 3))
    x = y + 0.5 * rng.standard_normal((400, 3))
    x[:300] = 0
    given = *(entries(find_neighbors(each, 11), 11) for each in (x, y)), np.full(10, 0.1), np.zeros(400)
    jackknife, together = curve_jackknife.jackknife_of_curve(*given)
    monkeypatch.setattr(curve_jackknife, "STEPS", 2**20)
    few = curve_jackknife.jackknife_of_curve(*given)
    assert few[1] != together
    np.testing.assert_allclose(few, (jackknife, together), rtol=0.25)


def test_graphs_of_two_integer_types_and_layouts_serve():
    x, y = clouds(1, "lattice", n=30)
    graphs = [find_neighbors(each, 5) for each in (x, y)]
    expected = catalog()["overlap"](*graphs, k=4)
    other = replace(graphs[1], indices=np.asfortranarray(graphs[1].indices.astype(np.int64)))
    found = catalog()["overlap"](graphs[0], other, k=4)
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)


@pytest.mark.parametrize("kind", ["free", "lattice", "copies"])
def test_permuted_scores_are_those_of_permuted_data(kind):
    """What the skewness of chance is taken from: the overlap itself, with the rows of one side in the same orders."""
    x, y = clouds(2, kind, n=30)
    k, weights = 5, np.r_[np.zeros(4), 1 / 5]
    a, b = find_neighbors(x, k), find_neighbors(y, k)
    for seed, found in zip(range(3), permuted_sums(entries(a, k), entries(b, k), weights, 3), strict=True):
        order = list(permutations(30, 3, 0))[seed]
        assert found / 30 == pytest.approx(catalog()["overlap"](a, find_neighbors(y[order], k), k=k).value, abs=1e-12)
