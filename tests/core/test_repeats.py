"""Repeats of conditions: which rows they are, how they fall into halves, and what is refused."""

from enum import Enum

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.repeats import Repeats, pair_of, spearman_brown
from layerscape.errors import InvalidType, InvalidValue

STIMULUS, SESSION = np.repeat(np.arange(12), 4), np.tile(np.arange(4), 12)


@given(st.integers(2, 6), st.integers(2, 8), st.booleans(), st.randoms(use_true_random=False))
def test_halves_hold_as_many_of_each_condition_and_no_repeat_twice(conditions, number, numbered, random):
    order = random.sample(range(conditions * number), conditions * number)
    stimulus, session = np.repeat(np.arange(conditions), number)[order], np.tile(np.arange(number), conditions)[order]
    found = Repeats.of(stimulus, session if numbered else None, len(order))
    assert found.number == number
    for one, other in found.halves():
        assert one.shape == other.shape == (conditions, number // 2)
        both = np.hstack([one, other])
        assert (stimulus[both] == stimulus[found.rows[:, :1]]).all()
        assert all(len(set(rows)) == len(rows) for rows in both.tolist())
        if numbered:  # the same sessions for all conditions
            assert all(len(set(column)) == 1 for column in session[both].T.tolist())


def test_all_halves_of_four_sessions_are_three():
    halves = Repeats.of(STIMULUS, SESSION, 48).halves()
    assert [SESSION[one[0]].tolist() for one, _ in halves] == [[0, 1], [0, 2], [0, 3]]
    assert [SESSION[other[5]].tolist() for _, other in halves] == [[2, 3], [1, 3], [1, 2]]


@pytest.mark.parametrize("form", [list, np.asarray, pd.Series, lambda values: [f"s{value:02}" for value in values]])
def test_conditions_of_every_form_are_the_same_conditions(form):
    assert np.array_equal(Repeats.of(form(STIMULUS), None, 48).rows, np.arange(48).reshape(12, 4))


def test_conditions_and_repeats_are_in_the_order_of_their_names():
    order = np.random.default_rng(0).permutation(48)
    assert np.array_equal(order[Repeats.of(STIMULUS[order], SESSION[order], 48).rows], np.arange(48).reshape(12, 4))
    size = Enum("Size", ["large", "small"])  # which has no order but by its words
    assert Repeats.of([size.small, size.large] * 2, None, 4).rows.tolist() == [[1, 3], [0, 2]]


def test_every_two_repeats_are_taken_both_ways_round():
    found = Repeats.of(STIMULUS, SESSION, 48).of_two()
    pairs = [(SESSION[one[0, 0]], SESSION[other[0, 0]]) for one, other in found]
    assert sorted(pairs) == [(i, j) for i in range(4) for j in range(4) if i != j]
    many = Repeats.of(np.repeat([0, 1], 40), np.tile(np.arange(40), 2), 80).of_two()
    assert len({(int(one[0, 0]), int(other[0, 0])) for one, other in many}) == len(many) == 240


@pytest.mark.parametrize("form", [tuple, list])
def test_two_columns_are_conditions_and_repeats(form):
    assert pair_of(form([STIMULUS, SESSION])) == (STIMULUS, SESSION)
    assert pair_of([1, 2]) == ([1, 2], None)
    assert pair_of(("ab", "cd")) == (("ab", "cd"), None)  # two conditions, and no two columns


def test_spearman_brown_is_exact_where_noise_falls_with_repeats():
    signal, noise = 2.0, 3.0
    of_two, of_six = (signal / (signal + noise / number) for number in (2, 6))
    assert spearman_brown(of_two, 3) == pytest.approx(of_six, rel=1e-12)


@pytest.mark.parametrize(
    ("conditions", "repeats", "error", "words"),
    [
        (
            np.arange(48),
            None,
            InvalidValue,
            "each of 48 samples is a condition of its own; repeats= names what repeats of one condition have in "
            "common, as the stimulus of several trials.",
        ),
        (
            np.zeros(48),
            None,
            InvalidValue,
            "all 48 samples are of one condition; repeats= names what tells conditions apart, as a stimulus.",
        ),
        (STIMULUS[1:], None, InvalidValue, "conditions of shape (47,) for 48 samples; give one label per sample."),
        (
            ["a"] * 3 + ["b"] + ["c"] * 44,
            None,
            InvalidValue,
            "condition 'b' has 1 repeat, 'c' has 44; give as many of each: leave out conditions, or repeats that are "
            "too many.",
        ),
        (
            np.where(STIMULUS == 3, np.nan, STIMULUS),
            None,
            InvalidValue,
            "4 of 48 samples have no condition; give each of them one, or leave them out.",
        ),
        (
            STIMULUS / 2,
            None,
            InvalidType,
            "conditions of real numbers that are not whole; give categories: whole numbers, or words.",
        ),
        (
            STIMULUS,
            STIMULUS,
            InvalidValue,
            "12 different repeats of conditions that have 4 samples each; every repeat, as a session or a subject, "
            "must have every condition once.",
        ),
        (
            STIMULUS,
            [None, *SESSION[1:]],
            InvalidValue,
            "1 of 48 samples have no repeat; give each of them one, or leave them out.",
        ),
    ],
)
def test_what_is_no_design_is_refused_in_one_line(conditions, repeats, error, words):
    with pytest.raises(error) as caught:
        Repeats.of(conditions, repeats, 48)
    assert str(caught.value) == words
