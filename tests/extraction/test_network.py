from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.extraction import open_model

LAYERS = ["embedding", "block_1", "block_2", "block_3"]


@pytest.fixture
def bert(folders):
    return open_model(folders("bert"), device="cpu")


@pytest.fixture
def gpt2(folders):
    return open_model(folders("gpt2"), device="cpu")


def n_hooks(network) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in network._module.modules())


def names(layers) -> list[str]:
    return [layer.name for layer in layers]


def test_a_resumed_pass_is_equal_to_the_bit(bert, some_samples):
    samples = some_samples("text", 23)
    whole = dict(bert.blocks(samples, LAYERS, "mean", block_rows=5))
    rest = dict(bert.blocks(samples, LAYERS, "mean", block_rows=5, skip={0, 1, 3}))
    assert list(whole) == [0, 1, 2, 3, 4]
    assert list(rest) == [2, 4]
    for number, table in rest.items():
        for layer in LAYERS:
            assert table[layer].dtype == np.float32
            assert table[layer].tobytes() == whole[number][layer].tobytes()
    assert whole[4]["block_1"].shape == (3, 16)


def test_rows_come_in_the_order_of_the_samples(bert, some_samples, make_samples):
    contents = some_samples("text", 12).read(range(12))
    forward = dict(bert.blocks(make_samples(contents, "text"), LAYERS, "mean", block_rows=12))[0]
    backward = dict(bert.blocks(make_samples(contents[::-1], "text"), LAYERS, "mean", block_rows=12))[0]
    for layer in LAYERS:
        np.testing.assert_allclose(forward[layer], backward[layer][::-1], atol=1e-5)


def test_samples_are_read_block_by_block(bert, some_samples):
    samples, asked = some_samples("text", 10), []
    read = samples.read
    object.__setattr__(samples, "read", lambda rows: (asked.append(list(rows)), read(rows))[1])
    bert.layers()
    blocks = bert.blocks(samples, ["block_1"], "mean", block_rows=4)
    assert asked == []
    next(blocks)
    assert asked == [[0, 1, 2, 3]]


def test_progress_adds_up(bert, some_samples):
    done: list[int] = []
    list(bert.blocks(some_samples("text", 11), LAYERS, "mean", block_rows=4, batch_size=3, progress=done.append))
    assert done == [3, 1, 3, 1, 3]


def test_nothing_is_left_behind(bert, some_samples):
    blocks = bert.blocks(some_samples("text", 9), LAYERS, "mean", block_rows=3)
    next(blocks)
    assert n_hooks(bert) == 0
    assert not torch.is_inference_mode_enabled()
    with pytest.raises(UnknownName):
        bert.blocks(some_samples("text", 9), ["block_9"], "mean", block_rows=3)
    assert n_hooks(bert) == 0


def test_nothing_runs_after_the_last_layer_wanted(bert, some_samples):
    ran = []
    handles = [
        part.register_forward_pre_hook(lambda *_, i=i: ran.append(i))
        for i, part in enumerate(bert._module.encoder.layer)
    ]
    bert.layers()
    ran.clear()
    list(bert.blocks(some_samples("text", 4), ["embedding", "block_1"], "mean", block_rows=4))
    assert ran == [0]
    ran.clear()
    list(bert.blocks(some_samples("text", 4), ["embedding"], "mean", block_rows=4))
    assert ran == [0] or ran == []
    for handle in handles:
        handle.remove()


def test_layers_are_chosen_by_pattern(bert, gpt2):
    assert names(bert.layers(select="block_*")) == LAYERS[1:]
    assert names(bert.layers(select="block_3, embedding")) == ["embedding", "block_3"]
    assert names(bert.layers(select=["block_?"])) == LAYERS[1:]
    # A block's own path means the block; a star stops at a dot.
    assert names(bert.layers(select="encoder.layer.*")) == LAYERS[1:]
    assert names(bert.layers(select="encoder.layer.1.attention")) == ["encoder.layer.1.attention"]
    assert names(gpt2.layers(select="ln_f")) == ["final_norm"]
    everything = names(gpt2.layers("mean", select="**"))
    assert everything.index("h.0.ln_1") < everything.index("h.0.mlp.c_fc") < everything.index("block_1")
    assert everything.index("drop") < everything.index("embedding") < everything.index("h.0.ln_1")
    inside = gpt2.layers("mean", select="h.1.mlp")[0]
    assert (inside.module, inside.depth, inside.shape, inside.n_units) == ("h.1.mlp", 2 / 3, (None, 16), 16)


