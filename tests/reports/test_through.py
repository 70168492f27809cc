"""Series of networks of other depth: what is said of them, and on one page."""

import base64
import json
import re
import shutil

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.reports.through import ThroughSteps, found_through

N, K = 150, 10
IDS = [f"sample {n}" for n in range(N)]


def island(text):
    """What the strip of a page is given."""
    return json.loads(re.search(r'<script[^>]*id="data-strip"[^>]*>(.*?)</script>', text, re.DOTALL)[1])


def networks_of_other_depth(folder):
    """Three networks by size, of 2, 3 and 5 blocks."""
    rng = np.random.default_rng(0)
    sizes = {"small": 2, "base": 3, "large": 5}
    for name, depth in sizes.items():
        x = rng.standard_normal((N, 5))
        arrays = {f"block_{number}": np.tanh(number * x) for number in range(1, depth + 1)}
        ls.from_arrays(arrays, ids=IDS, labels={"label": np.arange(N) % 3}, out=folder / name)
    with pytest.warns(UserWarning, match="layers 'block_3', 'block_4', 'block_5' are not in all runs: 2 layers are"):
        return ls.series([folder / name for name in sizes])


def test_networks_of_other_depth_stand_on_one_page_by_the_layers_that_all_have(tmp_path):
    pytest.importorskip("vl_convert")
    found = networks_of_other_depth(tmp_path)
    table = ls.measure(found, ["twonn", "overlap", "label_overlap"], k=K)
    assert [len(set(table[table.step == step].layer)) for step in found.steps] == [2, 3, 5]
    assert set(table[table.other_step.notna()].layer) == {"block_1", "block_2"}
    maps = ls.to_xarray(table)
    assert maps.overlap.sel(step="large", layer="block_5", other_layer="block_5") == 1
    assert np.isnan(maps.overlap.sel(step="small", layer="block_5", other_layer="block_5"))
    assert maps.depth.sel(layer="block_2").values.tolist() == [1, 0.5, 0.25]
    said = [each.text for each in found_through(ThroughSteps(found))]
    assert said[0].startswith("The intrinsic dimension of 'block_2', the last layer that all runs have (TwoNN), ")
    assert not any("training" in text or "step small" in text for text in said)
    text = ls.report(found).read_text("utf-8")
    assert "of one sample at every step of the layer that is chosen" in " ".join(text.split())
    assert island(text)["sites"] == ["block_1", "block_2"]


def test_networks_without_a_layer_in_common_are_measured_each_by_itself(tmp_path):
    runs = {
        name: ls.from_arrays({name: np.random.default_rng(0).standard_normal((N, 5))}, ids=IDS) for name in ("a", "b")
    }
    with pytest.warns(UserWarning, match="layers 'a', 'b' are not in all runs: 0 layers are"):
        found = ls.series(runs)
    assert ls.measure(found, ["twonn", "overlap"], k=K).layer.tolist() == ["a", "b"]
    with pytest.raises(InvalidValue, match="no layer is in all runs of the series"):
        ls.report(found)


def test_one_sample_is_followed_through_the_steps_of_every_layer(tmp_path):
    """Neighbors of each layer at each step, all steps of the first layer before those of the second."""
    pytest.importorskip("vl_convert")
    rng = np.random.default_rng(1)
    every = {
        step: {name: rng.standard_normal((N, 5)).astype("f4") for name in ("one", "two", "three")} for step in (0, 5, 9)
    }
    runs = [ls.from_arrays(x, ids=IDS, out=tmp_path / f"step_{step}") for step, x in every.items()]
    found = ls.series(runs)
    ls.measure(found, ["twonn", "overlap"], k=K)
    shown = island(ls.report(found, n_neighbors=7, n_queries=4).read_text("utf-8"))
    assert (shown["sites"], shown["layers"]) == (["one", "two", "three"], ["0", "5", "9"])
    items = np.frombuffer(base64.b64decode(shown["neighbors"]), "<u4").reshape(4, 3, 3, 7)
    ids = np.array(shown["ids"], object)
    rows = [IDS.index(name) for name in ids[:4]]
    for site, layer in enumerate(shown["sites"]):
        for place, step in enumerate(found.steps):
            graph = ls.find_neighbors(every[step][layer], 7)
            assert (ids[items[:, site, place]] == np.array(IDS, object)[graph.indices[rows]]).all()


def test_only_layers_whose_graphs_are_kept_are_searched_for_and_the_last(tmp_path):
    """A series that was measured by few neighbors is not searched again in all its layers for a page."""
    pytest.importorskip("vl_convert")
    rng = np.random.default_rng(2)
    runs = [
        ls.from_arrays(
            {name: rng.standard_normal((N, 5)) for name in ("one", "two")}, ids=IDS, out=tmp_path / f"{step}"
        )
        for step in (0, 5)
    ]
    found = ls.series(runs)
    ls.measure(found, ["effective_rank"])
    text = ls.report(found).read_text("utf-8")
    assert island(text)["sites"] == ["two"]
    assert "of one sample at every step of two, the last layer that all runs have" in " ".join(text.split())


def test_a_step_that_was_taken_away_leaves_a_gap_that_is_said(tmp_path):
    """What was compared stays true of the steps that are left; two that now follow each other were not compared."""
    rng = np.random.default_rng(3)
    for step in range(5):
        ls.from_arrays({"one": rng.standard_normal((N, 5))}, ids=IDS, out=tmp_path / f"step_{step}")
    ls.measure(ls.series(tmp_path), ["overlap"], k=K)
    shutil.rmtree(tmp_path / "step_2")
    series = ls.series(tmp_path)
    said = found_through(ThroughSteps(series))[0].text
    assert said.endswith("Not compared, since the series was another when it was measured: 'step 1 with 3'.")
    ls.measure(series, ["overlap"], k=K)
    assert "Not compared" not in found_through(ThroughSteps(series))[0].text


def test_measures_of_which_no_sentence_is_made_are_not_called_unmeasured(tmp_path):
    arrays = {name: np.random.default_rng(0).standard_normal((N, 5)).cumsum(0) for name in ("first", "last")}
    runs = {f"step {step}": ls.from_arrays(arrays, ids=IDS, out=tmp_path / str(step)) for step in (1, 2)}
    found = ls.series(runs)
    with pytest.warns(UserWarning, match="with lag every run is measured by itself, and no steps are compared"):
        ls.measure(found, ["overlap"], k=K, lag=5)
    assert [each.text for each in found_through(ThroughSteps(ls.series(runs)))] == [
        "2 values of overlap measured; no sentence is made of them, and they are in the table."
    ]
