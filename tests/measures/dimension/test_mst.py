"""The minimum spanning tree: the dense tree edge for edge, clouds of known dimension, and the proof that it is true."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from layerscape.core.subsets import Subsets, draw_subsets
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.mst import mst
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors


def dense_edges(x):
    """The edges of the tree of all pairs, shortest first."""
    # As a sparse matrix: of a dense one SciPy takes distances below 1e-8 for no edge.
    return np.sort(minimum_spanning_tree(csr_array(squareform(pdist(x)))).data)


def sphere(rng, n, d):
    x = rng.standard_normal((n, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_lengths_and_slope_are_those_of_dense_trees(rng):
    x = rng.standard_normal((400, 3))
    result = estimate("mst", x, power=0.7, smallest=50, repetitions=3, seed=4)
    logs = {}
    for rows in draw_subsets(400, smallest=50, repetitions=3, seed=4):
        logs.setdefault(len(rows), []).append(np.log((dense_edges(x[rows]) ** 0.7).sum()))
    sizes, means = np.array(list(logs)), np.array([np.mean(some) for some in logs.values()])
    counts = np.array([len(some) for some in logs.values()])
    assert result.details["log_length"] == pytest.approx(means, rel=1e-12)
    assert result.details["log_n"] == pytest.approx(np.log(sizes))
    assert result.details["repetitions"].tolist() == counts.tolist() == [1, 2, 3, 3]
    slope, height = np.polyfit(np.log(sizes), means, 1, w=np.sqrt(sizes * counts))
    assert result.details["slope"] == pytest.approx(slope)
    assert result.details["residuals"] == pytest.approx(means - slope * np.log(sizes) - height, abs=1e-9)
    assert result.value == pytest.approx(0.7 / (1 - slope))
    steps = np.diff(means) / np.diff(np.log(sizes))
    assert [point.value for point in result.curve] == pytest.approx((0.7 / (1 - steps)).tolist())
    assert [point.n_samples for point in result.curve] == [400, 200, 100]
    assert result.curve[0].scale == pytest.approx(dense_edges(x).mean())
    assert result.details["missing"] == result.details["unproven"] == 0


@settings(max_examples=150, deadline=None)
@given(
    half=st.integers(8, 30), k=st.integers(2, 6), d=st.integers(1, 3), clumps=st.booleans(), seed=st.integers(0, 10**6)
)
def test_a_proven_tree_is_the_dense_tree_and_an_untrue_one_is_not_proven(half, k, d, clumps, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2 * half, d)) ** (3 if clumps else 1)
    parts = (x, x[:half], x[half:])
    graphs = tuple(find_neighbors(part, k, device="cpu", threads=1) for part in parts)
    try:
        details = mst(Subsets(graphs)).details
    except InvalidValue:
        return
    dense = [dense_edges(part) for part in parts]
    by_size = {}
    for edges in dense:
        by_size.setdefault(len(edges), []).append(np.log(edges.sum()))
    same = np.allclose(details["log_length"], [np.mean(some) for some in by_size.values()], rtol=0, atol=1e-12)
    if details["missing"] == details["unproven"] == 0:
        assert same
    if not same:
        assert details["missing"] + details["unproven"] > 0


def test_a_false_edge_is_among_the_unproven():
    """Two dense strings side by side, whose rows list only their own, and far points that list both."""
    string = np.linspace(0, 1, 20) + 1e-3 * np.random.default_rng(0).standard_normal(20)
    x = np.r_[np.c_[string, 0 * string], np.c_[string, 0 * string + 0.3], [[-0.4, 0.15], [1.4, 0.15]]]
    graphs = (find_neighbors(x, 3), find_neighbors(x[::2], 20), find_neighbors(x[1::2], 20))
    details = mst(Subsets(graphs)).details
    assert details["unproven"] >= 1
    assert details["log_length"][0] > np.log(dense_edges(x).sum())


@pytest.mark.parametrize(
    ("make", "d"),
    [
        (lambda rng: rng.random((1500, 1)), 1),
        (lambda rng: rng.random((1500, 2)), 2),
        (lambda rng: sphere(rng, 1500, 3), 3),
        (lambda rng: rng.standard_normal((1500, 5)) @ rng.standard_normal((5, 20)), 5),
    ],
)
def test_clouds_of_known_dimension(make, d, rng):
    result = estimate("mst", make(rng))
    assert result.value == pytest.approx(d, rel=0.07)
    assert result.low < result.value < result.high < 1.3 * d
    assert result.low < result.curve[0].high
    assert result.details["r_squared"] > 0.9
    assert not any("changes with the number of samples" in text for text in result.warnings)


@pytest.mark.parametrize(("make", "reference"), [("random", 1.925), ("standard_normal", 5.273)])
def test_scikit_dimension_reads_about_the_same(make, reference):
    """PH of scikit-dimension 0.5.0 with n_range_min=0.1, nsteps=10, subsamples=2 on these data, less its own noise."""
    rng = np.random.default_rng(0)
    x = rng.random((2000, 2))
    if make == "standard_normal":
        x = rng.standard_normal((3000, 5))[:2000]
    assert estimate("mst", x).value == pytest.approx(reference, rel=0.06)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_any_power_below_the_dimension_reads_it(power, rng):
    assert estimate("mst", sphere(rng, 1500, 4), power=power).value == pytest.approx(4, rel=0.1)


def test_a_power_above_the_dimension_is_said(rng):
    warnings = estimate("mst", rng.random((1000, 2)), power=4.0).warnings
    assert "power=4 is above the dimension, where the tree's law does not hold: lower power" in warnings


def test_the_interval_covers_what_such_clouds_read():
    results = [
        estimate("mst", np.random.default_rng(seed).random((600, 3)), device="cpu", threads=1) for seed in range(40)
    ]
    middle = np.mean([result.value for result in results])
    assert np.mean([result.low < middle < result.high for result in results]) > 0.85
    widths = np.mean([result.high - result.low for result in results])
    assert 3 < widths / np.std([result.value for result in results]) < 9


def test_noise_changes_the_dimension_with_the_number_of_samples_and_that_is_said(rng):
    t = rng.random((4000, 1))
    x = np.c_[np.cos(6 * t), np.sin(6 * t), np.zeros((4000, 3))] + 0.003 * rng.standard_normal((4000, 5))
    result = estimate("mst", x, smallest=60)
    assert result.curve[0].value > 1.5 * result.curve[-1].value
    assert any(
        re.fullmatch(
            r"the dimension changes with the number of samples, from 1\.\d+ at 125 to \d\.\d+ at 4000: read the curve",
            text,
        )
        for text in result.warnings
    )


def test_clusters_far_apart_are_said_and_do_no_harm(rng):
    x = np.concatenate([rng.random((800, 3)), 50 + rng.random((800, 3))])
    result = estimate("mst", x)
    n_graphs = sum(result.details["repetitions"])
    assert result.details["missing"] == n_graphs
    assert result.value == pytest.approx(3, rel=0.1)
    assert result.warnings == (
        f"{n_graphs} of {result.details['edges']} edges of the trees ({n_graphs / result.details['edges']:.2g}) are "
        "missing, since samples of separate parts are not among each other's 16 neighbors: raise k, unless the parts "
        "are clusters far apart",
    )


def test_edges_that_are_not_proven_are_said(rng):
    few, many = (estimate("mst", rng.random((1000, 2)), k=k) for k in (5, 32))
    assert few.details["unproven"] > 0
    assert any(
        text.endswith("may be too long, since shorter ones may lie beyond the first 5 neighbors: raise k")
        for text in few.warnings
    )
    assert many.details["unproven"] == 0
    assert many.warnings == ()


def test_the_seed_draws_the_subsets(rng):
    x = rng.standard_normal((500, 3))
    first, again, other = (estimate("mst", x, seed=seed).value for seed in (1, 1, 2))
    assert first == again
    assert first != other


@settings(max_examples=10, deadline=None)
@given(scale=st.sampled_from([1e-150, 1e-20, 1e20, 1e150]), power=st.sampled_from([0.5, 1.0, 1.9]))
def test_the_unit_of_the_data_does_not_matter(scale, power):
    x = np.random.default_rng(0).standard_normal((256, 4))
    plain, scaled = (estimate("mst", x * unit, power=power) for unit in (1.0, scale))
    assert scaled.value == pytest.approx(plain.value, rel=1e-9)
    assert scaled.high == pytest.approx(plain.high, rel=1e-9)


def test_an_offset_of_a_million_changes_little(rng):
    x = rng.standard_normal((500, 4))
    assert estimate("mst", x + 1e6).value == pytest.approx(estimate("mst", x).value, rel=1e-6)


def test_a_graph_that_holds_enough_will_do(rng):
    x = rng.standard_normal((400, 3))
    assert estimate("mst", find_neighbors(x, 200)).value == estimate("mst", x).value


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: estimate("mst", x, power=0),
            "power=0.0; it is the power of the edges: give a number above 0, such as 1.",
        ),
        (
            lambda x: estimate("mst", x[:150]),
            "150 samples, of which half are fewer than smallest=100; the growth of the tree needs two sizes: lower "
            "smallest, or give more samples.",
        ),
        (
            lambda x: estimate("mst", x, repetitions=1),
            "repetitions=1; the interval comes from how disjoint subsets differ: give at least 2.",
        ),
        (
            lambda x: estimate("mst", x, k=1),
            "the graph of 1 neighbors of 400 samples falls into N parts, too many for a tree; give a larger k.",
        ),
        (
            lambda x: estimate("mst", np.eye(400)),
            "the trees grow as fast as the number of samples (slope 1.N): the dimension is beyond what 400 samples "
            "can tell, or a few of them far away from all others decide the length; give more samples, or leave those "
            "out.",
        ),
        (
            lambda x: mst(Subsets((find_neighbors(np.repeat(x, 2, axis=0), 9), find_neighbors(x, 9)))),
            "repetitions=1; the interval comes from how disjoint subsets differ: give at least 2.",
        ),
        (
            lambda x: mst(Subsets((find_neighbors(np.repeat(x, 2, axis=0), 9), *[find_neighbors(x, 9)] * 2))),
            "800 of 800 samples lie at distance 0 of their neighbor 1: they are copies, of which a dimension cannot be "
            "computed; ls.estimate and ls.measure leave copies out when given the vectors.",
        ),
    ],
)
def test_errors(call, text, rng):
    pattern = re.escape(text).replace("N", r"\d+")
    with pytest.raises(InvalidValue, match=f"^{pattern}$"):
        call(rng.standard_normal((400, 4)))
