"""Every family against a naive loop: one sample at a time, no padding, no hooks of ours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layerscape.extraction import open_model
from tests.extraction.alone import check_batches

LAYERS = ("embedding", "block_1", "block_2", "block_3")
# How many tokens before and after the sample itself.
SPECIAL = {
    "bert": (1, 1),
    "gpt2": (0, 0),
    "llama": (1, 0),
    "neox": (0, 0),
    "esm": (1, 1),
    "vit": (1, 0),
    "dinov2": (5, 0),
    "imagegpt": (0, 0),
}
FAMILIES = list(SPECIAL)
CAUSAL = {"gpt2", "llama", "neox"}


def naive(folder: str, family: str, content) -> dict[str, np.ndarray]:
    """All tokens of every layer for one sample: the library's own hidden states, and the last block by its residual."""
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    if family in ("vit", "dinov2", "imagegpt"):
        inputs = AutoImageProcessor.from_pretrained(folder, backend="pil")(
            Image.fromarray(content), return_tensors="pt"
        )
    else:
        inputs = AutoTokenizer.from_pretrained(folder)(content, return_tensors="pt")
        inputs.pop("token_type_ids", None)
    blocks = next(part for name, part in model.named_modules() if name.split(".")[-1] in ("layer", "layers", "h"))
    seen = []
    blocks[-1].register_forward_hook(lambda _m, _a, out: seen.append(out[0] if isinstance(out, tuple) else out))
    with torch.no_grad():
        output = model(**inputs, output_hidden_states=True)
    states = [state[0].numpy() for state in output.hidden_states]
    states[-1] = seen[0][0].numpy()
    return dict(zip(LAYERS, states, strict=True)) | {"final_norm": output.last_hidden_state[0].numpy()}


