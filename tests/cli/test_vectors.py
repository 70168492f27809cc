"""The command `vectors`."""

import json

import numpy as np
import pytest

from layerscape.cli import main

pytest.importorskip("zarr")


def test_a_run_is_made_of_files_and_told(tmp_path, rng, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x = rng.standard_normal((30, 4))
    np.savez("a.npz", one=x, two=x[:, :2], side=np.where(x[:, 0] > 0, "b", "a"))
    assert main(["vectors", "a.npz", "--depths", "even", "--out", "run"]) == 0
    told = ["run: 2 layers of 30 samples, 0, 1, …", "layer one: 4 units", "layer two: 2 units"]
    assert capsys.readouterr().out.splitlines() == [*told, "label side: 2 categories, 0 missing"]
    assert main(["vectors", "a.npz", "--depths", "even", "--out", "run", "--json"]) == 0  # the same again
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "run": "run",
        "n_samples": 30,
        "layers": {"one": 4, "two": 2},
        "labels": {"side": "2 categories, 0 missing"},
    }


def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.eye(3, 2))
    for words, says in (
        (["a.npy", "--depths", "0,x"], "error: --depths 0,x; give even, or a number for each layer: 0,0.5,1."),
        (["a.npy", "--labels", "kind"], "error: unknown label column 'kind'. There are: none."),
        (["b.npy"], "error: b.npy does not exist; check the path."),
        (["a.npy:x"], "error: a.npy:x names an array, but the file holds only one; leave the name out."),
    ):
        assert main(["vectors", *words, "--out", "run"]) == 2
        assert capsys.readouterr().err.strip() == says
