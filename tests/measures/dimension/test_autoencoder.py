"""The autoencoder: curves that PCA cannot follow, its own PCA as a bound, and no trace of the order of rows."""

import re

import numpy as np
import pytest
import torch

from layerscape.errors import InvalidValue
from layerscape.pipeline.estimate import estimate

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
        ({}, 30, "30 distinct samples; autoencoder needs at least 50, and hundreds to learn from."),
    ],
)
def test_errors(options, n, text, rng):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("autoencoder", rng.standard_normal((n, 3)), **options)
