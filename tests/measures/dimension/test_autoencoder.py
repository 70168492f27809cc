"""The autoencoder: curves that PCA cannot follow, its own PCA as a bound, and no trace of the order of rows."""

import re

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.measures.dimension.bottleneck import FOLDS, _Networks
from layerscape.pipeline.estimate import estimate

torch = pytest.importorskip("torch")

QUICK = {"max_width": 6, "steps": 600}


@pytest.fixture(scope="module")
def arc():
    """A curve of one dimension that turns through three."""
    t = np.random.default_rng(0).random(500)
    return np.stack([t, np.cos(3 * t), np.sin(3 * t)], axis=1)


@pytest.fixture(scope="module")
def found(arc):
    return estimate("autoencoder", arc, **QUICK)


def test_one_number_rebuilds_a_curve_that_pca_needs_two_for(found):
    assert found.value == 1
    assert found.low < 1 < found.high
    assert found.details["gain"] > 0.05
    assert found.details["error"][0] < 0.2 * found.details["pca_error"][0]


@pytest.mark.parametrize(("shape", "d", "by_pca"), [("circle", 1, 2), ("roll", 2, 3), ("sphere", 2, 3)])
def test_curved_clouds_take_fewer_numbers_than_pca(shape, d, by_pca, rng):
    t = 1.5 * np.pi * (1 + 2 * rng.random(1000))
    x = {
        "circle": np.c_[np.cos(t), np.sin(t)],
        "roll": np.c_[t * np.cos(t), 21 * rng.random(1000), t * np.sin(t)],
        "sphere": rng.standard_normal((1000, 3)),
    }[shape]
    x = x / np.linalg.norm(x, axis=1, keepdims=True) if shape == "sphere" else x
    result = estimate("autoencoder", x, max_width=8)
    assert result.low < d < result.high
    assert result.details["pca_elbow"] == by_pca
    assert result.details["error"][d - 1] < 0.4 * result.details["pca_error"][d - 1]


def test_units_that_are_constant_or_beyond_the_samples_change_nothing(arc, found, rng):
    turn = np.linalg.qr(rng.standard_normal((600, 3)))[0]
    wide = estimate("autoencoder", arc @ turn.T + rng.standard_normal(600), **QUICK)  # 500 samples of 600 units
    assert wide.value == found.value
    assert wide.details["pca_error"] == pytest.approx(found.details["pca_error"], abs=1e-9)
    assert wide.details["error"] == pytest.approx(found.details["error"], abs=0.02)


def test_the_order_and_the_turn_of_the_data_leave_no_trace(arc, found, rng):
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    other = estimate("autoencoder", 1e-20 * (arc[rng.permutation(500)] @ turn), **QUICK)
    assert other.details["pca_error"] == pytest.approx(found.details["pca_error"], rel=1e-6, abs=1e-9)
    assert other.details["error"] == pytest.approx(found.details["error"], abs=0.02)
    assert (other.value, other.low, other.high) == (found.value, found.low, found.high)


def test_one_unit_is_one_dimension_and_takes_no_network(rng):
    result = estimate("autoencoder", rng.standard_normal((100, 1)))
    assert (result.value, result.low, result.high) == (1, 0.5, 1.5)
    assert result.details["error"] == pytest.approx(np.zeros(10), abs=1e-12)


def test_a_flat_cloud_is_said_to_be_one_that_pca_explains(rng):
    result = estimate("autoencoder", rng.standard_normal((200, 6)) * np.geomspace(3, 0.1, 6), steps=100)
    assert any(
        words.startswith("the networks explain no more than PCA does up to the elbow") for words in result.warnings
    )


def test_training_that_was_cut_short_is_said_to_be(arc):
    (words,) = estimate("autoencoder", arc, max_width=2, steps=20).warnings
    assert words == "10 of 10 networks still improved after 20 steps: raise steps"


def test_it_trains_where_torch_was_told_not_to(arc, found):
    with torch.inference_mode():
        again = estimate("autoencoder", arc, **QUICK)
    assert (again.details["error"] == found.details["error"]).all()


