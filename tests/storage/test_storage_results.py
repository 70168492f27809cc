"""Graphs and estimates come back as they went in, and are replaced whole."""

import contextlib
import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

import layerscape as ls
from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.errors import FileProblem, UnknownName
from layerscape.storage import LayerSpec, RunFolder
from layerscape.storage.ledger import Ledger


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "run"
    with RunFolder.create(out, {}, [LayerSpec("block/1", 2)], 6) as run:
        run.write_samples(list("abcdef"), {}, "array")
        run.write_block(0, {"block/1": np.ones((6, 2))})
        run.finish()
    return RunFolder.open(out)


def full_graph(dtype=np.int64):
    return Neighbors(
        np.array([[1, 2], [0, 2]], dtype),
        np.array([[0.0, 1.5], [0.1, np.nextafter(2.0, 3.0)]]),
        n_samples=6,
        n_units=2,
        near=Nearness("cosine"),
        queries=np.array([4, -1]),
        copies=np.array([0, 1, 2, 3, 3, 4]),
        border_starts=np.array([0, 1, 1]),
        border_copies=np.array([3]),
    )


@pytest.mark.parametrize(
    "graph",
    [
        full_graph(),
        full_graph(np.int32),
        Neighbors(np.array([[1], [0]]), np.zeros((2, 1)), 2),
        dataclasses.replace(full_graph(), border_starts=np.zeros(3, np.int64), border_copies=np.empty(0, np.int64)),
        Neighbors(np.asfortranarray([[1, 2], [2, 0], [0, 1]]), np.asfortranarray([[1.0, 2], [1, 3], [2, 3]]), 3),
    ],
)
def test_every_field_of_a_graph_round_trips(run, graph):
    run.save_graph("block/1", graph)
    found = run.load_graph("block/1", graph.near)
    for each in dataclasses.fields(Neighbors):
        before, after = getattr(graph, each.name), getattr(found, each.name)
        if isinstance(before, np.ndarray):
            stored = before.astype(np.int32) if each.name == "indices" else before
            np.testing.assert_array_equal(after, stored, strict=True)
        else:
            assert after == before
            assert type(after) is type(before)


def test_a_graph_is_the_same_bytes_every_time(run):
    run.save_graph("block/1", full_graph())
    path = run.path / "graphs" / "000-block_1" / "cosine.safetensors"
    before = path.read_bytes()
    path.unlink()
    run.save_graph("block/1", full_graph())
    assert path.read_bytes() == before


def test_an_unknown_layer_has_no_graph(run):
    with pytest.raises(UnknownName, match=re.escape("unknown layer 'block/2'; nearest: block/1. There are: block/1.")):
        run.load_graph("block/2", Nearness())


@pytest.mark.parametrize("keep", [0, 4, 10, -9])
def test_a_damaged_graph_is_one_line(run, as_earlier, keep):
    run.save_graph("block/1", full_graph())
    path = run.path / "graphs" / "000-block_1" / "cosine.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileProblem, match=r"cosine\.safetensors is damaged: it has .* bytes, and .* were written; see"):
        run.load_graph("block/1", Nearness("cosine"))
    with pytest.raises(FileProblem, match=r"cosine\.safetensors cannot be read \(.*\); remove that file and"):
        as_earlier(run).load_graph("block/1", Nearness("cosine"))


def test_estimates_round_trip_and_are_replaced(run, as_earlier, tmp_path):
    frame = pd.DataFrame(
        {
            "layer": ["block/1", "слой"],
            "options": ['{"k": 30}', "{}"],
            "k": pd.array([30, None], dtype="Int64"),
            "value": [np.inf, 1e-300],
            "low": [np.nan, 0.1 + 0.2],
            "warnings": ["a\nb", ""],
        }
    )
    for each in (frame.head(1), frame):
        run.save_estimates(each)
        pd.testing.assert_frame_equal(run.load_estimates(), each, check_exact=True)
    (run.path / "estimates.parquet").write_bytes(b"torn")
    with pytest.raises(FileProblem, match=r"is damaged: it has 4 bytes, and .* were written; see what is whole with: "):
        run.load_estimates()
    with pytest.raises(FileProblem, match=r"cannot be read \(.*\); remove that file and measure again$"):
        as_earlier(run).load_estimates()
    (run.path / "estimates.parquet").unlink()
    with pytest.raises(FileProblem, match=r"estimates\.parquet is damaged: it is missing"):
        run.load_estimates()
    (tmp_path / "earlier" / "estimates.parquet").unlink()
    assert RunFolder.open(tmp_path / "earlier").load_estimates() is None


