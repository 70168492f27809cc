"""RSA against scipy, at chance, and with its interval."""

import re

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.rsa import rsa

rng = np.random.default_rng(5)
X = rng.standard_normal((90, 6))
Y = np.tanh(X @ rng.standard_normal((6, 4))) + 0.5 * rng.standard_normal((90, 4))
EQUAL = "the data: all distances between samples are equal, as when it is constant; rsa has nothing to rank."


def measure(x, y, **options):
    return rsa(Representation(x), Representation(y), **{"permutations": 19, **options})


def by_scipy(x, y):
    return spearmanr(pdist(x), pdist(y)).statistic


@pytest.mark.parametrize(
    "pair",
    [
        (X, Y),
        (X[:10], Y[:10, :1]),
        (rng.integers(0, 3, (90, 4)), Y),  # many equal distances
        (X[np.r_[0:60, 0:30]], Y[np.r_[0:60, 0:30]]),  # copies
        (X[:, :2], rng.random((90, 400))),
        (X.astype(np.float16), Y),
        (X * [1e8, 1, 1, 1, 1, 1], Y),
    ],
)
def test_it_is_spearman_over_all_pairs(pair):
    expected = by_scipy(*(x.astype(float) for x in pair))
    assert measure(*pair).value == pytest.approx(expected, abs=1e-10)


def test_the_null_is_that_of_permuted_samples():
    result = measure(X, Y, permutations=40, seed=3)
    orders = np.random.default_rng(3)
    expected = [by_scipy(X, Y[orders.permutation(90)]) for _ in range(40)]
    assert result.details["null"] == pytest.approx(expected, abs=1e-10)
    assert result.chance.p == pytest.approx(1 / 41)


def test_unrelated_wide_data_are_chance():
    result = measure(rng.standard_normal((200, 300)), rng.standard_normal((200, 300)), permutations=100)
    assert abs(result.value) < 0.05
    assert result.low < 0 < result.high
    assert result.chance.p > 0.01


def test_an_isometry_is_one_and_so_is_any_map_that_keeps_the_order():
    turned = X @ np.linalg.qr(rng.standard_normal((6, 6)))[0] * 7 - 2
    assert measure(X, turned).value == pytest.approx(1, abs=1e-9)
    assert measure(X, turned).low < 1


def test_one_far_sample_moves_it_little():
    far = np.arange(90) == 3
    assert measure(X + 1e9 * far[:, None], Y).value == pytest.approx(measure(X, Y).value, abs=0.05)


def test_one_sample_apart_in_both_is_measured():
    result = measure(np.eye(40)[:, :1], np.eye(40)[:, :1])
    assert result.value == pytest.approx(1)
    assert result.low < result.value


def test_the_interval_is_as_wide_as_the_values_scatter():
    def draw(seed):
        x = np.random.default_rng(seed).standard_normal((70, 3))
        return measure(x, x + np.random.default_rng(seed + 1000).standard_normal((70, 3)))

    drawn = [draw(seed) for seed in range(80)]
    values = np.array([each.value for each in drawn])
    assert 0.88 <= np.mean([each.low <= values.mean() <= each.high for each in drawn]) <= 1
    assert np.mean([each.high - each.low for each in drawn]) / 3.92 == pytest.approx(values.std(), rel=0.3)


def test_a_sample_of_the_rows_is_said_and_near_the_whole():
    x = rng.standard_normal((500, 4))
    y = x[:, :2] + 0.5 * rng.standard_normal((500, 2))
    whole, some = measure(x, y), measure(x, y, sample=200, seed=5)
    assert some.warnings == ("measured on 200 of 500 samples, drawn at random (sample=200, seed=5)",)
    assert (some.details["sample"], some.n_samples, whole.warnings) == (200, 500, ())
    assert some.low < whole.value < some.high


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (X, Y[:50], {}, "representations of 90 and 50 samples; both must be of the same samples."),
        (X[:9], Y[:9], {}, "9 samples; rsa needs at least 10, and hundreds to mean something."),
        (X, Y, {"sample": 5}, "sample=5; give at least 10."),
        (X, Y, {"permutations": 5}, "permutations=5; give at least 19, so that p can reach 0.05."),
        (X, np.full((90, 2), 0.1), {}, EQUAL),
        (np.eye(90), Y, {}, EQUAL),
    ],
)
def test_what_cannot_be_measured_is_said(x, y, options, message):
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        measure(x, y, **options)
