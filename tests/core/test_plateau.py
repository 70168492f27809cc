"""Plateaus: the stated test, and nothing that is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.estimate import Point
from layerscape.core.plateau import find_plateau


def curve(*values, half=0.01):
    return [Point(value, value - half, value + half) for value in values]


def test_a_constant_is_one_plateau_over_all_scales():
    plateau = find_plateau(curve(3, 3, 3, 3))
    assert (plateau.first, plateau.last, len(plateau), plateau.value) == (0, 3, 4, 3)
    assert (plateau.low, plateau.high) == pytest.approx((2.99, 3.01))


@given(st.lists(st.floats(1, 100), min_size=3, max_size=7), st.floats(0.01, 1000))
def test_the_unit_of_the_values_does_not_matter(values, unit):
    plain = find_plateau(curve(*values, half=0))
    scaled = find_plateau([Point(v * unit, v * unit, v * unit) for v in values])
    assert (plain is None) == (scaled is None)


def test_steps_of_more_than_ten_percent_are_none_unless_the_intervals_say_so():
    assert find_plateau(curve(4.0, 4.5, 5.1, 5.8)) is None
    assert len(find_plateau(curve(4.0, 4.5, 5.1, 5.8, half=1))) == 4


def test_two_scales_are_too_few():
    assert find_plateau(curve(2, 2)) is None


def test_of_two_of_one_length_the_flatter_is_taken():
    plateau = find_plateau(curve(9.0, 9.1, 9.3, 5.0, 5.0, 5.0))
    assert (plateau.first, plateau.last) == (3, 5)