def test_nothing_is_left_beside_what_was_saved(run):
    run.save_graph("block/1", full_graph())
    names = {path.name for path in run.path.rglob("*") if path.is_file()}
    assert not {name for name in names if name.endswith(".partial") or name == ".lock"}


def keep_as_earlier(path, graph):
    """A graph file as versions before `Nearness` wrote it: the metric alone, and copies called groups."""
    called = {"indices": "indices", "distances": "distances", "queries": "queries", "copies": "groups"}
    called |= {"border_starts": "border_starts", "border_copies": "border_groups"}
    arrays = {name: getattr(graph, own) for own, name in called.items() if getattr(graph, own) is not None}
    plain = {"n_samples": graph.n_samples, "metric": graph.metric}
    plain |= {} if graph.n_units is None else {"n_units": graph.n_units}
    save_file({**arrays, "indices": arrays["indices"].astype(np.int32)}, path, {"layerscape": json.dumps(plain)})


@pytest.mark.parametrize("graph", [full_graph(), Neighbors(np.array([[1], [0]]), np.zeros((2, 1)), 2)])
def test_a_graph_that_an_earlier_version_kept_is_read(run, as_earlier, graph):
    run = as_earlier(run)
    path = run.path / "graphs" / "000-block_1" / f"{graph.metric}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    keep_as_earlier(path, graph)
    found = run.load_graph("block/1", graph.near)
    assert found.near == Nearness(graph.metric)
    for name in ("indices", "distances", "queries", "copies", "border_starts", "border_copies"):
        np.testing.assert_array_equal(getattr(found, name), getattr(graph, name))
    assert (found.n_samples, found.n_units) == (graph.n_samples, graph.n_units)
    assert run.kept_graph("block/1", graph.near).width == graph.k


@pytest.mark.parametrize("near", [Nearness(), Nearness("cosine", "units", 0.0), Nearness(near_copies=0.25)], ids=str)
def test_what_was_near_is_kept_with_a_graph(run, near):
    run.save_graph("block/1", dataclasses.replace(full_graph(), near=near))
    assert run.load_graph("block/1", near).near == near


def test_a_kept_graph_says_what_was_asked_of_it():
    run = ls.from_arrays({"in": np.random.default_rng(0).standard_normal((20, 3))})
    shares = (1e-5, 0.0, 0.5)
    graphs = [run.graph("in", 4, near_copies=share) for share in shares]
    assert [graph.near.near_copies for graph in graphs] == list(shares)
    assert len(list((run.path / "graphs").rglob("*.safetensors"))) == 1


