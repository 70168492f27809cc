"""Texts and warnings that differ in numbers and names only are one."""

import warnings

import pytest

from layerscape.core.merged import warned_once


def test_warnings_that_differ_in_a_number_are_given_once_at_the_end():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with warned_once():
            for times in (4.1, 3.7):
                warnings.warn(f"neighbors have the same value {times} times as often", UserWarning, stacklevel=1)
            warnings.warn("another", RuntimeWarning, stacklevel=1)
    said = [(str(each.message), each.category) for each in heard]
    assert said == [
        ("neighbors have the same value 4.1 and 3.7 times as often", UserWarning),
        ("another", RuntimeWarning),
    ]


def test_a_warning_that_is_an_error_is_one():
    with pytest.raises(UserWarning, match="told"), warned_once():
        warnings.warn("told", UserWarning, stacklevel=1)
