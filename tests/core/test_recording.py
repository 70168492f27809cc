"""Samples in time: their autocorrelation and its time, of series of known law."""

import re

import numpy as np
import pytest

from layerscape.core.exchange import of_each, shifts
from layerscape.core.recording import Recording, autocorrelation, correlation_time
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue


def autoregressive(share, n=20_000, units=4, seed=0):
    rng = np.random.default_rng(seed)
    x = np.zeros((n, units))
    for row in range(1, n):
        x[row] = share * x[row - 1] + rng.standard_normal(units)
    return Representation(x)


@pytest.mark.parametrize(("share", "lag", "time"), [(0.5, 4, 3), (0.9, 22, 19)])
def test_an_autoregressive_series_has_its_known_time(share, lag, time):
    """ρ(ℓ) = shareˡ and τ = (1 + share) / (1 − share)."""
    x = autoregressive(share)
    rho = autocorrelation(x)
    assert rho[:10] == pytest.approx(share ** np.arange(10), abs=0.03)
    assert correlation_time(rho) == pytest.approx(time, rel=0.1)
    found = Recording.of("auto", [x, autoregressive(0.1)])
    assert found.lag == pytest.approx(lag, abs=2)
    assert found.worth == pytest.approx(20_000 / time, rel=0.1)


def test_the_autocorrelation_is_the_mean_of_products(rng):
    x = rng.standard_normal((31, 3)).cumsum(axis=0)
    centered = x - x.mean(axis=0)
    plain = [(centered[: 31 - lag] * centered[lag:]).sum(axis=1).mean() for lag in range(16)]
    assert autocorrelation(Representation(x)) == pytest.approx(np.array(plain) / plain[0], abs=1e-12)


@pytest.mark.parametrize(
    ("lag", "x", "kind", "words"),
    [
        ("auto", np.linspace(0, 1, 60)[:, None] ** 0.05, None, ""),
        (40, np.random.default_rng(0).standard_normal((60, 2)), InvalidValue, "lag=40 of 60 samples; it must lie in"),
        ("long", np.eye(9), InvalidType, "lag='long'; give how many rows"),
        (3.5, np.eye(9), InvalidType, "lag=3.5 is no whole number"),
        (2, np.ones((9, 2)), InvalidValue, "is constant over the samples"),
    ],
)  # fmt: skip
def test_a_lag_that_cannot_be_is_refused(lag, x, kind, words):
    if kind is None:
        assert Recording.of(lag, [Representation(x)]).lag < 30
        return
    with pytest.raises(kind, match=re.escape(words)):
        Recording.of(lag, [Representation(x)])


def test_shifts_are_by_at_least_the_lag_and_each_once():
    exchange = shifts(20, 4)
    orders = exchange.orders(999, 0)
    assert [int(order[0]) for order in orders] == list(range(4, 17))
    assert exchange.arrangements == 14
    assert all((np.diff(order) % 20 == 1).all() for order in orders)
    assert exchange.warnings == ("the series can be arranged in 14 ways: too few for a p",)
    chance, null = shifts(60, 4).chance(of_each(lambda order: -float(min(order[0], 60 - order[0]))), low=False)
    assert len(null) == 53
    assert chance.p == pytest.approx(1 / 54)
    assert len(shifts(5000, 10).orders(999, 0)) == 999