def test_an_unknown_layer_is_named_with_the_nearest(bert):
    with pytest.raises(
        UnknownName, match=re.escape("unknown layer 'blok_1'; nearest: block_1, block_3, block_2. There are:")
    ):
        bert.layers(select="embedding,blok_1")
    with pytest.raises(UnknownName, match=re.escape("unknown layer 'block_7*'")):
        bert.layers(select="block_7*")
    with pytest.raises(
        InvalidValue, match=r"^no layer is chosen; name some, such as 'block_\*', or leave the choice out\.$"
    ):
        bert.layers(select=[])


def test_poolings_are_checked_before_anything_runs(bert, gpt2, some_samples):
    with pytest.raises(UnknownName, match=re.escape("unknown pooling 'men'; nearest: mean.")):
        bert.layers("men")
    message = (
        f"pooling 'flatten' asked of {bert.name}, whose samples differ in length; choose mean, last, first or max."
    )
    with pytest.raises(InvalidValue, match=re.escape(message)):
        bert.blocks(some_samples("text", 3), LAYERS, "flatten", block_rows=3)
    message = f"pooling 'cls' asked of {gpt2.name}, which has no class token; choose mean, last, first or max."
    with pytest.raises(InvalidValue, match=re.escape(message)):
        gpt2.blocks(some_samples("text", 3), LAYERS, "cls", block_rows=3)


def test_samples_of_another_kind_are_refused(bert, some_samples):
    message = f"the samples are of kind 'image', but {bert.name} takes 'text'; give another model or other samples."
    with pytest.raises(InvalidValue, match=re.escape(message)):
        bert.blocks(some_samples("image", 2), LAYERS, "mean", block_rows=2)


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_text_is_named(bert, make_samples, empty):
    samples = make_samples(["the cat", empty], "text")
    with pytest.raises(
        InvalidValue, match=re.escape(f"sample 's1' is empty: no token is left of {empty!r}; remove it from the input.")
    ):
        list(bert.blocks(samples, LAYERS, "mean", block_rows=2))


def test_all_texts_that_are_empty_are_named(bert, make_samples):
    samples = make_samples(["the cat", "the dog", " ", "the cat", "", "\t"], "text")
    says = "samples 's2', 's4', 's5' are empty: no token is left of ' '; remove them from the input."
    with pytest.raises(InvalidValue, match=re.escape(says)):
        list(bert.blocks(samples, LAYERS, "mean", block_rows=6))


def test_a_text_that_is_no_string_is_named(bert, make_samples):
    with pytest.raises(InvalidType, match=re.escape("sample 's1' is float; a text must be a string.")):
        list(bert.blocks(make_samples(["the cat", 1.0], "text"), LAYERS, "mean", block_rows=2))


def test_long_texts_are_cut_and_counted(folders, make_samples):
    network = open_model(folders("bert"), device="cpu", max_length=6)
    samples = make_samples(["the cat sat on the mat far away", "the cat", "the cat sat on my mat"], "text")
    table = dict(network.blocks(samples, ["block_3"], "mean", block_rows=2))
    assert network.truncated == {0: 1, 1: 1}
    cut = dict(network.blocks(make_samples(["the cat sat on"], "text"), ["block_3"], "mean", block_rows=2))
    np.testing.assert_allclose(table[0]["block_3"][0], cut[0]["block_3"][0], atol=1e-5)
    assert network.describe()["preprocessing"]["max_length"] == 6


def test_shuffled_tokens_are_the_same_tokens_in_an_order_that_only_the_text_and_the_seed_decide(folders, make_samples):
    text = "the cat sat on the mat far away"

    def tokens(network, texts):
        encoded = network._reader.encode(texts, [f"s{i}" for i in range(len(texts))])
        return [one.content for one in encoded]

    plain, shuffled, again, other = (
        open_model(folders("bert"), device="cpu", shuffle_tokens=seed) for seed in (None, 0, 0, 1)
    )
    straight, mixed = tokens(plain, [text])[0], tokens(shuffled, [text])[0]
    assert sorted(mixed["input_ids"]) == sorted(straight["input_ids"])
    assert mixed["input_ids"] != straight["input_ids"]
    assert mixed["special_tokens_mask"] == straight["special_tokens_mask"]  # the ends stay ends
    assert tokens(again, ["the mat", text])[1] == mixed
    assert tokens(other, [text])[0] != mixed
    assert shuffled.describe()["preprocessing"]["shuffle_tokens"] == 0


def test_tokens_of_images_cannot_be_shuffled(folders):
    message = (
        f"shuffle_tokens=0 for {folders('vit')!r}, which takes images; it is for texts and proteins: leave it out."
    )
    with pytest.raises(InvalidValue, match=re.escape(message)):
        open_model(folders("vit"), shuffle_tokens=0)


