"""Isomap against scikit-learn's, sheets of known dimension, and graphs that fall apart."""

import re

import numpy as np
import pytest
from sklearn.manifold import Isomap

from layerscape.errors import InvalidValue
from layerscape.measures.dimension.elbow import find_elbow
from layerscape.measures.dimension.isomap import isomap
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


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


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: estimate("isomap", x, n_landmarks=5), "n_landmarks=5; give at least 20."),
        (lambda x: estimate("isomap", x, max_dimension=1), "max_dimension=1; give at least 2."),
        (
            lambda x: isomap(find_neighbors(x, 10, queries=[0, 1])),
            "the graph is of some queries; the paths of isomap go through all samples: give the graph of all samples.",
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