@pytest.mark.parametrize("family", FAMILIES)
def test_pooled_values_equal_those_of_a_naive_loop(folders, some_samples, family):
    network = open_model(folders(family), device="cpu")
    samples = some_samples(network.kind, 5)
    before, after = SPECIAL[family]
    names = LAYERS if family == "bert" else (*LAYERS, "final_norm")
    expected = [naive(folders(family), family, content) for content in samples.read(range(5))]
    tables = {
        pooling: dict(network.blocks(samples, names, pooling, block_rows=5))[0]
        for pooling in ("mean", "mean:all", "max", "last", "last:3", "weighted", "first")
    }
    for layer in names:
        for row, states in enumerate(expected):
            tokens = states[layer]
            content = tokens[before : len(tokens) - after]
            for pooling, value in {
                "mean": content.mean(0),
                "mean:all": tokens.mean(0),
                "last:3": tokens[-3:].mean(0),
                "weighted": np.arange(1, len(tokens) + 1) @ tokens / np.arange(1, len(tokens) + 1).sum(),
                "max": content.max(0),
                "first": content[0],
                "last": tokens[-1],
            }.items():
                np.testing.assert_allclose(tables[pooling][layer][row], value, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("family", ["vit", "dinov2"])
def test_patches_are_pooled_in_their_grid(folders, some_samples, family):
    network = open_model(folders(family), device="cpu")
    samples = some_samples("image", 2)
    (table,) = (vectors for _, vectors in network.blocks(samples, ["block_2"], "grid:2x2", block_rows=2))
    for row, content in enumerate(samples.read(range(2))):
        patches = naive(folders(family), family, content)["block_2"][SPECIAL[family][0] :].reshape(2, 2, 2, 2, 16)
        np.testing.assert_allclose(
            table["block_2"][row].reshape(16, 2, 2), patches.mean((1, 3)).T.swapaxes(1, 2), atol=2e-5
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_have_the_same_names_in_every_family(folders, some_samples, family):
    network = open_model(folders(family), device="cpu")
    layers = {layer.name: layer for layer in network.layers()}
    assert [layers[name].depth for name in LAYERS] == [0, 1 / 3, 2 / 3, 1]
    assert {layer.n_units for name, layer in layers.items() if name != "input"} == {16}
    assert set(layers) - set(LAYERS) == {
        "bert": set(),
        "vit": {"input", "final_norm"},
        "dinov2": {"input", "final_norm"},
    }.get(family, {"final_norm"})
    assert network.default_pooling == ("last" if family in CAUSAL else "mean")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_batch_does_not_matter(folders, some_samples, family):
    network = open_model(folders(family), device="cpu")
    differences = check_batches(network, some_samples(network.kind, 20), ["embedding", "block_3"], "mean")
    assert set(differences) == {"embedding", "block_3"}
    assert max(differences.values()) < 1e-5


@pytest.mark.parametrize("family", ["gpt2", "vit", "esm"])
def test_the_last_block_is_not_the_final_norm(folders, some_samples, family):
    network = open_model(folders(family), device="cpu")
    samples = some_samples(network.kind, 4)
    table = dict(network.blocks(samples, ["block_3", "final_norm"], "last", block_rows=4))[0]
    assert np.abs(table["block_3"] - table["final_norm"]).max() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_cls_is_the_first_token_where_there_is_one(folders, some_samples, family):
    network = open_model(folders(family), device="cpu")
    samples = some_samples(network.kind, 3)
    if family in ("bert", "esm", "vit", "dinov2"):
        table = dict(network.blocks(samples, ["block_2"], "cls", block_rows=3))[0]["block_2"]
        expected = [naive(folders(family), family, content)["block_2"][0] for content in samples.read(range(3))]
        np.testing.assert_allclose(table, expected, rtol=1e-4, atol=2e-5)
    else:
        with pytest.raises(ValueError, match=r"which has no class token; choose mean, last, first or max\.$"):
            network.layers("cls")


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_left_and_right_padding_agree(folders, some_samples, family):
    """A user's own inputs may be padded on the left; the mask tells, and positions must start at the first token."""
    from transformers import AutoModel, AutoTokenizer

    folder = folders(family)
    tokenizer = AutoTokenizer.from_pretrained(
        folder, padding_side="left", pad_token=("<|endoftext|>", "</s>")[family == "llama"]
    )

    def left(texts):
        inputs = dict(tokenizer(texts, return_tensors="pt", padding=True, return_special_tokens_mask=True))
        inputs.pop("token_type_ids", None)
        inputs["position_ids"] = (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
        return inputs

    samples = some_samples("text", 9)
    theirs = open_model(AutoModel.from_pretrained(folder), make_inputs=left, kind="text", device="cpu")
    ours = open_model(folder, device="cpu")
    for pooling in ("mean", "last", "first", "max"):
        a = dict(theirs.blocks(samples, LAYERS, pooling, block_rows=9))[0]
        b = dict(ours.blocks(samples, LAYERS, pooling, block_rows=9))[0]
        for layer in LAYERS:
            np.testing.assert_allclose(a[layer], b[layer], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["mamba", "rwkv"])
def test_hidden_states_that_begin_after_the_first_block_make_no_embedding_of_it(family, make_samples):
    """Of L + 1 hidden states the first L are what the blocks put out, and the last is normed; none is the embedding."""
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    sizes = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 3, "attention_hidden_size": 16}
    module = AutoModel.from_config(AutoConfig.for_model(family, **sizes)).double().eval()
    for weight in module.parameters():
        weight.data.add_(0.1 * torch.randn_like(weight))
    ids = np.random.default_rng(0).integers(5, 60, (6, 7))
    network = open_model(module, make_inputs=lambda rows: {"input_ids": torch.tensor(np.array(rows))})
    samples = make_samples(list(ids), "array")
    names = [layer.name for layer in network.layers(contents=samples.read([0, 1]))]
    assert names == [*LAYERS, "final_norm"]
    with torch.no_grad():
        states = module(torch.tensor(ids), output_hidden_states=True).hidden_states
        expected = [module.get_input_embeddings()(torch.tensor(ids)), *states]
    table = dict(network.blocks(samples, names, "mean", block_rows=6))[0]
    for name, state in zip(names, expected, strict=True):
        np.testing.assert_allclose(table[name], state.mean(1), rtol=1e-5, atol=1e-6)