@pytest.mark.parametrize("length", [2, 513])
def test_a_length_that_cannot_be_is_refused(folders, length):
    message = f"max_length={length} for {folders('bert')!r}; it must lie in 3..512 tokens."
    with pytest.raises(InvalidValue, match=re.escape(message)):
        open_model(folders("bert"), max_length=length)


def test_a_value_that_is_not_finite_is_named_with_layer_and_sample(folders, some_samples):
    network = open_model(folders("gpt2"), device="cpu")
    with torch.no_grad():
        network._module.h[1].mlp.c_proj.bias[3] = torch.nan
    message = (
        "layer 'block_2' gives NaN or infinite values for sample 's2'; "
        "check the model's weights, or leave the sample out."
    )
    with pytest.raises(InvalidValue, match=re.escape(message)):
        list(network.blocks(some_samples("text", 3), LAYERS, "mean", block_rows=3, batch_size=1))


def test_too_little_memory_says_what_to_do(folders, some_samples):
    network = open_model(folders("gpt2"), device="cpu")
    network.layers()

    def exhausted(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    network._module.h[1].register_forward_pre_hook(exhausted)
    message = (
        "a batch of 1 samples does not fit into the memory of cpu; give smaller samples, or a smaller --max-length."
    )
    with pytest.raises(InvalidValue, match=re.escape(message)):
        list(network.blocks(some_samples("text", 5), LAYERS, "mean", block_rows=5))


def test_a_fingerprint_changes_with_any_weight_and_nothing_else(folders, tmp_path):
    first, again = open_model(folders("bert"), device="cpu"), open_model(folders("bert"), device="cpu")
    assert first.fingerprint == again.fingerprint
    changed = open_model(folders("bert"), device="cpu")
    with torch.no_grad():
        changed._module.encoder.layer[1].output.dense.bias[5] += 1e-6
    assert changed.fingerprint != first.fingerprint


def test_a_random_twin_is_made_from_a_seed(folders, some_samples):
    twins = [open_model(folders("bert"), device="cpu", random_init=seed) for seed in (1, 1, 2)]
    trained = open_model(folders("bert"), device="cpu")
    assert len({network.fingerprint for network in (*twins, trained)}) == 3
    assert twins[0].fingerprint == twins[1].fingerprint
    assert twins[2].name == f"{folders('bert')} (random weights, seed 2)"
    assert twins[2].describe()["random_init"] == 2
    assert names(twins[0].layers()) == LAYERS


def test_the_description_is_what_json_gives_back(folders):
    for family in ("bert", "esm", "vit", "imagegpt"):
        described = open_model(folders(family), device="cpu").describe()
        assert json.loads(json.dumps(described)) == described
    assert described["class"] == "ImageGPTModel"
    assert described["dtype"] == "float32"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_near(folders, some_samples, dtype):
    samples = some_samples("text", 6)
    exact, half = (
        dict(open_model(folders("bert"), device="cpu", dtype=kind).blocks(samples, LAYERS, "mean", block_rows=6))[0]
        for kind in ("float32", dtype)
    )
    for layer in LAYERS:
        assert half[layer].dtype == np.float32
        assert 0 < np.abs(half[layer] - exact[layer]).max() < 0.1


def test_pictures_in_grey_are_read_as_color(folders, make_samples):
    network = open_model(folders("vit"), device="cpu")
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    samples = make_samples([grey, np.repeat(grey[..., None], 3, axis=2)], "image")
    table = dict(network.blocks(samples, ["input", "block_3"], "mean", block_rows=2, batch_size=1))[0]
    assert table["input"].shape == (2, 768)
    for values in table.values():
        assert values[0].tobytes() == values[1].tobytes()
    with pytest.raises(
        InvalidValue, match=re.escape("sample 's0' has shape (8, 8) and type float64; a picture is uint8")
    ):
        list(network.blocks(make_samples([grey / 255], "image"), ["block_3"], "mean", block_rows=2))


def test_the_class_token_of_a_patch_layer_is_not_made_up(folders):
    network = open_model(folders("dinov2"), device="cpu")
    message = (
        "layer 'embeddings.patch_embeddings' has 16 tokens where others have 21; "
        "it is not known which are which: choose other layers."
    )
    with pytest.raises(InvalidValue, match=re.escape(message)):
        network.layers("cls", select="embeddings.patch_embeddings")
    assert network.layers("mean", select="embeddings.patch_embeddings")[0].shape == (16, 16)
    assert network.layers("flatten", select="block_1")[0].n_units == 21 * 16
