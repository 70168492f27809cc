"""Units brought to mean 0 and standard deviation 1 before the search, against the plain definition."""

import re
from math import ldexp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerscape as ls
from layerscape.core import frame, representation
from layerscape.core.frame import standardized
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue

N = 150
UNITS = {"standardize": "units"}
KINDS = ["float32", "float64", "offset", "offset in float32", "scales", "constant units", "integers"]


def data(kind, n=N, d=6, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
    return {
        "float32": x.astype(np.float32),
        "float64": x,
        "offset": x + 1e6,
        "offset in float32": (x + 1e6).astype(np.float32),
        "scales": x * np.logspace(-20, 20, d),
        "constant units": np.where(np.arange(d) % 3 == 1, 0.1, x),
        "integers": np.rint(1000 * x).astype(np.int32),
    }[kind]


def standard(x, of=None):
    """The definition, in more digits: (x − mean) / sd with the mean and sd of all rows of ``of``; 0 for constants."""
    of = np.asarray(x if of is None else of).astype(np.longdouble)
    mean, sd = of.mean(axis=0), of.std(axis=0)
    mean = np.where((of == of[0]).all(axis=0), of[0], mean)
    values = np.asarray(x).astype(np.longdouble) - mean
    return np.divide(values, sd, out=np.zeros_like(values), where=(of != of[0]).any(axis=0)).astype(np.float64)


def distances_of(z, points, metric):
    if metric == "cosine":
        z, points = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (z, points))
    return np.sqrt(((points[:, None, :] - z[None, :, :]) ** 2).sum(axis=2))


def check(graph, z, metric, points=None):
    """Every list holds the k least of all distances, whichever of equal ones it names."""
    every = distances_of(z, z if points is None else points, metric)
    if points is None:
        np.fill_diagonal(every, np.inf)
    least = np.sort(every, axis=1)[:, : graph.k]
    np.testing.assert_allclose(graph.distances, least, rtol=1e-8, atol=1e-12)
    named = np.take_along_axis(every, graph.indices.astype(np.int64), 1)
    np.testing.assert_allclose(graph.distances, named, rtol=1e-8, atol=1e-12)
    assert all(len(set(row)) == graph.k for row in graph.indices.tolist())


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_is_that_of_the_standardized_units(kind, metric):
    x = data(kind)
    graph = ls.find_neighbors(x, 9, metric=metric, **UNITS)
    assert (graph.near.standardize, graph.near.metric) == ("units", metric)
    check(graph, standard(x), metric)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kind", KINDS)
