"""A configuration that does not fit its weights is one line, and weights that were not used are named."""

import json
import re
import warnings

import pytest
from transformers import BertConfig, BertForMaskedLM, BertModel

from layerscape.errors import FileProblem, InvalidValue, LayerscapeError
from layerscape.extraction import open_model

CONFIG = {"vocab_size": 17, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.fixture
def folder(tmp_path):
    BertModel(BertConfig(**CONFIG)).save_pretrained(tmp_path)
    return tmp_path


def changed(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return str(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": 0}, "by its configuration the model has 0 blocks there; mend the number of layers in"),
        ({"num_hidden_layers": 2}, "have 'encoder.layer.2.attention.output.LayerNorm.bias', and by its configuration"),
        ({"hidden_size": 32}, "'embeddings.LayerNorm.bias' has shape (16,), and the model (32,); mend config.json, or"),
        ({"vocab_size": 10}, "'embeddings.word_embeddings.weight' has shape (17, 16), and the model (10, 16); mend"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(folder, changes, words):
    with pytest.raises(InvalidValue, match=re.escape(words)):
        open_model(changed(folder, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"num_attention_heads": 0},
        {"num_attention_heads": 3},
        {"hidden_size": -4},
        {"hidden_size": "16"},
        {"hidden_act": "nonsense"},
        {"layer_norm_eps": "x"},
        {"vocab_size": 10**15},
        {"model_type": "nonsense"},
        {"auto_map": {"AutoModel": "evil.Evil"}, "model_type": "evil"},
    ],
    ids=str,
)
def test_a_strange_configuration_is_one_line(folder, changes):
    with pytest.raises(LayerscapeError, match=r"^[^\n]*$"):
        open_model(changed(folder, **changes))


def test_weights_that_are_not_used_are_named(tmp_path):
    BertForMaskedLM(BertConfig(**CONFIG)).save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_model(str(tmp_path))
    words = [str(warning.message) for warning in caught if "not used" in str(warning.message)]
    assert words == [f"5 weights of {str(tmp_path)!r} are not used, as those of a head are not: cls.predictions"]


def test_blocks_far_beyond_the_weights_are_refused_before_they_are_built(folder):
    words = "has 1,000,000,000 blocks, and its weights are 55; mend the number of layers in config.json, or fetch"
    with pytest.raises(InvalidValue, match=re.escape(words)):
        open_model(changed(folder, num_hidden_layers=10**9))


@pytest.mark.parametrize("place", ["../other.safetensors", "a/../../other.safetensors", "/tmp/other.safetensors"])
def test_an_index_that_leads_out_of_the_folder_is_refused(folder, place):
    (folder / "model.safetensors").rename(folder / "shard.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"embeddings.LayerNorm.bias": place}}))
    with pytest.raises(FileProblem, match=rf"^{index.name} of {str(folder)!r} leads out of the folder, to "):
        open_model(str(folder))
    for strange in ("{", "[]", "{}", '{"weight_map": {"a": 3}}'):
        index.write_text(strange)
        with pytest.raises(FileProblem, match="does not say which file holds which weight; save the model again with"):
            open_model(str(folder))
