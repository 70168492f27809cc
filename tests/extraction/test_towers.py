"""Models of several stacks: which one is looked at, and what it is compared by."""

import re

import numpy as np
import pytest
import torch

from layerscape.core.samples import TextPair
from layerscape.errors import InvalidValue, UnknownName
from layerscape.extraction import open_model

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
LAYERS = ["embedding", "block_1", "block_2", "block_3"]


def saved(folder, model, *made):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    for each in made:
        each.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tokenizer(folders):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folders("bert"))  # ends every text with token 3


@pytest.fixture(scope="session", params=["clip", "siglip"])
def two_towers(request, tmp_path_factory, folders, tokenizer):
    from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel, ViTImageProcessorPil

    Config, Model = (CLIPConfig, CLIPModel) if request.param == "clip" else (SiglipConfig, SiglipModel)
    torch.manual_seed(3)
    config = Config(
        text_config={"vocab_size": 20, "max_position_embeddings": 16, "eos_token_id": 3, "pad_token_id": 0, **SMALL},
        vision_config={"image_size": 16, "patch_size": 4, **SMALL},
        **({"projection_dim": 8} if request.param == "clip" else {}),
    )
    folder = tmp_path_factory.mktemp(request.param)
    return saved(folder, Model(config).eval(), tokenizer, ViTImageProcessorPil(size={"height": 16, "width": 16}))


def test_pictures_go_through_the_tower_of_vision(two_towers, some_samples):
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModel

    network, samples = open_model(two_towers, device="cpu", part="vision"), some_samples("image", 3)
    assert network.layers()[-1].name == "output"
    assert network.deployed == {"metric": "cosine", "because": "its towers are compared by cosine"}
    ((_, table),) = network.blocks(samples, [*LAYERS, "output"], "mean:all", block_rows=3)
    model = AutoModel.from_pretrained(two_towers).eval()
    pictures = [Image.fromarray(picture) for picture in samples.read(range(3))]
    inputs = AutoImageProcessor.from_pretrained(two_towers, backend="pil")(pictures, return_tensors="pt")
    with torch.no_grad():
        found = model.vision_model(**inputs, output_hidden_states=True)
        features = model.get_image_features(**inputs)
    for name, states in zip(LAYERS, found.hidden_states, strict=True):
        np.testing.assert_allclose(table[name], states.mean(1), atol=1e-5, err_msg=name)
    features = getattr(features, "pooler_output", features)
    np.testing.assert_allclose(table["output"], features, atol=1e-5)


def test_texts_go_through_the_tower_of_text(two_towers, some_samples, tokenizer):
    from transformers import AutoModel

    network, samples = open_model(two_towers, device="cpu", part="text"), some_samples("text", 4)
    assert network.describe()["preprocessing"]["max_length"] == 16
    clip = "clip" in two_towers and "siglip" not in two_towers
    names = [*LAYERS, *(["output"] if clip else [])]
    ((_, table),) = network.blocks(samples, names, "last", block_rows=4)
    model = AutoModel.from_pretrained(two_towers).eval()
    for row, text in enumerate(samples.read(range(4))):
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=16)
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            found = model.text_model(**inputs, output_hidden_states=True)
            features = model.get_text_features(**inputs)
        for name, states in zip(LAYERS, found.hidden_states, strict=True):
            np.testing.assert_allclose(table[name][row], states[0, -1], atol=1e-5, err_msg=name)
        if clip:
            np.testing.assert_allclose(table["output"][row], getattr(features, "pooler_output", features)[0], atol=1e-5)
    if not clip:
        why = "'output' is what a model is deployed with, and what this part is deployed with is not known; choose"
        with pytest.raises(InvalidValue, match=re.escape(why)):
            network.layers(select="output")


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_tower_whose_output_is_not_the_models_own_has_none(part, tmp_path, tokenizer):
    from transformers import (
        BertConfig,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
        ViTConfig,
        ViTImageProcessorPil,
    )

    torch.manual_seed(3)
    vision = ViTConfig(image_size=16, patch_size=4, **SMALL)
    text = BertConfig(vocab_size=20, max_position_embeddings=16, **SMALL)
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vision, text, projection_dim=8)
    model = VisionTextDualEncoderModel(config).eval()
    folder = saved(tmp_path / "dual", model, tokenizer, ViTImageProcessorPil(size={"height": 16, "width": 16}))
    network = open_model(folder, device="cpu", part=part)
    assert "output" not in [layer.name for layer in network.layers()]
    with pytest.raises(
        InvalidValue, match=r"^'output' is what a model is deployed with, and what this part is deployed"
    ):
        network.layers(select="output")


