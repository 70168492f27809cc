"""Real pretrained networks, which ``tools/real_models.py`` makes of ordinary packages."""

import csv
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from layerscape.extraction import open_model


def test_output_of_minilm_is_what_its_library_gives(models_dir, data_dir, make_samples):
    """Mean over all real tokens of every text alone, cut at 256 tokens, of length 1: what `encode` is documented to do.

    sentence-transformers itself is not installed for the tests; this is its recipe in plain transformers.
    """
    from transformers import AutoModel, AutoTokenizer

    with (data_dir / "text" / "trec.csv").open() as file:
        texts = [row["text"] for row in csv.DictReader(file)][:40]
    texts += ["Yes", "cat", "Paris", " ".join(texts)]  # the last is longer than is read
    folder = models_dir / "minilm"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    expected = []
    with torch.no_grad():
        for text in texts:
            inputs = tokenizer([text], truncation=True, max_length=256, return_tensors="pt")
            mean = model(**inputs).last_hidden_state.mean(1)[0]
            expected.append((mean / mean.norm()).numpy())
    network = open_model(str(folder), device="cpu")
    samples = make_samples(texts, "text")
    ((_, table),) = network.blocks(samples, ["output"], "last", block_rows=len(texts))
    np.testing.assert_allclose(table["output"], np.array(expected), atol=1e-5)
    assert network.layers()[-1].name == "output"


@pytest.fixture
def crepe(models_dir, monkeypatch):
    """CREPE's tiny network out of its ``model.py`` alone: its package wants torchaudio, of which this needs nothing."""
    package = ModuleType("torchcrepe")
    package.PITCH_BINS = 360  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchcrepe", package)
    spec = spec_from_file_location("crepe_model", models_dir / "crepe" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    told = module_from_spec(spec)
    spec.loader.exec_module(told)
    network = told.Crepe("tiny")
    network.load_state_dict(load_file(models_dir / "crepe" / "model.safetensors"))
    return network.eval()


def test_maps_of_crepe_are_those_of_the_network_itself(crepe, make_samples):
    """Six convolutions in no list, each after a norm over maps of a second of sound: layers by their paths."""
    frames = np.random.default_rng(0).standard_normal((5, 1024)).astype(np.float32)
    network = open_model(crepe, device="cpu")
    names = ["conv1_BN", "conv4_BN", "conv6_BN", "classifier"]
    ((_, table),) = network.blocks(make_samples(list(frames), "array"), names, "mean", block_rows=5, batch_size=2)
    seen = {}
    for name in names:
        crepe.get_submodule(name).register_forward_hook(lambda _m, _a, out, name=name: seen.update({name: out}))
    with torch.no_grad():
        crepe(torch.from_numpy(frames))
    for name, expected in seen.items():
        pooled = expected.mean((2, 3)) if expected.ndim == 4 else expected
        np.testing.assert_allclose(table[name], pooled, atol=1e-5, err_msg=name)
