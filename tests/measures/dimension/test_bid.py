"""BID against codes whose law of distances is known, counts by hand and DADApy."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import binom

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension import bid as module
from layerscape.measures.dimension import hamming
from layerscape.measures.dimension.bid import bid


def measured(x, **options):
    return bid(Representation(np.asarray(x)), **options)


def chain(random, n, length, change):
    """Strings of bits, each of which differs from the one before with a probability."""
    steps = np.column_stack([random.randint(0, 2, n), random.random_sample((n, length - 1)) < change])
    return np.cumsum(steps, axis=1).astype(int) % 2


def distances_of_chains(length, change):
    """The law of the Hamming distance of two such strings: where they differ is such a string too."""
    change = 2 * change * (1 - change)
    law = np.zeros((2, length + 1))  # by the last bit of the difference, and the number of ones so far
    law[0, 0] = law[1, 1] = 0.5
    for _ in range(length - 1):
        moved = (1 - change) * law + change * law[::-1]
        law = np.zeros_like(law)
        law[0], law[1, 1:] = moved[0], moved[1, :-1]
    return law.sum(axis=0)


def fit_by_hand(law, alpha_max):
    """The smallest divergence, by a search that uses no derivative."""
    r = np.flatnonzero(np.cumsum(law) <= alpha_max)
    p = law[r] / law[r].sum()

    def divergence(ends):
        d = ends[0] + ends[1] * r
        if (d < r).any() or ends[0] < 0:
            return np.inf
        free = gammaln(d + 1) - gammaln(r + 1) - gammaln(d - r + 1) - d * np.log(2)
        return p @ (np.log(p) - free + np.log(np.exp(free - free.max()).sum()) + free.max())

    middle = p @ r
    start = min(([c * middle, 2 - c] for c in np.linspace(0.1, 2, 40)), key=divergence)
    for _ in range(5):
        found = minimize(
            divergence, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15, "maxiter": 9999}
        )
        start = found.x
    return found.x


@pytest.mark.parametrize("n_units", [20, 100, 400])
def test_independent_fair_bits_count_themselves(n_units, rng):
    estimate = measured(rng.integers(0, 2, (1500, n_units)), alpha_max=1.0)
    assert estimate.value == pytest.approx(n_units, rel=0.02)
    assert estimate.low < n_units < estimate.high
    assert estimate.details["d1"] == pytest.approx(0, abs=0.02)
    assert estimate.details["mean_distance"] == pytest.approx(n_units / 2, rel=0.01)
    assert estimate.warnings == ()


@pytest.mark.parametrize("change", [0.05, 0.2])
def test_chains_have_the_value_of_their_known_law(change):
    d0, d1 = fit_by_hand(distances_of_chains(80, change), 0.2)
    found = [measured(chain(np.random.RandomState(seed), 600, 80, change)) for seed in range(6)]
    sd = np.mean([(estimate.high - estimate.low) / 4 for estimate in found])
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(d0, abs=3 * sd / 6**0.5)
    assert np.mean([estimate.details["d1"] for estimate in found]) == pytest.approx(d1, abs=0.1)


def test_the_fit_finds_the_smallest_divergence():
    for law in (distances_of_chains(60, 0.1), distances_of_chains(200, 0.4), binom.pmf(np.arange(51), 50, 0.5)):
        for alpha in (0.2, 0.99):
            r = np.flatnonzero(np.cumsum(law) <= alpha)
            assert module._fit(r, law[r] / law[r].sum()) == pytest.approx(fit_by_hand(law, alpha), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "alpha", "d0", "d1", "divergence"),
    [
        ("chain", 0.2, 50.6603, 0.77217, 1.1631e-3),
        ("chain", 1.0, 55.6496, 0.59907, 2.7107e-3),
        ("biased", 0.2, 92.7543, 0.18089, 7.9740e-4),
        ("biased", 1.0, 93.6480, 0.15015, 3.2985e-4),
        ("twice", 0.2, 48.2018, 0.95251, 4.5170e-4),
        ("twice", 1.0, 55.8769, 0.59327, 1.9665e-3),
    ],
)
def test_is_what_dadapy_gives(name, alpha, d0, d1, divergence):
    """Figures of BID of DADApy 0.3.4 after 10⁶ random steps, from RandomState."""
    codes = {
        "chain": lambda: chain(np.random.RandomState(0), 300, 80, 0.2),
        "biased": lambda: (np.random.RandomState(1).random_sample((300, 120)) < 0.3).astype(int),
        "twice": lambda: np.repeat(np.random.RandomState(2).randint(0, 2, (300, 40)), 2, axis=1),
    }
    estimate = measured(codes[name](), alpha_max=alpha)
    assert estimate.value == pytest.approx(d0, rel=2e-3)
    assert estimate.details["d1"] == pytest.approx(d1, abs=5e-3)
    assert estimate.details["divergence"] < divergence * 1.001


def test_the_law_is_the_counts_by_hand(rng, monkeypatch):
    x = (rng.standard_normal((90, 5)) @ rng.standard_normal((5, 30)) > 0).astype(int)
    monkeypatch.setattr(hamming, "TILE", 500)
    estimate = measured(x, alpha_min=0.05, alpha_max=0.5)
    apart = (x[:, None] != x[None]).sum(axis=2)[np.triu_indices(90, 1)]
    r = estimate.details["distance"]
    share = np.array([(apart == at).mean() for at in r])
    assert np.exp(estimate.details["log_p"]) == pytest.approx(share / share.sum())
    assert (apart <= r[-1]).mean() <= 0.5 < (apart <= r[-1] + 1).mean()
    assert (apart <= r[0]).mean() <= 0.05 < (apart <= r[0] + 1).mean()
    assert estimate.details["mean_distance"] == pytest.approx(apart.mean())
    log_p, model = estimate.details["log_p"], estimate.details["log_p_model"]
    assert estimate.details["divergence"] == pytest.approx(np.exp(log_p) @ (log_p - model))
    assert np.exp(model).sum() == pytest.approx(1)


def test_the_curve_is_the_line(rng):
    estimate = measured(rng.integers(0, 2, (300, 64)))
    for point in estimate.curve:
        assert point.value == pytest.approx(estimate.value + estimate.details["d1"] * point.scale)
        assert point.low < point.value < point.high
    assert estimate.curve[-1].high - estimate.curve[-1].low < estimate.high - estimate.low


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99))
def test_order_signs_and_types_change_nothing(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (60, 30))
    value = measured(x).value
    assert measured(x[rng.permutation(60)][:, rng.permutation(30)]).value == value
    assert measured(x ^ rng.integers(0, 2, 30)).value == value
    assert measured(2 * x - 1).value == value
    assert measured(x.astype(bool)).value == value
    assert measured(x.astype(np.float32)).value == value


@pytest.mark.parametrize("law", ["fair", "chain"])
def test_the_interval_is_as_wide_as_the_value_varies(law):
    """The first law has no variation between samples, the second has."""
    found = []
    for seed in range(40):
        random = np.random.RandomState(seed)
        found.append(measured(random.randint(0, 2, (200, 60)) if law == "fair" else chain(random, 200, 60, 0.1)))
    sd = np.std([estimate.value for estimate in found], ddof=1)
    told = np.mean([(estimate.high - estimate.low) / 4 for estimate in found])
    assert 0.7 < told / sd < 1.4


def test_the_seed_moves_only_the_interval(rng):
    x = rng.integers(0, 2, (300, 40))
    one, other = measured(x), measured(x, seed=1)
    assert one.value == other.value
    assert one.high != other.high
    assert one.high - one.low == pytest.approx(other.high - other.low, rel=0.6)


def test_a_bad_fit_is_said(rng):
    two = np.concatenate([rng.random((200, 200)) < 0.05, rng.random((200, 200)) < 0.95])
    (warning,) = measured(two, alpha_max=0.9).warnings
    assert warning.startswith("the distances do not follow the model (divergence ")


def test_copies_are_said_and_can_be_left_out(rng):
    x = rng.integers(0, 2, (300, 40))
    copied = np.concatenate([x, x[:30]])
    assert measured(copied).warnings[-1] == (
        "30 pairs of samples are copies, more than have the next distance, "
        f"{measured(x).details['distance'][0]}: they pull at the fit of small distances; remove repeated samples, or "
        "leave distance 0 out by alpha_min"
    )
    without = measured(copied, alpha_min=0.001)
    assert without.value == pytest.approx(measured(x, alpha_min=0.001).value, rel=0.05)


def test_few_samples_are_said(rng):
    estimate = measured(rng.integers(0, 2, (12, 40)), alpha_max=0.9)
    assert "only 12 samples: the interval is itself uncertain" in estimate.warnings
    assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: measured(x + 0.25),
            "the data hold 0.25; bid is for bits, 0 and 1 or −1 and 1: make them binary first, as with x > 0 or x > "
            "np.median(x, axis=0).",
        ),
        (
            lambda x: measured(x - x[::-1]),
            "the data hold both −1 and 0; bid is for bits, 0 and 1 or −1 and 1: make them binary first, as with x > 0 "
            "or x > np.median(x, axis=0).",
        ),
        (
            lambda x: measured(x, alpha_min=0.3),
            "alpha_min=0.3, alpha_max=0.2; they are shares of the pairs: give 0 ≤ alpha_min < alpha_max ≤ 1.",
        ),
        (
            lambda x: measured(x[:, :3]),
            "1 distances occur between alpha_min=0.0 and alpha_max=0.2 of the pairs; the fit of two numbers needs at "
            "least 3: raise alpha_max, or give longer codes.",
        ),
        (lambda x: measured(x[:2]), "2 samples; bid needs at least 3, and hundreds to mean something."),
        (
            lambda x: measured(np.ones((20, 4))),
            "the data is constant over the samples and has no dimension; leave it out.",
        ),
    ],
)
def test_errors(call, text):
    x = np.random.default_rng(0).integers(0, 2, (50, 20))
    x[0, 0] = 0
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        call(x)


def test_the_covariance_has_the_products_of_all_pairs_of_groups_that_share_one(rng):
    counts, r = np.triu(rng.integers(0, 9, (3, 4, 4)).astype(float)), np.array([2, 3, 4])
    groups, d0, d1 = np.moveaxis(counts, 0, 2), 8.0, 0.1
    p = groups.sum(axis=(0, 1)) / groups.sum()
    pairs = [(b, c) for b in range(4) for c in range(b, 4)]
    shared = [(one, two) for one in pairs for two in pairs if set(one) & set(two)]
    sums = {pair: groups[pair] @ module._score(r, d0, d1) for pair in pairs}
    inverse = np.linalg.inv(module._curvature(r, p, d0, d1) * groups.sum())
    expected = inverse @ sum(np.outer(sums[one], sums[two]) for one, two in shared) @ inverse
    assert module._spread(groups, r, p, d0, d1)[0] == pytest.approx(expected, rel=1e-9)
