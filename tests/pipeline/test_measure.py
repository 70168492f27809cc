"""From arrays to a table: plan, common rows, groups, and one bad layer among good ones."""

import json
import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.distinct import distinct_rows
from layerscape.core.estimate import Estimate
from layerscape.core.neighbors import Neighbors
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, UnknownName, unknown_name
from layerscape.measures import catalog
from layerscape.pipeline.table import COLUMNS
from layerscape.search import find_neighbors, places

N = 200


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((N, 10))
    return {"in": x, "mid": np.tanh(x @ rng.standard_normal((10, 8))), "out": x[:, :3]}


@pytest.fixture
def run(layers):
    return ls.from_arrays(layers, labels={"half": np.arange(N) % 2, "name": [f"s{i}" for i in range(N)]})


@pytest.mark.filterwarnings("ignore:label column 'name' is left out")
def test_table_has_every_layer_pair_and_label_and_the_values_of_estimate(run, layers):
    table = ls.measure(run, k=12)
    assert tuple(table.columns) == COLUMNS
    count = table.groupby("measure").size().to_dict()
    assert count == {
        "twonn": 3,
        "gride": 18,
        "overlap": 3,
        "label_overlap": 3,
        "cka": 3,
        "participation_ratio": 3,
    }
    for row in table.itertuples():
        first, other = layers[row.layer], layers.get(row.other_layer)
        if row.measure == "overlap":
            assert row.value == ls.estimate("overlap", first, other, k=12).value
            assert row.chance == pytest.approx(12 / (N - 1))
        elif row.measure == "twonn":
            assert row.value == ls.estimate("twonn", first).value
        elif row.measure == "gride":
            points = {point.k: point for point in ls.estimate("gride", first).curve}
            assert (row.value, row.scale) == (points[row.k].value, points[row.k].scale)
    assert table.depth.unique().tolist() == [0, 0.5, 1]
    assert json.loads(table.options[table.measure == "overlap"].iloc[0]) == {"k": 12}
    assert set(table.label) == {"", "half"}


def test_an_asymmetric_measure_goes_both_ways_and_counts_ranks_once_per_layer(run, layers, monkeypatch):
    asked = []

    def counting(x, pairs, **how):
        asked.append(len(pairs))
        return places(x, pairs, **how)

    monkeypatch.setattr("layerscape.supply.ranking.places", counting)
    table = ls.measure(run, ["information_imbalance"], k=3)
    assert len(table) == 6
    # Per layer once for what its graph does not hold, once for the spread of chance, twice for deletions (few samples).
    assert len(asked) == 12
    for row in table.itertuples():
        expected = ls.estimate("information_imbalance", layers[row.layer], layers[row.other_layer], k=3)
        assert (row.value, row.low, row.chance_high) == (expected.value, expected.low, expected.chance.high)


def test_threads_change_nothing(run):
    one, many = (ls.measure(run, ["twonn", "overlap", "rank_overlap"], k=9, threads=t) for t in (1, 8))
    assert one.equals(many)


def test_columns_that_are_no_categories_are_left_out_and_that_is_said(run):
    with pytest.warns(
        UserWarning,
        match="label column 'name' is left out: 200 different values among 200 samples do not make categories",
    ):
        table = ls.measure(run, ["label_overlap"], k=5)
    assert set(table.label) == {"half"}


def test_table_is_kept_and_added_to(run):
    ls.measure(run, ["twonn"])
    ls.measure(run, ["overlap"], k=5)
    ls.measure(run, ["overlap"], k=6)
    kept = ls.open(run.path).table
    assert kept.measure.value_counts().to_dict() == {"twonn": 3, "overlap": 3}
    assert set(kept.k[kept.measure == "overlap"]) == {6}


def test_graphs_are_searched_once_at_the_largest_k(run, monkeypatch):
    searched = []

    def count(x, k, **options):
        searched.append(k)
        return find_neighbors(x, k, **options)

    monkeypatch.setattr("layerscape.run.find_neighbors", count)
    ls.measure(run, ["twonn", "overlap"], k=20)
    ls.measure(run, ["overlap"], k=10)
    assert searched == [21] * 3  # one more, for the interval
    assert run.graph("in", 7).k == 7


def test_an_interrupted_search_goes_on_with_the_layer_it_was_at(run, monkeypatch):
    def fail_at_third(x, k, **options):
        if x.layer == "out":
            raise KeyboardInterrupt
        return find_neighbors(x, k, **options)

    monkeypatch.setattr("layerscape.run.find_neighbors", fail_at_third)
    with pytest.raises(KeyboardInterrupt):
        run.search(9)
    searched, told = [], []
    monkeypatch.setattr(
        "layerscape.run.find_neighbors",
        lambda x, k, **options: searched.append(x.layer) or find_neighbors(x, k, **options),
    )
    run.search(9, progress=lambda *said: told.append(said))
    assert searched == ["out"]
    assert told[-1] == ("searching", 3 * N, 3 * N)
    assert run.graph("in", 9).k == 9
    with pytest.raises(UnknownName, match="unknown layer 'inn'"):
        run.search(9, layers=["inn"])


