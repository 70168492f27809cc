"""Plateaus: the stated test, and nothing that is not one."""

import numpy as np
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


def far(*values, ratio, half):
    """A curve whose scales are so many times as far away, one after the other."""
    return [Point(v, v - half, v + half, ratio**place) for place, v in enumerate(values)]


def test_a_steady_fall_is_none_though_neighboring_scales_agree():
    """MNIST: neighboring scales are less than their errors and 5 % apart."""
    fall = (13.6, 12.5, 12.2, 11.7, 11.3, 10.8)
    assert find_plateau(far(*fall, ratio=1.06, half=0.25)) is None
    assert len(find_plateau(far(*[12.0, 12.2, 11.9, 12.1, 12.0, 11.9], ratio=1.06, half=0.25))) == 6


def test_a_stretch_of_a_slope_is_none_and_the_foot_of_one_is():
    assert find_plateau(far(3, 2.0, 2.0, 2.0, 1, ratio=2, half=0.05)) is None
    assert find_plateau(far(3, 2.0, 2.0, 2.0, 3, ratio=2, half=0.05)).first == 1
    assert find_plateau(far(4, 3, 2.0, 2.0, 2.0, ratio=2, half=0.05)).first == 2


def test_three_scales_that_are_hardly_apart_are_too_few():
    assert find_plateau(far(20, 20, 20, ratio=1.03, half=0.1)) is None
    assert len(find_plateau(far(20, 20, 20, 20, ratio=1.03, half=0.1))) == 4
    assert len(find_plateau(far(2, 2, 2, ratio=1.4, half=0.1))) == 3


def test_errors_that_scales_share_hide_no_difference():
    curve = far(9, 10, 11, 12, ratio=1.1, half=2)
    assert len(find_plateau(curve)) == 4
    assert find_plateau(curve, np.full((4, 4), 0.99) + 0.01 * np.eye(4)) is None


def test_what_a_finite_sample_hides_is_not_read_and_widens_what_is():
    raw = far(15, 14.5, 14, 13.5, 9, ratio=1.05, half=0.1)
    curve = far(18, 18, 18, 18, 18, ratio=1.05, half=0.1)
    plateau = find_plateau(curve, raw=raw)
    assert (plateau.first, plateau.last) == (0, 3)
    assert plateau.high - plateau.low > 1.5
    assert find_plateau(curve, raw=raw, usable=[True, False, True, True, True]) is None


@given(st.lists(st.floats(1, 100), min_size=3, max_size=7))
def test_there_is_a_plateau_of_a_curve_backwards_if_there_is_one(values):
    assert (find_plateau(curve(*values)) is None) == (find_plateau(curve(*values[::-1])) is None)
