"""TwoNN and Gride against known dimensions, reference figures and their own laws."""

import gzip
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerscape as ls
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, UnknownName
from layerscape.measures import catalog
from layerscape.measures.dimension.gride import gride
from layerscape.measures.dimension.twonn import twonn
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors
from layerscape.supply.subsets import subsets_of


def pareto_graph(d, n, k=2, seed=0):
    """Distances as the Poisson process of dimension d gives them: r_j = (sum of j exponentials)^(1/d)."""
    rng = np.random.default_rng(seed)
    distances = np.cumsum(rng.exponential(size=(n, k)), axis=1) ** (1 / d)
    return Neighbors((np.arange(n)[:, None] + np.arange(1, k + 1)) % n, distances, n)


def digits(folder, name):
    raw = gzip.decompress((folder / name / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw[16:], np.uint8).reshape(-1, 784)


@pytest.fixture(scope="module")
def pixel_graphs(data_dir):
    return {name: find_neighbors(digits(data_dir, name), 64) for name in ("mnist", "kmnist")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fit", "likelihood", "censored", "curve"),
    [
        ("mnist", 13.557, 13.558, 13.569, [13.56, 12.51, 12.20, 11.70, 11.31, 10.83]),
        ("kmnist", 17.959, 17.854, 18.044, [17.85, 16.71, 16.53, 16.38, 16.51, 17.03]),
    ],
)
def test_pixels_read_as_the_reference_says(pixel_graphs, name, fit, likelihood, censored, curve):
    """Figures made with DADApy 0.3.4 on the raw pixels of 10,000 test images."""
    graph = pixel_graphs[name]
    assert twonn(graph, method="fit").value == pytest.approx(fit, abs=1e-3)
    assert twonn(graph).value == pytest.approx(likelihood, abs=1e-3)
    assert twonn(graph, discard=0.1).value == pytest.approx(censored, abs=1e-3)
    assert [point.value for point in gride(graph).curve] == pytest.approx(curve, abs=0.01)


@pytest.mark.parametrize("d", [2, 5, 10])
@pytest.mark.parametrize("options", [{}, {"discard": 0.1}, {"method": "fit"}, {"method": "fit", "discard": 0.0}])
def test_twonn_is_unbiased_under_its_own_law(d, options):
    values = [twonn(pareto_graph(d, 500, seed=seed), **options).value for seed in range(60)]
    sd = np.std(values) / np.sqrt(60)
    # The fit weighs the tail and is biased by about a half percent; the likelihood is not biased at all.
    assert abs(np.mean(values) - d) < 4 * sd + (0.02 * d if options.get("method") == "fit" else 0)


@pytest.mark.parametrize("d", [2, 10])
def test_gride_is_unbiased_under_its_own_law_at_every_scale(d):
    curves = [[point.value for point in gride(pareto_graph(d, 400, 64, seed)).curve] for seed in range(40)]
    assert np.mean(curves, axis=0) == pytest.approx([d] * 6, rel=0.02)


@pytest.mark.parametrize(("d", "tolerance"), [(2, 0.06), (5, 0.09), (10, 0.2)])
@pytest.mark.parametrize("law", ["uniform", "gaussian"])
def test_clouds_of_known_dimension(d, tolerance, law, rng):
    x = rng.random((2000, d)) if law == "uniform" else rng.standard_normal((2000, d))
    embedded = np.concatenate([x, x[:, :1] * 0], axis=1) @ np.linalg.qr(rng.standard_normal((d + 1, d + 1)))[0]
    assert estimate("twonn", embedded).value == pytest.approx(d, rel=tolerance)
    assert estimate("gride", embedded).curve[1].value == pytest.approx(d, rel=tolerance)


def test_a_likelihood_that_forgets_whom_it_leaves_out_reads_high(rng):
    x = np.random.default_rng(0).standard_normal((500, 8))
    found = estimate("twonn", x, method="uncensored", discard=0.1)
    assert found.value == pytest.approx(11.0, abs=0.05)
    assert found.warnings == (
        "the 50 samples with the largest ratios count as if they were none, and so it reads high; see 'mle'",
    )
    whole = estimate("twonn", x, method="uncensored")
    assert whole.value == pytest.approx(estimate("twonn", x).value * 500 / 499)
    assert whole.warnings == ()


def test_gride_begins_with_twonn(rng):
    x = rng.standard_normal((300, 4))
    assert estimate("gride", x).value == pytest.approx(estimate("twonn", x).value, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    scale=st.sampled_from([1e-150, 1e-20, 1.0, 1e20, 1e150]),
    n=st.sampled_from([16, 32, 64, 65]),
    seed=st.integers(0, 9),
)
def test_gride_has_a_root_at_any_scale_and_size(scale, n, seed):
    x = np.random.default_rng(seed).standard_normal((n, 3))
    values = [point.value for point in estimate("gride", x * scale).curve]
    assert values == pytest.approx([point.value for point in estimate("gride", x).curve], rel=1e-6)
    assert all(0.5 < value < 12 for value in values)


def test_intervals_of_gride_hold_among_small_clusters(rng):
    """Of 300 samples in 20 clusters the interval of two neighbors of each alone held in 83 %."""
    centers = 3 * rng.standard_normal((20, 5))
    points = []
    for _ in range(100):
        x = centers[rng.integers(0, 20, 300)] + 0.5 * rng.standard_normal((300, 5))
        points.append(estimate("gride", x, range_max=16).curve[-1])
    mean = np.mean([point.value for point in points])
    assert np.mean([point.low <= mean <= point.high for point in points]) >= 0.92


def test_curve_ends_where_the_graph_does(rng):
    graph = find_neighbors(rng.standard_normal((50, 3)), 20)
    assert [point.k for point in gride(graph).curve] == [2, 4, 8, 16]
    assert [point.k for point in gride(graph, range_max=4).curve] == [2, 4]
    scales = [point.scale for point in gride(graph).curve]
    assert scales == sorted(scales)
    assert scales[0] == pytest.approx(graph.distances[:, :2].mean())


def test_near_copies_are_left_out_and_counted(rng):
    x = rng.standard_normal((500, 6))
    twins = np.concatenate([x, x[:300] * (1 + 1e-7)]).astype(np.float32)
    clean = estimate("twonn", x.astype(np.float32))
    result = estimate("twonn", twins)
    assert result.value == clean.value
    assert result.warnings == ("300 near copies (rounding apart) left out; 500 samples remain",)
    assert estimate("twonn", twins, near_copies=0).value < 1


def test_clusters_far_apart_are_no_near_copies(rng):
    """A graph wide enough to reach another cluster must not call its own one rounding."""
    x = rng.standard_normal((200, 3))
    x[100:] += 1e6
    with pytest.raises(InvalidValue, match="or of clusters smaller than k_max; lower k_max, or read gride"):
        estimate("abide", x)
    result = estimate("abide", x, k_max=60)
    assert result.n_samples == 200
    assert not any("near copies" in words for words in result.warnings)


def test_offset_of_a_million_changes_little(rng):
    x = rng.standard_normal((1000, 5))
    assert estimate("twonn", x + 1e6).value == pytest.approx(estimate("twonn", x).value, rel=1e-6)


def test_a_bad_fit_is_said_in_words(rng):
    pairs = np.repeat(rng.standard_normal((200, 5)), 2, axis=0)
    pairs[1::2] += 1e-3 * rng.standard_normal((200, 5))
    (warning,) = estimate("twonn", pairs).warnings
    assert warning.startswith("the ratios do not follow the Pareto law (largest gap 0.")


def test_discrete_data_are_said_to_be(rng):
    warnings = estimate("twonn", rng.integers(0, 6, (1500, 6))).warnings
    assert any("samples have neighbors at equal distances: the data are discrete" in text for text in warnings)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda x: estimate("twonn", x, method="likely"),
            UnknownName,
            "unknown method of twonn 'likely'. There are: fit, mle, uncensored.",
        ),
        (
            lambda x: estimate("twonn", x, discard=1.0),
            InvalidValue,
            "discard=1.0; it is the share of the largest ratios left out: give 0 ≤ discard < 1.",
        ),
        (
            lambda x: estimate("twonn", x[:10], discard=0.9),
            InvalidValue,
            "discard=0.9 keeps 1 of 10 samples; at least 3 must be kept.",
        ),
        (
            lambda x: estimate("gride", x, range_max=1),
            InvalidValue,
            "range_max=1; give at least 2.",
        ),
        (
            lambda x: estimate("twonn", np.indices((6, 6, 6)).reshape(3, -1).T),
            InvalidValue,
            "neighbors 1 and 2 are equally far from each of 216 samples, as on a lattice: twonn cannot be computed; "
            "count with i3d, or add to every unit normal noise with a standard deviation of one step.",
        ),
        (
            lambda x: twonn(find_neighbors(np.repeat(x, 2, axis=0), 3)),
            InvalidValue,
            "100 of 100 samples lie at distance 0 of their neighbor 1: they are copies, of which a dimension cannot be "
            "computed; ls.estimate and ls.measure leave copies out when given the vectors.",
        ),
        (
            lambda x: estimate("twonn", np.ones((9, 2))),
            InvalidValue,
            "the data has 1 distinct rows of 9: it is constant, or nearly so, and has no dimension; leave it "
            "out, or pool another token.",
        ),
    ],
)
def test_errors(call, kind, text, rng):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call(rng.standard_normal((50, 4)))


