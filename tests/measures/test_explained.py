"""Intervals of what far samples multiply: R², and cosines and correlations of squares."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.measures.explained import ends_of_explained


def test_ends_hold_the_value_whatever_the_margin():
    for value in (1.0, 1 - 1e-12, 0.9, 0.0, -3.0):
        for margin in (0.0, 1e-12, 0.1, 1e3, np.inf):
            low, high = ends_of_explained(value, margin)
            assert low < value <= high <= 1
            assert np.isfinite(low)
    low, high = ends_of_explained(0.5, 1e-3)
    np.testing.assert_allclose([low, high], [0.499, 0.501], atol=2e-6)


@pytest.mark.parametrize("name", ["linear_probe", "linear_predictivity", "procrustes", "rsa"])
def test_intervals_hold_for_heavy_tails(name):
    """They held in 75 to 84 of 100 by the normal law on a plain scale; see benchmarks/coverage.py."""
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x = rng.standard_t(3, (120, 5))
        number = x[:, 0] + 0.5 * rng.standard_normal(120)
        other = number if name == "linear_probe" else x + 0.3 * rng.standard_normal(x.shape)
        estimate = ls.estimate(name, x, other, permutations=19)
        found.append([estimate.value, estimate.low, estimate.high])
    value, low, high = np.transpose(found)
    assert 0.87 <= ((low <= value.mean()) & (value.mean() <= high)).mean() <= 0.99