def test_ranks_are_those_of_the_standardized_units(kind, metric, rng):
    x = data(kind)
    pairs = np.stack([rng.permutation(N), rng.permutation(N)], axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    every = distances_of(standard(x), standard(x), metric)
    np.fill_diagonal(every, np.inf)
    asked = every[pairs[:, 0]], every[pairs[:, 0], pairs[:, 1]][:, None]
    nearer, up_to = ((asked[0] < asked[1] * (1 + share)).sum(axis=1) for share in (-1e-9, 1e-9))
    found = ls.ranks(x, pairs, metric=metric, **UNITS)
    assert (1 + nearer <= found).all()
    assert (found <= up_to).all()
    assert (nearer + 1 == up_to).mean() > 0.9  # so that hardly any rank is left open by rounding


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kind", KINDS)
def test_other_points_are_brought_to_the_scale_of_the_samples(kind, metric):
    x, points = data(kind), data(kind, n=20, seed=7) * 3
    graph = ls.find_neighbors(x, 5, queries=points, metric=metric, **UNITS)
    z = standard(x)
    check(graph, z, metric, points=standard(points, of=x))
    one = ls.find_neighbors(x, 5, queries=points[:1], metric=metric, **UNITS)
    np.testing.assert_array_equal(one.indices, graph.indices[:1])
    np.testing.assert_array_equal(one.distances, graph.distances[:1])


def test_a_unit_that_is_constant_among_the_samples_says_nothing_of_other_points():
    x, points = data("constant units"), data("constant units", n=9, seed=3)
    moved = points + np.where(np.arange(6) % 3 == 1, 1e6, 0)
    graph, other = (ls.find_neighbors(x, 5, queries=p, **UNITS) for p in (points, moved))
    np.testing.assert_array_equal(graph.indices, other.indices)
    np.testing.assert_array_equal(graph.distances, other.distances)


def test_queries_by_row_are_those_rows_of_the_whole_graph():
    x, some = data("scales"), np.array([3, 149, 3, 0])
    whole, graph = ls.find_neighbors(x, 7, **UNITS), ls.find_neighbors(x, 7, queries=some, **UNITS)
    np.testing.assert_array_equal(graph.indices, whole.indices[some])
    np.testing.assert_array_equal(graph.distances, whole.distances[some])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_arrays_on_disk_and_small_blocks_give_the_same_graph(tmp_path, metric, monkeypatch):
    import zarr

    x = data("offset in float32")
    expected = ls.find_neighbors(x, 8, metric=metric, **UNITS)
    np.save(tmp_path / "x.npy", x)
    stored = zarr.create_array(tmp_path / "x.zarr", shape=x.shape, dtype=x.dtype, chunks=(40, 6))
    stored[:] = x
    for stored_x in (np.load(tmp_path / "x.npy", mmap_mode="r"), stored):
        graph = ls.find_neighbors(stored_x, 8, metric=metric, **UNITS)
        np.testing.assert_array_equal(graph.indices, expected.indices)
        np.testing.assert_array_equal(graph.distances, expected.distances)
        np.testing.assert_array_equal(
            ls.ranks(stored_x, [(0, 1), (5, 9)], **UNITS), ls.ranks(x, [(0, 1), (5, 9)], **UNITS)
        )
    monkeypatch.setattr(representation, "BLOCK_BYTES", 8 * 6 * 11)
    for stored_x in (x.copy(), stored):
        check(ls.find_neighbors(stored_x, 8, metric=metric, memory=5000, **UNITS), standard(x), metric)


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["float32", "float64", "constant units"]),
    powers=st.lists(st.integers(-300, 300), min_size=6, max_size=6),
    metric=st.sampled_from(["euclidean", "cosine"]),
)
def test_scaling_units_by_powers_of_two_changes_not_a_bit(kind, powers, metric):
    x = data(kind, n=40).astype(np.float64)
    scaled = x * [ldexp(1.0, power) for power in powers]
    one, two = (ls.find_neighbors(each, 6, metric=metric, **UNITS) for each in (x, scaled))
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_array_equal(one.distances, two.distances)


@settings(max_examples=40)
@given(
    scales=st.lists(st.floats(1e-20, 1e20), min_size=6, max_size=6),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=6, max_size=6),
    seed=st.integers(0, 99),
)
def test_scaling_units_by_anything_changes_no_neighbor(scales, signs, seed):
    x = data("float64", n=40, seed=seed)
    one, two = (ls.find_neighbors(each, 6, **UNITS) for each in (x, x * scales * signs))
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_allclose(one.distances, two.distances, rtol=1e-10)


def test_a_unit_that_is_a_thousand_times_larger_no_longer_decides():
    x, scales = data("float64"), [1000, 1, 1, 1, 1, 1]
    assert ls.estimate("overlap", x, x * scales, k=10).value < 0.5
    assert ls.estimate("overlap", x, x * scales, k=10, **UNITS).value == 1


def test_it_is_another_nearness_than_none():
    x = data("scales")
    plain, graph = ls.find_neighbors(x, 5), ls.find_neighbors(x, 5, **UNITS)
    assert (plain.indices == graph.indices).mean() < 0.5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 4, N - 1])
def test_a_value_that_is_not_finite_is_named(bad, row):
    x = data("float64")
    x[row, 2] = bad
    ids = tuple(f"s{number}" for number in range(N))
    text = (
        f"sample 's{row}' of layer 'top' has a value that is NaN or infinite; remove such rows, or repair what "
        "produced them."
    )
    for call in (lambda x: ls.find_neighbors(x, 3, **UNITS), lambda x: ls.ranks(x, [(0, 1)], **UNITS)):
        with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
            call(Representation(x, "top", ids))
    sound = data("float64")
    text = f"sample '{row}' has a value that is NaN or infinite; remove such rows, or repair what produced them."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.find_neighbors(sound, 3, queries=x, **UNITS)


def test_a_sample_at_the_mean_of_all_has_no_direction():
    x = np.array([[1.0, 2.0], [3.0, 6.0], [2.0, 4.0]])
    text = "sample '2' is a row of zeros, which has no direction; leave it out, or use metric='euclidean'."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.find_neighbors(x, 1, metric="cosine", **UNITS)


def test_where_every_unit_is_constant_all_samples_are_copies():
    graph = ls.find_neighbors(np.full((5, 3), 0.1), 2, **UNITS)
    assert not graph.distances.any()
    assert graph.n_copies == 4


