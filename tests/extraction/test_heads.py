"""What a model is deployed with, against the same computed by hand, text by text and without padding."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from layerscape.errors import FileProblem, InvalidValue
from layerscape.extraction import open_model

OWN = "sentence_transformers.models"
FLAGS = ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
TEXTS = ["  The cat sat", "a old DOG ran far away under my red house ", "mat", "the new house"]


@pytest.fixture
def deployed(folders, tmp_path):
    """A folder of sentence-transformers around a tiny BERT: its pooling's flags or configuration, and what follows."""

    def make(*modules, pooling=None, family="bert", length=None, lower=False, **configuration):
        folder = tmp_path / "model"
        shutil.copytree(folders(family), folder)
        kinds = ["Transformer", "Pooling", *modules] if pooling is not None else ["Transformer", *modules]
        named = [
            {
                "idx": i,
                "name": str(i),
                "path": f"{i}_{kind}" if i else "",
                "type": kind if "." in kind else f"{OWN}.{kind}",
            }
            for i, kind in enumerate(kinds)
        ]
        (folder / "modules.json").write_text(json.dumps(named))
        if pooling is not None:
            if not isinstance(pooling, dict):
                pooling = {f"pooling_mode_{flag}": flag in pooling for flag in FLAGS}
            (folder / "1_Pooling").mkdir()
            (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 16, **pooling}))
        (folder / "sentence_bert_config.json").write_text(
            json.dumps({"max_seq_length": length, "do_lower_case": lower})
        )
        (folder / "config_sentence_transformers.json").write_text(json.dumps(configuration))
        return folder

    return make