@pytest.fixture(scope="session")
def t5(tmp_path_factory, folders, tokenizer):
    """A T5 as a whole, and its encoder alone as ProtT5 is saved, with its own weights."""
    from transformers import T5Config, T5EncoderModel, T5Model

    torch.manual_seed(4)
    config = T5Config(vocab_size=20, d_model=16, d_kv=8, d_ff=32, num_layers=3, num_heads=2, decoder_start_token_id=0)
    whole, encoder = T5Model(config).eval(), T5EncoderModel(config).eval()
    place = tmp_path_factory.mktemp("t5")
    saved(place / "whole", whole, tokenizer)
    encoder.load_state_dict({name: whole.state_dict()[name] for name in encoder.state_dict()})
    encoder.save_pretrained(place / "encoder")
    tokenizer.save_pretrained(place / "encoder")
    return place


def test_pairs_for_an_encoder_and_a_decoder_are_asked_about(t5):
    pairs = [TextPair("the cat", "a dog"), TextPair("a dog", "the cat ran")]
    with pytest.raises(InvalidValue, match=r"^pairs of texts for a model that has an encoder and a decoder, which may"):
        open_model(str(t5 / "whole"), device="cpu").layers("mean", pairs)
    for opened in (open_model(str(t5 / "whole"), device="cpu", part="encoder"), open_model(str(t5 / "encoder"))):
        with pytest.raises(InvalidValue, match=r"^pairs of texts for a tokenizer that puts nothing between"):
            opened.layers("mean", pairs)


def test_an_encoder_alone_opens_and_gives_what_it_gives_in_the_whole(t5, some_samples):
    samples = some_samples("text", 5)
    tables = []
    for how in ({"model": "whole"}, {"model": "encoder"}, {"model": "whole", "part": "encoder"}):
        network = open_model(str(t5 / how.pop("model")), device="cpu", **how)
        tables += [vectors for _, vectors in network.blocks(samples, LAYERS, "mean", block_rows=5)]
    for name in LAYERS:
        assert np.abs(tables[0][name]).max() > 0
        np.testing.assert_array_equal(tables[1][name], tables[0][name])
        np.testing.assert_array_equal(tables[2][name], tables[0][name])


def refused(kind, message, *args, **options):
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        open_model(*args, device="cpu", **options)


def test_a_part_that_is_not_there_is_refused(two_towers, folders):
    ask = (
        "a vision and a text part; say which with --part vision or --part text (part=), or --part both where samples "
        "are pairs of a picture and a text."
    )
    refused(InvalidValue, f"{two_towers!r} has {ask}", two_towers)
    refused(InvalidValue, f"part='encoder' asked of {two_towers!r}, which has {ask}", two_towers, part="encoder")
    bert = folders("bert")
    refused(InvalidValue, f"part='text' asked of {bert!r}, which has one stack; leave it out.", bert, part="text")
    message = "unknown part 'visual'; nearest: vision. There are: both, decoder, encoder, text, vision."
    refused(UnknownName, message, bert, part="visual")


SEQ2SEQ = {"encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
           "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "d_model": 16, "vocab_size": 20, "pad_token_id": 0,
           "decoder_start_token_id": 2}  # fmt: skip
