"""Series of networks of other depth: what is said of them, and on one page."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.reports.through import ThroughSteps, found_through

N, K = 150, 10
IDS = [f"sample {n}" for n in range(N)]


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
    assert "in the last layer that all runs have" in text


def test_networks_without_a_layer_in_common_are_measured_each_by_itself(tmp_path):
    runs = {
        name: ls.from_arrays({name: np.random.default_rng(0).standard_normal((N, 5))}, ids=IDS) for name in ("a", "b")
    }
    with pytest.warns(UserWarning, match="layers 'a', 'b' are not in all runs: 0 layers are"):
        found = ls.series(runs)
    assert ls.measure(found, ["twonn", "overlap"], k=K).layer.tolist() == ["a", "b"]
    with pytest.raises(InvalidValue, match="no layer is in all runs of the series"):
        ls.report(found)
