"""Folders of LoRA: what they add to the weights of their base, and what is refused."""

from __future__ import annotations

import json
import re
from math import sqrt

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from layerscape.errors import FileProblem, InvalidValue
from layerscape.extraction import open_model

RANK, ALPHA = 2, 6
WHERE = {
    "llama": ["layers.1.self_attn.q_proj", "layers.2.mlp.down_proj"],
    "gpt2": ["h.1.attn.c_attn", "h.2.mlp.c_proj"],  # whose weights lie the other way round
}
PREFIX = {"llama": "model.", "gpt2": "transformer."}


def adapter(folder, base, family, *, prefix="", more=None, **options):
    """A folder as peft writes it; and what it holds, by path."""
    from transformers import AutoModel

    torch.manual_seed(2)
    module, learned, tensors = AutoModel.from_pretrained(base), {}, dict(more or {})
    for path in WHERE[family]:
        shape = module.get_submodule(path).weight.shape
        n_out, n_in = shape[::-1] if family == "gpt2" else shape
        a, b = 0.3 * torch.randn(RANK, n_in), 0.3 * torch.randn(n_out, RANK)
        learned[path] = (a, b)
        tensors |= {f"base_model.model.{prefix}{path}.lora_{x}.weight": each for x, each in (("A", a), ("B", b))}
    folder.mkdir(exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "base_model_name_or_path": str(base), "r": RANK, "lora_alpha": ALPHA, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config | options))
    return str(folder), learned


