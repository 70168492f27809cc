"""Procrustes similarity against scipy, at chance, and on data of which the answer is known."""

import re

import numpy as np
import pytest
import scipy.spatial

from layerscape.core.permutation import permutations
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity import procrustes as module
from layerscape.measures.similarity.procrustes import procrustes

rng = np.random.default_rng(4)
X = rng.standard_normal((120, 6)) * np.geomspace(1, 9, 6)
Y = np.tanh(X @ rng.standard_normal((6, 6)) / 4) + 0.3 * rng.standard_normal((120, 6))


def measure(x, y, **options):
    return procrustes(Representation(x), Representation(y), **options)


def cosine(x, y):
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return np.linalg.svd(x.T @ y, compute_uv=False).sum() / np.linalg.norm(x) / np.linalg.norm(y)


def test_its_sine_is_the_disparity_of_scipy():
    value = measure(X, Y).value
    assert 1 - value**2 == pytest.approx(scipy.spatial.procrustes(X, Y)[2], abs=1e-12)


@pytest.mark.parametrize("shapes", [(120, 6, 3), (120, 1, 1), (20, 50, 70), (20, 50, 5), (10, 10, 9)])
def test_it_is_the_formula_whatever_the_shape(shapes):
    n, wide, narrow = shapes
    x, y = rng.standard_normal((n, wide)) + 50, rng.standard_normal((n, narrow))
    assert measure(x, y).value == pytest.approx(cosine(x, y), abs=1e-12)


@pytest.mark.parametrize("width", [3, 6])
def test_blocks_that_are_not_held_give_what_the_whole_gives(monkeypatch, width):
    whole = measure(X, Y[:, :width])
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 12 * 7)
    monkeypatch.setattr(module, "HELD", 0)
    parts = measure(X, Y[:, :width])
    assert (parts.value, parts.low) == pytest.approx((whole.value, whole.low), abs=1e-12)
    assert parts.details["null"] == pytest.approx(whole.details["null"], abs=1e-12)


@pytest.mark.parametrize("rank", [6, 4])
def test_chance_is_the_formula_of_permuted_rows(rank):
    y = Y[:, :rank] @ rng.standard_normal((rank, 6))
    orders = permutations(120, 20, 0)
    expected = [cosine(X, y[order]) for order in orders]
    assert measure(X, y).details["null"] == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize("width", [6, 300])
def test_an_isometry_is_one(width):
    x = rng.standard_normal((120, width))
    result = measure(x, 7 * x @ np.linalg.qr(rng.standard_normal((width, width)))[0] - 2)
    assert result.value == pytest.approx(1, abs=1e-12)
    assert result.details["angle"] < 1e-5
    assert result.details["corrected"] == pytest.approx(1, abs=1e-9)
    assert result.low < result.value


def test_unrelated_wide_data_are_chance_once_corrected():
    result = measure(rng.standard_normal((256, 192)), rng.standard_normal((256, 192)))
    assert 0.6 < result.chance.value < 0.75  # it depends on N/D: 0.67 at N=1024, D=768
    assert abs(result.details["corrected"]) < 0.02
    assert result.low < result.chance.value < result.high
    shown = f"{result.chance.value:.2f}"
    assert result.warnings == (
        f"unrelated data of this size read {shown}: read details['corrected'], or give more samples",
    )


def test_where_every_pairing_is_a_rotation_nothing_is_corrected():
    whole = np.linalg.svd(np.eye(12) - 1 / 12)[0][:, :11]
    assert measure(whole, whole[rng.permutation(12)]).chance.p == 1
    assert "corrected" not in measure(whole, whole[::-1]).details


def test_the_interval_is_as_wide_as_the_values_scatter():
    def draw(seed):
        x = np.random.default_rng(seed).uniform(-1, 1, (100, 2))
        noise = np.random.default_rng(seed + 1000).standard_normal((100, 3))
        return measure(x, np.c_[x[:, 0] ** 2, x[:, 1], x[:, 0] * x[:, 1]] + 0.2 * noise)

    drawn = [draw(seed) for seed in range(60)]
    mean = np.mean([each.value for each in drawn])
    assert 0.88 <= np.mean([each.low <= mean <= each.high for each in drawn]) <= 1


@pytest.mark.parametrize("widths", [(4, 4), (6, 3), (3, 6)])
def test_pairs_vary_as_second_derivatives_along_random_signs_do(widths):
    a, b = (module._centered(Representation(x[:30, :width])) for x, width in zip((X, Y), widths, strict=True))
    x, y = a.read(np.arange(30)), b.read(np.arange(30))
    svd, draw, found = np.linalg.svd(x.T @ y, full_matrices=False), np.random.default_rng(0), []
    for _ in range(module.SIGNS):
        along = (x * draw.choice([-1.0, 1.0], 30)[:, None]).T @ y
        up, at, down = (np.linalg.norm(x.T @ y + t * along, "nuc") for t in (1e-3, 0, -1e-3))
        found.append((up - 2 * at + down) / 2e-6)
    assert module._pairs(a, b, svd, 30) == pytest.approx(np.var(found, ddof=1), rel=1e-3)


def test_one_far_sample_and_half_precision_are_read_as_they_are():
    far = X + 1e8 * (np.arange(120) == 3)[:, None]
    result = measure(far, Y)
    assert result.value == pytest.approx(cosine(far, Y), abs=1e-12)
    half = X.astype(np.float16)
    assert measure(half, Y).value == pytest.approx(cosine(half.astype(float), Y), abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (X, Y[:99], {}, "representations of 120 and 99 samples; both must be of the same samples."),
        (X[:9], Y[:9], {}, "9 samples; procrustes needs at least 10, and hundreds to mean something."),
        (X, np.full((120, 2), 0.1), {}, "the data is constant over the samples; procrustes cannot compare it."),
        (X, Y, {"permutations": 5}, "permutations=5; give at least 19, so that p can reach 0.05."),
    ],
)
def test_what_cannot_be_measured_is_said(x, y, options, message):
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        measure(x, y, **options)
