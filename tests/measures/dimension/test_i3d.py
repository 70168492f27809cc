"""I3D against lattices of known dimension, counts by hand and DADApy."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension import i3d as module
from layerscape.measures.dimension.i3d import i3d
from layerscape.measures.dimension.lattice import log_volume


def measured(x, **options):
    return i3d(Representation(np.asarray(x)), **options)


def log_volume_by_steps(t, d):
    """From the generating function (1 + z)^d / (1 − z)^(d+1): (t+1)·V(t+1) = (2d+1)·V(t) + t·V(t−1)."""
    total, growth = 0.0, 0.0
    for step in range(t):
        growth = (2 * d + 1 + (step / growth if step else 0)) / (step + 1)
        total += np.log(growth)
    return total


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_the_volume_is_the_number_of_lattice_points(d):
    for t in range(5):
        points = sum(sum(map(abs, point)) <= t for point in itertools.product(range(-t, t + 1), repeat=d))
        assert np.exp(log_volume(t, d)) == pytest.approx(points, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(t=st.integers(1, 2000), d=st.floats(0, 500))
def test_the_volume_follows_its_recurrence_for_every_real_dimension(t, d):
    assert log_volume(t, d) == pytest.approx(log_volume_by_steps(t, d), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("d", [0.05, 0.7, 1.0, 2.5, 40.0])
def test_the_volume_of_a_ball_too_large_to_sum_is_close(d):
    assert log_volume(30_000, d) == pytest.approx(log_volume_by_steps(30_000, d), abs=1e-6)


@pytest.mark.parametrize(
    ("d", "side", "scale", "value", "gap"),
    [(2, 60, 6, 1.95923, 0.0297), (3, 30, 10, 2.79017, 0.0267), (5, 20, 16, 4.23150, 0.0070)],
)
def test_is_what_dadapy_gives(d, side, scale, value, gap):
    """Figures of IdDiscrete of DADApy 0.3.4 (method "mle"; the gap from 10⁶ draws), from RandomState(d)."""
    x = np.random.RandomState(d).randint(0, side, (600, d))
    estimate = measured(x, scale=scale)
    assert estimate.value == pytest.approx(value, abs=2e-5)
    assert estimate.details["gap"] == pytest.approx(gap, abs=2e-3)


@pytest.mark.parametrize(("d", "side", "scale"), [(1, 20_000, 20), (2, 400, 8), (3, 100, 8), (4, 60, 12)])
def test_uniform_lattices_have_their_dimension(d, side, scale, rng):
    estimate = measured(rng.integers(0, side, (4000, d)), scale=scale)
    assert estimate.value == pytest.approx(d, rel=0.08)
    assert estimate.warnings == () or d > 3


def test_units_that_follow_others_add_nothing(rng):
    x = rng.integers(0, 200, (2000, 2))
    plane = np.column_stack([x, x[:, :1] * 0 + 7])
    assert measured(plane, scale=8).value == measured(x, scale=8).value


def test_counts_are_the_counts_by_hand(rng):
    x = rng.poisson(5, (150, 3))
    estimate = measured(x, scale=6, ratio=0.7)
    distances = np.abs(x[:, None] - x[None]).sum(axis=2)
    inside, neighbors = (distances <= 4).sum(axis=1) - 1, (distances <= 6).sum(axis=1) - 1
    assert (estimate.details["inside"] == inside).all()
    assert (estimate.details["neighbors"] == neighbors).all()
    assert estimate.details["inner"] == 4
    share = log_volume(4, estimate.value) - log_volume(6, estimate.value)
    assert share == pytest.approx(np.log(inside.sum() / neighbors.sum()), rel=1e-10)


def test_default_scale_is_the_smallest_with_enough_pairs(rng):
    estimate = measured(rng.integers(0, 40, (800, 4)))
    assert estimate.details["inside"].sum() >= 200
    scales = [point.scale for point in estimate.curve]
    assert scales == sorted(scales)
    assert estimate.value == estimate.curve[scales.index(estimate.details["scale"])].value
    before = measured(rng.integers(0, 40, (800, 4)), scale=int(scales[scales.index(estimate.details["scale"]) - 1]))
    assert before.details["inside"].sum() < 200
    assert before.warnings[-1].endswith(
        "pairs that are not copies lie within t₁: the interval is itself uncertain; give more samples or a larger scale"
    )


@settings(max_examples=10, deadline=None)
@given(shift=st.integers(-(10**9), 10**9), seed=st.integers(0, 9))
def test_shifts_and_order_of_units_and_samples_and_mirrors_change_nothing(shift, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 12, (80, 4))
    value = measured(x).value
    assert measured(x + shift).value == value
    assert measured(x[rng.permutation(80)][:, rng.permutation(4)]).value == value
    assert measured(-x).value == value


def test_types_and_blocks_change_nothing(rng, monkeypatch):
    x = rng.integers(0, 30, (200, 5))
    whole = measured(x, references=90)
    assert measured(x.astype(np.uint8), references=90).value == whole.value
    assert measured(x.astype(np.float32), references=90).value == whole.value
    monkeypatch.setattr(module, "TILE", 500)
    monkeypatch.setattr("layerscape.core.representation.BLOCK_BYTES", 8 * 5 * 33)
    parts = measured(x, references=90)
    assert (parts.value, parts.low, parts.high) == (whole.value, whole.low, whole.high)


def test_some_references_give_nearly_the_value_of_all(rng):
    x = rng.integers(0, 60, (1500, 3))
    whole, some = measured(x, scale=8, references=1500), measured(x, scale=8, references=300)
    assert some.low < whole.value < some.high
    assert some.high - some.low > whole.high - whole.low


def test_the_interval_is_as_wide_as_the_value_varies():
    found = [measured(np.random.default_rng(seed).integers(0, 30, (300, 3)), scale=8) for seed in range(60)]
    sd = np.std([estimate.value for estimate in found], ddof=1)
    told = np.mean([(estimate.high - estimate.low) / 2 / 1.96 for estimate in found])
    assert 0.75 < told / sd < 1.35


def test_a_density_that_changes_is_said(rng):
    x = np.concatenate([rng.integers(0, 30, (1000, 2)), rng.integers(0, 6, (1000, 2))])
    warnings = measured(x, scale=8).warnings
    assert any(text.startswith("the numbers of neighbors do not follow the binomial law") for text in warnings)


def test_repeated_samples_are_said(rng):
    x = rng.integers(0, 50, (300, 4))
    assert not any("copies" in text for text in measured(x).warnings)
    warnings = measured(np.repeat(x, 2, axis=0)).warnings
    assert any("of the pairs within t₁ are copies, where the lattice explains" in text for text in warnings)


def test_three_samples_one_unit_and_wide_ranges_will_do():
    assert measured([[0], [1], [3]], scale=4).low < measured([[0], [1], [3]], scale=4).high
    x = np.random.default_rng(0).integers(-(10**6), 10**6, (400, 2))
    assert measured(x).value == pytest.approx(2, abs=0.4)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: measured(x + 0.25),
            "sample '0' has the value 5.25; i3d is for whole numbers: round or count first, or use gride, which is "
            "for real ones.",
        ),
        (lambda x: measured(x, ratio=1.0), "ratio=1.0; it is the inner radius over the outer one: give 0 < ratio < 1."),
        (lambda x: measured(x, scale=1), "scale=1; with ratio=0.5 give a whole number of at least 2."),
        (lambda x: measured(x, scale=2.5), "scale=2.5; with ratio=0.5 give a whole number of at least 2."),
        (lambda x: measured(x, scale=3, ratio=0.2), "scale=3; with ratio=0.2 give a whole number of at least 5."),
        (lambda x: measured(x[:2]), "2 samples; a dimension needs at least 3, and hundreds to mean something."),
        (
            lambda x: measured(np.full((9, 2), 4)),
            "the data is constant over the samples and has no dimension; leave it out.",
        ),
        (
            lambda x: measured(x * 2**55),
            "the data holds whole numbers beyond 2⁵³, which float64 cannot count; use gride.",
        ),
        (
            lambda x: measured(x * 1000, scale=8),
            "at scale=8 no pair of samples lies within t₁, or none between t₁ and t₂; give another scale, a "
            "ratio nearer 1, or more samples.",
        ),
        (
            lambda x: measured([[0], [1], [0], [1]]),
            "at every scale no pair of samples lies within t₁, or none between t₁ and t₂; give another scale, a "
            "ratio nearer 1, or more samples.",
        ),
    ],
)
def test_errors(call, text):
    x = np.random.default_rng(0).integers(0, 12, (50, 3))
    x[0, 0] = 5
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        call(x)