def beside(base, learned, scale_of, text):
    """Hidden states where every such module also adds s B A x, on the side."""
    from transformers import AutoModel, AutoTokenizer

    module = AutoModel.from_pretrained(base).eval()
    for path, (a, b) in learned.items():
        both = scale_of(path) * a.T @ b.T
        module.get_submodule(path).register_forward_hook(lambda _, args, out, both=both: out + args[0] @ both)
    ids = AutoTokenizer.from_pretrained(base)(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return module(input_ids=ids, output_hidden_states=True).hidden_states


@pytest.mark.parametrize(
    ("options", "scale_of"),
    [
        ({}, lambda _: ALPHA / RANK),
        ({"use_rslora": True}, lambda _: ALPHA / sqrt(RANK)),
        ({"alpha_pattern": {"q_proj|c_attn": 10}}, lambda path: (10 if "attn" in path else ALPHA) / RANK),
    ],
    ids=["plain", "rank stabilized", "alpha by name"],
)
@pytest.mark.parametrize("prefixed", [True, False], ids=["of a language model", "of a model without head"])
@pytest.mark.parametrize("family", WHERE)
def test_layers_are_those_of_base_and_adapter(family, prefixed, options, scale_of, folders, some_samples, tmp_path):
    base, prefix = folders(family), PREFIX[family] if prefixed else ""
    folder, learned = adapter(tmp_path / "adapter", base, family, prefix=prefix, **options)
    network, samples = open_model(folder, device="cpu"), some_samples("text", 3)
    table = dict(network.blocks(samples, ["block_2"], "last", block_rows=3))[0]
    for row, text in enumerate(samples.read(range(3))):
        states = beside(base, learned, scale_of, text)
        np.testing.assert_allclose(table["block_2"][row], states[2][0, -1], rtol=1e-4, atol=1e-5)
    assert network.describe()["model"] == folder
    assert network.describe()["adapter"] == {"base": str(base), "r": RANK, "lora_alpha": ALPHA}
    assert network.fingerprint != open_model(base, device="cpu").fingerprint


def test_weights_that_take_the_place_of_others_and_of_a_head(folders, some_samples, tmp_path):
    base = folders("llama")
    norm = torch.full((16,), 0.5)
    more = {"base_model.model.model.norm.weight": norm, "base_model.model.score.weight": torch.ones(2, 16)}
    folder, _ = adapter(tmp_path / "adapter", base, "llama", prefix="model.", more=more)
    with pytest.warns(UserWarning, match=re.escape(f"1 weights of adapter {folder!r} are not used: score.weight")):
        network = open_model(folder, device="cpu")
    assert torch.equal(network._module.norm.weight, norm)


REFUSED = {
    "other type": (
        {"peft_type": "IA3"},
        "is an adapter with type 'IA3', which only peft can merge: save the whole by ",
    ),
    "dora": ({"use_dora": True}, "is an adapter with use_dora=True, which only peft can merge: save the whole by "),
    "what is to come": ({"use_new": {"a": 1}}, "is an adapter with use_new={'a': 1}, which only peft can merge: "),
    "biases": ({"bias": "all"}, "is an adapter with bias='all', which only peft can merge: "),
    "begun otherwise": ({"init_lora_weights": "pissa"}, "is an adapter with init_lora_weights='pissa', which only "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_plain_lora_is_refused(case, folders, tmp_path):
    options, words = REFUSED[case]
    folder, _ = adapter(tmp_path / "adapter", folders("llama"), "llama", **options)
    with pytest.raises(InvalidValue) as refusal:
        open_model(folder)
    assert str(refusal.value).startswith(f"{folder!r} {words}")
    assert str(refusal.value).endswith("merge_and_unload().save_pretrained(FOLDER) and give FOLDER.")


def test_an_adapter_of_another_base_is_refused(folders, tmp_path):
    folder, _ = adapter(tmp_path / "one", folders("llama"), "llama", base_model_name_or_path=folders("gpt2"))
    with pytest.raises(InvalidValue, match=r"changes 'layers\.1\.self_attn\.q_proj\.weight', which its base model"):
        open_model(folder)
    more = {"base_model.model.norm.weight": torch.ones(5)}
    folder, _ = adapter(tmp_path / "two", folders("llama"), "llama", more=more)
    with pytest.raises(
        InvalidValue, match=r"has 'norm\.weight' of shape \(5,\), and its base model .* of shape \(16,\)"
    ):
        open_model(folder)
    folder, _ = adapter(tmp_path / "three", folders("llama"), "llama", base_model_name_or_path="./nowhere")
    said = f"^the base of adapter {re.escape(repr(folder))}: no model folder '\\./nowhere'"
    with pytest.raises(FileProblem, match=said):
        open_model(folder)
    folder, _ = adapter(tmp_path / "four", folders("llama"), "llama", base_model_name_or_path=None)
    with pytest.raises(FileProblem, match=r"^adapter_config\.json of '.*' does not name a base model; save it again"):
        open_model(folder)


def test_half_a_folder_is_refused(folders, tmp_path):
    folder, _ = adapter(tmp_path / "adapter", folders("llama"), "llama")
    (tmp_path / "adapter" / "config.json").write_text("{}")
    with pytest.raises(InvalidValue, match="holds a model and an adapter"):
        open_model(folder)
    (tmp_path / "adapter" / "config.json").unlink()
    with pytest.raises(InvalidValue, match=r"^random weights asked of .*, an adapter; ask it of its base"):
        open_model(folder, random_init=1)
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(FileProblem, match=r"has none of adapter_model\.safetensors, adapter_model\.bin; save it again"):
        open_model(folder)
    (tmp_path / "adapter" / "adapter_config.json").write_text("[]")
    with pytest.raises(FileProblem, match="does not name a base model; save it again"):
        open_model(folder)


def test_an_adapters_own_tokenizer_is_used(folders, tmp_path):
    """Trained with another one, as where tokens were added: here with the words in another order."""
    from transformers import AutoTokenizer

    name, _ = adapter(tmp_path / "own", folders("llama"), "llama", prefix=PREFIX["llama"])
    plain = open_model(name, device="cpu")._reader.encode(["the cat sat"], ["a"])[0].content
    tokenizer = AutoTokenizer.from_pretrained(folders("llama"))
    tokenizer.save_pretrained(name)
    file = tmp_path / "own" / "tokenizer.json"
    file.write_text(
        file.read_text().replace('"cat"', '"swapped"').replace('"dog"', '"cat"').replace('"swapped"', '"dog"')
    )
    changed = open_model(name, device="cpu")._reader.encode(["the dog sat"], ["a"])[0].content
    assert str(changed) == str(plain)
