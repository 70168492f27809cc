"""Numbers as people read them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.words import more_than, number, p_said, p_value, share_of


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


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "< 1e-6"),
        (1e-300, "< 1e-6"),
        (9.99e-7, "< 1e-6"),
        (1e-6, "< 1e-6"),
        (1.1e-6, "1.1e-06"),
        (0.05, "0.05"),
        (1.0, "1"),
        (math.nan, "–"),
    ],
)
def test_no_p_is_zero(p, text):
    assert p_value(p) == text
    assert p_said(p) == (f"p {text}" if text.startswith("<") else f"p = {text}")


@pytest.mark.parametrize(
    ("ratio", "share", "more"),
    [
        (0.02, "2% of", ""),
        (1.13, "113% of", "13% more than"),
        (2.0, "2 times", "2 times what"),
        (31.26, "31 times", "31 times what"),
        (250.4, "250 times", "250 times what"),
        (1692154.08, "more than 1000 times", "more than 1000 times what"),
        (math.inf, "more than 1000 times", "more than 1000 times what"),
    ],
)
def test_a_large_ratio_is_no_percentage(ratio, share, more):
    assert share_of(ratio) == share
    assert ratio < 1 or more_than(ratio) == more


@given(st.floats(1, exclude_min=False, allow_infinity=True))
def test_how_much_more_is_a_few_digits(ratio):
    assert re.fullmatch(r"\d{1,3}% more than|(more than )?[\d.]{1,4} times what", more_than(ratio))
