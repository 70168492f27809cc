"""The callback of Hugging Face's Trainer, called by transformers' own handler of callbacks.

The whole Trainer needs accelerate; ``python -m benchmarks.trainers`` tries it, and both of Lightning.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast, TrainerState
from transformers.trainer_callback import CallbackHandler, TrainerControl

import layerscape as ls
from layerscape.errors import InvalidType, InvalidValue
from layerscape.training import TrainerCallback


def trained(net, callback, out, n_steps=6, **arguments):
    """What the Trainer calls, in its order; the weights at the end."""
    torch.manual_seed(0)
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    handler = CallbackHandler([callback] if callback else [], model, None, optimizer, None)
    args = SimpleNamespace(output_dir=str(out), load_best_model_at_end=False, **arguments)
    state, control = TrainerState(max_steps=n_steps, logging_steps=2), TrainerControl()
    handler.on_train_begin(args, state, control)
    for step in range(1, n_steps + 1):
        x = torch.randn(16, 12)
        loss = torch.nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state.global_step = step
        handler.on_step_end(args, state, control)
        if step % 2 == 0:
            said = {"loss": loss.item(), "epoch": step / 6, "note": "a", "eval_runtime": 3}
            handler.on_log(args, state, control, said)
    handler.on_log(args, state, control, {"train_runtime": 1.0, "train_loss": 2.0})
    handler.on_train_end(args, state, control)
    return [each.detach() for each in model.parameters()]


def test_weights_are_the_same_and_what_is_logged_is_kept(net, probe, tmp_path):
    callback = TrainerCallback(probe, every=4, max_overhead=None)
    alone, watched = trained(net, None, tmp_path), trained(net, callback, tmp_path)
    assert all(map(torch.equal, alone, watched))
    assert callback.monitor.failed == ""
    series = ls.series(tmp_path / "layerscape")
    assert series.steps == (0, 4, 6)
    assert {name: list(told) for name, told in series.scalars.items()} == {"loss": [4, 6], "epoch": [4, 6]}


def test_wrong_options_are_raised_at_once_and_a_wrong_probe_before_the_training(net, probe, tmp_path):
    with pytest.raises(InvalidValue, match="every=0; it must be 1 or more"):
        TrainerCallback(probe, every=0)
    with pytest.raises(InvalidType, match=r"evry= is no option of a monitor; there are: out, every, layers"):
        TrainerCallback(probe, evry=4)
    with pytest.raises(InvalidValue, match="Net fails on inputs of shape"):
        trained(net, TrainerCallback(probe[:, :4]), tmp_path)


def test_texts_are_read_by_the_tokenizer_of_the_trainer(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel

    words = {word: number for number, word in enumerate(["<pad>", *"abcdefgh"])}
    own = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, pad_token="<pad>", unk_token="<pad>", model_max_length=16)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefgh"), rng.integers(3, 12))) for _ in range(30)]
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_positions=16, n_embd=8, n_layer=2, n_head=2))
    callback = TrainerCallback(texts, every=1)
    handler = CallbackHandler([callback], model, tokenizer, None, None)
    args = SimpleNamespace(output_dir=str(tmp_path / "out"), load_best_model_at_end=True)
    handler.on_train_begin(args, TrainerState(max_steps=3), TrainerControl())
    handler.on_train_end(args, TrainerState(max_steps=3), TrainerControl())
    model.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    run = ls.open(tmp_path / "out" / "layerscape" / "step_0")
    expected = ls.extract(str(tmp_path / "saved"), texts, out=tmp_path / "run")
    assert run.layers == expected.layers == ("embedding", "block_1", "block_2", "final_norm")
    for layer in run.layers:
        np.testing.assert_allclose(run[layer].matrix[:], expected[layer].matrix[:], rtol=0, atol=1e-6)
