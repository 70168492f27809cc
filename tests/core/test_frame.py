"""Frames center and scale exactly what can be exact, block by block; standardized, every unit has mean 0 and sd 1."""

import numpy as np
import pytest

from layerscape.core import representation
from layerscape.core.frame import Standardized, frame, frame_by_unit, standardized, standardized_as
from layerscape.core.representation import Representation

rng = np.random.default_rng(7)
X = rng.standard_normal((50, 4)) * [1, 1e-3, 1e5, 0] + [0, 7, -1e9, 0.1]


@pytest.mark.parametrize("make", [frame, frame_by_unit])
@pytest.mark.parametrize("scale", [1.0, 2.0**-900, 2.0**900])
def test_rows_are_centered_and_near_one(make, scale):
    framed = make(Representation(X * scale))
    rows = framed(X * scale)
    assert np.abs(rows.mean(axis=0)).max() < 1e-15
    assert 0.25 < np.abs(rows).max() <= 2
    expected = X - X.mean(axis=0)
    assert np.ldexp(rows, framed.power) / scale == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert (rows[:, 3] == 0).all()


def test_every_unit_has_its_own_scale():
    rows = frame_by_unit(Representation(X))(X)
    assert (np.abs(rows[:, :3]).max(axis=0) > 0.25).all()


def test_blocks_give_what_the_whole_gives(monkeypatch):
    whole = frame_by_unit(Representation(X))(X)
    monkeypatch.setattr(representation, "BLOCK_BYTES", 8 * 4 * 7)
    assert frame_by_unit(Representation(X))(X) == pytest.approx(whole, abs=1e-15)


def test_constant_rows_have_no_peak_and_a_frame_is_kept():
    x = Representation(np.full((9, 3), 0.1))
    assert frame(x).peak == 0
    assert frame(x) is frame(x)


@pytest.mark.parametrize("scale", [1.0, 2.0**-900, 2.0**900])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_standardized_every_unit_has_mean_0_and_sd_1_or_is_0(scale, dtype):
    if dtype == np.float32:
        scale = 1.0 if scale == 1 else scale ** (1 / 15)
    values = standardized(Representation((X * scale).astype(dtype))).read(slice(None))
    assert values.dtype == np.float64
    assert np.abs(values.mean(axis=0)).max() < 1e-11
    assert values[:, :3].std(axis=0) == pytest.approx(1, rel=2e-11)
    assert not values[:, 3].any()


def test_standardized_once_it_stays_so_and_keeps_its_names():
    x = Representation(X, "top", tuple(f"s{number}" for number in range(50)))
    once = standardized(x)
    assert standardized(once) is once
    assert (once.layer, once.ids, once.n_samples, once.n_units) == (x.layer, x.ids, 50, 4)
    assert (once.matrix.shape, once.matrix.ndim, once.precision) == ((50, 4), 2, np.float64)


def test_rows_that_are_taken_stay_at_the_scale_of_all():
    whole, rows = standardized(Representation(X, "top")), np.array([7, 3, 44])
    some = whole.take(rows)
    assert isinstance(some.matrix, Standardized)
    assert standardized(some) is some
    assert (some.layer, some.ids) == ("top", ("7", "3", "44"))
    for asked in (slice(0, 2), [2, 0], np.array([1])):
        np.testing.assert_array_equal(some.read(asked), whole.read(rows[asked]))
    np.testing.assert_array_equal(some.take(np.array([2])).read(slice(None)), whole.read([44]))


def test_other_points_stand_at_the_scale_of_the_first():
    x = Representation(X)
    points = Representation(X[10:13] + np.array([1, 0, 0, 5]), "more")
    found, own = standardized_as(points, x), standardized(x).read(slice(10, 13))
    assert found.layer == "more"
    np.testing.assert_array_equal(found.read(slice(None))[:, 1:3], own[:, 1:3])
    assert found.read(slice(None))[:, 0] - own[:, 0] == pytest.approx(1 / X[:, 0].std())
    assert not found.read(slice(None))[:, 3].any()  # where all samples are equal, no point is far


def test_blocks_standardize_as_the_whole_does(monkeypatch):
    whole = standardized(Representation(X)).read(slice(None))
    monkeypatch.setattr(representation, "BLOCK_BYTES", 8 * 4 * 7)
    assert standardized(Representation(X)).read(slice(None)) == pytest.approx(whole, abs=1e-12)
