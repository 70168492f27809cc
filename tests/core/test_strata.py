"""Strata keep most samples where these count, and let most groups move where groups count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.strata import FEWEST, arrangements, strata_of


def worth(sizes, strata):
    return sum((len(each) - 1) * sizes[each].min() / (sizes[each].min() + 1) for each in strata)


def runs(number):
    """All ways to cut so many ordered groups into runs."""
    if not number:
        return [[]]
    return [[size, *rest] for size in range(1, number + 1) for rest in runs(number - size)]


@given(sizes=st.lists(st.integers(1, 60), min_size=2, max_size=9))
def test_between_groups_what_may_move_is_worth_most_of_all_ways_to_cut(sizes):
    sizes = np.array(sizes)
    strata = strata_of(sizes, between=True)
    order = np.concatenate(strata).astype(int)
    assert sorted(order) == list(range(len(sizes)))
    ordered = sizes[order]
    assert (np.diff(ordered) >= 0).all()
    by_size = np.argsort(sizes, kind="stable")
    every = [np.split(by_size, np.cumsum(each)[:-1]) for each in runs(len(sizes))]
    best = max(every, key=lambda found: worth(sizes, found))
    if arrangements(list(best)) >= FEWEST:
        assert worth(sizes, strata) == pytest.approx(worth(sizes, best))
    else:
        assert arrangements(strata) == arrangements([list(range(len(sizes)))])


def test_few_groups_make_one_stratum_rather_than_too_few_arrangements():
    assert strata_of(np.array([2, 2, 50, 50, 50]), between=True) == [[0, 1, 2, 3, 4]]
    assert arrangements([[0, 1], [2, 3, 4]]) < FEWEST
    assert strata_of(np.array([9, 10, 10, 10]), between=False) == [[0, 1, 2, 3]]
    assert arrangements([list(range(200)), [200]]) == float("inf")


def test_strata_that_are_cut_to_one_size_are_one():
    """Of five groups of six and one of 150, all are cut to six: in 720 ways they change places, and not in 36."""
    assert strata_of(np.array([6, 150, 6, 6, 6, 6]), between=False) == [[0, 2, 3, 4, 5, 1]]
    assert strata_of(np.array([2, 2, 2, 2, 2, 9, 9, 9, 9]), between=False) == [[0, 1, 2, 3, 4, 5], [6, 7, 8]]
