"""Whoever keeps the values of a training gets them in the words of its library."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from layerscape.errors import InvalidValue, MissingExtra
from layerscape.training.logs import sinks

VALUES = {"twonn/block 1": 2.0, "label_overlap/kind:a/block 1": 0.5}


class Told:
    """Keeps every call."""

    def __init__(self, *names):
        self.calls = []
        for name in names:
            setattr(self, name, lambda *given, _name=name, **more: self.calls.append((_name, given, more)))


def test_a_function_gets_the_step_and_the_values():
    told = []
    for each in sinks([lambda *given: told.append(given), print], "out"):
        each(3, VALUES)
    assert told == [(3, VALUES)]


def test_a_writer_of_tensorboard(tmp_path, monkeypatch):
    writer = Told("add_scalar", "flush")
    (sink,) = sinks(writer, tmp_path)
    sink(3, {"a": 1.0})
    assert writer.calls == [("add_scalar", ("a", 1.0, 3), {})]
    made = ModuleType("tensorboard.summary")
    made.Writer = lambda folder: SimpleNamespace(**vars(writer), folder=folder)
    monkeypatch.setattr("layerscape.training.logs.find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "tensorboard", ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "tensorboard.summary", made)
    (sink,) = sinks("tensorboard", tmp_path)
    sink(4, {"a": 2.0})
    assert writer.calls[1:] == [("add_scalar", ("a", 2.0, 4), {}), ("flush", (), {})]


def test_a_run_of_wandb_has_an_axis_of_its_own(tmp_path, monkeypatch):
    run = Told("define_metric", "log")
    (sink,) = sinks(run, tmp_path)
    sink(3, {"a": 1.0})
    assert run.calls[-1] == ("log", ({"layerscape/a": 1.0, "layerscape/step": 3},), {})
    library = ModuleType("wandb")
    library.run = None
    monkeypatch.setattr("layerscape.training.logs.find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "wandb", library)
    with pytest.raises(InvalidValue, match=r"log='wandb' and no run of it is open; call wandb.init"):
        sinks("wandb", tmp_path)


def test_mlflow_gets_names_that_it_takes(tmp_path, monkeypatch):
    library = ModuleType("mlflow")
    calls = []
    library.log_metrics = lambda values, step: calls.append((values, step))
    monkeypatch.setattr("layerscape.training.logs.find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "mlflow", library)
    for given in ("mlflow", library):
        (sink,) = sinks(given, tmp_path)
        sink(3, VALUES)
    assert calls == [({"twonn/block 1": 2.0, "label_overlap/kind_a/block 1": 0.5}, 3)] * 2


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_library_that_is_not_there_is_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setattr("layerscape.training.logs.find_spec", lambda name: None)
    with pytest.raises(
        MissingExtra, match=f"log='{name}' needs {name}, which is not installed; run: pip install {name}"
    ):
        sinks(name, tmp_path)
