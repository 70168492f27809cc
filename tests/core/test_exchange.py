"""What may change places where samples belong together: each arrangement once, groups whole, chance exact."""

from collections import Counter
from itertools import permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.exchange import labels_of_groups, of_each, whole_groups, within_groups
from layerscape.core.folds import Folds
from layerscape.core.groups import Groups


def of_sizes(*sizes):
    return Groups(np.repeat(np.arange(len(sizes)), sizes))


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=9), seed=st.integers(0, 99))
def test_whole_groups_change_places_with_such_of_their_size(sizes, seed):
    exchange = whole_groups(of_sizes(*sizes))
    codes = exchange.groups.codes
    for order in exchange.orders(5, seed):
        assert sorted(order) == list(range(len(codes)))
        for group in range(exchange.groups.number):
            assert len(set(codes[order[codes == group]])) == 1
    kept = len(codes) if exchange.rows is None else len(exchange.rows)
    assert kept == len(codes)
    assert (exchange.rows is None) == (kept == sum(sizes))
    assert exchange.groups.number == len(sizes)


def test_strata_of_three_keep_most_samples():
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 61, 28)
    exchange = whole_groups(of_sizes(*sizes))
    ordered = np.sort(sizes)
    strata = [ordered[start : start + 3] for start in range(0, 24, 3)] + [ordered[24:]]
    assert len(exchange.rows) == sum(len(each) * each.min() for each in strata)
    assert exchange.arrangements == 6**8 * 24
    nearly = whole_groups(of_sizes(9, 10, 10, 10, 10, 10, 10, 10))
    assert len(nearly.rows) == 72
    assert nearly.arrangements == 40320


def test_few_arrangements_are_each_taken_once():
    exchange = whole_groups(of_sizes(2, 2, 2, 2))
    assert exchange.arrangements == 24
    found = Counter(tuple(exchange.groups.codes[order][::2]) for order in exchange.orders(999, 0))
    assert len(found) == 23
    assert set(found.values()) == {1}
    assert set(found) == set(permutations(range(4))) - {(0, 1, 2, 3)}
    dealt = labels_of_groups(of_sizes(3, 1, 2, 2, 1, 1), list("aabbbb"))
    assert dealt.arrangements == comb(6, 2)
    labels = np.array(list("aabbbb"))[dealt.groups.codes]
    found = {"".join(labels[order]) for order in dealt.orders(999, 0)}
    assert len(found) == comb(6, 2) - 1
    assert "".join(labels) not in found


def test_plain_labels_of_as_many_groups_may_change_names_and_nothing_else():
    halves = labels_of_groups(of_sizes(1, 2, 1, 3, 1, 1), list("aabbab"), plain=True)
    assert halves.arrangements == comb(6, 3) / 2
    assert halves.warnings == ("6 groups can be arranged in 10 ways: too few for a p",)
    assert labels_of_groups(of_sizes(1, 2, 1), list("abc"), plain=True).arrangements == 1
    folds = Folds(np.array([0, 1, 0, 1]), even=True)  # a twice and b twice in each of two folds, but for one
    for labels, names in (("aabb", 2), ("aabc", 1)):
        dealt = labels_of_groups(of_sizes(1, 1, 1, 1), list(labels), folds, plain=True)
        assert dealt.arrangements == labels_of_groups(of_sizes(1, 1, 1, 1), list(labels), folds).arrangements / names


def test_labels_that_were_spread_over_folds_change_places_within_these():
    groups, labels = of_sizes(1, 2, 1, 3, 1, 1, 2), list("aabbabb")
    folds = Folds(np.array([0, 1, 0, 1, 1, 0, 0])[groups.codes], even=True)
    dealt = labels_of_groups(groups, labels, folds)
    assert dealt.arrangements == comb(4, 1) * comb(3, 2)
    of_samples = np.array(labels)[groups.codes]
    found = ["".join(of_samples[order][groups.first]) for order in dealt.orders(999, 0)]
    assert len(set(found)) == len(found) == 4 * 3 - 1
    assert "".join(labels) not in found
    assert all(sorted(each[place] for place in (0, 2, 5, 6)) == list("abbb") for each in found)
    assert dealt.words == "labels of groups are dealt anew, within folds"
    assert labels_of_groups(groups, labels, Folds(folds.of)).arrangements == comb(7, 3)


def test_members_change_places_within_their_group_alone():
    groups = of_sizes(5, 1, 4)
    for order in within_groups(groups).orders(20, 1):
        assert (groups.codes[order] == groups.codes).all()


def test_p_is_the_share_of_arrangements():
    """Of 6 groups a score that only one arrangement reaches has p = 1 / 720."""
    exchange = whole_groups(of_sizes(*[2] * 6))
    codes = exchange.groups.codes
    chance, null = exchange.chance(of_each(lambda order: float((codes[order] == codes).mean())), low=False)
    assert len(null) == 719
    assert chance.p == pytest.approx(1 / 720)
    assert chance.value == pytest.approx(1 / 6)  # of all 720, the one that there is among them
    assert exchange.warnings == (
        "p cannot fall below 0.0014: so few are the ways to arrange the groups",
        "with 6 groups a large p does not say that there is nothing",
    )
    low, _ = exchange.chance(of_each(lambda order: -float((codes[order] == codes).mean())), low=True)
    assert low.p == chance.p


def test_beyond_all_that_are_drawn_p_is_that_of_their_law_and_never_below_one_arrangement():
    """Of 8 groups one arrangement in 40,320 scores as much, which 999 draws do not show."""
    exchange = whole_groups(of_sizes(*[2] * 8))
    codes = exchange.groups.codes
    chance, null = exchange.chance(of_each(lambda order: float((codes[order] == codes).mean())), low=False)
    assert len(null) == 999
    assert 1 / 40320 <= chance.p < 1 / 1000
    far, _ = exchange.chance(of_each(lambda order: float((codes[order] == codes).all())), low=False)
    assert far.p == pytest.approx(1 / 1000)  # whose scores do not spread, so that they have no law


def test_too_few_groups_have_no_p():
    exchange = whole_groups(of_sizes(5, 5, 5))
    chance, null = exchange.chance(of_each(lambda order: float(order[0])), low=False)
    assert np.isnan(chance.p)
    assert len(null) == 5
    assert np.isnan(chance.low)
    assert exchange.warnings == ("3 groups can be arranged in 6 ways: too few for a p",)


def test_more_arrangements_than_a_float_holds_are_drawn():
    sizes = np.repeat([2, 3, 4, 5], 90)  # 90!^4
    groups, labels = of_sizes(*sizes), [str(group % 300) for group in range(len(sizes))]
    folds = Folds(groups.codes % 5, even=True)
    for exchange in (whole_groups(groups), labels_of_groups(groups, labels), labels_of_groups(groups, labels, folds)):
        assert exchange.arrangements > 1e150
        assert exchange.warnings == ()
        assert len(exchange.orders(20, 0)) == 20
    assert labels_of_groups(groups, list(range(len(sizes))), plain=True).arrangements == 1
