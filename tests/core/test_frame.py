"""Frames center and scale exactly what can be exact, block by block."""

import numpy as np
import pytest

from layerscape.core import representation
from layerscape.core.frame import frame, frame_by_unit
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