DECODERS = {
    "bart": ("BartConfig", {**SEQ2SEQ, "bos_token_id": 2, "eos_token_id": 3, "forced_eos_token_id": 3}),
    "marian": ("MarianConfig", {**SEQ2SEQ, "eos_token_id": 3, "forced_eos_token_id": 3}),
    "whisper": ("WhisperConfig", {**SEQ2SEQ, "num_mel_bins": 8, "max_source_positions": 10, "bos_token_id": 2,
                                  "eos_token_id": 3}),
    "t5": ("T5Config", {"vocab_size": 20, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 3,
                        "num_decoder_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}),
}  # fmt: skip


@pytest.mark.parametrize("family", DECODERS)
def test_a_decoder_alone_reads_texts_without_a_source(family, tokenizer, some_samples, tmp_path):
    import transformers

    name, options = DECODERS[family]
    torch.manual_seed(6)
    whole = transformers.AutoModel.from_config(getattr(transformers, name)(**options)).eval()
    folder, samples = saved(tmp_path, whole, tokenizer), some_samples("text", 5)
    network = open_model(folder, device="cpu", part="decoder")
    assert network.default_pooling == "last"
    names = ["embedding", "block_1", "block_2", "block_1.attention", "block_1.mlp"]
    table = dict(network.blocks(samples, names, "last", block_rows=5))[0]
    ran = []
    for path, part in whole.decoder.named_modules():
        if any(word in path.lower() for word in ("encoder_attn", "encdecattention")):
            part.register_forward_hook(lambda *_: ran.append(1))
    for row, text in enumerate(samples.read(range(5))):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            states = whole.decoder(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states
        for number, layer in enumerate(names[:2]):
            np.testing.assert_allclose(table[layer][row], states[number][0, -1], rtol=1e-4, atol=1e-5)
    assert not ran
    if family in ("whisper", "t5"):  # in the others norms come after the sums
        sums = table["embedding"] + table["block_1.attention"] + table["block_1.mlp"]
        np.testing.assert_allclose(sums, table["block_1"], atol=1e-4)
    assert network.cures == [
        "its decoder alone, which reads texts without a source: cross-attention has nothing to read and is left out"
    ]


def test_a_decoder_that_reads_no_texts_is_refused(tmp_path):
    from transformers import DetrConfig, DetrModel, ResNetConfig

    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], out_features=["stage2"])
    options = {**SEQ2SEQ, "backbone_config": backbone, "backbone": None, "use_pretrained_backbone": False}
    for name in ("vocab_size", "pad_token_id", "decoder_start_token_id"):
        options.pop(name)
    folder = saved(tmp_path, DetrModel(DetrConfig(**options)))
    refused(
        InvalidValue,
        f"part='decoder' asked of {folder!r}, whose decoder reads no texts by itself; choose the encoder, or give the "
        "whole as a module with make_inputs=.",
        folder,
        part="decoder",
    )


def _multimodal(kind, size):
    import transformers as t

    seeing = {**SMALL, "num_hidden_layers": 2, "image_size": 16, "patch_size": 8}
    reading = {**SMALL, "vocab_size": size + 4}
    if kind == "blip":
        return t.BlipConfig(text_config={**reading, "encoder_hidden_size": 16}, vision_config=seeing)
    if kind == "llava":
        return t.LlavaConfig(
            vision_config=t.CLIPVisionConfig(**seeing), text_config=t.LlamaConfig(**reading), image_token_id=size
        )
    if kind == "idefics":
        return t.Idefics3Config(vision_config=seeing, text_config=t.LlamaConfig(**reading))
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
    seeing = {"depth": 2, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "patch_size": 4}
    return t.Qwen2VLConfig(
        text_config={**reading, "num_key_value_heads": 2, "rope_parameters": rope}, vision_config=seeing
    )


@pytest.mark.parametrize("kind", ["blip", "llava", "idefics", "qwen2vl"])
def test_models_that_see_and_read_open_by_part(kind, tokenizer, some_samples, tmp_path):
    from transformers import AutoModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(8)
    whole = AutoModel.from_config(_multimodal(kind, len(tokenizer))).eval()
    folder = saved(tmp_path, whole, tokenizer, ViTImageProcessorPil(size={"height": 16, "width": 16}))
    network = open_model(folder, device="cpu", part="text")
    samples = some_samples("text", 3)
    table = dict(network.blocks(samples, ["block_1"], "mean:all", block_rows=3))[0]["block_1"]
    stack = whole.text_model if kind == "blip" else getattr(whole, "language_model", None) or whole.text_model
    for row, text in enumerate(samples.read(range(3))):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            states = stack(input_ids=ids, output_hidden_states=True).hidden_states
        np.testing.assert_allclose(table[row], states[1][0].mean(0), rtol=1e-4, atol=1e-5)
    if kind == "qwen2vl":
        with pytest.raises(
            InvalidValue, match=r"^models of type 'qwen2_vl_vision' take 'hidden_states'; text, proteins"
        ):
            open_model(folder, device="cpu", part="vision")
        return
    seen = open_model(folder, device="cpu", part="vision")
    assert seen.kind == "image"
    assert [layer.name for layer in seen.layers(select="embedding,block_*")] == ["embedding", "block_1", "block_2"]
