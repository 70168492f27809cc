"""Graphs and estimates come back as they went in, and are replaced whole."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.errors import FileProblem, UnknownName
from layerscape.storage import LayerSpec, RunFolder


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
    run.save_graph("block/1", "k=2", graph)
    found = run.load_graph("block/1", "k=2")
    for each in dataclasses.fields(Neighbors):
        before, after = getattr(graph, each.name), getattr(found, each.name)
        if isinstance(before, np.ndarray):
            stored = before.astype(np.int32) if each.name == "indices" else before
            np.testing.assert_array_equal(after, stored, strict=True)
        else:
            assert after == before
            assert type(after) is type(before)


def test_a_graph_is_the_same_bytes_every_time(run):
    for key in ("one", "two"):
        run.save_graph("block/1", key, full_graph())
    one, two = (run.path / "graphs" / "000-block_1" / f"{key}.safetensors" for key in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_key_may_be_any_text(run, key):
    run.save_graph("block/1", key, full_graph())
    assert run.load_graph("block/1", key) is not None
    assert run.load_graph("block/1", key + "x") is None
    assert {path.parent.name for path in run.path.rglob("*.safetensors")} == {"000-block_1"}
    next(path for path in run.path.rglob("*.safetensors") if path.stem not in ("k=2", "one", "two")).unlink()


def test_an_unknown_layer_has_no_graph(run):
    with pytest.raises(UnknownName, match=re.escape("unknown layer 'block/2'; nearest: block/1. There are: block/1.")):
        run.load_graph("block/2", "k")


@pytest.mark.parametrize("keep", [0, 10, -9])
def test_a_damaged_graph_is_one_line(run, keep):
    run.save_graph("block/1", "torn", full_graph())
    path = run.path / "graphs" / "000-block_1" / "torn.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileProblem, match=r"torn\.safetensors is damaged \(.*\); remove that file and search again"):
        run.load_graph("block/1", "torn")


def test_estimates_round_trip_and_are_replaced(run):
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
    with pytest.raises(FileProblem, match=r"cannot be read \(.*\); remove that file and measure again$"):
        run.load_estimates()
    (run.path / "estimates.parquet").unlink()
    assert run.load_estimates() is None


def test_nothing_is_left_beside_what_was_saved(run):
    run.save_graph("block/1", "k=2", full_graph())
    names = {path.name for path in run.path.rglob("*") if path.is_file()}
    assert not {name for name in names if name.endswith(".partial") or name == ".lock"}
