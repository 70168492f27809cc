"""The demo's network: its files, its face, and the figures that docs/demo-model.md states."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

import layerscape as ls
from layerscape.errors import UnknownName
from layerscape.extraction.demo import CHECKPOINTS, WIDTHS, load_demo
from layerscape.inputs.digits import SEED, place_digits, split

WEIGHTS = files("layerscape.extraction") / "demo_weights"
PAGE = Path(__file__).parents[2] / "docs/demo-model.md"


@pytest.fixture(scope="module")
def held_out():
    _, _, scans, digits, _ = split()
    return place_digits(scans, SEED).astype(np.float32) / 255, digits


def outputs(checkpoint, pictures):
    network, kept = load_demo(checkpoint), []
    for module in (network.embedding, *network.blocks):
        module.register_forward_hook(lambda _module, _inputs, output: kept.append(output.flatten(1)))
    with torch.no_grad():
        final = network(torch.from_numpy(pictures))
    assert torch.equal(final, kept[-1])
    return kept


def stated(title, checkpoint):
    """The row of a checkpoint in the table of that title, as numbers."""
    table = PAGE.read_text(encoding="utf-8").split(f"**{title}")[1]
    row = re.search(rf"^\| {checkpoint} \|(.*)\|$", table, re.MULTILINE)
    assert row
    return [float(cell) for cell in row[1].split("|")]


def test_checkpoints_are_in_the_order_of_training_and_all_files_are_listed():
    stored = {path.name: path for path in WEIGHTS.iterdir() if path.name.endswith(".safetensors")}
    assert set(stored) == {f"{name}.safetensors" for name in CHECKPOINTS}
    steps = []
    for name in CHECKPOINTS:
        with safe_open(stored[f"{name}.safetensors"], "pt") as file:
            steps.append(json.loads(file.metadata()["training"])["step"])
            assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118
    assert steps == sorted(set(steps)) == list(CHECKPOINTS.values())
    assert sum(path.stat().st_size for path in stored.values()) <= 3_000_000


def test_network_is_float32_and_ready_and_leaves_global_random_numbers_alone():
    before = torch.get_rng_state()
    network = load_demo()
    assert torch.equal(before, torch.get_rng_state())
    assert not network.training
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert len(network.blocks) == 7


def test_maps_shrink_by_one_at_every_stage(held_out):
    units = [layer.shape[1] for layer in outputs("untrained", held_out[0][:2])]
    assert units == [width * side**2 for width, side in zip(WIDTHS, range(8, 0, -1), strict=True)]


def test_a_sample_alone_is_as_in_a_batch(held_out):
    for together, alone in zip(outputs("final", held_out[0][:9]), outputs("final", held_out[0][:1]), strict=True):
        torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-5)


def test_unknown_checkpoint_is_named_with_the_nearest():
    with pytest.raises(UnknownName) as caught:
        load_demo("finale")
    listed = ", ".join(sorted(CHECKPOINTS))
    assert str(caught.value) == f"unknown checkpoint 'finale'; nearest: final. There are: {listed}."


@pytest.mark.parametrize("checkpoint", ["untrained", "final"])
def test_the_page_states_the_label_overlap_and_dimension_of_every_layer(held_out, checkpoint):
    pictures, digits = held_out
    graphs = [ls.find_neighbors(layer.double().numpy(), k=30) for layer in outputs(checkpoint, pictures)]
    overlap = [ls.estimate("label_overlap", graph, digits, k=30).value for graph in graphs]
    dimension = [ls.estimate("twonn", graph).value for graph in graphs]
    assert overlap == pytest.approx(stated("Label overlap, k = 30", checkpoint), abs=2e-3)
    assert dimension == pytest.approx(stated("Dimension, TwoNN", checkpoint), abs=0.2)


def test_there_is_something_to_see():
    trained = stated("Label overlap, k = 30", "final")
    assert trained == sorted(trained)
    assert trained[-1] >= 0.72
    assert max(stated("Label overlap, k = 30", "untrained")) < 0.2


def test_a_module_that_is_called_as_a_layer_of_the_axis_is_a_layer_of_its_own():
    from layerscape.extraction import open_model

    network = open_model("demo")
    chosen = [info.name for info in network.layers("mean", select="embedding,block_*")]
    assert chosen == ["embedding", *(f"block_{number}" for number in range(1, 8))]
    names = [info.name for info in network.layers("mean", select="**")]
    assert len(set(names)) == len(names)
    assert "embedding_output" in names
