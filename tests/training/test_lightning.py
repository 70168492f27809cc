"""The callback of Lightning, called by a loop that calls what Lightning calls, in its order.

``python -m benchmarks.trainers`` tries it with both packages themselves.
"""

import pickle
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.errors import InvalidType, InvalidValue, MissingExtra
from layerscape.training import LightningCallback

HOOKS = (
    "on_train_start",
    "on_train_batch_end",
    "on_validation_end",
    "on_train_epoch_end",
    "on_train_end",
    "on_exception",
)


@pytest.fixture
def package(monkeypatch):
    """One of the two packages, with no more in it than its class of callbacks."""
    monkeypatch.setattr("layerscape.training.lightning.find_spec", lambda name: None)
    made = ModuleType("pytorch_lightning")
    made.Callback = type("Callback", (), {name: lambda *_: None for name in HOOKS} | {"on_fit_end": lambda *_: "own"})
    for name in ("lightning", "lightning.pytorch"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", made)
    return made


def trained(net, callback, out, n_steps=6):
    torch.manual_seed(0)
    model = nn.ModuleDict({"encoder": net(), "other": nn.Linear(2, 2)})
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    trainer = SimpleNamespace(default_root_dir=str(out), global_step=0, callback_metrics={}, sanity_checking=True)

    def call(hook, *more):
        if callback:
            getattr(callback, hook)(trainer, model, *more)

    call("on_validation_end")
    trainer.sanity_checking = False
    call("on_train_start")
    for step in range(1, n_steps + 1):
        x = torch.randn(16, 12)
        loss = torch.nn.functional.cross_entropy(model["encoder"](x), (x[:, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        trainer.global_step = step
        trainer.callback_metrics["loss"] = loss
        call("on_train_batch_end", None, None, step)
        if step == 4:
            trainer.callback_metrics["val_acc"] = torch.tensor(0.5)
            call("on_validation_end")
            trainer.callback_metrics["of_epoch"] = torch.tensor(4.0)
            call("on_train_epoch_end")
    call("on_train_end")
    return [each.detach() for each in model.parameters()]


def test_weights_are_the_same_and_what_is_logged_is_kept_with_its_step(net, probe, tmp_path, package):
    callback = LightningCallback(probe, module="encoder", every=2, max_overhead=None)
    assert isinstance(callback, LightningCallback)
    assert isinstance(callback, package.Callback)
    assert callback.on_fit_end() == "own"
    assert all(map(torch.equal, trained(net, None, tmp_path), trained(net, callback, tmp_path)))
    assert callback.monitor.failed == ""
    series = ls.series(tmp_path / "layerscape")
    assert series.steps == (0, 2, 4, 6)
    assert {name: list(told) for name, told in series.scalars.items()} == {
        "loss": [2, 4, 6],
        "val_acc": [4],
        "of_epoch": [4],
    }


def test_the_last_step_is_looked_at(net, probe, tmp_path, package):
    trained(net, LightningCallback(probe, module="encoder", every=4), tmp_path, n_steps=7)
    assert ls.series(tmp_path / "layerscape").steps[-1] == 7


def test_what_is_wrong_is_said_before_the_training(net, probe, tmp_path, package):
    with pytest.raises(InvalidType, match="evry= is no option of a monitor"):
        LightningCallback(probe, evry=3)
    with pytest.raises(
        InvalidValue, match=r"module='encoder.tail' is no part of ModuleDict, which has: encoder, other"
    ):
        trained(net, LightningCallback(probe, module="encoder.tail"), tmp_path)


def test_it_is_sent_to_other_processes(probe, package, monkeypatch):
    again = pickle.loads(pickle.dumps(LightningCallback(probe, module="encoder", every=3)))
    assert isinstance(again, package.Callback)
    assert (again._module, again._driven.options) == ("encoder", {"every": 3})


def test_without_lightning_it_says_how_to_get_it(probe, package, monkeypatch):
    monkeypatch.delitem(sys.modules, "pytorch_lightning")
    with pytest.raises(MissingExtra, match="needs Lightning, which is not installed; run: pip install lightning"):
        LightningCallback(probe)
