"""A run of four layers that was measured in every way that figures show."""

from __future__ import annotations

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.estimate import Estimate
from layerscape.core.representation import Representation
from layerscape.figures import drawn
from layerscape.figures.profile import Profile

MEASURES = (
    *("twonn", "gride", "decimation", "pca", "overlap", "cka", "rsa", "information_imbalance"),
    *("neighbor_survival", "label_overlap", "knn_probe", "hubness"),
)


def norm_ratio(x: Representation, /) -> Estimate:
    """Standard deviation of the norms over their mean."""
    norms = np.linalg.norm(x.read(slice(None)), axis=1)
    ratio = float(norms.std() / norms.mean())
    return Estimate(ratio, ratio, ratio, x.n_samples, x.n_units)


def shared_norms(a: Representation, b: Representation, /) -> Estimate:
    """Correlation of the norms of two representations."""
    value = float(np.corrcoef(*(np.linalg.norm(x.read(slice(None)), axis=1) for x in (a, b)))[0, 1])
    return Estimate(value, value, value, a.n_samples)


@pytest.fixture(scope="session")
def run():
    rng = np.random.default_rng(0)
    digit = rng.integers(4, size=240)
    x = rng.standard_normal((240, 6))
    layers = {"input": x}
    for n in range(1, 4):
        x = np.tanh(x @ rng.standard_normal((6, 6)) / 2) + 0.4 * rng.standard_normal((4, 6))[digit]
        layers[f"stage {n}"] = x
    found = ls.from_arrays(layers, labels={"digit": digit.astype(str)})
    ls.measure(found, [*MEASURES, norm_ratio, shared_norms], k=10, controls="gaussian")
    return found


@pytest.fixture(scope="session")
def series():
    """Three steps of two layers, in which a label comes about."""
    rng = np.random.default_rng(1)
    digit, ids = rng.integers(3, size=160), [f"sample {n}" for n in range(160)]
    x, apart, runs = rng.standard_normal((160, 6)), rng.standard_normal((3, 6)), {}
    for step, strength in {0: 0.0, 10: 1.0, 100: 4.0}.items():
        first = x + strength * apart[digit]
        layers = {"input": x, "block_1": first, "block_2": np.tanh(first)}
        runs[step] = ls.from_arrays(layers, labels={"digit": digit.astype(str)}, ids=ids)
    found = ls.series(runs)
    ls.measure(found, ["twonn", "gride", "overlap", "label_overlap", "information_imbalance"], k=8)
    return found


@pytest.fixture(scope="session")
def profile(run):
    return Profile.of(run.table, run.layers)


@pytest.fixture(scope="session")
def sections(profile):
    return drawn(profile)


@pytest.fixture(scope="session")
def drawings(sections):
    return {name: drawing for own in sections.values() for name, drawing in own.items()}
