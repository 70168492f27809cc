"""Laws of influences: what scaling, embedding and averaging do to them, and how a difference is known."""

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from layerscape.core.influence import Influence, mean_of
from layerscape.core.interval import sd_of_sum

KINDS = ["alone", "near", "pairs"]
KIND, SEED, N = st.sampled_from(KINDS), st.integers(0, 999), st.integers(6, 40)


def influence(kind, n, seed, *, moved=True):
    """An influence of N samples: of one value each, with neighbors that it depends on, or a mean over pairs."""
    rng = np.random.default_rng(seed)
    value, pairs, near = float(rng.normal()), None, None
    alone = rng.standard_normal(n)
    alone -= alone.mean()
    if kind != "alone":
        near = np.array([rng.permutation(np.delete(np.arange(n), i))[:3] for i in range(n)])
    if kind == "pairs":
        values = rng.standard_normal((n, 3))
        values -= values.mean()
        rows = np.repeat(np.arange(n), 3)
        pairs = sparse.csr_array((values.ravel(), (rows, near.ravel())), shape=(n, n))
        alone = values.sum(axis=1)
    return Influence(value, rng.standard_normal(n) if moved else None, alone, near, pairs)


def same(a, b):
    assert a.value == pytest.approx(b.value)
    for one, two in ((a.moved, b.moved), (a.alone, b.alone)):
        assert (one is None) == (two is None)
        if one is not None:
            assert one == pytest.approx(two, abs=1e-12)
    assert (a.pairs is None) == (b.pairs is None)
    if a.pairs is not None:
        assert a.pairs.toarray() == pytest.approx(b.pairs.toarray(), abs=1e-12)


@given(KIND, N, SEED)
def test_the_mean_of_the_values_of_samples_is_the_value(kind, n, seed):
    one = influence(kind, n, seed)
    assert one.per_sample.mean() == pytest.approx(one.value, abs=1e-12)
    if one.pairs is not None:
        assert one.pairs.sum(axis=1) == pytest.approx(one.alone)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_of_a_mean_every_sample_has_the_value_that_it_had(values):
    values = np.array(values)
    one = Influence.of_mean(values)
    assert one.value == pytest.approx(values.mean())
    assert one.per_sample == pytest.approx(values, rel=1e-9, abs=1e-6)
    assert (one.moved, one.near, one.pairs) == (None, None, None)


@given(KIND, KIND, N, SEED)
def test_a_value_differs_from_itself_for_sure_and_from_another_both_ways_alike(kind, other_kind, n, seed):
    one, other = influence(kind, n, seed), influence(other_kind, n, seed + 1)
    assert one.beside(one)[0] == 0
    assert one.beside(other)[0] == pytest.approx(other.beside(one)[0])
    assert one.beside(other)[0] > 0


@given(KIND, KIND, N, SEED, st.floats(-50, 50).filter(lambda factor: abs(factor) > 1e-3), st.floats(-9, 9))
def test_a_scaled_difference_has_a_scaled_sd_and_a_shift_changes_none(kind, other_kind, n, seed, factor, shift):
    one, other = influence(kind, n, seed), influence(other_kind, n, seed + 1)
    scaled = one.scaled(factor, shift)
    assert scaled.value == pytest.approx(factor * one.value + shift)
    assert scaled.moved == pytest.approx(factor * one.moved)
    assert scaled.per_sample == pytest.approx(factor * one.per_sample + shift, abs=1e-9)
    expected = abs(factor) * one.beside(other)[0]
    assert scaled.beside(other.scaled(factor, -shift))[0] == pytest.approx(expected)
    same(scaled.scaled(1 / factor, -shift / factor), one)


def test_without_pairs_the_sd_is_that_of_the_sandwich_over_neighbors_of_either():
    one, other = influence("near", 30, 3), influence("near", 30, 4)
    expected = sd_of_sum(one.alone - other.alone, np.hstack([one.near, other.near]))
    assert one.beside(other)[0] == expected
    alone = influence("alone", 30, 5)
    difference = one.alone - alone.alone
    assert one.beside(alone)[0] == sd_of_sum(difference, one.near)
    rest = influence("alone", 30, 6)
    expected = sqrt(((rest.alone - alone.alone) ** 2).sum() / (1 - 1 / 30))
    assert rest.beside(alone)[0] == pytest.approx(expected)


