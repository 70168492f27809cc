"""Half a squared distance lies between its bound and that and the doubts, also by sums as tensor cores make them."""

import numpy as np
import pytest

from layerscape.core.threads import workers
from tests.search.gpu.devices import MODULES, tensor_core
from tests.search.reference import KINDS, cloud
from tests.search.test_arithmetic import HARD, job_of

torch = pytest.importorskip("torch")
halves, singles, trials = MODULES["halves"], MODULES["singles"], MODULES["trials"]
ROWS = HARD | {kind: cloud(kind, 90, 300, 5) for kind in KINDS}
ROWS |= {
    "one wide row of each size": np.random.default_rng(0).standard_normal((40, 5000)) * 2.0 ** -np.arange(40)[:, None]
}
ROWS |= {"entries of all scales": cloud("gaussian", 60, 200, 1) * 2.0 ** -np.arange(200.0)}
FAR = "one huge row", "one far row", "pixels, one of them far"  # beside which all others are next to 0


def bounds_of(x, kind, device="cpu"):
    """Half squared distances in the scale of bounds, bounds, and doubts of rows."""
    with workers(1) as pool:
        job = job_of(np.unique(x, axis=0), pool)
        arithmetic = kind(job, torch.device(device), 2**20)
        held = arithmetic.room(job.points.n_points)
        values = job.points.read(slice(None))
        doubts = arithmetic.fill(job.points, torch.from_numpy(values).to(device), held)
        made = arithmetic.bounds(held, held) * arithmetic.unit
        seen = job.points.centered_wide(values).astype(np.longdouble)
    half = np.array([((row - seen) ** 2).sum(axis=1) / 2 for row in seen])
    return half, made.cpu().numpy(), doubts


def assert_bounds(half, bounds, doubts):
    assert np.isfinite(bounds).all()
    assert (bounds <= half + 2.0**-101).all()
    assert (half <= np.maximum(bounds, 0) + doubts[:, None] + doubts + 2.0**-101).all()


@pytest.mark.parametrize("kind", [halves.Halves, singles.Singles], ids=["float16", "float32"])
@pytest.mark.parametrize("name", ROWS)
def test_bounds_are_bounds(name, kind):
    half, bounds, doubts = bounds_of(ROWS[name], kind)
    assert_bounds(half, bounds, doubts)
    assert (doubts < 0.02 * np.maximum((half.max(axis=1)), 2.0**-60)).all() or name in FAR


@pytest.mark.parametrize(("bits", "block"), [(23, 1), (23, 4), (25, 16)])
@pytest.mark.parametrize("name", ["gaussian", "cauchy", "ones and minus ones", "line", "rows of all scales", "binary"])
def test_bounds_are_bounds_where_sums_are_cut_off(name, bits, block, monkeypatch):
    monkeypatch.setattr(halves, "multiply", tensor_core(bits, block))
    assert_bounds(*bounds_of(ROWS[name], halves.Halves))


def test_the_extremes_that_a_device_is_tried_with_are_bounded_too(monkeypatch):
    monkeypatch.setattr(halves, "multiply", tensor_core(23, 1))
    assert_bounds(*bounds_of(np.concatenate(trials.extremes(400))[::3], halves.Halves))


def test_without_a_trial_a_device_that_keeps_too_few_bits_would_break_a_bound(monkeypatch):
    """So the trial is needed: what it refuses gives bounds that are none."""
    monkeypatch.setattr(halves, "multiply", tensor_core(13, 16))
    half, bounds, _ = bounds_of(ROWS["gaussian"], halves.Halves)
    assert (bounds > half + 2.0**-101).any()


@pytest.mark.gpu
@pytest.mark.parametrize("kind", [halves.Halves, singles.Singles], ids=["float16", "float32"])
@pytest.mark.parametrize("name", ROWS)
def test_bounds_of_a_card_are_bounds(name, kind):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with MODULES["device"].full_products(torch.device("cuda")):
        assert_bounds(*bounds_of(ROWS[name], kind, "cuda"))
