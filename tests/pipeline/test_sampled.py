"""Some samples are asked in place of all: an average over them, and how far it may be from that over all."""

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.core.tasks import Task
from layerscape.errors import InvalidType, InvalidValue
from layerscape.measures import find_measure
from layerscape.pipeline.sampled import drawn_queries
from layerscape.search import find_neighbors
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier

N = 600
ASKED = {
    "twonn": (),
    "gride": (),
    "levina_bickel": (),
    "overlap": (),
    "rank_overlap": (),
    "information_imbalance": (),
    "neighbor_survival": (),
    "label_overlap": ("half",),
    "knn_probe": ("half",),
    "hubness": (),
}


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(7)
    z = rng.standard_normal((N, 5))
    x = z @ rng.standard_normal((5, 24))
    layers = {"a": x, "b": np.tanh(x), "c": np.tanh(x) + 0.5 * rng.standard_normal(x.shape)}
    return ls.from_arrays(layers, labels={"half": np.where(z[:, 0] > 0, "up", "down")}, ids=[f"s{i}" for i in range(N)])


def table(run, *args, **kwargs):
    return ls.measure(run, *args, save=False, progress=False, **kwargs)


def test_every_row_says_how_many_were_asked_and_the_standard_profile_is_what_can_be_asked(run):
    found = table(run, n_queries=100)
    assert set(found.group) == {"100 queries"}
    assert set(found.n_samples) == {N}
    assert found.value.notna().all()
    assert {"twonn", "overlap", "label_overlap"} <= set(found.measure)
    assert set(found.measure) <= set(table(run).measure)


@pytest.mark.parametrize("name", ["overlap", "label_overlap"])
def test_the_mean_over_parts_that_make_up_all_samples_is_the_value_of_all(run, name):
    whole = table(run, [name], k=10)
    order = np.random.default_rng(0).permutation(N)
    parts = []
    for rows in np.split(order, 4):
        supplier = Supplier(Part(run, asked=np.sort(rows)), {})
        tasks = [
            Task(find_measure(name), {"k": 10}, row.layer, row.other_layer, row.label) for row in whole.itertuples()
        ]
        supplier.prepare(tasks, progress=False)
        parts.append([supplier.estimate(task).value for task in tasks])
    assert np.mean(parts, axis=0) == pytest.approx(whole.value.to_numpy(), abs=1e-12)


def test_a_value_is_that_of_the_graph_of_these_queries(run):
    rows = drawn_queries(150, N, seed=3)
    found = table(run, ["twonn", "overlap"], k=10, n_queries=150, seed=3).set_index(["measure", "layer", "other_layer"])
    graphs = {layer: find_neighbors(np.asarray(run[layer]), 20, queries=rows) for layer in run.layers}
    assert found.value["twonn", "a", ""] == ls.estimate("twonn", graphs["a"]).value
    assert found.value["overlap", "a", "c"] == ls.estimate("overlap", graphs["a"], graphs["c"], k=10).value


def test_intervals_hold_the_value_of_all_samples(run):
    whole = table(run, ["overlap", "label_overlap"], k=10).value
    held = []
    for seed in range(40):
        found = table(run, ["overlap", "label_overlap"], k=10, n_queries=120, seed=seed)
        held.append((found.low <= whole) & (whole <= found.high))
    assert np.mean(held) > 0.9  # 0.95 of independent ones, and rather more, since they are drawn from all