def test_numbers_at_the_ends_of_float64_are_standardized():
    x = data("float64", n=40)
    expected = ls.find_neighbors(x, 5, **UNITS)
    for scale in (1e-290, 1e300):
        graph = ls.find_neighbors(x * scale, 5, **UNITS)
        np.testing.assert_array_equal(graph.indices, expected.indices)
        np.testing.assert_allclose(graph.distances, expected.distances, rtol=1e-10)


@pytest.mark.parametrize(("layer", "title"), [("", "the data"), ("top", "layer 'top'")])
def test_a_unit_that_spreads_beyond_float64_is_said(layer, title):
    values = np.array([[-1.7e308, 1.0], [1.7e308, 2.0], [0.0, 3.0]])
    text = f"{title} spreads over more than float64 can hold (1.8e308); divide it by 2 or more."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.find_neighbors(Representation(values, layer), 1, **UNITS)
    check(ls.find_neighbors(values / 2, 1, **UNITS), standard(values / 2), "euclidean")


def test_copies_in_equal_number_leave_a_dimension_as_it_is():
    x = data("scales")
    plain = ls.estimate("twonn", x, **UNITS)
    twice = ls.estimate("twonn", np.concatenate([x, x]), **UNITS)
    assert twice.value == pytest.approx(plain.value, rel=1e-9)
    assert twice.n_samples == N
    assert twice.warnings[0] == f"{N} exact copies left out; {N} samples remain"
    assert ls.estimate("twonn", x).value != pytest.approx(plain.value, rel=0.01)


@pytest.mark.parametrize("name", ["twonn", "gride", "decimation"])
def test_the_scale_is_that_of_all_samples_copies_included(name):
    x = data("float64")
    heavy = np.concatenate([x, np.repeat(x[np.argmax(np.abs(x[:, :1]), axis=0)], 300, axis=0)])
    found = ls.estimate(name, heavy, **UNITS)
    assert found.value == pytest.approx(ls.estimate(name, standard(x, of=heavy)).value, rel=1e-9)
    assert found.value != pytest.approx(ls.estimate(name, x, **UNITS).value, rel=1e-6)


def test_subsets_and_rankings_are_at_the_scale_of_all_samples():
    x = data("scales", n=400)
    z, y = standard(x), data("float64", n=400, seed=2)
    more = {"smallest": 50, "repetitions": 4}
    found, expected = ls.estimate("decimation", x, **more, **UNITS), ls.estimate("decimation", z, **more)
    assert [point.value for point in found.curve] == pytest.approx([point.value for point in expected.curve], rel=1e-9)
    found = ls.estimate("information_imbalance", x, y, **UNITS)
    assert found.value == pytest.approx(ls.estimate("information_imbalance", z, standard(y)).value, rel=1e-9)


def test_what_multiplies_vectors_reads_them_as_they_are():
    x, y = data("float64"), data("float64", seed=1) * [100, 1, 1, 1, 1, 1]
    for name, *vectors in (("participation_ratio", y), ("cka", x, y)):
        with pytest.raises(InvalidValue, match=f"{name} reads vectors as they are and has no standardize; leave"):
            ls.estimate(name, *vectors, **UNITS)


def test_vectors_as_labels_are_near_as_they_are():
    x, place = data("scales"), data("scales", seed=5)
    run = ls.from_arrays({"in": x}, labels={"place": place})
    (found,) = ls.measure(run, ["label_overlap"], k=8, **UNITS).value
    expected = ls.estimate("label_overlap", ls.find_neighbors(x, 8, **UNITS), ls.find_neighbors(place, 8), k=8)
    assert found == expected.value
    assert found != ls.estimate("overlap", x, place, k=8, **UNITS).value


def test_graphs_of_different_nearness_are_kept_side_by_side():
    x = data("scales")
    run = ls.from_arrays({"in": x})
    for near in ({}, UNITS, {"metric": "cosine"}, {"metric": "cosine", **UNITS}):
        graph, expected = run.graph("in", 5, **near), ls.find_neighbors(x, 5, **near)
        np.testing.assert_array_equal(graph.indices, expected.indices)
        assert graph.near == expected.near
    names = {path.name for path in (run.path / "graphs").rglob("*.safetensors")}
    keys = ("euclidean", "euclidean,standardize=units", "cosine", "cosine,standardize=units")
    assert names == {f"{key}.safetensors" for key in keys}
    np.testing.assert_array_equal(run.graph("in", 5).indices, ls.find_neighbors(x, 5).indices)


