"""A checkpoint that lacks weights runs where what is asked of it needs none of them, and is refused where it does."""

import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from layerscape.errors import InvalidValue
from layerscape.extraction import open_model

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
LAYERS = ["embedding", "block_1", "block_2", "block_3"]


@pytest.fixture
def without(tmp_path):
    """A copy of a folder without some of its weights."""

    def make(folder, pattern):
        copy = tmp_path / "lacking"
        shutil.copytree(folder, copy)
        path = copy / "model.safetensors"
        weights = load_file(path)
        kept = {name: weight for name, weight in weights.items() if not re.match(pattern, name)}
        assert 0 < len(kept) < len(weights)
        save_file(kept, path, {"format": "pt"})
        return str(copy)

    return make


@pytest.fixture(scope="module")
def towers(tmp_path_factory, folders):
    """Folders of CLIP and of BLIP, each with tokenizer and image processor."""
    import transformers as t
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    tokenizer, made = t.AutoTokenizer.from_pretrained(folders("bert")), {}
    text = {"vocab_size": 20, "max_position_embeddings": 16, "eos_token_id": 3, "pad_token_id": 0, **SMALL}
    seeing = {"image_size": 16, "patch_size": 4, **SMALL}
    for kind, config, whole in (
        ("clip", t.CLIPConfig(text_config=text, vision_config=seeing, projection_dim=8), t.CLIPModel),
        ("blip", t.BlipConfig(text_config={**text, "encoder_hidden_size": 16}, vision_config=seeing), None),
    ):
        torch.manual_seed(3)
        model = (whole or t.BlipForImageTextRetrieval)(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        folder = made[kind] = str(tmp_path_factory.mktemp(kind))
        for each in (model, tokenizer, ViTImageProcessorPil(size={"height": 16, "width": 16})):
            each.save_pretrained(folder)
    return made


def vectors(network, samples, layers):
    return dict(network.blocks(samples, layers, "mean:all", block_rows=len(samples)))[0]


def said(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return call(), [str(warning.message) for warning in caught]


@pytest.mark.parametrize("part", ["vision", "text"])
@pytest.mark.parametrize("lacks", ["the other projection", "the other tower", "the other tower and projection"])
def test_what_the_other_tower_lacks_changes_nothing(part, lacks, towers, without, some_samples):
    other = "text" if part == "vision" else "vision"
    projection = "text_projection" if other == "text" else "visual_projection"
    patterns = {"the other projection": projection, "the other tower": f"{other}_model"}
    folder = without(towers["clip"], patterns.get(lacks, f"{other}_model|{projection}|logit_scale"))
    samples = some_samples("image" if part == "vision" else "text", 5)
    whole = vectors(open_model(towers["clip"], device="cpu", part=part), samples, [*LAYERS, "output"])
    network, words = said(lambda: open_model(folder, device="cpu", part=part))
    (line,) = words
    assert re.fullmatch(rf"'{folder}' lacks \d+ weights? \(.*\), which its part '{part}_model' does not need", line)
    assert network.layers()[-1].name == "output"
    assert len(network.describe()["lacks"]) == int(re.findall(r"lacks (\d+)", line)[0])
    found = vectors(network, samples, [*LAYERS, "output"])
    for name in whole:
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*does not need:UserWarning")
@pytest.mark.parametrize(("part", "projection"), [("vision", "visual_projection"), ("text", "text_projection")])
def test_without_its_projection_a_tower_has_all_layers_but_the_output(part, projection, towers, without, some_samples):
    folder = without(towers["clip"], projection)
    samples = some_samples("image" if part == "vision" else "text", 5)
    network = open_model(folder, device="cpu", part=part)
    names = [layer.name for layer in network.layers()]
    assert "output" not in names
    whole = vectors(open_model(towers["clip"], device="cpu", part=part), samples, names)
    found = vectors(network, samples, names)
    for name in names:
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-6, atol=1e-6)
    why = (
        f"'output' is what this part is deployed with, and {folder!r} lacks 1 weight ('{projection}.weight'); "
        "choose other layers."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(why)}$"):
        network.layers(select="output")


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_tower_without_weights_of_its_own_is_refused(part, towers, without):
    folder = without(towers["clip"], rf"{part}_model\..*layers\.1\.mlp\.fc1\.bias")
    name = f"{part}_model.encoder.layers.1.mlp.fc1.bias"
    network = open_model(folder, device="cpu", part=part)
    why = (
        f"{folder!r} lacks 1 weight ({name!r}), without which layer 'block_2' would be random; give a complete model, "
        "choose other layers, or ask for random weights."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(why)}$"):
        network.layers()
    with pytest.raises(InvalidValue, match=r"without which layer 'block_3' would be random"):
        network.layers(select="block_3")
    _, words = said(lambda: network.layers(select="embedding,block_1"))
    assert words == [f"{folder!r} lacks 1 weight ({name!r}), which the layers that are asked for do not need"]


def test_a_model_of_retrieval_is_looked_at_by_the_tower_that_has_its_weights(towers, some_samples):
    from transformers import BlipForImageTextRetrieval

    samples = some_samples("image", 4)
    network, words = said(lambda: open_model(towers["blip"], device="cpu", part="vision"))
    assert any("lacks" in line and "which its part 'vision_model' does not need" in line for line in words)
    names = [layer.name for layer in network.layers()]
    assert set(LAYERS) < set(names)
    assert "output" not in names
    found = vectors(network, samples, LAYERS)
    inputs, _ = network._reader.batch(network._reader.encode(samples.read(range(4)), samples.ids))
    tower = BlipForImageTextRetrieval.from_pretrained(towers["blip"]).eval().vision_model
    with torch.no_grad():
        states = tower(**inputs.kwargs, output_hidden_states=True).hidden_states
    for name, state in zip(LAYERS, states, strict=False):
        np.testing.assert_allclose(found[name], state.mean(1), rtol=1e-5, atol=1e-6)
    network, _ = said(lambda: open_model(towers["blip"], device="cpu", part="text"))
    with pytest.raises(InvalidValue, match=r"^'.*' lacks \d+ weights \('text_model\..*layer 'embedding' would be rand"):
        network.layers()


def test_a_block_that_is_lacking_is_refused_and_those_before_it_are_right(folders, without, some_samples):
    whole, samples = folders("bert"), some_samples("text", 6)
    folder = without(whole, r"encoder\.layer\.2\.output|pooler")
    right = vectors(open_model(whole, device="cpu"), samples, LAYERS[:3])
    network = open_model(folder, device="cpu")
    found, words = said(lambda: vectors(network, samples, LAYERS[:3]))
    assert len(words) == 1
    for name in right:
        np.testing.assert_array_equal(found[name], right[name])
    with pytest.raises(InvalidValue, match=r"lacks 4 weights .*, without which layer 'block_3' would be random"):
        vectors(network, samples, LAYERS)
    said(lambda: network.layers(select="block_3.attention"))  # which is before it
    assert network.fingerprint == open_model(folder, device="cpu").fingerprint


def test_a_block_more_than_there_are_weights_is_refused(folders, tmp_path):
    shutil.copytree(folders("bert"), tmp_path / "bert")
    path = Path(tmp_path / "bert" / "config.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "num_hidden_layers": 4}))
    network = open_model(str(tmp_path / "bert"), device="cpu")
    with pytest.raises(InvalidValue, match=r"lacks 16 weights \('encoder\.layer\.3\..*layer 'block_4' would be random"):
        network.layers()


def test_no_loss_is_told_with_a_weight_that_is_lacking(folders, without):
    folder = without(folders("gpt2"), r"h\.1\.mlp\.c_fc\.bias")
    open_model(folder, device="cpu")
    with pytest.raises(InvalidValue, match=r"without which the loss would be random; give a complete model, leave --l"):
        open_model(folder, device="cpu", loss=True)


class Expert(torch.nn.Module):
    """Adds what an expert says where a sample asks for it."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.expert = (torch.nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        x = self.first(x)
        return self.second(torch.where(x.sum(1, keepdim=True) > 100, self.expert(x), x))


def test_what_another_sample_needs_is_refused_when_it_comes(make_samples):
    from layerscape.extraction.lacking import Lacking

    torch.manual_seed(0)
    module = Expert()
    with torch.no_grad():
        module.first.weight.copy_(torch.eye(4))
    network = open_model(module)
    network._build = type(network._build)(lacking=Lacking("mine", module, ["expert.weight"]))
    rows = [np.ones(4, np.float32), np.full(4, 2, np.float32), np.full(4, 999, np.float32)]
    usual, all_of_them = make_samples(rows[:2], "array"), make_samples(rows, "array")
    with pytest.warns(UserWarning, match="which the layers that are asked for do not need"):
        assert np.isfinite(dict(network.blocks(usual, ["second"], "mean", block_rows=2))[0]["second"]).all()
    with pytest.raises(InvalidValue, match=r"^layer 'second' gives NaN or infinite values for sample 's2'"):
        dict(network.blocks(all_of_them, ["second"], "mean", block_rows=3))
    with pytest.raises(InvalidValue, match=r"^'mine' lacks 1 weight .* without which layer 'expert' would be random"):
        dict(network.blocks(usual, ["expert"], "mean", block_rows=2))
    assert module.expert.weight.isfinite().all()


def test_whole_numbers_that_are_lacking_are_refused(make_samples):
    from layerscape.extraction.lacking import Lacking

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    network = open_model(module)
    network._build = type(network._build)(lacking=Lacking("mine", module, ["1.num_batches_tracked"]))
    with pytest.raises(InvalidValue, match=r"^'mine' lacks 1 weight .*, without which the model would be random; give"):
        network.layers(contents=[np.ones(4, np.float32)] * 2)