OF_DISTINCT = [measure for measure in catalog().values() if measure.distinct]


@pytest.mark.parametrize("measure", OF_DISTINCT, ids=lambda each: each.name)
def test_near_copies_are_said_at_every_door(measure, rng):
    """By the function of a graph as by `estimate`, unless they were to be kept, or are left out already."""
    x = rng.random((400, 4))
    x = np.concatenate([x, x[:90] * (1 + 1e-12)])
    words = "samples have near copies (rounding apart) among their neighbors, which can lower a dimension: "
    words += "ls.estimate and ls.measure leave them out when given the vectors"
    left_out = "90 near copies (rounding apart) left out; 400 samples remain"
    for near_copies, rows, expected in ((1e-5, 490, [words]), (0, 490, []), (1e-5, 400, [])):
        graph = ls.find_neighbors(x[:rows], k=200, near_copies=near_copies)
        data = graph if measure.data == ("graph",) else subsets_of(measure, {}, graph)
        told = [told for told in measure.compute(data).warnings if "near copies" in told]
        assert [each.partition(" of 490 ")[2] for each in told] == expected
        assert all(180 <= int(each.split()[0]) < 300 for each in told)
    for data in (x, ls.find_neighbors(x, k=200)):
        assert [told for told in ls.estimate(measure.name, data).warnings if "near copies" in told] == [left_out]
        assert not any("near copies" in told for told in ls.estimate(measure.name, data, near_copies=0).warnings)


