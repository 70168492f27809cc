"""What is remembered is made once for one owner and equal arguments, and dies with the owner."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.memo import remembered, remembered_within


class Owner:
    """Something that can be referred to weakly."""


def counting():
    calls = []

    @remembered
    def make(owner, *asked, **named):
        calls.append((asked, named))
        return [len(calls)]

    return make, calls


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=30))
def test_it_is_made_once_for_every_owner_and_argument(asked):
    make, calls = counting()
    owners = [Owner() for _ in range(3)]
    found = {}
    for owner, k in asked:
        assert make(owners[owner], k) is found.setdefault((owner, k), make(owners[owner], k))
    assert len(calls) == len(set(asked))
    assert len({id(one) for one in found.values()}) == len(found)


def test_named_arguments_are_told_apart_by_name():
    make, calls = counting()
    owner = Owner()
    assert make(owner, a=1) is make(owner, a=1)
    assert make(owner, a=1) is not make(owner, b=1)
    assert make(owner) is not make(owner, 1)
    assert calls == [((), {"a": 1}), ((), {"b": 1}), ((), {}), ((1,), {})]


def test_nothing_is_a_result_too_and_an_error_is_none():
    calls = []

    @remembered
    def make(owner, k):
        calls.append(k)
        return 1 / k if k < 9 else None

    owner = Owner()
    assert make(owner, 9) is make(owner, 9) is None
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            make(owner, 0)
    assert calls == [9, 0, 0]


def test_it_dies_with_its_owner_and_keeps_no_owner_alive():
    make, _ = counting()
    owner = Owner()

    class Made:
        """Something large."""

    made = remembered(lambda _: Made())
    result, alive = weakref.ref(made(owner)), weakref.ref(owner)
    make(owner)
    assert result() is not None
    del owner
    gc.collect()
    assert alive() is None
    assert result() is None


def test_it_is_still_called_what_it_was():
    @remembered
    def border(owner):
        """The border."""

    assert (border.__name__, border.__doc__) == ("border", "The border.")


def test_of_large_arrays_those_that_were_asked_for_last_are_kept_within_bytes():
    calls = []

    @remembered_within(3 * 80)
    def make(owner, size):
        calls.append(size)
        return np.zeros(size)

    one, other = Owner(), Owner()
    first = make(one, 10)
    assert make(one, 10) is first
    make(other, 10)
    make(one, 9)
    assert make(one, 10) is first  # now the one that was asked for last
    make(other, 9)  # which takes the place of the first of the other
    assert calls == [10, 10, 9, 9]
    assert make(one, 10) is first
    make(other, 10)
    assert calls == [10, 10, 9, 9, 10]
    make(one, 31)  # more than is kept at all
    make(one, 31)
    assert calls[5:] == [31, 31]
    alive = weakref.ref(make(one, 7))
    assert alive() is not None
    del one
    gc.collect()
    assert alive() is None
