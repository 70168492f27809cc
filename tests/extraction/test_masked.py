"""The loss of hidden tokens is the one that transformers gives of each, whatever the batch."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model
from tests.extraction.conftest import SMALL, WORDS


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    """A folder with a head that fills in, and a tokenizer that has a token to hide others."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("filling")
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    special |= {"mask_token": "[MASK]"}
    vocabulary = {word: number for number, word in enumerate([*special.values(), *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(5)
    model = BertForMaskedLM(BertConfig(vocab_size=len(vocabulary), hidden_size=16, **SMALL))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    model.save_pretrained(folder)
    return str(folder)


def hidden_one_by_one(folder, texts):
    """Pseudo-log-likelihoods (Salazar et al. 2020): every token hidden alone, and what the model expects there."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(folder).double().eval()
    tokenizer, found = AutoTokenizer.from_pretrained(folder), []
    for text in texts:
        ids, costs = tokenizer(text)["input_ids"], []
        for place in range(1, len(ids) - 1):
            shown = torch.tensor([[*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]])
            with torch.no_grad():
                costs.append(-float(model(input_ids=shown).logits[0, place].log_softmax(0)[ids[place]]))
        found.append(np.mean(costs))
    return np.array(found)


def hidden_by_sevenths(folder, text):
    """By the rule as the docs say it: in seven turns, at random by the tokens of the text."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(folder).double().eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = np.array(tokenizer(text)["input_ids"])
    inner = ids[1:-1]
    turn = np.random.default_rng(zlib.crc32(inner.astype(np.int64).tobytes())).permutation(len(inner)) % 7
    costs = np.zeros(len(inner))
    for number in range(7):
        shown = ids.copy()
        shown[1:-1][turn == number] = tokenizer.mask_token_id
        with torch.no_grad():
            logits = model(input_ids=torch.from_numpy(shown)[None]).logits[0, 1:-1].log_softmax(1).numpy()
        costs[turn == number] = -logits[np.arange(len(inner)), inner][turn == number]
    return costs.mean()


TEXTS = ["the cat sat", "dog", "a red dog ran far away", "the old house on my mat"]
LONG = ["the cat sat on the mat and ran far away under my old red house", "a dog a cat a dog a cat a dog a cat"]


def test_rounding_of_half_precision_is_no_other_loss(filling, make_samples):
    network, samples = open_model(filling, device="cpu", loss=True, dtype="bfloat16"), make_samples(TEXTS, "text")
    assert network.loss_off(network.loss, samples) < network.loss.rounding == 2**-6
    assert not network.one_length
    table = dict(network.blocks(samples, [], "mean", block_rows=4, with_loss=True))[0]
    np.testing.assert_allclose(table["loss"][:, 0], hidden_one_by_one(filling, TEXTS), rtol=0.05)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_up_to_seven_tokens_each_is_hidden_alone_and_more_by_sevenths(filling, size, make_samples):
    samples = make_samples([*TEXTS, *LONG], "text")
    network = open_model(filling, device="cpu", loss=True)
    options = {"block_rows": 6, "batch_size": size}
    ((_, table),) = network.blocks(samples, ["block_2"], "mean", **options, with_loss=True)
    expected = [*hidden_one_by_one(filling, TEXTS), *(hidden_by_sevenths(filling, text) for text in LONG)]
    np.testing.assert_allclose(table["loss"][:, 0], expected, rtol=1e-5)
    with pytest.warns(UserWarning, match=r"are not used, as those of a head are not"):
        plain = open_model(filling, device="cpu")
    np.testing.assert_array_equal(
        table["block_2"], dict(plain.blocks(samples, ["block_2"], "mean", **options))[0]["block_2"]
    )
    assert plain.fingerprint == network.fingerprint  # so that a finished run can be given its loss


def test_a_run_keeps_it_under_a_name_of_its_own(filling, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    given = ["extract", filling, str(tmp_path / "texts.txt"), "--out", str(tmp_path / "run"), "--loss"]
    assert main(given) == 0
    run = ls.open(tmp_path / "run")
    np.testing.assert_allclose(run.samples.labels["masked_loss"], hidden_one_by_one(filling, TEXTS), rtol=1e-5)
    assert set(run.samples.labels) == {"masked_loss"}
    assert 0 <= run.record["proofs"]["loss"] < 1e-5
    assert main(given) == 0  # finished: nothing to do


def test_random_weights_are_those_of_the_run_without_loss(filling, make_samples):
    given = {"device": "cpu", "random_init": 5}
    with_head, without = (open_model(filling, loss=loss, **given) for loss in (True, False))
    assert with_head.fingerprint == without.fingerprint
    table = dict(with_head.blocks(make_samples(TEXTS, "text"), [], "mean", block_rows=4, with_loss=True))[0]
    assert np.isfinite(table["loss"]).all()


def test_where_padding_changes_a_text_only_those_of_one_length_go_together(filling, make_samples, tmp_path):
    from transformers import FNetConfig, FNetForMaskedLM

    torch.manual_seed(5)
    model = FNetForMaskedLM(
        FNetConfig(vocab_size=5 + len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=2)
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    for name in Path(filling).glob("*token*"):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    model.save_pretrained(tmp_path)
    network, samples = open_model(str(tmp_path), device="cpu", loss=True), make_samples(TEXTS, "text")
    assert network.loss_off(network.loss, samples) < 1e-5
    assert network.one_length
    table = dict(network.blocks(samples, [], "mean", block_rows=4, with_loss=True))[0]
    np.testing.assert_allclose(table["loss"][:, 0], hidden_one_by_one(str(tmp_path), TEXTS), rtol=1e-5)


def test_a_model_without_a_head_or_a_token_that_hides_has_none(filling, folders, tmp_path):
    bert = folders("bert")
    with pytest.raises(
        InvalidValue, match=r"^the loss of each text asked of '.*', which has no weights of its head \("
    ):
        open_model(bert, loss=True)
    for name in Path(filling).iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    told = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told | {"mask_token": None}))
    with pytest.raises(
        InvalidValue, match=r"^the loss of hidden tokens asked of '.*', whose tokenizer has no token that"
    ):
        open_model(str(tmp_path), loss=True)


def test_blocks_are_left_out_by_losses_of_one_pass_only(filling):
    with pytest.raises(
        InvalidValue, match=r"fills in what is hidden, and has no loss of a text by one pass; give one: "
    ):
        ls.ablate(filling, [*TEXTS, *LONG], k=2)


def test_antibodies(models_dir, data_dir):
    """A real network, whose own loss of hidden tokens is compared by `extract` itself; a scrambled one reads worse."""
    heavy = "EVQLVESGGGLVQPGGSLRLSCAASGFTFSSYAMSWVRQAPGKGLEWVSAISGSGGSTYYADSVKGRFTISRDNSKNTLYLQMNSLRAEDTAVYYCAK"
    mixed = "".join(np.random.default_rng(0).permutation(list(heavy)))
    network = open_model(str(models_dir / "antiberty"), device="cpu", loss=True)
    from layerscape.core.samples import Samples

    samples = Samples(("heavy", "mixed"), network.kind, lambda rows: [[heavy, mixed][row] for row in rows], "0")
    assert network.loss_off(network.loss, samples) < 1e-5
    table = dict(network.blocks(samples, [], "mean", block_rows=2, with_loss=True))[0]
    assert table["loss"][0, 0] < 0.5 < 2 < table["loss"][1, 0]