def test_near_copies_of_queries_are_said(rng):
    x = rng.random((400, 4))
    x = np.concatenate([x, x[:90] * (1 + 1e-12)])
    graph = ls.find_neighbors(x, k=4, queries=np.arange(300))
    assert ls.find_neighbors(x[:400], k=4, queries=np.arange(9)).near == graph.near
    assert twonn(graph).warnings[0].startswith("142 of 300 samples have near copies (rounding apart)")
    assert twonn(ls.find_neighbors(x[:400], k=4, queries=np.arange(300))).warnings == ()


def test_a_dimension_beyond_the_units_is_said_wherever_it_is_read(rng):
    sides = np.stack(np.meshgrid(*[np.arange(10.0)] * 3), axis=-1).reshape(-1, 3)
    sides = rng.permutation(sides)
    jittered = sides + 1e-4 * rng.standard_normal(sides.shape)
    for name in ("twonn", "gride", "decimation"):
        found = ls.estimate(name, jittered)
        assert found.low > 3
        assert any("dimensions are read in 3 units, which have no more than 3" in words for words in found.warnings)
    table = ls.measure(ls.from_arrays({"a": jittered}), ["twonn"])
    assert "dimensions are read in 3 units" in table.warnings[0]
    in_time = ls.estimate("twonn", jittered, lag=3)
    assert np.isnan(in_time.low)
    assert any("dimensions are read in 3 units" in words for words in in_time.warnings)
    for x in (rng.standard_normal((500, 3)), rng.random((500, 40)), sides + 0.3 * rng.standard_normal(sides.shape)):
        for name in ("twonn", "gride", "participation_ratio", "effective_rank"):
            assert not any("are read in" in words for words in ls.estimate(name, x).warnings)
