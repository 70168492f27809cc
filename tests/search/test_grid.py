"""Which values are on a grid of so few steps that a byte holds them, and that bounds of such rows need nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.threads import workers
from layerscape.search import find_neighbors, kernels
from layerscape.search.bytes import Bytes
from layerscape.search.grid import grid_of
from layerscape.search.rows import drawn_of
from tests.search.reference import plain
from tests.search.test_arithmetic import by, job_of


@settings(max_examples=200, deadline=None)
@given(
    n_steps=st.integers(1, 300),
    step=st.sampled_from([1.0, 1 / 255, 0.1, 2.0**-30, 1e-310, 1e200]),
    low=st.integers(-300, 300),
    median=st.floats(0, 1),
    precision=st.sampled_from([np.float32, np.float64]),
)
def test_values_of_a_grid_are_steps_from_its_center(n_steps, step, low, median, precision):
    if precision is np.float32 and not 1e-30 < step < 1e30:
        return
    x = (step * (low + np.arange(n_steps + 1.0))).astype(precision)[None].astype(np.float64)
    center, found = grid_of(x, np.full(n_steps + 1, x[0, round(median * n_steps)]))
    assert (found > 0) == (n_steps <= 255)
    if found:
        assert found == pytest.approx(step, rel=1e-3)
        places = (x - center) / found
        assert np.abs(places - np.rint(places)).max() < 2e-3
        assert -128 <= np.rint(places).min() <= np.rint(places).max() <= 127


@pytest.mark.parametrize(
    "x",
    [np.zeros((0, 3)), np.ones((9, 3)), np.array([[0.0, 1.0, 3.0, 5.5]]), np.array([[0.0, 5e-324, 1e300, 7.0]])],
    ids=["no rows", "one value", "no multiples", "all scales"],
)
def test_other_values_are_on_none(x):
    center = np.arange(x.shape[1]) * 1.0
    found, step = grid_of(x, center)
    assert step == 0
    assert found is center


def test_a_center_that_makes_rows_long_is_not_taken():
    """Counts that are 0 but for a few: from the middle of their range every row is long."""
    x = np.zeros((100, 400))
    x[np.arange(100), np.arange(100)] = 255
    x[0, :3] = 1, 2, 3
    assert grid_of(x, np.zeros(400))[1] == 0
    assert grid_of(np.minimum(x, 100), np.zeros(400))[1] == 1


@pytest.mark.skipif(not kernels.available(), reason="this processor has no products of bytes")
@pytest.mark.parametrize("noise", [1e-3, 1e-30, 1e-45])
def test_a_step_beside_which_distances_are_nothing(noise, monkeypatch, rng):
    """One pattern of two values, and rows next to it of which none is drawn: squares of such steps fit no float32."""
    pattern = np.where(rng.random(40) < 0.5, 0.0, 1e6)
    x, others = np.tile(pattern, (600, 1)), np.setdiff1d(np.arange(600), drawn_of(600))[1:]
    x[others] += (pattern == 0) * noise * rng.standard_normal((len(others), 40))
    by(kernels.available()[0], monkeypatch)
    graph = find_neighbors(x, 5)
    indices, distances = plain(x, 5, others)
    np.testing.assert_array_equal(graph.indices[others], indices)
    np.testing.assert_array_equal(graph.distances[others], distances)


@pytest.mark.skipif(not kernels.available(), reason="this processor has no products of bytes")
@pytest.mark.parametrize(
    ("name", "n_refined"), [("pixels", 0), ("pixels in 0 to 1", 0), ("one that is none", 1), ("noise", 500)]
)
def test_second_bytes_are_used_for_rows_that_are_not_of_the_grid(name, n_refined, rng):
    x = rng.integers(0, 256, (500, 60)).astype(np.float32)
    if name == "pixels in 0 to 1":
        x /= np.float32(255)
    elif name == "one that is none":
        x[np.setdiff1d(np.arange(500), drawn_of(500))[0]] *= 7.3
    elif name == "noise":
        x += rng.standard_normal(x.shape).astype(np.float32)
    with workers(1) as pool:
        job = job_of(x, pool)
        arithmetic = Bytes(job, kernels.available()[0])
        block, doubts = arithmetic.room(0, 500), np.empty(500, np.float32)
        arithmetic.fill(job.points, job.points.read(slice(None)), block, doubts)
    assert block.held.refined.sum() == n_refined
    share = doubts / (job.points.centered_wide(x.astype(np.float64)) ** 2).sum(axis=1)
    assert (share[~block.held.refined[:500]] < 2e-5).all()
