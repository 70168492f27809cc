"""What an extraction will take: bytes that it then takes, and a time that is one of a few samples."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch

import layerscape as ls
from layerscape.cli import main
from layerscape.extraction import open_model
from layerscape.pipeline.forecast import duration, forecast
from layerscape.pipeline.samples import as_samples


class Slow(torch.nn.Module):
    """Sleeps 10 ms for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)

    def forward(self, x):
        time.sleep(0.01 * len(x))
        return self.second(self.first(x))


@pytest.mark.parametrize(("store", "size"), [("float32", 4), ("float16", 2)])
def test_bytes_are_those_of_the_run_and_the_time_that_of_a_pass(tmp_path, rng, store, size):
    samples = as_samples(rng.standard_normal((500, 4)).astype(np.float32))
    network = open_model(Slow())
    infos = network.layers("mean", samples.read([0, 1]))
    found = forecast(network, infos, "mean", samples, store=store)
    assert found.bytes_per_sample == {"input": 4 * size, "first": 5 * size, "second": 3 * size}
    run = ls.extract(Slow(), samples.read(range(20)), out=tmp_path / "run", store=store)
    assert {name: run[name].n_units * size for name in run.layers} == found.bytes_per_sample
    assert 0.01 <= found.seconds_per_sample < 0.02
    assert found.told()["seconds"] == 500 * found.seconds_per_sample
    assert found.n_samples == 500
    assert found.n_bytes >= 500 * 12 * size
    (one, every) = found.in_words(store)
    assert one.startswith(f"3 layers: {12 * size} bytes a sample in {store}; about 1")
    assert one.endswith(f"a sample for all of them, estimated from {found.n_timed}")
    assert every.startswith("500 samples: ")
    assert every.endswith(" (an estimate)")


def test_without_samples_there_is_no_time_of_a_module(rng):
    network = open_model(Slow())
    infos = network.layers("mean", list(rng.standard_normal((2, 4)).astype(np.float32)))
    found = forecast(network, infos, "mean", None)
    assert found.seconds_per_sample is None
    assert found.in_words("float32") == [
        "3 layers: 48 bytes a sample in float32; the time is estimated where samples are given"
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0004, "0.4 ms"), (0.0996, "100 ms"), (0.9996, "1 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min")],
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == words


def test_the_command_lists_what_layers_take(capsys):
    assert main(["layers", "demo", "digits", "--limit", "40", "--layers", "block_*", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_samples"] == 40
    assert told["layers"][0]["bytes"] == 4 * told["layers"][0]["n_units"] == told["bytes_per_sample"]["block_1"]
    assert told["seconds"] == pytest.approx(40 * told["seconds_per_sample"])
    assert main(["layers", "demo"]) == 0
    text = capsys.readouterr().out
    assert "a sample for all of them, estimated from 2" in text
    assert "block_*.attention" not in text  # of a network of maps


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["demo", "/nope"], "/nope does not exist; check the path."),
        (["demo", "--store", "float17"], "unknown dtype to store 'float17'; nearest: float16, float64, float32. "
         "There are: float16, float32, float64."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(words, error, capsys):
    assert main(["layers", *words]) == 2
    assert capsys.readouterr().err == f"error: {error}\n"
