"""Rank correlations against scipy's, with other values set aside, and with what a few values can tell."""

import numpy as np
import pytest
from scipy import stats

from layerscape.core.rank_correlation import rank_correlation
from layerscape.errors import InvalidValue


@pytest.mark.parametrize("n", [4, 7, 30])
def test_value_is_spearmans_with_midranks(n, rng):
    x, y = rng.integers(0, 6, n) + np.arange(n) / n, rng.integers(0, 3, n)
    found = rank_correlation(x, y if np.ptp(y) else y + np.arange(n))
    assert found.value == pytest.approx(stats.spearmanr(x, y if np.ptp(y) else y + np.arange(n)).statistic, abs=1e-12)
    assert found.low <= found.value <= found.high


def test_p_counts_every_order_of_a_few_values(rng):
    x, y = rng.standard_normal(6), rng.standard_normal(6)
    exact = stats.permutation_test((x,), lambda order: stats.spearmanr(order, y).statistic, permutation_type="pairings")
    assert rank_correlation(x, y).p == pytest.approx(exact.pvalue, abs=1e-12)
    assert rank_correlation(range(5), range(5)).p == 2 / 120  # the order and its reverse


def test_p_of_many_values_is_that_of_the_permutations(rng):
    x = rng.standard_normal(40)
    y = 0.4 * x + rng.standard_normal(40)
    assert rank_correlation(x, y).p == pytest.approx(stats.spearmanr(x, y).pvalue, abs=0.02)
    assert rank_correlation(x, x).p == 1e-4


def test_what_follows_from_a_third_is_set_aside(rng):
    z = rng.standard_normal(300)
    x, y = z + 0.5 * rng.standard_normal(300), z + 0.5 * rng.standard_normal(300)
    found = rank_correlation(x, y, [z])
    r = stats.spearmanr(np.stack([x, y, z], axis=1)).statistic
    partial = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert found.value == pytest.approx(partial, abs=1e-12)
    assert rank_correlation(x, y).p == 1e-4 < 0.01 < found.p


def test_an_order_that_agrees_in_few_values_leaves_much_open():
    found = [rank_correlation(range(n), range(n)) for n in (5, 8, 20, 100)]
    assert [each.value for each in found] == pytest.approx([1, 1, 1, 1])
    lows = [each.low for each in found]
    assert lows == sorted(lows)
    assert lows[0] < 0 < 0.99 < lows[-1]


@pytest.mark.parametrize(
    ("x", "y", "aside", "words"),
    [
        ([1, 2, 3], [1, 2, 3], [], "of 3 values; give 4 or more"),
        ([1, 1, 1, 1], [1, 2, 3, 4], [], "values that are all the same"),
        ([1, 2, 3, 4], [1, 2, 3, 4], [[1, 2, 3, 4]], "of 4 values; give 5 or more"),
        ([1, 2, 3, 4, 6], [2, 1, 3, 4, 5], [[1, 2, 3, 4, 5]], "follow from those that are set aside"),
    ],
)
def test_what_has_no_correlation_is_one_line(x, y, aside, words):
    with pytest.raises(InvalidValue, match=words):
        rank_correlation(x, y, aside)
