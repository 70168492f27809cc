"""Layers that were given as graphs: measured to the bit as their vectors are, and what they lack is said."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.measures import catalog

N = 150
X = np.random.default_rng(0).standard_normal((N, 5))
LAYERS = {"a": X, "b": X + 0.5 * np.random.default_rng(1).standard_normal((N, 5)), "tied": np.round(2 * X)}
LABELS = {"side": (X[:, 0] > 0).astype(int), "group": np.arange(N) // 15}
OF_GRAPHS = [m.name for m in catalog().values() if not {"vectors", "pairs"} & set(m.data) and m.name != "mst"]
COLUMNS = ["value", "low", "high", "chance", "chance_low", "chance_high", "p", "n_samples", "warnings"]


def of_vectors():
    return ls.from_arrays(LAYERS, labels=LABELS)


def of_graphs(k=N - 1, **more):
    return ls.from_arrays({name: ls.find_neighbors(x, k) for name, x in LAYERS.items()}, labels=LABELS, **more)


def same_numbers(one, other):
    pytest.importorskip("pandas").testing.assert_frame_equal(one[COLUMNS], other[COLUMNS], check_exact=True)


@pytest.mark.parametrize("asked", [{"k": 7}, {"by": "side"}, {"k": 5, "groups": "group"}], ids=str)
def test_the_exact_graph_gives_the_numbers_of_the_vectors_to_the_bit(asked):
    names = OF_GRAPHS if "k" in asked and "groups" not in asked else ["overlap", "twonn", "information_imbalance"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same_numbers(ls.measure(of_vectors(), names, **asked), ls.measure(of_graphs(), names, **asked))


@pytest.mark.parametrize("asked", ["left out of the lists", "left out by the search"])
def test_ranks_without_own_members_are_those_of_the_vectors(asked):
    names, left_out = ["information_imbalance", "overlap"], {"groups": "group", "own_group": "left_out"}
    searched = {"groups": LABELS["group"], "k": N - 15} if "search" in asked else {"k": N - 1}
    graphs = ls.from_arrays({name: ls.find_neighbors(x, **searched) for name, x in LAYERS.items()}, labels=LABELS)
    given = ls.measure(graphs, names, k=5, progress=False, **({"groups": "group"} if "search" in asked else left_out))
    table = ls.measure(of_vectors(), names, k=5, progress=False, **left_out)
    assert np.isfinite(table.value).all()
    np.testing.assert_array_equal(given.value, table.value)
    if "search" not in asked:  # of a graph that was searched so, chance and interval are of what a group leaves in it
        same_numbers(given, table)


def test_such_a_run_is_read_from_disk_as_it_was_and_every_byte_is_checked(tmp_path):
    run = of_graphs(out=tmp_path / "run")
    again = ls.open(tmp_path / "run")
    assert [(part.name, part.problem) for part in again.check()] == [
        (name, "") for name in ("samples.parquet", *LAYERS)
    ]
    for name in LAYERS:
        for each in ("indices", "distances", "copies", "border_starts", "border_copies"):
            np.testing.assert_array_equal(getattr(again[name], each), getattr(run[name], each))
    assert ls.from_arrays(again).layers == run.layers
    file = next((tmp_path / "run" / "given").glob("*b.safetensors"))
    file.write_bytes(file.read_bytes()[:-8] + b"\1" * 8)
    damaged = ls.open(tmp_path / "run")
    assert [part.name for part in damaged.check() if part.problem] == ["b"]
    assert "the run is unfinished now" in damaged.repair()
    assert not any(part.problem for part in of_graphs(out=tmp_path / "run").check())


def mixed():
    graphs = {"square": ls.find_neighbors(LAYERS["b"], N - 1), "few": ls.find_neighbors(LAYERS["b"], 12)}
    return ls.from_arrays(
        {"x": X, **graphs, "order": Neighbors.from_arrays(graphs["few"].indices)}, labels=LABELS, depths=None
    )


def test_what_reads_vectors_or_distances_is_left_out_in_one_line():
    said = (
        "left out of what was given as graphs: gride and twonn of 'order' (read distances, which were not given beside "
        "the indices); participation_ratio and cka of 'order', 'square', 'few' (read vectors, of which there are none)"
    )
    with pytest.warns(UserWarning, match="left out of what was given") as found:
        table = ls.measure(mixed(), labels="side")
    assert said in [str(each.message) for each in found]
    assert table.value.notna().all()
    assert set(table.layer[table.measure == "twonn"]) == {"x", "square", "few"}
    overlap = table[table.measure == "overlap"]
    assert (set(overlap.k), len(overlap)) == ({11}, 6)
    assert overlap.warnings.iloc[0] == "k = 11, since the graph of layer 'few' holds 12"


def test_where_nothing_is_left_it_is_refused():
    run = ls.from_arrays({"order": Neighbors.from_arrays(ls.find_neighbors(X, 12).indices)})
    for measure, lack in (
        ("pca", "read vectors, of which there are none"),
        ("twonn", "read distances, which were not"),
    ):
        says = f"^nothing is left to measure of what was given as graphs: {measure} of 'order' \\({lack}"
        with pytest.raises(InvalidValue, match=says):
            ls.measure(run, measure)
    with pytest.raises(InvalidValue, match=r"^metric='cosine' says what a search finds near, and nothing is searched"):
        ls.measure(run, "hubness", metric="cosine")


def test_no_more_neighbors_are_searched_than_were_given():
    run = mixed()
    says = "k=13 neighbors asked of layer 'few', which was given as a graph of 12 and has no vectors to search; k must"
    with pytest.raises(InvalidValue, match=f"^{re.escape(says)}"):
        run.graph("few", 13)
    assert run.graph("few", 12).k == 12
    with pytest.warns(UserWarning, match=r"^left out 'square', 'few', 'order': given as graphs, without vectors$"):
        run.search(20)
    with pytest.warns(UserWarning, match=r"^nothing to search: 'few' were given as graphs$"):
        run.search(5, layers="few")
    with pytest.raises(InvalidValue, match=r"^layer 'few' was given as a graph, without vectors"):
        run.vectors("few")


def test_samples_are_matched_by_id_in_runs_of_graphs_and_of_vectors():
    order = np.random.default_rng(2).permutation(N)[:120]
    names = np.array([f"s{row}" for row in range(N)])
    graphs = of_graphs(ids=names.tolist())
    vectors = ls.from_arrays({name: x[order] for name, x in LAYERS.items()}, ids=names[order].tolist())
    whole = ls.from_arrays(LAYERS, ids=names.tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same_numbers(ls.compare(vectors, graphs, "overlap", k=7), ls.compare(vectors, whole, "overlap", k=7))


def test_a_layer_is_recommended_and_tested_by_graphs_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, expected = (ls.recommend(run, labels="side") for run in (of_graphs(12), of_vectors()))
        assert (found.layer, found.table.layer.tolist()) == (expected.layer, expected.table.layer.tolist())
        tests = ls.differences(of_graphs(), labels="side", k=7)
    assert tests.p.notna().all()


def test_the_page_of_a_run_of_graphs_shows_what_they_hold(tmp_path):
    pytest.importorskip("jinja2")
    run = mixed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ls.measure(run)
    page = ls.report(run, tmp_path / "page.html").read_text()
    assert "of which &#39;square&#39;, &#39;few&#39;, &#39;order&#39; given as graphs" in page


def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    graph = ls.find_neighbors(LAYERS["b"], 12)
    own = np.arange(N)[:, None]
    np.save("x.npy", X)
    np.save("far.npy", np.hstack([0 * own, graph.distances]))
    np.save("near.npy", np.hstack([own, graph.indices]))
    np.savez("both.npz", knn_indices=graph.indices, knn_dists=graph.distances)
    np.save("square.npy", np.sqrt(((X[:, None] - X) ** 2).sum(-1)))
    return graph


def test_graphs_are_told_in_files_by_name_by_looks_and_by_what_is_said(tmp_path, monkeypatch):
    graph = written(tmp_path, monkeypatch)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run = ls.from_files("x.npy", "near.npy", "both.npz", "square.npy", distances="far.npy")
    assert [str(each.message).split(":")[0] for each in said][:2] == ["near.npy", "square.npy"]
    assert {layer: run.described(layer) for layer in run.layers} == {
        "x": "5 units",
        "near": "a graph of 12 neighbors, with distances",
        "both": "a graph of 12 neighbors, with distances",
        "square": f"a graph of {N - 1} neighbors, with distances",
    }
    for layer in ("near", "both"):
        np.testing.assert_array_equal(run[layer].indices, graph.indices)
        np.testing.assert_array_equal(run[layer].distances, graph.distances)
    assert ls.from_files("square.npy", kind="vectors")["square"].n_units == N


def test_rows_of_a_table_of_distances_are_matched_with_its_columns(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    written(tmp_path, monkeypatch)
    names, order = [f"s{row}" for row in range(N)], np.random.default_rng(3).permutation(N)
    square = np.load("square.npy")
    pandas.DataFrame(square, names, names).to_csv("square.csv")
    table = pandas.DataFrame(X[order], columns=[f"u{unit}" for unit in range(5)])
    table.assign(id=np.array(names)[order]).to_csv("x.csv", index=False)
    with pytest.warns(UserWarning, match="looks like the distances of all samples"):
        run = ls.from_files("x.csv", "square.csv")
    np.testing.assert_array_equal(run["square"].indices, ls.find_neighbors(X[order], N - 1).indices)


BAD = {
    "1.5": (lambda i: np.where(i == i[2, 3], 1.5, i), "indices of type float64 that are no row numbers"),
    "-1": (lambda i: np.where(i == i[2, 3], -1, i), "indices from -1 to 149 in 150 rows: below 0 stands what a tool"),
    "twice": (lambda i: i[:, [0, 1, 1]], "a row lists a sample twice; list each neighbor once."),
    "out": (lambda i: i + 3, "indices from 3 to 152 in 150 rows: give one row for each sample that is listed"),
}


@pytest.mark.parametrize("name", BAD)
def test_row_numbers_that_are_none_are_refused_in_one_line(name, tmp_path, monkeypatch):
    written(tmp_path, monkeypatch)
    spoil, says = BAD[name]
    np.save("bad.npy", spoil(np.load("near.npy")))
    with pytest.raises(LayerscapeError, match=f"^bad.npy: {re.escape(says)}"):
        ls.from_files("bad.npy", kind="indices")
    with pytest.raises(InvalidValue, match=r"^2 --distances for 1 matrices of neighbors without their distances; give"):
        ls.from_files("near.npy", kind="indices", distances=["far.npy", "far.npy"])
