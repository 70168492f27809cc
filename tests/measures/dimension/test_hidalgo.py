"""Hidalgo: its sampler against enumeration of every segmentation, and clouds of known dimensions."""

import itertools
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.gibbs import Model, sample, visit
from layerscape.measures.dimension.hidalgo import hidalgo
from layerscape.measures.dimension.twonn import twonn
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


def clouds(dimensions, n, seed=0, n_units=12):
    """Gaussians of some dimensions, each turned at random and far from the others; and which one a sample is of."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, d in enumerate(dimensions):
        flat = np.zeros((n, n_units))
        flat[:, :d] = rng.standard_normal((n, d))
        parts.append(flat @ np.linalg.qr(rng.standard_normal((n_units, n_units)))[0] + 30 * np.eye(n_units)[number])
    return np.concatenate(parts), np.repeat(np.arange(len(dimensions)), n)


def joint(labels, x, near, zeta, d, p):
    """The posterior of the paper for one segmentation, written out."""
    n, q = near.shape
    sizes = np.bincount(labels, minlength=len(d))
    total = 0.0
    for i, k in enumerate(labels):
        same = int((labels[near[i]] == k).sum())
        z = sum(
            math.comb(sizes[k] - 1, m) * math.comb(n - sizes[k], q - m) * zeta**m * (1 - zeta) ** (q - m)
            for m in range(q + 1)
        )
        total += math.log(p[k] * d[k]) - (d[k] + 1) * x[i]
        total += same * math.log(zeta) + (q - same) * math.log(1 - zeta) - math.log(z)
    return total


def small(n=8, seed=5):
    graph = find_neighbors(np.random.default_rng(seed).standard_normal((n, 2)), 3)
    return np.log(graph.distances[:, 1] / graph.distances[:, 0]), graph.indices.astype(np.int64)


def test_the_log_posterior_is_the_papers_up_to_the_priors(rng):
    x, near = small()
    model, d, p = Model.of(x, near, 0.8), np.array([1.5, 4.0]), np.array([0.3, 0.7])
    for _ in range(20):
        labels = rng.integers(0, 2, 8)
        inside = int((labels[near] == labels[:, None]).sum())
        found = model.log_posterior(d, p, np.bincount(labels, x, 2), np.bincount(labels, minlength=2), inside)
        assert found == pytest.approx(joint(labels, x, near, 0.8, d, p) - d.sum(), rel=1e-12)


@pytest.mark.parametrize("visited", [visit.__wrapped__, visit], ids=["python", "compiled"])
@pytest.mark.parametrize("zeta", [0.5, 0.8])
def test_every_visit_draws_from_the_joint_posterior_given_all_others(visited, zeta, rng):
    x, near = small(12)
    model = Model.of(x, near, zeta)
    d, p = np.array([0.7, 2.0, 5.0]), np.array([0.2, 0.5, 0.3])
    for _ in range(10):
        labels, uniforms = rng.integers(0, 3, 12), rng.random(12)
        expected = labels.copy()
        for i in range(12):
            ways = [np.r_[expected[:i], k, expected[i + 1 :]] for k in range(3)]
            logs = np.array([joint(way, x, near, zeta, d, p) for way in ways])
            shares = np.cumsum(np.exp(logs - logs.max()))
            expected[i] = np.searchsorted(shares, uniforms[i] * shares[-1], side="right")
        counts = np.bincount(labels, minlength=3)
        inside = visited(model, np.log(p * d), d, uniforms, labels, counts)
        assert (labels == expected).all()
        assert (counts == np.bincount(labels, minlength=3)).all()
        assert inside == (labels[near] == labels[:, None]).sum()


def test_the_sampler_agrees_with_the_sum_over_all_segmentations():
    """The mean dimension around a sample, with dimensions and shares integrated out, over 2⁸ segmentations."""
    x, near = small()
    weights, around = [], []
    for way in itertools.product((0, 1), repeat=8):
        labels = np.array(way)
        sizes, sums = np.bincount(labels, minlength=2), np.bincount(labels, x, 2)
        weights.append(joint(labels, x, near, 0.8, np.ones(2), np.ones(2)) + 2 * x.sum())
        weights[-1] += sum(2 * math.lgamma(1 + m) - (1 + m) * math.log(1 + s) for m, s in zip(sizes, sums, strict=True))
        around.append(((1 + sizes) / (1 + sums))[labels])
    weights = np.exp(np.array(weights) - max(weights))
    exact = weights @ np.array(around) / weights.sum()
    chain = sample(Model.of(x, near, 0.8), 2, 30000, 4, seed=0)
    assert chain.per_sample == pytest.approx(exact, rel=0.04)
    assert np.ptp(exact) > 0.3


def test_one_manifold_is_twonn_with_the_papers_prior(rng):
    graph = find_neighbors(rng.standard_normal((1000, 4)), 3)
    found, known = hidalgo(graph, n_manifolds=1, n_iterations=2000), twonn(graph, prior=(1, 1))
    assert found.value == pytest.approx(known.value, rel=0.01)
    assert found.high - found.low == pytest.approx(known.high - known.low, rel=0.2)
    assert found.warnings == ()
    assert found.details["agreement"] == 1


def test_two_clouds_are_told_apart_and_measured():
    x, truth = clouds((2, 5), 700)
    result = estimate("hidalgo", x)
    details = result.details
    assert details["dimensions"] == pytest.approx([2, 5], rel=0.15)
    assert details["held_out"] == pytest.approx([2, 5], rel=0.15)
    assert (details["segments"] == truth).mean() > 0.97
    assert details["weights"] == pytest.approx([0.5, 0.5], abs=0.02)
    assert ((details["low"] < [2, 5]) & (details["high"] > [2, 5])).all()
    assert result.value == result.per_sample.mean() == pytest.approx(3.5, rel=0.08)
    assert result.per_sample[:700].mean() == pytest.approx(details["dimensions"][0], rel=0.05)
    assert details["membership"].shape == (1400, 2)
    assert details["membership"].sum(axis=1) == pytest.approx(np.ones(1400))
    assert details["r_hat"] < 1.1
    assert details["agreement"] > 0.9
    assert result.k == 3
    assert result.warnings == ()


def test_five_clouds_as_in_the_paper():
    x, truth = clouds((1, 2, 4, 5, 9), 1000)
    result = estimate("hidalgo", x, n_manifolds=5, n_iterations=200, near_copies=0)
    assert result.details["dimensions"] == pytest.approx([1, 2, 4, 5, 9], rel=0.15)
    assert (result.details["segments"] == truth).mean() > 0.85
    assert not any("do not differ" in text for text in result.warnings)


def test_one_cloud_asked_for_two_manifolds_is_said_to_be_one(rng):
    for x in (rng.standard_normal((1000, 3)), rng.random((1000, 2))):
        (warning,) = estimate("hidalgo", x).warnings
        pattern = r"by the third neighbor manifolds 0 and 1 \((.*) and (.*)\) do not differ in dimension: "
        first, second = re.fullmatch(
            pattern + "one manifold suffices, read twonn instead",
            warning,
        ).groups()
        assert float(first) == pytest.approx(float(second), rel=0.15)


def test_more_manifolds_than_there_are_is_said_with_how_many_to_ask_for():
    x, _ = clouds((2, 6), 600)
    (warning,) = estimate("hidalgo", x, n_manifolds=3).warnings
    assert "do not differ in dimension" in warning or "empty" in warning
    assert warning.endswith(": give n_manifolds=2")


def test_the_seed_decides_the_draws_and_nothing_else_does(rng):
    graph = find_neighbors(rng.standard_normal((300, 4)), 3)
    first, again, other = (hidalgo(graph, n_iterations=100, seed=seed) for seed in (1, 1, 2))
    assert first.value == again.value
    assert (first.details["membership"] == again.details["membership"]).all()
    assert first.value != other.value


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_segments_are_the_same_in_any_unit(scale):
    x, _ = clouds((1, 4), 150)
    plain, scaled = (estimate("hidalgo", x * unit, n_iterations=100) for unit in (1.0, scale))
    assert scaled.value == pytest.approx(plain.value, rel=1e-9)
    assert (scaled.details["segments"] == plain.details["segments"]).all()


def test_segments_follow_the_rows(rng):
    x, _ = clouds((1, 4), 150)
    order = rng.permutation(300)
    plain, moved = (estimate("hidalgo", rows, n_iterations=100) for rows in (x, x[order]))
    assert (moved.details["segments"] == plain.details["segments"][order]).all()
    assert moved.per_sample == pytest.approx(plain.per_sample[order], rel=1e-9)


def test_discrete_data_have_a_value_and_a_warning(rng):
    result = estimate("hidalgo", rng.integers(0, 9, (400, 4)), n_iterations=100)
    assert 0 < result.low < result.value < result.high < np.inf
    assert any("the data are discrete" in text for text in result.warnings)


def test_a_dimension_that_the_prior_lowers_is_said_to_be_lowered(rng):
    graph = find_neighbors(rng.standard_normal((128, 100)), 3)
    result, known = hidalgo(graph, n_manifolds=1), twonn(graph)
    (warning,) = result.warnings
    share = int(re.fullmatch(r"the prior lowers a dimension by about (\d+)%: read twonn, or .*", warning)[1])
    assert 1 - result.value / known.value == pytest.approx(share / 100, abs=0.03)


def test_looking_the_measures_up_loads_no_numba():
    code = "import sys; from layerscape.measures import catalog; catalog()['hidalgo']; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_manifolds": 0}, "n_manifolds=0; give at least 1."),
        ({"q": 2}, "q=2; give at least 3."),
        ({"n_iterations": 50}, "n_iterations=50; give at least 100."),
        ({"zeta": 1.0}, "zeta=1.0; it is how much neighbors tend to be on one manifold: give 0.5 ≤ zeta < 1."),
        ({"zeta": 0.4}, "zeta=0.4; it is how much neighbors tend to be on one manifold: give 0.5 ≤ zeta < 1."),
        (
            {"n_manifolds": 6},
            "50 samples for n_manifolds=6; hidalgo needs at least 10 for each, and hundreds to mean something.",
        ),
    ],
)
def test_errors(options, text, rng):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("hidalgo", rng.standard_normal((50, 4)), **options)


def test_a_lattice_and_some_queries_are_refused(rng):
    lattice = Neighbors((np.arange(40)[:, None] + [1, 2, 3]) % 40, np.ones((40, 3)), 40)
    with pytest.raises(InvalidValue, match="equally far from each of 40 samples, as on a lattice: hidalgo cannot be"):
        hidalgo(lattice)
    with pytest.raises(InvalidValue, match=r"of some queries only; hidalgo needs every sample's neighbors"):
        hidalgo(find_neighbors(rng.standard_normal((50, 4)), 3, queries=np.arange(30)))