def test_a_layer_larger_than_the_memory_is_read_from_disk(run, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "layerscape.run.find_neighbors",
        lambda x, k, **options: seen.append(type(x.matrix).__name__) or find_neighbors(x, k, **options),
    )
    run.search(4, layers=["in"], memory=N * 10 * 8)
    run.search(5, layers=["in"], memory=N * 10 * 8 - 1)
    assert seen == ["ndarray", "Array"]


def test_dimensions_use_the_same_distinct_rows_in_every_layer(layers):
    again = np.r_[0:N, 0:20]
    arrays = {name: x[again] for name, x in layers.items()}
    arrays["mid"] = arrays["mid"].copy()
    arrays["mid"][50] = arrays["mid"][51]  # a copy in one layer only
    with pytest.warns(UserWarning, match="40 of 220 samples are copies of others"):
        table = ls.measure(ls.from_arrays(arrays), ["twonn", "overlap"], k=5)
    dimension = table[table.measure == "twonn"]
    assert set(dimension.n_samples) == {N - 1}
    assert set(table.n_samples[table.measure == "overlap"]) == {N + 20}
    kept = np.setdiff1d(np.arange(N), [51])
    assert dimension.value.iloc[0] == ls.estimate("twonn", layers["in"][kept]).value
    assert "copies" in dimension.warnings.iloc[0]


def test_a_constant_layer_costs_only_its_own_values(layers):
    run = ls.from_arrays({**layers, "constant": np.ones((N, 4))})
    table = ls.measure(run, ["twonn", "cka", "overlap"], k=5).set_index(["measure", "layer", "other_layer"])
    assert np.isnan(table.value["twonn", "constant", ""])
    assert "it is constant, or nearly so, and has no dimension" in table.warnings["twonn", "constant", ""]
    assert "constant" in table.warnings["cka", "in", "constant"]
    assert table.value["overlap", "in", "constant"] == pytest.approx(5 / (N - 1))
    assert table.n_samples["twonn", "in", ""] == N
    assert table.value["twonn", "in", ""] == ls.estimate("twonn", layers["in"]).value


def test_groups_are_measured_on_their_own_at_equal_size(layers):
    group = np.repeat(["a", "b"], [120, 80])
    run = ls.from_arrays(layers, labels={"kind": group})
    table = ls.measure(run, ["twonn", "overlap"], by="kind", k=5)
    assert set(table.group) == {"kind=a", "kind=b"}
    assert set(table.n_samples) == {80}
    b = table[(table.group == "kind=b") & (table.measure == "twonn") & (table.layer == "in")]
    assert b.value.item() == ls.estimate("twonn", layers["in"][120:]).value
    again = ls.measure(run, ["twonn"], by="kind")
    other = ls.measure(run, ["twonn"], by="kind", seed=1)
    assert again.value.tolist() == table.value[table.measure == "twonn"].tolist()
    assert again.value.tolist() != other.value.tolist()


def test_a_function_of_the_users_goes_through_all_layers(run):
    def spread(x: Representation, /) -> Estimate:
        """Total variance."""
        value = float(x.read(slice(None)).var(axis=0).sum())
        return Estimate(value, value, value, x.n_samples)

    def reach(graph: Neighbors, /, *, k: int = 3) -> Estimate:
        """Mean distance to neighbor k."""
        value = float(graph.distances[:, k - 1].mean())
        return Estimate(value, value, value, graph.n_samples, k=k)

    table = ls.measure(run, [spread, reach], k=4)
    assert table.measure.tolist() == ["spread"] * 3 + ["reach"] * 3
    assert table.value[3] == run.graph("in", 4).distances[:, 3].mean()


def test_without_a_folder_a_run_is_gone_with_its_last_user(layers):
    run = ls.from_arrays(layers)
    path = run.path
    assert path.exists()
    del run
    assert not path.exists()


