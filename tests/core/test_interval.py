"""Intervals from what a value is without each of some groups."""

import numpy as np
import pytest
from scipy import stats

import layerscape as ls
from layerscape.core.interval import ends_without


def wilson(share, n):
    z = stats.t.ppf(0.975, n - 1)
    center, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return (center - half) / (1 + z**2 / n), (center + half) / (1 + z**2 / n)


@pytest.mark.parametrize("value", [1.0, 1 - 2e-16, 1 + 2e-16])
def test_all_is_as_sure_as_it_is_of_so_many_groups(value):
    low, high = ends_without(value, np.full(14, value), (0, 1), share=True)
    assert (low, high) == pytest.approx((wilson(1, 14)[0], 1))
    low, high = ends_without(value, np.r_[np.ones(13), 0.97], (0, 1), share=True)
    assert (low, high) == pytest.approx((wilson(1, 14)[0], 1))


def test_nothing_is_as_sure_too_and_a_share_that_no_group_moves():
    assert ends_without(0.0, np.zeros(14), (0, 1), share=True) == pytest.approx((0, wilson(0, 14)[1]))
    assert ends_without(0.9, np.full(14, 0.9), (0, 1), share=True) == pytest.approx(wilson(0.9, 14))


def test_what_is_no_share_and_cannot_move_is_known():
    assert ends_without(1.0, np.ones(14), (0, 1)) == (1, 1)


def test_layers_in_which_groups_are_told_wholly_have_an_interval_of_the_groups():
    """Rounding left 1 − 2·10⁻¹⁶ in one draw of these, and the interval was 0 to 1."""
    low, high, values = [], [], []
    for seed in range(5000, 5012):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(14), 8)
        kind = np.arange(14) % 2
        centers = np.c_[4.2 * kind, 0 * kind] + rng.standard_normal((14, 2))
        x = centers[groups] + 0.3 * rng.standard_normal((112, 2))
        found = ls.estimate("label_overlap", x, kind[groups].astype(str), k=10, groups=groups)
        low, high, values = [*low, found.low], [*high, found.high], [*values, found.value]
    assert max(values) == pytest.approx(1)
    assert min(low) > 0.3
    assert min(np.subtract(high, low)) > 0.05
