"""`layerscape check`: what a user reads of a whole and of a damaged run."""

import json

import numpy as np

import layerscape as ls
from layerscape.cli import main


def test_check_says_what_is_whole_and_what_mends_the_rest(tmp_path, capsys):
    run = ls.from_arrays({"x": np.random.default_rng(0).standard_normal((30, 3))}, out=tmp_path / "run")
    run.graph("x", 3)
    assert main(["check", str(run.path)]) == 0
    assert capsys.readouterr().out == "3 of 3 parts are whole\n"
    path = run.path / "graphs" / "000-x" / "euclidean.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["check", str(run.path), "--json"]) == 2
    shown = capsys.readouterr()
    assert [part["part"] for part in json.loads(shown.out)["parts"] if part["problem"]] == [
        "graphs/000-x/euclidean.safetensors"
    ]
    assert shown.err == (
        f"error: {run.path} is damaged; what can be mended is mended by: layerscape check {run.path} --repair\n"
    )
    assert main(["check", str(run.path), "--repair"]) == 0
    assert "what was removed is found again" in capsys.readouterr().out
    assert main(["check", str(run.path)]) == 0


def test_what_is_written_for_others_replaces_no_file_of_a_run(tmp_path, capsys):
    run = ls.from_arrays({"x": np.random.default_rng(0).standard_normal((30, 3))}, out=tmp_path / "run")
    ls.measure(run, ["twonn"])
    for name in ("run.json", "ledger.json", "samples.parquet", "estimates.parquet"):
        path = run.path / name
        before = path.read_bytes()
        assert main(["report", str(run.path), "--out", str(path)]) == 2
        assert capsys.readouterr().err == f"error: {path}: give a name that ends in .html or .htm.\n"
        assert main(["measure", str(run.path), "--measures", "twonn", "--csv", str(path)]) == 2
        assert capsys.readouterr().err == f"error: {path}: give a name that ends in .csv.\n"
        assert path.read_bytes() == before


def test_repair_reads_the_run_once(tmp_path, monkeypatch):
    from layerscape.storage.ledger import Ledger

    run = ls.from_arrays({"x": np.random.default_rng(0).standard_normal((30, 3))}, out=tmp_path / "run")
    chunk = run.path / "vectors.zarr" / "x" / "c.0.0"
    chunk.write_bytes(bytes(chunk.stat().st_size))
    proven = []
    prove = Ledger.prove
    monkeypatch.setattr(Ledger, "prove", lambda self, name, *of: proven.append(name) or prove(self, name, *of))
    assert main(["check", str(run.path), "--repair"]) == 0
    assert proven.count("vectors.zarr/x/c.0.0") == 1
