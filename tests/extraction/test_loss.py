"""The loss of each text is the one that the language model gives itself, in the pass that gives the layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model
from layerscape.extraction.loss import Loss

# A folder with a head that is opened without it says so.
pytestmark = pytest.mark.filterwarnings("ignore:.* are not used, as those of a head are not")
CAUSAL = ["gpt2", "llama", "neox"]


def head_of(folder, family):
    """A folder with the head of a language model too, as it is published."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(family)  # a head that is not tied is random
    base.save_pretrained(folder)
    AutoTokenizer.from_pretrained(family).save_pretrained(folder)
    return str(folder)


def own_loss(folder, texts, dtype=torch.float64):
    """What transformers gives of each text alone, whose tokens are its labels."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).to(dtype).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            found.append(float(model(input_ids=ids, labels=ids).loss) if ids.shape[1] > 1 else np.nan)
    return np.array(found)


@pytest.mark.parametrize("size", [1, 3, 64])
@pytest.mark.parametrize("family", CAUSAL)
def test_loss_is_the_models_own_whatever_the_batch(family, size, folders, some_samples, tmp_path):
    folder, samples = head_of(tmp_path, folders(family)), some_samples("text", 20)
    network = open_model(folder, device="cpu", loss=True)
    blocks = network.blocks(samples, ["block_2"], "mean", block_rows=20, batch_size=size, with_loss=True)
    ((_, table),) = list(blocks)
    texts = samples.read(range(20))
    np.testing.assert_allclose(table["loss"][:, 0], own_loss(folder, texts), rtol=1e-5)
    plain = dict(open_model(folder, device="cpu").blocks(samples, ["block_2"], "mean", block_rows=20, batch_size=size))
    np.testing.assert_array_equal(table["block_2"], plain[0]["block_2"])
    assert set(table) == {"block_2", "loss"}


def test_padding_does_not_count_on_whichever_side_it_is(folders, tmp_path):
    from transformers import AutoModelForCausalLM

    whole = AutoModelForCausalLM.from_pretrained(head_of(tmp_path, folders("llama"))).eval()
    rng = np.random.default_rng(0)
    rows = [torch.from_numpy(rng.integers(3, 15, n)) for n in (2, 5, 9, 1)]
    with torch.no_grad():
        states = [whole.base_model(input_ids=row[None]).last_hidden_state[0] for row in rows]
        expected = [float(whole(input_ids=row[None], labels=row[None]).loss) for row in rows[:3]]
        for side in ("left", "right"):
            tokens, real = torch.zeros(4, 9, dtype=torch.long), torch.zeros(4, 9, dtype=torch.bool)
            hidden = torch.full((4, 9, states[0].shape[1]), torch.nan)
            for i, (row, state) in enumerate(zip(rows, states, strict=True)):
                where = slice(9 - len(row), 9) if side == "left" else slice(0, len(row))
                tokens[i, where], real[i, where], hidden[i, where] = row, True, state
            found = Loss(whole)(hidden, tokens, real).numpy()
            np.testing.assert_allclose(found[:3], expected, rtol=1e-5)
            assert np.isnan(found[3])


def test_a_run_keeps_the_loss_as_a_label(folders, some_samples, tmp_path):
    folder = head_of(tmp_path / "model", folders("llama"))
    texts = some_samples("text", 12).read(range(12))
    run = ls.extract(folder, texts, out=tmp_path / "run", loss=True, layers="block_1", device="cpu")
    np.testing.assert_allclose(run.samples.labels["loss"], own_loss(folder, texts), rtol=1e-5)
    assert list(run.layers) == ["block_1"]
    assert 0 <= run.record["proofs"]["loss"] < 1e-5
    before = run.samples.labels["loss"].copy()
    again = ls.extract(folder, texts, out=tmp_path / "run", loss=True, layers="block_1", device="cpu")
    np.testing.assert_array_equal(again.samples.labels["loss"], before)


def test_a_finished_run_is_given_its_loss(folders, some_samples, tmp_path):
    folder = head_of(tmp_path / "model", folders("gpt2"))
    texts = some_samples("text", 12).read(range(12))
    run = ls.extract(folder, texts, out=tmp_path / "run", layers="block_1", device="cpu")
    assert "loss" not in run.samples.labels
    run = ls.extract(folder, texts, out=tmp_path / "run", loss=True, layers="block_1", device="cpu")
    np.testing.assert_allclose(run.samples.labels["loss"], own_loss(folder, texts), rtol=1e-5)


class Interrupted(BaseException):
    """Stands in for a kill between two blocks."""


def test_an_interrupted_run_goes_on_with_the_loss_of_every_text(folders, some_samples, tmp_path, monkeypatch):
    monkeypatch.setattr("layerscape.storage.layout.MOST_ROWS", 5)  # so that 12 texts make three blocks
    folder = head_of(tmp_path / "model", folders("llama"))
    texts = some_samples("text", 12).read(range(12))

    def stop(what, done, total):
        if done >= 10:
            raise Interrupted

    options = {"out": tmp_path / "run", "loss": True, "layers": "block_1", "device": "cpu"}
    with pytest.raises(Interrupted):
        ls.extract(folder, texts, progress=stop, **options)
    seen = []
    run = ls.extract(folder, texts, progress=lambda what, done, total: seen.append(done), **options)
    assert seen[0] > 0  # blocks are there whose layers need not be computed again
    np.testing.assert_allclose(run.samples.labels["loss"], own_loss(folder, texts), rtol=1e-5)


def test_a_text_of_one_token_has_no_loss(folders, tmp_path):
    folder = head_of(tmp_path / "model", folders("gpt2"))
    run = ls.extract(folder, ["the cat sat", "dog", "a dog ran far"], out=tmp_path / "run", loss=True, layers="block_1")
    assert np.isnan(run.samples.labels["loss"]).tolist() == [False, True, False]


def test_random_weights_are_those_of_the_run_without_loss(folders, some_samples):
    samples, given = some_samples("text", 4), {"device": "cpu", "random_init": 5}
    with_head, without = (open_model(folders("llama"), loss=loss, **given) for loss in (True, False))
    assert with_head.fingerprint == without.fingerprint
    table = dict(with_head.blocks(samples, [], "mean", block_rows=4, with_loss=True))[0]
    assert np.isfinite(table["loss"]).all()


def test_a_head_that_is_not_there_and_models_that_predict_no_next_token_are_refused(folders, tmp_path):
    vit, llama = folders("vit"), folders("llama")
    with pytest.raises(InvalidValue) as refusal:
        open_model(vit, loss=True)
    assert str(refusal.value) == (
        f"the loss of each text asked of {vit!r}, which is no language model that predicts what comes next, or what is "
        "hidden; ask no loss of it (--loss, loss=True, ablate)."
    )
    with pytest.raises(InvalidValue) as refusal:
        open_model(llama, loss=True)
    assert str(refusal.value) == (
        f"the loss of each text asked of {llama!r}, which has no weights of its head (lm_head.weight is missing); "
        "fetch the language model with its head, or leave --loss (loss=True) out."
    )
    with pytest.raises(InvalidValue, match=r"^loss=True is for models from the hub or a folder; leave it out\.$"):
        open_model(torch.nn.Linear(2, 2), loss=True)


def test_a_column_of_that_name_is_refused(folders, tmp_path):
    folder = head_of(tmp_path / "model", folders("gpt2"))
    with pytest.raises(InvalidValue, match=r"^the loss has the name of a label column, 'loss'; rename that, or leave"):
        ls.extract(folder, ["the cat", "a dog ran"], labels={"loss": [1, 2]}, out=tmp_path / "run", loss=True)


def test_a_loss_that_is_not_the_models_own_is_refused(folders, some_samples, tmp_path, monkeypatch):
    network = open_model(head_of(tmp_path, folders("gpt2")), device="cpu", loss=True)
    own = Loss.own
    monkeypatch.setattr(Loss, "own", lambda self, inputs, tokens: 1.01 * own(self, inputs))
    with pytest.raises(InvalidValue, match=r"differs by 0\.01 of its size from the one that the model gives itself; "):
        network.loss_off(network.loss, some_samples("text", 4))


def test_the_command_line(folders, tmp_path):
    folder, texts = head_of(tmp_path / "model", folders("gpt2")), ["the cat", "a dog ran", "the dog"]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    assert main(["extract", str(folder), str(tmp_path / "texts.txt"), "--out", str(tmp_path / "run"), "--loss"]) == 0
    found = ls.open(tmp_path / "run").samples.labels["loss"]
    np.testing.assert_allclose(found, own_loss(folder, texts, torch.float32), rtol=1e-5)