def test_no_width_depends_on_which_others_are_asked_for(arc):
    x = np.c_[arc, arc**2]
    few, more = (estimate("autoencoder", x, max_width=width, steps=60).details["error"] for width in (2, 4))
    assert (few == more[:2]).all()


def test_the_threads_of_torch_are_given_back_and_change_no_number(arc, found, monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    try:
        torch.set_num_threads(3)
        again = estimate("autoencoder", arc, **QUICK)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert (again.details["error"] == found.details["error"]).all()


def test_slopes_are_those_of_the_error(rng):
    """Those by which networks are trained are written out; torch finds the same of the formula."""
    scores, parts = rng.standard_normal((50, 5)), rng.permutation(50).reshape(FOLDS, -1)
    networks = _Networks(torch, scores, parts, 2, 4, 0)
    networks.weights += 0.1 * torch.from_numpy(rng.standard_normal(networks.weights.shape))
    rows = networks.train[:, :8]
    weights = networks.weights.clone().requires_grad_()
    encode, into, shift, out, decode, back, back_shift, add, middle = networks._layers(weights)
    x = networks.scores[rows]
    code = torch.tanh(x @ into + shift) @ out + (x - middle) @ encode
    rebuilt = middle + torch.tanh(code @ back + back_shift) @ add + code @ decode
    (slope,) = torch.autograd.grad(((rebuilt - x) ** 2).sum() / 8, weights)
    assert networks._slope(rows).numpy() == pytest.approx(slope.numpy(), rel=1e-9, abs=1e-12)


def test_the_errors_of_pca_are_those_of_pca(arc, found):
    """Held-out shares lie near those of all samples."""
    values = np.linalg.eigvalsh(np.cov(arc.T))[::-1]
    left = 1 - np.cumsum(values) / values.sum()
    assert found.details["pca_error"][:2] == pytest.approx(left[:2], abs=0.02)
    assert found.details["pca_error"][2] == pytest.approx(0, abs=1e-9)
    assert (found.details["widths"] == [1, 2, 3, 4, 6]).all()


def test_a_network_never_ends_far_above_the_pca_that_it_starts_from(rng):
    x = rng.standard_normal((300, 8)) * np.linspace(2, 0.5, 8)
    details = estimate("autoencoder", x, **QUICK).details
    assert (details["error"] < 1.05 * details["pca_error"] + 1e-6).all()


def test_the_same_seed_gives_the_same_errors_and_the_global_state_stays(arc, found):
    before = torch.random.get_rng_state()
    again = estimate("autoencoder", arc, **QUICK)
    assert (again.details["error"] == found.details["error"]).all()
    assert (torch.random.get_rng_state() == before).all()


def test_few_samples_and_copies_are_said(arc):
    result = estimate("autoencoder", np.concatenate([arc[:200], arc[:20]]), **QUICK)
    assert "20 exact copies left out; 200 samples remain" in result.warnings
    assert any(words.startswith("only 200 samples: a network learns little curvature") for words in result.warnings)


@pytest.mark.parametrize(
    ("options", "n", "text"),
    [
        ({"max_width": 1}, 100, "max_width=1; give at least 2."),
        ({"hidden": 0}, 100, "hidden=0; give at least 1."),
        (
            {"hidden": 10**9, "max_width": 10**9},
            100,
            "hidden=1000000000; for 3 components and bottlenecks of up to 2 give at most 139809, so that 10 networks "
            "fit into memory.",
        ),
        ({}, 30, "30 distinct samples; autoencoder needs at least 50, and hundreds to learn from."),
    ],
)
def test_errors(options, n, text, rng):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("autoencoder", rng.standard_normal((n, 3)), **options)


def test_a_bottleneck_beyond_the_units_takes_no_memory(rng):
    found = estimate("autoencoder", rng.standard_normal((100, 3)), max_width=10**9, steps=20)
    assert found.details["widths"][-1] == 10**9
