"""Turns of profiles: those that are there and that intervals tell, and in at most one of twenty flat ones a turn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.reports.telling import above, times
from layerscape.reports.turning import turns


def rows_of(values, half):
    halves = np.broadcast_to(half, len(values))
    return [{"value": v, "low": v - h, "high": v + h} for v, h in zip(map(float, values), halves, strict=True)]


@pytest.mark.parametrize("n", [2, 5, 13, 49])
def test_of_equal_layers_a_turn_is_said_in_one_of_twenty(n):
    rng = np.random.default_rng(n)
    said = [bool(turns(rows_of(rng.standard_normal(n), 1.959964)).points) for _ in range(400)]
    assert 0.02 < np.mean(said) < 0.08


def test_layers_that_go_up_and_down_together_are_told_apart_less_often():
    rng = np.random.default_rng(0)
    said = [
        bool(turns(rows_of(0.9 * rng.standard_normal() + 0.44 * rng.standard_normal(13), 1.959964)).points)
        for _ in range(300)
    ]
    assert np.mean(said) < 0.02


def test_more_that_are_compared_are_told_apart_less():
    assert times(2) == pytest.approx(1)
    assert times(13) == pytest.approx(3.3127 / 1.959964, rel=1e-3)  # Tukey's table: q = 4.685 of 13 at 5 %
    first, second = rows_of([3.0, 0.0], 2.0)
    assert above(first, second)
    assert not above(first, second, 13)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=9), st.floats(0.01, 20))
def test_what_is_said_to_turn_is_told_apart_and_upside_down_or_backwards_it_is_the_same(values, half):
    found = turns(rows_of(values, half))
    places = found.points
    for a, b, way in zip(places, places[1:], found.ways, strict=False):
        assert way * (values[b] - values[a]) > np.sqrt(2) * half * times(len(values)) * (1 - 1e-9)
    assert all(a == -b for a, b in zip(found.ways, found.ways[1:], strict=False))
    assert turns(rows_of([-v for v in values], half)).ways == tuple(-way for way in found.ways)
    assert turns(rows_of(values[::-1], half)).ways == tuple(-way for way in found.ways[::-1])


def test_without_intervals_nothing_is_told():
    found = turns([{"value": v, "low": None, "high": None} for v in (1.0, 9.0, 1.0)])
    assert (found.points, found.ways, found.plateaus) == ((), (), ())


def test_a_turn_that_is_not_told_is_left_open():
    values = [0, 10, 20, 17, 30, 40]
    assert turns(rows_of(values, 2)).doubt == (2, 3)
    assert turns(rows_of(values, 2)).ways == (1,)
    assert turns(rows_of(values, 1)).ways == (1, -1, 1)
    assert turns(rows_of(values, 3)).doubt is None


def test_a_plateau_is_long_and_level_beside_the_span_and_known_to_be():
    level = [0, 5, 10, 10.2, 9.9, 10]
    assert turns(rows_of(level, 0.5)).plateaus == ((2, 5),)
    assert turns(rows_of(level, 1.5)).plateaus == ()  # it may be level, and it may not
    assert turns(rows_of(np.linspace(0, 10, 13), 0.3)).plateaus == ()  # a slope
    assert turns(rows_of([0, 10, 10, 0], 0.5)).plateaus == ()  # two layers
    assert turns(rows_of([0, 0, 0, 10, 10, 10], 0.1)).plateaus == ((0, 2), (3, 5))