def test_a_run_that_an_earlier_version_searched_is_not_searched_again(as_earlier, tmp_path, monkeypatch):
    x = np.random.default_rng(0).standard_normal((40, 3))[np.arange(40) // 2]
    run = ls.from_arrays({"in": x}, out=tmp_path / "run")
    expected = run.graph("in", 9)
    (path,) = (run.path / "graphs").rglob("*.safetensors")
    assert path.name == "euclidean.safetensors"
    path.unlink()
    keep_as_earlier(path, expected)
    run = ls.open(as_earlier(run.folder).path)
    monkeypatch.setattr("layerscape.run.find_neighbors", None)
    graph = run.graph("in", 9)
    for one, two in zip(graph.weights(6), expected.weights(6), strict=True):  # which need copies and border
        np.testing.assert_array_equal(one, two)
    assert graph.n_copies == 20


@pytest.mark.parametrize("ledger", [True, False], ids=["ledger", "no ledger"])
@pytest.mark.parametrize(
    "search", [lambda run, k: run.search(k), lambda run, k: run.graph("in", k)], ids=["all", "one"]
)
def test_a_graph_that_an_earlier_version_kept_is_told_which_unit_decides(
    tmp_path, as_earlier, monkeypatch, search, ledger
):
    x = np.random.default_rng(0).standard_normal((40, 3)) * [1, 9, 1]
    run = ls.from_arrays({"in": x}, out=tmp_path / "run")
    graph = run.graph("in", 9)
    assert graph.deciding is not None
    assert graph.deciding[0] == 1
    run = ls.open(run.path if ledger else as_earlier(run.folder).path)
    run.folder.save_graph("in", dataclasses.replace(graph, deciding=None))
    assert run.folder.kept_graph("in", graph.near).deciding is None
    monkeypatch.setattr("layerscape.run.find_neighbors", None)
    search(run, 4)
    run = ls.open(run.path)
    kept = run.folder.load_graph("in", graph.near)
    assert kept is not None
    assert kept.deciding == graph.deciding
    for name in ("indices", "distances", "copies", "border_starts", "border_copies"):  # all 9, and not 4
        np.testing.assert_array_equal(getattr(kept, name), getattr(graph, name))
    monkeypatch.setattr("layerscape.core.representation.Representation.take", None)
    monkeypatch.setattr("layerscape.core.representation.Representation.blocks", None)
    search(run, 9)  # reads no vectors
    assert not ledger or not any(part.problem for part in run.check())


def test_an_earlier_graph_in_a_folder_that_cannot_be_written_is_read_as_it_is(tmp_path, monkeypatch):
    run = ls.from_arrays({"in": np.random.default_rng(0).standard_normal((40, 3)) * [1, 9, 1]}, out=tmp_path / "run")
    run.folder.save_graph("in", dataclasses.replace(run.graph("in", 9), deciding=None))

    def refused(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("layerscape.storage.results.tempfile.TemporaryFile", refused)
    run.search(4)
    assert run.graph("in", 4).deciding is None
    assert "unit 1 of layer 'in'" in ls.measure(run, "twonn", save=False).warnings[0]


def test_units_of_one_scale_are_not_asked_which_of_them_decides(tmp_path):
    run = ls.from_arrays({"in": np.random.default_rng(0).standard_normal((40, 3)) * [1, 9, 1]}, out=tmp_path / "run")
    graph = run.graph("in", 9, standardize="units")
    (path,) = (run.path / "graphs").rglob("*.safetensors")
    before = path.stat().st_mtime_ns
    run.search(4, standardize="units")
    assert (graph.deciding, path.stat().st_mtime_ns) == (None, before)


def test_a_graph_of_a_nearness_that_there_is_not_is_damaged(run, as_earlier):
    run = as_earlier(run)
    path = run.path / "graphs" / "000-block_1" / "euclidean.safetensors"
    plain = {"n_samples": 6, "near": {"metric": "hyperbolic"}}
    arrays = {"indices": np.zeros((6, 1), np.int32), "distances": np.zeros((6, 1))}
    save_file(arrays, path, {"layerscape": json.dumps(plain)})
    with pytest.raises(FileProblem, match=r"cannot be read \(unknown metric 'hyperbolic'.*\); remove that"):
        run.load_graph("block/1", Nearness())


@pytest.mark.parametrize("read_only", [False, True])
def test_a_wider_graph_that_was_kept_meanwhile_stays(rng, monkeypatch, read_only):
    """Of two processes that search one layer, in whatever order they end, the wider graph is kept."""
    run = ls.from_arrays({"a": rng.standard_normal((30, 3))})
    late = run if read_only else ls.open(run.path)
    wide, narrow = (ls.find_neighbors(run["a"], k) for k in (9, 4))
    if read_only:
        monkeypatch.setattr(Ledger, "replace", refuse)
    with contextlib.suppress(UserWarning):
        run.folder.save_graph("a", wide)
    with contextlib.suppress(UserWarning):
        late.folder.save_graph("a", narrow)
    assert run.graph("a", 4).k == 4
    assert run.folder.load_graph("a", wide.near).k == 9
    late.folder.save_graph("a", wide)  # as wide, of the same search, with more said of it
    assert late.graph("a", 9).k == 9


def test_a_damaged_graph_is_replaced_by_a_narrower_one(run):
    graph = full_graph()
    run.save_graph("block/1", graph)
    (run.path / run.graph_name("block/1", graph.near)).write_bytes(b"nothing")
    run.save_graph("block/1", graph.first(1))
    assert run.load_graph("block/1", graph.near).k == 1


def refuse(*_):
    raise FileProblem("the disk is full; make room")
