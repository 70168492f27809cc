"""Numbers as people read them."""

import math

import pytest

from layerscape.core.words import number


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [(13.5571, 0.28, "13.56"), (0.5, 0.0, "0.5"), (3.0, 40.0, "3"), (None, 1.0, "–"), (-0.0012, 0.01, "-0.001")],
)
def test_a_number_has_the_digits_its_uncertainty_leaves(value, step, text):
    assert number(value, step) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0376884, "0.03769"), (1234.5, "1234"), (123456.7, "123457"), (2.5e7, "2.5e+07"), (math.nan, "–"), (0.0, "0")],
)
def test_a_number_of_unknown_uncertainty_has_four_digits_and_no_power_of_ten_below_a_million(value, text):
    assert number(value) == text
