"""Distance correlation against the textbook formula, permutations and data of which the answer is known."""

import re

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.distance_correlation import distance_correlation

rng = np.random.default_rng(3)
X = rng.standard_normal((150, 6))
Y = np.tanh(X @ rng.standard_normal((6, 4))) + 0.5 * rng.standard_normal((150, 4))
CONSTANT = "the data is constant over the samples, or over all but one; distance_correlation cannot compare it."


def measure(x, y, **options):
    return distance_correlation(Representation(x), Representation(y), **options)


def u_centered(x):
    d, n = cdist(x, x), len(x)
    u = d - d.sum(0) / (n - 2) - d.sum(1)[:, None] / (n - 2) + d.sum() / ((n - 1) * (n - 2))
    return u * (1 - np.eye(n))


def textbook(x, y):
    a, b = u_centered(x), u_centered(y)
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


@pytest.mark.parametrize(
    "pair", [(X, Y), (X[:, :1], Y[:, :1]), (X[:10], Y[:10]), (X**3, Y), (X[:, :2], rng.random((150, 500)))]
)
def test_it_is_the_formula(pair):
    assert measure(*pair).value == pytest.approx(textbook(*pair), rel=1e-9, abs=1e-12)


def test_chance_is_what_permutations_give():
    x, y = rng.standard_normal((60, 1)), rng.standard_normal((60, 2))
    a, b = u_centered(x), u_centered(y)
    norm = np.sqrt((a * a).sum() * (b * b).sum())
    draws = np.array([(a * b[order][:, order]).sum() / norm for order in (rng.permutation(60) for _ in range(4000))])
    chance = measure(x, y).chance
    assert draws.mean() == pytest.approx(0, abs=4 * draws.std() / 4000**0.5)
    assert draws.std() == pytest.approx((2 / (60 * 57)) ** 0.5, rel=0.08)
    assert np.mean(draws > chance.high) == pytest.approx(0.025, abs=0.01)
    assert chance.p == pytest.approx(np.mean(draws >= measure(x, y).value), abs=0.05)


def test_unrelated_wide_data_are_chance():
    result = measure(rng.standard_normal((300, 400)), rng.standard_normal((300, 500)))
    assert abs(result.value) < 0.02
    assert result.low < 0 < result.high


def test_an_isometry_is_one_and_a_relation_without_correlation_is_seen():
    turned = X @ np.linalg.qr(rng.standard_normal((6, 6)))[0] * 7 - 2
    assert measure(X, turned).value == pytest.approx(1, abs=1e-12)
    angle = rng.uniform(0, 2 * np.pi, (300, 1))
    result = measure(np.cos(angle), np.sin(angle))  # uncorrelated, not independent
    assert result.chance.p < 1e-3
    assert result.low > 0


def test_a_sample_of_the_rows_is_said_and_near_the_whole():
    x = rng.standard_normal((1200, 4))
    y = x[:, :2] + 0.5 * rng.standard_normal((1200, 2))
    whole, some = measure(x, y), measure(x, y, sample=400, seed=5)
    assert some.warnings[0] == "measured on 400 of 1200 samples, drawn at random (sample=400, seed=5)"
    assert (some.details["sample"], some.n_samples) == (400, 1200)
    assert some.low < whole.value < some.high


@pytest.mark.parametrize(
    "change", [lambda x: x + 1e6 * (np.arange(150) == 3)[:, None], lambda x: x * [1e8, 1, 1, 1, 1, 1]]
)
def test_one_far_sample_or_unit_leaves_it_exact(change):
    x = change(X)
    assert measure(x, Y).value == pytest.approx(textbook(x, Y), abs=1e-7)


def test_half_precision_is_read_as_it_is():
    x = X.astype(np.float16)
    assert measure(x, Y).value == pytest.approx(textbook(x.astype(float), Y), rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (X, Y[:99], {}, "representations of 150 and 99 samples; both must be of the same samples."),
        (X[:9], Y[:9], {}, "9 samples; distance_correlation needs at least 10, and hundreds to mean something."),
        (X, Y, {"sample": 5}, "sample=5; give at least 10."),
        (X, np.ones((150, 2)), {}, CONSTANT),
        (X, np.eye(150)[:, :1], {}, CONSTANT),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_said(x, y, options, message):
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        measure(x, y, **options)
