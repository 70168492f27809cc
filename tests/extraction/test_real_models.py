"""Real pretrained networks, which ``tools/real_models.py`` makes of ordinary packages."""

import csv

import numpy as np
import pytest
import torch

import layerscape as ls
from benchmarks.real_networks import crepe_in
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model

unused = pytest.mark.filterwarnings("ignore:5 weights of .* are not used, as those of a head")  # antiberty's own


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
def crepe(models_dir):
    return crepe_in(models_dir / "crepe")


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


@unused
def test_antiberty_knows_the_residues_of_a_protein_however_it_is_written(models_dir, make_samples):
    from transformers import AutoModel, AutoTokenizer

    network = open_model(str(models_dir / "antiberty"), device="cpu")
    assert network.kind == "protein"
    proteins = ["EVQLVESGGGLVQPGG", "evqlvesggglvqpgg", "E V Q L V E S G G G L V Q P G G", "QVQLQQSGAELVRPGA"]
    samples = make_samples(proteins, "protein")
    ((_, table),) = network.blocks(samples, ["block_3"], "mean", block_rows=4)
    tokenizer = AutoTokenizer.from_pretrained(models_dir / "antiberty")
    model = AutoModel.from_pretrained(models_dir / "antiberty").eval()
    for row, protein in zip(table["block_3"], proteins, strict=True):
        inputs = tokenizer([" ".join(protein.replace(" ", "").upper())], return_tensors="pt")
        with torch.no_grad():
            states = model(**inputs, output_hidden_states=True).hidden_states[3][0]
        np.testing.assert_allclose(row, states[1:-1].mean(0), atol=1e-5)
    assert np.abs(table["block_3"][3] - table["block_3"][0]).max() > 0.1


@unused
def test_what_is_no_protein_in_the_letters_of_antiberty_is_refused(models_dir, tmp_path):
    with pytest.raises(
        InvalidValue, match=r"^of 3 samples that were tried .* knows 0 of 3 tokens, the others are unknown"
    ):
        ls.extract(str(models_dir / "antiberty"), ["EVQLVE", "GGLVQP", "QVQLQQ"], kind="text", out=tmp_path / "run")
