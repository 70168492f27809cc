"""What goes wrong with a monitor never ends the training, and is said once; what is there stays a series."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.storage import RunFolder
from layerscape.training import Monitor

ASIDE = "the monitor stands aside, and the training goes on: "


def move(model, size=0.1):
    with torch.no_grad():
        for each in model.parameters():
            each.add_(size * torch.randn_like(each))


def steps(model, monitor, several, **scalars):
    for step in several:
        move(model)
        monitor.step(step, **scalars)


@pytest.fixture
def watched(net, probe, tmp_path):
    """A model and what makes a monitor of it."""
    torch.manual_seed(0)
    model = net()
    return model, lambda **options: Monitor(
        model, probe, out=tmp_path / "s", **{"every": 1, "max_overhead": None} | options
    )


def test_a_full_disk_is_said_once(watched, tmp_path, monkeypatch):
    model, make = watched
    with make() as monitor:
        steps(model, monitor, [0, 1])

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("layerscape.storage.files.sync", full)
        with pytest.warns(UserWarning, match=f"{ASIDE}the disk is full at ") as heard:
            steps(model, monitor, [2, 3, 4])
        assert len(heard) == 1
        assert monitor.failed.startswith("the disk is full")
        assert monitor.steps == (0, 1)
    monkeypatch.undo()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "step_2 in .* is not finished")
        assert ls.series(tmp_path / "s").steps == (0, 1)


def test_a_network_that_fails_or_is_another_is_said_once(watched, tmp_path):
    model, make = watched
    monitor = make()
    monitor.step(0)
    model.head = nn.Linear(16, 5)
    model.blocks[1] = nn.Linear(16, 7)
    with pytest.warns(UserWarning, match=ASIDE) as heard:
        steps(model, monitor, [1, 2])
    assert len(heard) == 1
    assert model.training
    assert not any(part._forward_hooks for part in model.modules())


def test_weights_that_went_astray_are_said(watched):
    model, make = watched
    with make() as monitor:
        model.stem.weight.data.fill_(torch.nan)
        with pytest.warns(UserWarning, match=f"{ASIDE}layer 'embedding' gives NaN or infinite values"):
            monitor.step(0, loss=float("nan"))


def test_where_warnings_are_errors_the_training_goes_on(watched, caplog):
    _, make = watched
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monitor = make()
        monitor.step(3)
        monitor.step(2)
    assert ASIDE in caplog.text
    assert "step 2 comes after step 3, and steps rise through a whole training" in monitor.failed


@pytest.mark.parametrize("step", ["7", 1.5, -1, None])
def test_a_step_that_is_none_is_said(watched, step):
    _, make = watched
    monitor = make()
    with pytest.warns(UserWarning, match=f"{ASIDE}step {re.escape(repr(step))}; give the number of optimizer steps"):
        monitor.step(step)
    assert monitor.failed


def test_scalars_that_cannot_be_kept_are_said_once(watched, tmp_path):
    model, make = watched
    with make() as monitor:
        told = {"loss": torch.tensor(2.0, requires_grad=True), "rate": np.float32(0.5), "value": 1, "words": "a b"}
        with pytest.warns(UserWarning, match="is not kept with the steps") as heard:
            steps(model, monitor, [0, 1], **told)
        monitor.tell(1, accuracy=0.9)
        monitor.tell(7, accuracy=0.9)
        steps(model, monitor, [2], loss=float("inf"))
        assert monitor.failed == ""
    assert [str(each.message) for each in heard] == [
        "layerscape: 'value' is what a column of every table is called and is not kept with the steps; give one "
        "number, by another name",
        "layerscape: 'words' is a str and is not kept with the steps; give one number, by another name",
    ]
    scalars = ls.series(tmp_path / "s").scalars
    assert scalars == {"loss": {0: 2, 1: 2, 2: np.inf}, "rate": {0: 0.5, 1: 0.5}, "accuracy": {1: 0.9}}


def test_a_log_that_fails_is_said_and_the_series_goes_on(watched):
    model, make = watched

    def log(step, values):
        raise ConnectionError("no route")

    with make(measures="twonn", log=log) as monitor:
        with pytest.warns(UserWarning, match="the series goes on: ConnectionError: no route") as heard:
            steps(model, monitor, [0, 1, 2])
        assert len(heard) == 1
        assert monitor.steps == (0, 1, 2)


def test_looks_that_would_take_too_long_are_left_out_which_is_said_once(watched):
    model, make = watched
    with make(max_overhead=1e-6) as monitor:
        with pytest.warns(UserWarning, match=r"step 2 is not looked at, nor are others to come: a look takes") as heard:
            steps(model, monitor, range(5))
        assert len(heard) == 1
        assert monitor.steps == (0, 1)
        monitor.look(9)
        assert monitor.steps == (0, 1, 9)
        assert monitor.failed == ""


def test_an_interrupt_within_a_look_leaves_a_series_and_the_network_as_it_was(watched, tmp_path, monkeypatch):
    model, make = watched
    monitor = make()
    steps(model, monitor, [0, 1])

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "write_block", interrupt)
    with pytest.raises(KeyboardInterrupt), monitor:
        steps(model, monitor, [2])
    monkeypatch.undo()
    assert all(part.training for part in model.modules())
    with pytest.warns(UserWarning, match="step_2 in .* is not finished and is left out"):
        assert ls.series(tmp_path / "s").steps == (0, 1)
    with make() as again:
        steps(model, again, [3, 4])
    assert ls.series(tmp_path / "s").steps == (0, 1, 3, 4)


def test_a_training_that_goes_on_keeps_what_is_the_same_and_moves_what_is_not(watched, tmp_path):
    model, make = watched
    saved = {}
    with make() as monitor:
        for step in range(5):
            saved[step] = {name: each.clone() for name, each in model.state_dict().items()}
            monitor.step(step, loss=step)
            move(model)
    model.load_state_dict(saved[2])
    before = (tmp_path / "s" / "step_2" / "run.json").stat().st_mtime_ns
    with make() as monitor:
        monitor.step(2, loss=2)
        assert monitor.steps == (0, 1, 2, 3, 4)
        assert (tmp_path / "s" / "step_2" / "run.json").stat().st_mtime_ns == before
        move(model)
        with pytest.warns(UserWarning, match="step 3 and step 4 of an earlier training moved to .*earlier: at step 3"):
            monitor.step(3)
    assert ls.series(tmp_path / "s").steps == (0, 1, 2, 3)
    assert sorted(path.name for path in (tmp_path / "s" / "earlier" / "1").iterdir()) == ["step_3", "step_4"]


def test_batches_stay_as_they_were_where_another_size_is_fastest_now(watched, tmp_path, monkeypatch):
    model, make = watched
    for step, fastest in enumerate((16, 32)):
        monkeypatch.setattr("layerscape.extraction.network.Network.batching", lambda *_, n=fastest: {"samples": n})
        with make() as monitor:
            steps(model, monitor, [step])
    assert [run.record["batching"] for run in ls.series(tmp_path / "s")] == [{"samples": 16}] * 2
    with pytest.raises(InvalidValue, match=r"step_1 was made with batching.samples=16"):
        make(batch_size=8)


def test_another_series_is_refused(watched, net, probe, tmp_path):
    model, make = watched
    with make() as monitor:
        monitor.step(0)
        with pytest.raises(InvalidValue, match=r"another monitor writes to .*; close it"):
            make()
    with pytest.raises(InvalidValue, match=r"step_0 was made with inputs.fingerprint="):
        Monitor(model, probe[:50], out=tmp_path / "s")
    with pytest.raises(InvalidValue, match=r"step_0 was made with model.n_parameters="):
        Monitor(net(width=8), probe, out=tmp_path / "s")
    ls.from_arrays({"a": probe}, out=tmp_path / "runs" / "base")
    with pytest.raises(InvalidValue, match="holds the run 'base', which no monitor made; give another out"):
        Monitor(model, probe, out=tmp_path / "runs")


KILLED = """
import sys, numpy as np, torch
from layerscape.training import Monitor
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(12, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3))
probe = np.random.default_rng(0).standard_normal((2000, 12)).astype("f4")
with Monitor(model, probe, out=sys.argv[1], every=1, max_overhead=None) as monitor:
    print("begins", flush=True)
    for step in range(12):
        with torch.no_grad():
            for each in model.parameters():
                each.add_(0.01)
        monitor.step(step, loss=1 / (1 + step))
    assert monitor.failed == "", monitor.failed
"""


@pytest.mark.more
@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_a_training_that_is_killed_leaves_a_series_and_goes_on(tmp_path):
    out = tmp_path / "s"
    for wait in (0.02, 0.1, 0.25, 0.4):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(out)], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "begins\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        finished = [path for path in out.glob("step_*") if (path / "run.json").exists()]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* is not finished and is left out")
            if len(finished) > 2:
                assert len(ls.series(out)) >= len(finished) - 1
    subprocess.run([sys.executable, "-c", KILLED, str(out)], check=True, stdout=subprocess.PIPE)
    series = ls.series(out)
    assert series.steps == tuple(range(12))
    assert not (out / "earlier").exists()
    assert [part.problem for run in series for part in run.check() if part.problem] == []
