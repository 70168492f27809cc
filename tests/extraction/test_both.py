"""Pairs in one run: a source and its target through encoder and decoder, a picture and its text through two towers."""

import re

import numpy as np
import pytest
import torch

from layerscape.core.samples import Captioned, TextPair
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction import open_model

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
SEQ2SEQ = {"encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
           "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "d_model": 16, "vocab_size": 20, "pad_token_id": 0,
           "decoder_start_token_id": 2}  # fmt: skip
TWO = {
    "bart": ("BartConfig", {**SEQ2SEQ, "bos_token_id": 2, "eos_token_id": 3, "forced_eos_token_id": 3}),
    "pegasus": ("PegasusConfig", {**SEQ2SEQ, "bos_token_id": 2, "eos_token_id": 3}),
    "t5": ("T5Config", {"vocab_size": 20, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 3,
                        "num_decoder_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}),
}  # fmt: skip


@pytest.fixture(scope="session")
def tokenizer(folders):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folders("bert"))  # [CLS] text [SEP]


def saved(folder, model, *made):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    for each in (model.eval(), *made):
        each.save_pretrained(folder)
    return str(folder)


def translating(family, folder, tokenizer, **options):
    import transformers

    name, config = TWO[family]
    torch.manual_seed(6)
    whole = transformers.AutoModel.from_config(getattr(transformers, name)(**{**config, **options}))
    return whole, saved(folder, whole, tokenizer)


def texts_of(some_samples, n):
    return some_samples("text", n).read(range(n))


POOLED = {
    "mean": lambda h, content: h[content].mean(0),
    "mean:all": lambda h, _: h.mean(0),
    "last": lambda h, _: h[-1],
    "max": lambda h, content: h[content].amax(0),
}


@pytest.mark.parametrize("family", TWO)
def test_a_source_and_its_target_fill_both_stacks(family, tmp_path, tokenizer, some_samples, make_samples):
    whole, folder = translating(family, tmp_path, tokenizer)
    texts = texts_of(some_samples, 7)
    pairs = [TextPair(one, other) for one, other in zip(texts, [*texts[3:], *texts[:3]], strict=True)]
    network = open_model(folder, device="cpu", part="both")
    samples, exact = make_samples(pairs, "text"), whole.double()
    for pooling, pool in POOLED.items():
        names = ["embedding", "block_1", "block_2"]
        wanted = [f"{stack}.{name}" for stack in ("encoder", "decoder") for name in names]
        table = dict(network.blocks(samples, wanted, pooling, block_rows=7, batch_size=3))[0]
        for row, (source, target) in enumerate(pairs):
            ids, given = tokenizer(source, return_tensors="pt"), tokenizer(target)["input_ids"]
            begun = [whole.config.decoder_start_token_id, *given[:-1]]
            with torch.no_grad():
                found = exact(
                    input_ids=ids["input_ids"], decoder_input_ids=torch.tensor([begun]), output_hidden_states=True
                )
            for stack, states, special in (
                ("encoder", found.encoder_hidden_states, [0, -1]),  # [CLS], [SEP]
                ("decoder", found.decoder_hidden_states, [0, 1]),  # what it begins with, [CLS]
            ):
                content = torch.ones(states[0].shape[1], dtype=torch.bool)
                content[special] = False
                for name, state in zip(names, states[: 3 if stack == "encoder" else 2], strict=False):
                    expected = pool(state[0], content)
                    np.testing.assert_allclose(
                        table[f"{stack}.{name}"][row],
                        expected,
                        rtol=1e-4,
                        atol=1e-5,
                        err_msg=f"{stack}.{name} {pooling}",
                    )


def test_the_target_is_what_the_model_itself_makes_of_labels(tmp_path, tokenizer):
    from transformers import T5Config, T5ForConditionalGeneration

    from layerscape.extraction.targets import Targets

    model = T5ForConditionalGeneration(T5Config(**TWO["t5"][1]))
    labels = tokenizer(["a red cat", "the dog"], padding=True, return_tensors="pt")["input_ids"]
    own = model.prepare_decoder_input_ids_from_labels(labels)
    ours = Targets(tokenizer, 0)(["a red cat", "the dog"], return_special_tokens_mask=True)
    for row, ids in enumerate(ours["input_ids"]):
        assert own[row, : len(ids)].tolist() == ids
        assert ours["special_tokens_mask"][row] == [1, 1, *[0] * (len(ids) - 2)]


def test_a_model_that_does_not_say_what_its_decoder_begins_with_is_refused(tmp_path, tokenizer):
    _, folder = translating("t5", tmp_path, tokenizer, decoder_start_token_id=None)
    with pytest.raises(InvalidValue, match=r"whose configuration does not say what its decoder begins with \(decoder_"):
        open_model(folder, device="cpu", part="both")


@pytest.fixture(scope="session")
def clip(tmp_path_factory, tokenizer):
    from transformers import CLIPConfig, CLIPModel, ViTImageProcessorPil

    torch.manual_seed(3)
    config = CLIPConfig(
        text_config={"vocab_size": 20, "max_position_embeddings": 16, "eos_token_id": 3, "pad_token_id": 0, **SMALL},
        vision_config={"image_size": 16, "patch_size": 4, **SMALL, "num_hidden_layers": 4},
        projection_dim=8,
    )
    size = {"height": 16, "width": 16}
    return saved(tmp_path_factory.mktemp("clip"), CLIPModel(config), tokenizer, ViTImageProcessorPil(size=size))


@pytest.fixture
def captioned(some_samples):
    pictures = some_samples("image", 7).read(range(7))
    return [Captioned(picture, text) for picture, text in zip(pictures, texts_of(some_samples, 7), strict=True)]


@pytest.mark.parametrize("pooling", POOLED)
def test_a_picture_and_its_text_fill_both_towers_as_each_does_alone(clip, captioned, make_samples, pooling):
    both = open_model(clip, device="cpu", part="both")
    names = [layer.name for layer in both.layers(pooling)]
    assert {"vision.output", "text.output", "vision.block_4", "text.block_3"} <= set(names)
    assert names == sorted(names, key=lambda name: name.startswith("text."))  # each output with its own tower
    assert both.deployed == {"metric": "cosine", "because": "its towers are compared by cosine"}
    table = dict(both.blocks(make_samples(captioned, "image"), names, pooling, block_rows=7, batch_size=3))[0]
    for part, kind in (("vision", "image"), ("text", "text")):
        alone = open_model(clip, device="cpu", part=part)
        samples = make_samples([each.picture if part == "vision" else each.text for each in captioned], kind)
        own = [name.removeprefix(f"{part}.") for name in names if name.startswith(part)]
        for name, vectors in dict(alone.blocks(samples, own, pooling, block_rows=7, batch_size=2))[0].items():
            np.testing.assert_allclose(table[f"{part}.{name}"], vectors, rtol=1e-4, atol=1e-5, err_msg=name)


def test_texts_that_are_cut_are_counted(clip, captioned, make_samples):
    both = open_model(clip, device="cpu", part="both")
    samples = make_samples([captioned[0], captioned[1]._replace(text="the cat " * 20)], "image")
    assert [n for n, _ in both.blocks(samples, ["text.block_1"], "mean", block_rows=2)] == [0]
    assert both.truncated == {0: 1}
    assert both.count_truncated(samples, [0, 1]) == 1


def test_the_length_at_which_texts_are_cut_is_said(clip):
    assert open_model(clip, device="cpu", part="both").describe()["preprocessing"]["max_length"] == 16


def test_a_class_token_of_one_side_is_none_of_both(clip, captioned):
    with pytest.raises(InvalidValue, match=r"^pooling 'cls' asked of .*, which has no class token"):
        open_model(clip, device="cpu", part="both").layers("cls", captioned[:2])


@pytest.mark.parametrize(
    ("model", "content", "said"),
    [
        ("clip", "picture", "a picture alone; with --part both (part=) a sample is a picture and its text"),
        ("clip", TextPair("a cat", "a dog"), "a pair of texts; with --part both (part=) a sample is a picture and its"),
        ("t5", "the cat", "one text; with --part both (part=) a sample is a source and its target: name their columns"),
    ],
)
def test_samples_that_are_no_pairs_are_refused(
    model, content, said, clip, captioned, tokenizer, tmp_path, make_samples
):
    folder = clip if model == "clip" else translating("t5", tmp_path, tokenizer)[1]
    network = open_model(folder, device="cpu", part="both")
    samples = make_samples([captioned[0].picture if content == "picture" else content], network.kind)
    network.layers()
    with pytest.raises(InvalidType, match=f"^sample 's0' is {re.escape(said)}"):
        network.look(samples)
    with pytest.raises(InvalidType, match=f"^sample 's0' is {re.escape(said)}"):
        list(network.blocks(samples, ["*block_1"], "mean", block_rows=1))


def test_pictures_with_texts_are_refused_where_pictures_are_seen_alone(clip, captioned, make_samples):
    network = open_model(clip, device="cpu", part="vision")
    network.layers()
    with pytest.raises(InvalidType, match=r"^sample 's0' is a picture and its text, for a network that sees pictures;"):
        list(network.blocks(make_samples(captioned, "image"), ["block_1"], "mean", block_rows=7))


def test_one_that_puts_the_picture_among_the_tokens_is_refused(tokenizer, tmp_path):
    import transformers as t

    seeing = {**SMALL, "image_size": 16, "patch_size": 8}
    config = t.LlavaConfig(
        vision_config=t.CLIPVisionConfig(**seeing), text_config=t.LlamaConfig(**SMALL, vocab_size=24), image_token_id=20
    )
    size = {"height": 16, "width": 16}
    folder = saved(tmp_path, t.AutoModel.from_config(config), tokenizer, t.ViTImageProcessorPil(size=size))
    with pytest.raises(InvalidValue, match=r"which does not take the two as they are \(.*\); choose --part vision or"):
        open_model(folder, device="cpu", part="both")


def test_both_of_a_model_of_one_stack_is_refused(folders):
    with pytest.raises(InvalidValue, match=r"^part='both' asked of .*, which has one stack; leave it out\.$"):
        open_model(folders("bert"), device="cpu", part="both")


def test_towers_that_are_no_models_of_their_own_open(tokenizer, tmp_path, some_samples):
    from transformers import AutoModel, OwlViTConfig, ViTImageProcessorPil

    config = OwlViTConfig(
        text_config={"vocab_size": 20, "max_position_embeddings": 16, "pad_token_id": 0, **SMALL},
        vision_config={"image_size": 16, "patch_size": 4, **SMALL},
    )
    torch.manual_seed(3)
    whole = AutoModel.from_config(config)
    folder = saved(tmp_path, whole, tokenizer, ViTImageProcessorPil(size={"height": 16, "width": 16}))
    network, samples = open_model(folder, device="cpu", part="text"), some_samples("text", 3)
    table = dict(network.blocks(samples, ["block_2"], "last", block_rows=3))[0]
    for row, text in enumerate(samples.read(range(3))):
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            states = whole.text_model(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], output_hidden_states=True
            ).hidden_states
        np.testing.assert_allclose(table["block_2"][row], states[2][0, -1], rtol=1e-4, atol=1e-5)


def test_a_projection_that_is_lacking_takes_the_output_of_its_tower_alone(clip, captioned, make_samples, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(clip, tmp_path / "without")
    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    both = open_model(str(folder), device="cpu", part="both")
    with pytest.warns(UserWarning, match=r"lacks 1 weight .*text_projection.weight.*, which the layers that are asked"):
        names = [layer.name for layer in both.layers()]
    assert "vision.output" in names
    assert "text.output" not in names
    whole, samples = open_model(clip, device="cpu", part="both"), make_samples(captioned, "image")
    table, full = (dict(each.blocks(samples, names, "mean", block_rows=7))[0] for each in (both, whole))
    for name in names:
        np.testing.assert_array_equal(table[name], full[name], err_msg=name)
    with pytest.raises(InvalidValue, match=r"^'text.output' is what this part is deployed with, and .* lacks 1 weight"):
        both.layers(select="text.output")