def test_from_arrays_goes_on_in_a_folder_and_refuses_other_data(layers, tmp_path):
    first = ls.from_arrays(layers, out=tmp_path / "run")
    again = ls.from_arrays(layers, out=tmp_path / "run")
    np.testing.assert_array_equal(first["mid"].matrix[:], again["mid"].matrix[:])
    with pytest.raises(InvalidValue, match="samples"):
        ls.from_arrays({name: x + 1 for name, x in layers.items()}, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda run: ls.measure(run, ["twon"]),
            UnknownName,
            str(unknown_name("measure", "twon", catalog())),
        ),
        (
            lambda run: ls.measure(run, ["overlap"], k=200),
            InvalidValue,
            "k=200 neighbors asked of 200 samples; k must lie in 1..199.",
        ),
        (
            lambda run: ls.measure(run, ["overlap"], labels=["haf"]),
            UnknownName,
            "unknown label column 'haf'; nearest: half. There are: half, name.",
        ),
        (
            lambda run: ls.measure(run, ["overlap"], by="haf"),
            UnknownName,
            "unknown label column 'haf'; nearest: half. There are: half, name.",
        ),
        (
            lambda run: ls.measure(run, ["twonn"], by="name"),
            InvalidValue,
            "label column 'name' has a value of its own for every sample; choose one that samples share.",
        ),
        (
            lambda run: run.add_labels({"control": np.arange(200) % 2}) or ls.measure(run, ["twonn"], by="control"),
            InvalidValue,
            "by='control': groups are named COLUMN=VALUE, and controls control=NAME; give the column another name.",
        ),
        (
            lambda run: ls.measure(run, ["twonn"], wieght="class"),
            UnknownName,
            "unknown option 'wieght'. There are: by, controls, device, discard, groups, k, labels, lag, measures, "
            "memory, method, metric, n_queries, near_copies, own_group, pairs, prior, progress, protocol, queries, "
            "repeats, save, seed, standardize, … (25 in all).",
        ),
        (
            lambda run: ls.measure(run, ["label_overlap"], labels=["haf"]),
            UnknownName,
            "unknown label column 'haf'; nearest: half. There are: half, name.",
        ),
        (lambda run: run.graph("in", 0), InvalidValue, "k=0 neighbors asked of 200 samples; k must lie in 1..199."),
        (lambda run: run.graph("in", 200), InvalidValue, "k=200 neighbors asked of 200 samples; k must lie in 1..199."),
        (lambda run: run["inn"], UnknownName, "unknown layer 'inn'; nearest: in. There are: in, mid, out."),
        (lambda run: ls.from_arrays({}), InvalidValue, "no arrays given; give a dict of layer name to array (N, D)."),
        (
            lambda run: ls.from_arrays({"a": np.eye(3), "b": np.eye(4)}),
            InvalidValue,
            "layer 'b' has 4 samples and the first 3; all must be of the same samples.",
        ),
    ],
)
def test_errors(run, call, kind, text):
    ls.measure(run, ["twonn"])
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call(run)


def test_copies_and_near_copies_are_told_apart(rng):
    x = rng.standard_normal((100, 4))
    x = np.concatenate([x, x[:10], x[:5] * (1 + 1e-12)])
    found = distinct_rows(find_neighbors(x, 5))
    assert (len(found.rows), found.n_copies, found.n_near) == (100, 10, 5)
    assert found.words == ("10 exact copies and 5 near copies (rounding apart) left out; 100 samples remain",)
    assert distinct_rows(find_neighbors(x, 5), near=0).n_near == 0


def test_no_neighbor_survives_from_one_tower_to_another(rng):
    x = rng.standard_normal((60, 4))
    towers = {"left.a": x, "left.b": x**3, "right.a": x[::-1], "right.b": x[::-1] ** 3}
    table = ls.measure(ls.from_arrays(towers, depths=[0, 1, 0, 1]), "neighbor_survival", k=5)
    assert set(zip(table.layer, table.other_layer, strict=True)) == {("left.a", "left.b"), ("right.a", "right.b")}


def test_measures_of_labels_that_a_run_lacks_are_said(rng):
    x = rng.standard_normal((60, 4))
    with pytest.warns(UserWarning, match=r"has no labels that label_overlap and knn_probe can be measured"):
        table = ls.measure(ls.from_arrays({"a": x}), ["label_overlap", "knn_probe", "twonn"])
    assert set(table.measure) == {"twonn"}
    numbers = ls.from_arrays({"a": x}, labels={"size": x[:, 0]})
    with pytest.warns(UserWarning, match=r"has no labels that knn_probe can be measured against"):
        table = ls.measure(numbers, ["label_overlap", "knn_probe"])
    assert set(table.measure) == {"label_overlap"}


@pytest.mark.parametrize("save", [True, False])
def test_ranks_without_own_members_are_of_every_pair_of_layers(layers, save):
    codes = np.arange(N) // 20
    said = {"groups": codes, "own_group": "left_out"}
    run = ls.from_arrays(layers, labels={"subject": codes})
    table = ls.measure(run, "information_imbalance", **{**said, "groups": "subject"}, save=save)
    assert len(table) == 6
    for row in table.itertuples():
        found = ls.estimate("information_imbalance", layers[row.layer], layers[row.other_layer], **said)
        assert (row.value, row.low, row.p) == (found.value, found.low, found.chance.p)