def test_samples_without_a_label_are_left_out(run):
    values = np.array(run.samples.labels["half"], dtype=object)
    values[::3] = None
    layers = {layer: np.asarray(run[layer]) for layer in run.layers}
    some = ls.from_arrays(layers, labels={"half": values})
    found = table(some, ["label_overlap"], k=5, n_queries=90)
    assert set(found.n_samples) == {N - N // 3}
    assert found.warnings.str.contains(f"{N // 3} of {N} samples have no label").all()


def test_near_copies_of_queries_are_refused_for_a_dimension_and_the_rest_is_measured(run):
    x = np.asarray(run["a"]).copy()
    x[1::2] = x[::2] * (1 + 1e-9)
    x = np.random.default_rng(0).permutation(x)
    with pytest.warns(UserWarning, match="samples are copies of others, exact or but for rounding"):
        found = table(ls.from_arrays({"a": x, "b": np.tanh(x)}), ["twonn", "overlap"], k=5, n_queries=100)
    dimension = found[found.measure == "twonn"]
    assert dimension.value.isna().all()
    assert dimension.warnings.str.contains("near copies").all()
    assert found[found.measure == "overlap"].value.notna().all()


def test_copies_are_left_out_and_the_value_is_that_of_the_distinct_rows_that_are_asked(run):
    order = np.random.default_rng(1).permutation(2 * N)
    x = np.concatenate([run["a"]] * 2)[order]
    found = table(ls.from_arrays({"a": x}), ["twonn"], n_queries=200, seed=4)
    _, first = np.unique(order % N, return_index=True)
    asked = np.flatnonzero(np.isin(np.sort(first), drawn_queries(200, 2 * N, seed=4)))
    graph = find_neighbors(x[np.sort(first)], 2, queries=asked)
    assert found.value[0] == ls.estimate("twonn", graph).value
    words = f"{N} exact copies left out; {N} samples remain, of which {len(asked)} are queries"
    assert words in found.warnings[0]


def test_where_no_query_is_a_distinct_row_is_said(run):
    x = np.repeat(np.random.default_rng(0).standard_normal((5, 4)), 200, axis=0)
    found = table(ls.from_arrays({"a": x}), ["twonn"], n_queries=10)
    assert (
        "none of the 5 distinct rows of 1000 is among the queries; raise n_queries, or leave it out."
        in found.warnings[0]
    )


def test_a_series_is_measured_run_by_run(run):
    layers = {layer: np.asarray(run[layer]) for layer in run.layers}
    series = ls.series([run, ls.from_arrays(layers, ids=run.samples.ids)], steps=[1, 2])
    with pytest.warns(UserWarning, match="with n_queries every run is measured by itself"):
        found = table(series, ["overlap"], k=5, n_queries=50)
    assert found.groupby("step").value.sum().nunique() == 1


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (
            {"n_queries": 3},
            InvalidValue,
            f"n_queries=3 of {N} samples; give 10 to {N - 1}, or leave it out to ask all.",
        ),
        ({"n_queries": N}, InvalidValue, f"n_queries={N} of {N} samples"),
        ({"n_queries": 0.1}, InvalidType, "n_queries=0.1; give a whole number or None."),
        ({"n_queries": True}, InvalidType, "n_queries=True; give a whole number or None."),
        ({"n_queries": 50, "by": "half"}, InvalidValue, "n_queries=50 and by at once; measure the two in a call each."),
        ({"n_queries": 50, "groups": "half"}, InvalidValue, "n_queries=50 and groups at once"),
        ({"n_queries": 50, "lag": 0}, InvalidValue, "n_queries=50 and lag at once"),
        ({"n_queries": 50, "controls": "gaussian"}, InvalidValue, "n_queries=50 and controls at once"),
        ({"n_queries": 50, "measures": ["cka"]}, InvalidValue, "n_queries with cka: that is no average over"),
        ({"n_queries": 50, "measures": ["decimation", "twonn"]}, InvalidValue, "n_queries with decimation: "),
        (
            {"n_queries": 50, "protocol": "ansuini2019"},
            InvalidValue,
            "protocol='ansuini2019' with groups, lag, repeats, pairs or n_queries",
        ),
    ],
    ids=lambda given: given[:40] if isinstance(given, str) else "",
)
def test_what_cannot_be_asked_is_one_line(run, asked, error, said):
    with pytest.raises(error) as raised:
        table(run, **asked)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_rows_of_queries_stand_beside_those_of_all(run, tmp_path):
    kept = ls.from_arrays({layer: np.asarray(run[layer]) for layer in run.layers}, out=tmp_path / "run")
    ls.measure(kept, ["overlap"], k=10, progress=False)
    ls.measure(kept, ["overlap"], k=10, n_queries=100, progress=False)
    assert isinstance(kept.table, pd.DataFrame)
    assert set(kept.table.group) == {"", "100 queries"}
    ls.measure(kept, ["overlap"], k=10, n_queries=100, seed=1, progress=False)
    assert len(kept.table) == 6


def test_the_page_says_of_how_many_samples_values_are(run, tmp_path):
    kept = ls.from_arrays({layer: np.asarray(run[layer]) for layer in run.layers})
    ls.measure(kept, ["overlap"], k=10, n_queries=100, progress=False)
    page = ls.report(kept, tmp_path / "report.html", progress=False)
    assert "600, taken to be independent of each other; values of 100 queries among them" in page.read_text()
