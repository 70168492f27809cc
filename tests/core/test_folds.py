"""Folds of whole groups, those of one class spread evenly."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.folds import Folds
from layerscape.core.groups import Groups
from layerscape.errors import InvalidValue


def of_sizes(*sizes):
    return Groups(np.repeat(np.arange(len(sizes)), sizes))


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=12),
    number=st.integers(2, 12),
    seed=st.integers(0, 99),
    constant=st.booleans(),
)
def test_no_group_is_in_two_and_labels_of_groups_are_spread_evenly(sizes, number, seed, constant):
    groups, number = of_sizes(*sizes), min(number, len(sizes))
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, len(sizes))[groups.codes] if constant else rng.integers(0, 2, len(groups.codes))
    constant = groups.same_within(classes)
    if constant and max(np.bincount(classes[groups.first], minlength=2)) < 2:
        return
    folds = Folds.of_groups(groups, number, seed, classes)
    assert set(folds.of) == set(range(number))
    assert all(len(set(folds.of[groups.codes == group])) == 1 for group in range(len(sizes)))
    of_groups = folds.of[groups.first]
    assert np.ptp(np.bincount(of_groups)) <= 1
    assert folds.even == constant
    if constant:
        for each in (0, 1):
            assert np.ptp(np.bincount(of_groups[classes[groups.first] == each], minlength=number)) <= 1


def test_labels_that_vary_within_groups_are_not_even():
    assert not Folds.of_groups(of_sizes(2, 2, 2, 2), 2, 0, np.arange(8) % 2).even
    assert not Folds.of_groups(of_sizes(2, 2, 2, 2), 2, 0).even


def test_some_of_the_samples_keep_their_parts():
    folds = Folds(np.array([0, 2, 1, 2, 0]), True).take(np.array([1, 3, 4]))
    assert folds.of.tolist() == [1, 1, 0]
    assert folds.even


@pytest.mark.parametrize(
    ("number", "classes", "words"),
    [
        (5, None, "folds=5 of 4 groups; give 2 to 4."),
        (1, None, "folds=1 of 4 groups; give 2 to 4."),
        (2, [0, 1, 2, 3], "no two groups have the same label: what is learned of others cannot name it; give labels"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_one_line(number, classes, words):
    groups = of_sizes(2, 3, 2, 3)
    with pytest.raises(InvalidValue, match=re.escape(words)):
        Folds.of_groups(groups, number, 0, None if classes is None else np.array(classes)[groups.codes])
