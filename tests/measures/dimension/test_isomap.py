"""Isomap against scikit-learn's, sheets of known dimension, and graphs that fall apart."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.errors import InvalidValue
from layerscape.measures.dimension.elbow import find_elbow
from layerscape.measures.dimension.isomap import isomap
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors

Isomap = pytest.importorskip("sklearn.manifold").Isomap


def roll(n, rng):
    t = 1.5 * np.pi * (1 + 2 * rng.random(n))
    return np.c_[t * np.cos(t), 21 * rng.random(n), t * np.sin(t)]


def test_residual_variances_are_those_of_scikit_learn(rng):
    x = roll(300, rng)
    peer = Isomap(n_neighbors=10, n_components=4).fit(x)
    drawn, pairs = peer.embedding_, np.triu_indices(300, 1)
    expected = []
    for m in range(1, 5):
        apart = np.linalg.norm(drawn[pairs[0], :m] - drawn[pairs[1], :m], axis=1)
        expected.append(1 - np.corrcoef(peer.dist_matrix_[pairs], apart)[0, 1] ** 2)
    found = estimate("isomap", x, k=10, n_landmarks=300).details["residual_variance"]
    assert found[:4] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_flat_clouds_have_their_own_dimension(d, rng):
    x = rng.random((1500, d)) @ np.linalg.qr(rng.standard_normal((9, 9)))[0][:d]
    result = estimate("isomap", x)
    assert result.value == d
    assert result.low < d < result.high


def test_a_rolled_sheet_has_two_dimensions_where_pca_needs_three(rng):
    x = roll(1500, rng)
    assert estimate("isomap", x, k=8).value == 2
    assert estimate("pca", x).value == 3


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_an_s_of_two_dimensions_with_and_without_noise(noise, rng):
    t = 3 * np.pi * (rng.random(1500) - 0.5)
    x = np.c_[np.sin(t), 2 * rng.random(1500), np.sign(t) * (np.cos(t) - 1)] + noise * rng.standard_normal((1500, 3))
    result = estimate("isomap", x)
    assert (result.value, result.low, result.high) == (2, 1.5, 2.5)


def test_noise_in_all_units_adds_no_dimension(rng):
    x = rng.standard_normal((1500, 3)) @ rng.standard_normal((3, 20)) + 0.1 * rng.standard_normal((1500, 20))
    assert estimate("isomap", x).value == 3


def test_closed_clouds_read_one_more(rng):
    for d in (1, 2):
        x = rng.standard_normal((1000, d + 1))
        assert estimate("isomap", x / np.linalg.norm(x, axis=1, keepdims=True)).value == d + 1


def test_landmarks_do_not_depend_on_the_order_of_the_rows(rng):
    x = rng.standard_normal((700, 4))
    first, turned = (estimate("isomap", rows, n_landmarks=100) for rows in (x, x[rng.permutation(700)]))
    assert turned.details["residual_variance"] == pytest.approx(first.details["residual_variance"], rel=1e-9)
    assert (turned.value, turned.low, turned.high) == (first.value, first.low, first.high)
    other = estimate("isomap", x, n_landmarks=100, seed=1)
    assert other.details["residual_variance"][0] != first.details["residual_variance"][0]


def test_the_interval_holds_what_other_landmarks_read(rng):
    x = rng.standard_normal((1000, 6)) * np.linspace(2, 0.5, 6)
    results = [estimate("isomap", x, n_landmarks=150, seed=seed) for seed in range(12)]
    middle = np.median([result.value for result in results])
    assert np.mean([result.low < middle < result.high for result in results]) > 0.8


def test_a_cloud_of_more_dimensions_than_are_tried_has_no_elbow_and_an_open_interval(rng):
    result = estimate("isomap", rng.standard_normal((1000, 20)), max_dimension=10)
    assert (result.value, result.high, result.details["depth"]) == (10, np.inf, 0)
    assert any(text.startswith("no elbow: each dimension removes about the same part") for text in result.warnings)


@settings(max_examples=8, deadline=None)
@given(scale=st.sampled_from([1e-150, 1e-20, 1e20, 1e150]), n=st.sampled_from([64, 128, 150]))
def test_the_unit_of_the_data_does_not_matter(scale, n):
    x = np.random.default_rng(n).standard_normal((n, 3))
    plain, scaled = (estimate("isomap", x * unit).details["residual_variance"] for unit in (1.0, scale))
    assert scaled == pytest.approx(plain, rel=1e-6)


def test_few_samples_try_fewer_dimensions_and_that_is_said(rng):
    result = estimate("isomap", rng.standard_normal((50, 2)))
    assert result.details["dimensions"].tolist() == list(range(1, 11))
    assert result.warnings[-2:] == (
        "50 landmarks serve 10 dimensions, fewer than max_dimension=20: give 100 samples and landmarks",
        "only 50 samples: the interval is itself uncertain",
    )


def test_ties_with_the_last_neighbor_are_all_joined():
    grid = np.indices((9, 16)).reshape(2, -1).T.astype(float)
    order = np.random.default_rng(0).permutation(144)
    first, turned = (estimate("isomap", rows, k=3) for rows in (grid, grid[order]))
    assert turned.details["residual_variance"] == pytest.approx(first.details["residual_variance"], rel=1e-9)


def test_parts_of_a_graph_are_left_out_and_that_is_said(rng):
    x = np.concatenate([rng.random((400, 2)), 50 + rng.random((100, 2))])
    result = estimate("isomap", x)
    assert result.details["left_out"] == 100
    words = (
        "the graph of 10 neighbors falls into 2 parts: 100 of 500 samples are not in the largest and are left out; "
        "raise k to join them"
    )
    assert words in result.warnings


def test_a_curve_that_falls_evenly_has_no_elbow():
    even = np.exp(-0.4 * np.arange(1, 9))
    elbow = find_elbow(np.arange(1, 9), even, np.stack([even, even]), least=1e-6)
    assert (elbow.value, elbow.depth, elbow.high) == (8, 0, np.inf)
    assert elbow.warnings("max_dimension")[0].startswith("no elbow: each dimension removes about the same part")


@settings(max_examples=50, deadline=None)
@given(
    corner=st.integers(1, 12),
    beyond=st.integers(3, 12),
    floor=st.floats(0.002, 0.1),
    steep=st.floats(1, 3),
)
def test_a_corner_is_found_wherever_it_is(corner, beyond, floor, steep):
    """Log curves that fall ever faster to the corner and by a percent a dimension beyond it."""
    m = np.arange(1, corner + beyond + 1)
    curve = np.where(m < corner, floor ** ((m / corner) ** steep), floor * 0.99 ** (m - corner))
    elbow = find_elbow(m, curve, np.stack([curve, curve * 0.999]), least=1e-3)
    assert (elbow.value, elbow.low, elbow.high) == (corner, corner - 0.5, corner + 0.5)


def test_points_that_groups_of_the_data_disagree_on_are_rivals():
    m, curve = np.arange(1, 11), np.array([0.5, 0.2, 0.1, 0.09, 0.08, 0.075, 0.07, 0.065, 0.06, 0.055])
    sure = find_elbow(m, curve, np.stack([curve] * 5), least=1e-3)
    split = [curve * np.where(m == 2, factor, 1) for factor in (0.5, 2, 0.6, 1.8, 1)]
    unsure = find_elbow(m, curve, np.stack(split), least=1e-3)
    assert (sure.value, sure.low, sure.high) == (3, 2.5, 3.5)
    assert (unsure.value, unsure.low) == (3, 1.5)


def test_a_curve_that_falls_at_its_end_is_said_to():
    curve = np.array([0.3, 0.1, 0.09, 0.08, 0.04])
    elbow = find_elbow(np.arange(1, 6), curve, np.stack([curve, curve]), least=1e-3)
    assert elbow.warnings("max_width") == [
        "the curve still falls at its end, and its elbow depends on where that is: raise max_width"
    ]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: estimate("isomap", x, n_landmarks=5), "n_landmarks=5; give at least 20."),
        (lambda x: estimate("isomap", x, max_dimension=1), "max_dimension=1; give at least 2."),
        (
            lambda x: isomap(find_neighbors(x, 10, queries=[0, 1])),
            "a graph of some queries only; isomap needs every sample's neighbors: give the graph of all samples.",
        ),
        (
            lambda x: isomap(find_neighbors(x, 5)),
            "k=10 neighbors asked of a graph that holds 5; k must lie in 1..5: search again with a larger k.",
        ),
        (
            lambda x: isomap(find_neighbors(np.repeat(x, 2, axis=0), 10)),
            "120 of 120 samples lie at distance 0 of their neighbor 1: they are copies, of which a dimension cannot be "
            "computed; ls.estimate and ls.measure leave copies out when given the vectors.",
        ),
        (
            lambda x: estimate("isomap", np.concatenate([x[:8] + 1e3 * i for i in range(6)]), k=3),
            "the largest part of the graph of 3 neighbors has 8 of 48 samples; isomap needs at least 20 that are "
            "connected: give a larger k, or more samples.",
        ),
    ],
)
def test_errors(call, text, rng):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        call(rng.standard_normal((60, 3)))
