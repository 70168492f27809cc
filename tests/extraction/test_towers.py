"""Models of several stacks: which one is looked at, and what it is compared by."""

import re

import numpy as np
import pytest
import torch

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


def test_a_part_that_is_not_there_is_refused(two_towers, t5, folders):
    ask = "a vision and a text part; say which with --part vision or --part text (part=)."
    refused(InvalidValue, f"{two_towers!r} has {ask}", two_towers)
    refused(InvalidValue, f"part='encoder' asked of {two_towers!r}, which has {ask}", two_towers, part="encoder")
    bert, whole = folders("bert"), str(t5 / "whole")
    refused(InvalidValue, f"part='text' asked of {bert!r}, which has one stack; leave it out.", bert, part="text")
    refused(
        InvalidValue,
        f"part='decoder' asked of {whole!r}, whose decoder reads a source beside the text; such pairs cannot be read "
        "yet: choose the encoder, or give the whole as a module with make_inputs=.",
        whole,
        part="decoder",
    )
    message = "unknown part 'visual'; nearest: vision. There are: decoder, encoder, text, vision."
    refused(UnknownName, message, bert, part="visual")