def hidden_states(folder, texts, length=None, lower=True):
    """The last hidden state of every text alone."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    how = {"truncation": True, "max_length": length} if length else {}
    with torch.no_grad():
        return [
            model(**tokenizer([text.strip().lower() if lower else text.strip()], return_tensors="pt", **how))[0][0]
            for text in texts
        ]


def output_of(folder, make_samples, texts=TEXTS, **options):
    network = open_model(str(folder), device="cpu", **options)
    samples = make_samples(texts, "text")
    ((_, table),) = network.blocks(samples, ["block_3", "output"], "mean", block_rows=len(texts), batch_size=3)
    return table["output"]


@pytest.mark.parametrize(
    ("pooling", "right"),
    [
        (["cls_token"], lambda h: h[0]),
        (["mean_tokens"], lambda h: h.mean(0)),
        (["max_tokens"], lambda h: h.amax(0)),
        (["lasttoken"], lambda h: h[-1]),
        (["mean_sqrt_len_tokens"], lambda h: h.sum(0) / len(h) ** 0.5),
        (["weightedmean_tokens"], lambda h: (w := torch.arange(1.0, len(h) + 1)) @ h / w.sum()),
        (["mean_tokens", "cls_token", "max_tokens"], lambda h: torch.cat([h[0], h.amax(0), h.mean(0)])),
        ({"pooling_mode": ["mean", "cls"]}, lambda h: torch.cat([h.mean(0), h[0]])),
        ({"pooling_mode": "mean_sqrt_len_tokens"}, lambda h: h.sum(0) / len(h) ** 0.5),
        ({}, lambda h: h.mean(0)),
    ],
    ids=lambda given: "" if callable(given) else str(given),
)
def test_poolings_are_over_all_real_tokens(deployed, make_samples, pooling, right):
    folder = deployed(pooling=pooling, lower=True)
    expected = torch.stack([right(h) for h in hidden_states(folder, TEXTS)])
    np.testing.assert_allclose(output_of(folder, make_samples), expected, atol=2e-6)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_layers_after_the_pooling_are_those_of_the_folder(deployed, make_samples, file):
    folder = deployed("Dense", "LayerNorm", "Dropout", "Normalize", pooling=["mean_tokens"], lower=True)
    generator = torch.Generator().manual_seed(0)
    weight, bias, scale, shift = (torch.randn(*size, generator=generator) for size in ((5, 16), (5,), (5,), (5,)))
    save = save_file if file.endswith("safetensors") else torch.save
    for name, weights, config in (
        ("2_Dense", {"linear.weight": weight, "linear.bias": bias}, {"in_features": 16, "out_features": 5}),
        ("3_LayerNorm", {"norm.weight": scale, "norm.bias": shift}, {"dimension": 5}),
    ):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config))
        save(weights, folder / name / file)
    pooled = torch.stack([h.mean(0) for h in hidden_states(folder, TEXTS)])
    normed = functional.layer_norm(torch.tanh(pooled @ weight.T + bias), (5,), scale, shift)
    expected = normed / normed.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(output_of(folder, make_samples), expected, atol=2e-6)
    network = open_model(str(folder), device="cpu")
    assert network.describe()["output"] == (
        "mean over all real tokens, a linear layer to 5 units, Tanh, a layer norm, length 1"
    )
    save({"linear.weight": weight + 1, "linear.bias": bias}, folder / "2_Dense" / file)
    assert open_model(str(folder), device="cpu").fingerprint != network.fingerprint


def test_texts_are_cut_and_prompted_as_the_folder_says(deployed, make_samples):
    prompts = {"prompts": {"query": "the red house ", "none": ""}, "default_prompt_name": "query"}
    folder = deployed(pooling=["mean_tokens"], length=7, lower=True, **prompts)
    prompted = [f"the red house {text}" for text in TEXTS]
    states = hidden_states(folder, prompted, length=7)
    assert max(map(len, states)) == 7
    np.testing.assert_allclose(output_of(folder, make_samples), torch.stack([h.mean(0) for h in states]), atol=2e-6)
    network = open_model(str(folder), device="cpu")
    ((_, table),) = network.blocks(make_samples(TEXTS, "text"), ["block_3"], "mean", block_rows=9)
    content = torch.stack([h[4:-1].mean(0) for h in states])  # without the class token, the prompt and the end
    np.testing.assert_allclose(table["block_3"], content, atol=2e-6)
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": ["mean", "cls"], "include_prompt": false}')
    expected = torch.stack([torch.cat([h[4:].mean(0), h[0]]) for h in states])
    np.testing.assert_allclose(output_of(folder, make_samples), expected, atol=2e-6)


def test_it_is_a_layer_of_default_off_the_axis(deployed):
    network = open_model(str(deployed("Normalize", pooling=["mean_tokens"], length=9)), device="cpu")
    *_, last = network.layers("last")
    assert (last.name, last.depth, last.n_units) == ("output", None, 16)
    assert network.describe()["preprocessing"]["max_length"] == 9


def test_the_pooler_is_the_output_where_the_folder_names_none(folders, make_samples):
    from transformers import AutoModel, AutoTokenizer

    network = open_model(folders("bert"), device="cpu")
    assert "output" not in {layer.name for layer in network.layers()}
    ((_, table),) = network.blocks(make_samples(["the cat"], "text"), ["output", "pooler"], "mean", block_rows=1)
    with torch.no_grad():
        inputs = AutoTokenizer.from_pretrained(folders("bert"))(["the cat"], return_tensors="pt")
        expected = AutoModel.from_pretrained(folders("bert")).eval()(**inputs).pooler_output
    np.testing.assert_allclose(table["output"], expected, atol=2e-6)
    np.testing.assert_array_equal(table["output"], table["pooler"])


def refused(folder, why, **options):
    message = f"'output' {why}; choose other layers."
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        open_model(str(folder), device="cpu", **options).layers(select="output")


@pytest.mark.parametrize(
    ("modules", "pooling", "why"),
    [
        (["WeightedLayerPooling"], ["mean_tokens"], f"has a module of kind '{OWN}.WeightedLayerPooling'"),
        (["custom_st.Normalize"], ["mean_tokens"], "has a module of kind 'custom_st.Normalize'"),
        (["Normalize"], None, "does not pool once"),
        ([], {"pooling_mode": "attention"}, "pools in a way that is not known"),
        ([], {"pooling_mode_median_tokens": True}, "pools in a way that is not known"),
    ],
)
def test_what_is_not_known_is_said(deployed, modules, pooling, why):
    refused(deployed(*modules, pooling=pooling), f"is what the model is deployed with, which {why}")


def test_other_choices_of_the_run_are_said(deployed, folders):
    folder = deployed(pooling=["mean_tokens"], length=9)
    refused(folder, "is what the model is deployed with, which cuts texts at 9 tokens, and this run at 8", max_length=8)
    open_model(str(folder), device="cpu", max_length=9, random_init=0).layers(select="output")
    refused(folders("gpt2"), "is what a model is deployed with, which its folder does not say")


def test_weights_that_do_not_fit_are_refused(deployed):
    folder = deployed("Dense", pooling=["mean_tokens"])
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text('{"in_features": 16, "out_features": 5, "bias": true}')
    message = "'2_Dense' has none of model.safetensors, pytorch_model.bin, which Dense needs; fetch it again."
    with pytest.raises(FileProblem, match=f"^{re.escape(message)}$"):
        open_model(str(folder))
    save_file({"linear.weight": torch.ones(5, 16)}, folder / "2_Dense" / "model.safetensors")
    message = "2_Dense/model.safetensors is not the linear layer that its config.json describes; fetch the model again."
    with pytest.raises(FileProblem, match=f"^{re.escape(message)}$"):
        open_model(str(folder))
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(FileProblem, match=r"^weights '.*/2_Dense/model\.safetensors' cannot be read \(.*\); fetch or"):
        open_model(str(folder))
