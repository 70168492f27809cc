"""Graphs of some of the samples are those of a search among them, whatever ties and however few are left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.apart import Apart
from layerscape.core.representation import Representation
from layerscape.search import find_neighbors
from layerscape.supply.cut import cut


def equal(a, b):
    """Equal neighbors, copies and, with ties at the border, shares of neighbors."""
    assert np.array_equal(a.indices, b.indices)
    assert np.array_equal(a.distances, b.distances)
    assert a.near == b.near
    assert ((a.copies[:, None] == a.copies) == (b.copies[:, None] == b.copies)).all()
    shares = []
    for graph in (a, b):
        rows, members, weights = graph.weights(a.k)
        found = np.zeros((graph.n_samples,) * 2)
        found[rows, members] = weights
        shares.append(found)
    assert np.array_equal(*shares)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    levels=st.sampled_from([0, 2, 4]),
    wide=st.integers(3, 30),
    share=st.floats(0.2, 0.95),
    groups=st.booleans(),
)
def test_a_cut_is_what_a_search_among_these_finds(seed, levels, wide, share, groups):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, 3))
    x = np.round(x * levels) / levels if levels else x
    search = {"apart": Apart(np.arange(60) // 6)} if groups else {}
    whole = find_neighbors(x, wide, **search)
    rows = np.flatnonzero(rng.random(60) < share)
    if len(rows) < 20:
        return
    some = {"apart": search["apart"].take(rows)} if groups else {}
    k = min(3, len(rows) - 8)
    found = cut(whole, rows, k, lambda: Representation(x).take(rows), some)
    equal(found, find_neighbors(x[rows], k, **some))


def test_only_those_who_list_too_few_are_searched_again(rng):
    x = rng.standard_normal((300, 4))
    asked = []

    def vectors():
        asked.append(1)
        return Representation(x).take(rows)

    rows = np.arange(0, 300, 2)
    equal(cut(find_neighbors(x, 60), rows, 5, vectors, {}), find_neighbors(x[rows], 5))
    assert not asked
    equal(cut(find_neighbors(x, 16), rows, 5, vectors, {}), find_neighbors(x[rows], 5))
    assert asked


@pytest.mark.parametrize("n", [3, 4])
def test_all_others_may_be_neighbors(rng, n):
    x = rng.standard_normal((6, 2))
    rows = np.arange(n)
    equal(cut(find_neighbors(x, 5), rows, n - 1, lambda: Representation(x[rows]), {}), find_neighbors(x[rows], n - 1))