def test_a_sd_is_as_well_known_as_its_products_of_samples_are_independent():
    signs = np.where(np.arange(40) % 2, 1.0, -1.0) / 40
    none, two = np.full((40, 1), -1), np.stack([(np.arange(40) + 1) % 40, (np.arange(40) + 2) % 40], axis=1)
    zero = Influence(0.0, None, np.zeros(40), none)
    assert Influence(0.0, None, signs, none).beside(zero)[1] == 40  # no heavier tails than the normal law
    assert Influence(0.0, None, signs, two).beside(zero)[1] == 40 / (1 + 4)
    one = np.full(40, -1 / 40)
    one[0] = 39 / 40
    assert Influence(0.0, None, one, none).beside(zero)[1] == pytest.approx(2, abs=0.2)  # all of it is one sample's
    assert Influence(0.0, None, one).beside(Influence(0.0, None, np.zeros(40)))[1] == inf


def test_of_means_over_pairs_the_sd_is_the_jackknife_less_interactions():
    one, other = influence("pairs", 30, 3), influence("pairs", 30, 4)
    apart = (one.pairs - other.pairs).toarray()
    own = apart.sum(axis=1) + apart.sum(axis=0)
    share = 1 - 1.7 * one.pairs.nnz / 30**2
    variance = own @ own - share * ((apart**2).sum() + (apart * apart.T).sum())
    assert variance > 0
    assert one.beside(other)[0] == pytest.approx(sqrt(variance))


@given(KIND, N, SEED, st.integers(0, 20))
def test_among_more_samples_the_others_move_nothing(kind, n, seed, more):
    one = influence(kind, n, seed)
    rows = np.sort(np.random.default_rng(seed).permutation(n + more)[:n])
    wide = one.among(rows, n + more)
    others = np.setdiff1d(np.arange(n + more), rows)
    assert wide.value == one.value
    for values, before in ((wide.alone, one.alone), (wide.moved, one.moved)):
        assert values.shape == (n + more,)
        np.testing.assert_array_equal(values[rows], before)
        assert not values[others].any()
    if one.near is not None:
        np.testing.assert_array_equal(wide.near[rows], rows[one.near])
        assert (wide.near[others] == -1).all()
    if one.pairs is not None:
        np.testing.assert_array_equal(wide.pairs.toarray()[np.ix_(rows, rows)], one.pairs.toarray())
        assert wide.pairs.nnz == one.pairs.nnz
        other = influence(kind, n, seed + 1)
        assert wide.beside(other.among(rows, n + more)) == pytest.approx(one.beside(other))
    if one.near is not None:
        other = replace(influence(kind, n, seed + 1), pairs=None)
        known, unpaired = replace(one, pairs=None).beside(other)[1], replace(wide, pairs=None)
        assert unpaired.beside(other.among(rows, n + more))[1] == pytest.approx(known)
    if not more:
        same(wide, one)


def test_a_sample_without_a_neighbor_has_none_among_more_samples():
    near = np.array([[1, -1], [0, 2], [-1, -1]])
    wide = Influence(0.0, None, np.zeros(3), near).among(np.array([1, 3, 4]), 5)
    assert wide.near.tolist() == [[-1, -1], [3, -1], [-1, -1], [1, 4], [-1, -1]]
    assert wide.moved is None


@given(KIND, N, SEED, st.integers(1, 4))
def test_the_mean_of_influences_moves_as_the_mean(kind, n, seed, number):
    every = [influence(kind, n, seed + each) for each in range(number)]
    found = mean_of(every)
    assert found.value == pytest.approx(np.mean([one.value for one in every]))
    assert found.moved == pytest.approx(np.mean([one.moved for one in every], axis=0))
    assert found.per_sample == pytest.approx(np.mean([one.per_sample for one in every], axis=0))
    if kind == "pairs":
        assert found.pairs.sum(axis=1) == pytest.approx(found.alone)
    elif kind == "near":
        assert found.near.shape == (n, 3 * number)


@given(KIND, N, SEED, st.integers(1, 4))
def test_the_mean_of_equal_values_is_one_of_them(kind, n, seed, number):
    one = influence(kind, n, seed)
    same(mean_of([one] * number), one)
    assert mean_of([one] * number).beside(one)[0] == pytest.approx(0, abs=1e-9)


def test_what_is_unknown_of_one_is_unknown_of_the_mean():
    known, unknown = influence("near", 9, 1), influence("near", 9, 2, moved=False)
    assert mean_of([known, unknown]).moved is None
    assert mean_of([unknown]) is unknown