def test_rows_of_a_run_say_it_and_stand_beside_those_without_it():
    x = data("scales")
    run = ls.from_arrays({"in": x, "out": x[:, :3]})
    plain, standardized = (ls.measure(run, ["twonn", "overlap"], k=9, **near) for near in ({}, UNITS))
    assert set(plain.standardize) == {""}
    assert set(standardized.standardize) == {"units"}
    assert len(run.table) == len(plain) + len(standardized) == 6
    for table in (plain, standardized):
        one = run.table[run.table.standardize == table.standardize[0]]
        assert one.value.tolist() == table.value.tolist()
    assert standardized.value[0] == ls.estimate("twonn", x, **UNITS).value
    ls.measure(run, ["overlap"], k=5, **UNITS)
    assert sorted(run.table[run.table.measure == "overlap"].k) == [5, 9]
    names = run.table.drop_duplicates(["measure", "standardize"])
    assert len(names) == 4


def test_groups_are_standardized_within_themselves():
    rng = np.random.default_rng(4)
    half = np.arange(N) % 2
    x = data("float64") * np.where(half[:, None], rng.uniform(1, 50, 6), rng.uniform(1, 50, 6))
    run = ls.from_arrays({"in": x, "out": np.cbrt(x)}, labels={"half": half})
    table = ls.measure(run, ["twonn", "overlap"], k=7, by="half", **UNITS)
    assert set(table.standardize) == {"units"}
    assert len(table) == 6
    for row in table.itertuples():
        own = half == int(row.group.removeprefix("half="))
        data_of_group = [x[own], np.cbrt(x)[own]] if row.other_layer else [run[row.layer].matrix[:][own]]
        options = {"k": 7} if row.measure == "overlap" else {}
        assert row.value == ls.estimate(row.measure, *data_of_group, **options, **UNITS).value
        assert row.value != ls.estimate(row.measure, *[standard(x)[own] for _ in data_of_group], **options).value


def test_samples_that_two_runs_have_in_common_are_standardized_among_themselves():
    x, some = data("scales"), np.arange(30, N)
    one = ls.from_arrays({"in": x}, ids=range(N))
    two = ls.from_arrays({"in": np.tanh(data("float64"))[some]}, ids=some)
    with pytest.warns(UserWarning, match=r"^120 samples are in both runs; 30 of .* and 0 of .* are left out$"):
        (found,) = ls.compare(one, two, ["overlap"], k=7, **UNITS).value
    assert found == ls.estimate("overlap", x[some], np.tanh(data("float64"))[some], k=7, **UNITS).value


def test_controls_are_standardized_by_their_own_units():
    x = data("scales")
    found = ls.controls("twonn", x, kinds=["columns"], **UNITS)
    assert found["data"].value == ls.estimate("twonn", x, **UNITS).value
    scaled = ls.controls("twonn", x * 2.0 ** np.arange(6), kinds=["columns"], **UNITS)
    assert found["columns"].value == scaled["columns"].value


def test_the_scale_is_read_once_for_a_representation(monkeypatch):
    read = []
    seen = frame.scales_over
    monkeypatch.setattr(frame, "scales_over", lambda *given: read.append(given) or seen(*given))
    x = Representation(data("float64"))
    for _ in range(3):
        ls.find_neighbors(x, 3, **UNITS)
        ls.find_neighbors(x, 3, queries=data("float64", n=5), **UNITS)
    assert len(read) == 1


@pytest.mark.parametrize("levels", [2, 3, 7, 256, 50_000])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64])
def test_what_ties_on_a_lattice_ties_when_it_is_standardized(levels, dtype):
    rng = np.random.default_rng(levels)
    x = rng.integers(0, levels, (300, 3)).astype(dtype)
    x[100:200] = x[:100] + np.array([1, 0, 0], dtype)  # the same difference from another place
    z = standardized(Representation(x)).read(slice(None))
    steps = z[100:200] - z[:100]
    assert len(np.unique(steps[:, 0])) == 1
    assert not steps[:, 1:].any()
    graph = ls.find_neighbors(x, 20, **UNITS)
    whole = np.rint((x[:, None, :].astype(float) - x[graph.indices]) ** 2).astype(np.int64)  # by unit
    for row, distances in zip(whole, graph.distances, strict=True):
        found = {}
        for key, distance in zip(map(tuple, row), distances, strict=True):
            assert found.setdefault(key, distance) == distance
