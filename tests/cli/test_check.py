"""`layerscape check`: what a user reads of a whole and of a damaged run."""

import json
from pathlib import Path

import numpy as np
import pytest

import layerscape as ls
from layerscape.cli import main
from layerscape.cli.demo import INPUTS, MODELS, POOLING
from layerscape.core.nearness import Nearness
from layerscape.errors import FileProblem


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


@pytest.fixture
def extracted(tmp_path, monkeypatch):
    """A run of the demo model on pictures in a file, with graphs, a label of its own and one that was added."""
    pytest.importorskip("torch")
    from layerscape.inputs import choose_inputs

    monkeypatch.chdir(tmp_path)
    digits = choose_inputs("digits", limit=40).samples()
    np.save("pictures.npy", np.stack(digits.read(range(40))))
    words = ["extract", "demo", "pictures.npy", "--kind", "image", "--features", "luminance", "--out", "run"]
    monkeypatch.setattr("sys.argv", ["layerscape", *words])
    assert main(words) == 0
    run = ls.open("run")
    run.search(5)
    run.add_labels({"digit": digits.labels["digit"]})
    run.remove_labels("luminance")
    return run


def test_repair_extracts_and_searches_again(extracted, capsys):
    before = {layer: np.asarray(extracted[layer]) for layer in extracted.layers}
    names = ["vectors.zarr/block_2/c.0.0", extracted.folder.graph_name("block_3", Nearness())]
    for name in names:
        (extracted.path / name).write_bytes(bytes((extracted.path / name).stat().st_size))
    capsys.readouterr()
    assert main(["check", "run", "--repair"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "extracted again: block_2",
        "searched again: block_3, euclidean, k=5",
    ]
    run = ls.open("run")
    assert not any(part.problem for part in run.check())
    assert [run.folder.kept_graph(layer, Nearness()).width for layer in run.layers] == [5] * len(run)
    assert list(run.samples.labels) == ["digit"]
    assert run.record["command"].startswith("layerscape extract demo pictures.npy --kind image")
    for layer, x in before.items():
        np.testing.assert_array_equal(np.asarray(run[layer]), x)


def test_samples_that_are_damaged_are_made_again_with_the_labels_of_the_command(extracted):
    (extracted.path / "samples.parquet").write_bytes(b"")
    assert main(["check", "run", "--repair"]) == 0
    assert list(ls.open("run").samples.labels) == ["luminance"]
    assert main(["check", "run"]) == 0


@pytest.mark.parametrize("name", ["trained", "untrained"])
def test_runs_of_the_demo_are_extracted_again(tmp_path, name, capsys):
    pytest.importorskip("torch")
    path = tmp_path / "demo" / name
    run = ls.extract(MODELS[name], INPUTS, out=path, pooling=POOLING, command="layerscape demo --out demo")
    before = np.asarray(run["block_2"])
    chunk = path / "vectors.zarr" / "block_2" / "c.0.0"
    chunk.write_bytes(bytes(chunk.stat().st_size))
    assert main(["check", str(path), "--repair"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "extracted again: block_2"
    np.testing.assert_array_equal(np.asarray(ls.open(path)["block_2"]), before)


def test_of_a_run_made_in_python_it_is_said_how_it_is_made_again(tmp_path, rng, capsys):
    x, path = rng.standard_normal((20, 3)), tmp_path / "run"
    ls.from_arrays({"a": x}, out=path)
    chunk = path / "vectors.zarr" / "a" / "c.0.0"
    chunk.write_bytes(bytes(chunk.stat().st_size))
    assert main(["check", str(path), "--repair"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    words = (
        "the run is unfinished now; what is missing is made by: the call that made it, ls.extract or ls.from_arrays, "
    )
    assert said == f"{words}with all that it was given and out={str(path)!r}"
    np.testing.assert_array_equal(np.asarray(ls.from_arrays({"a": x}, out=path)["a"]), x)
    assert main(["check", str(path)]) == 0


@pytest.mark.parametrize("gone", ["others", "none"])
def test_a_run_whose_data_are_gone_is_left_as_it_is(extracted, capsys, gone):
    chunk = extracted.path / "vectors.zarr" / "block_2" / "c.0.0"
    chunk.write_bytes(bytes(chunk.stat().st_size))
    if gone == "none":
        Path("pictures.npy").unlink()
    else:
        np.save("pictures.npy", np.load("pictures.npy")[::-1])
    capsys.readouterr()
    assert main(["check", "run", "--repair"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: what is damaged in run cannot be extracted again here: ")
    assert said.endswith("; where model and data are, give: " + extracted.record["command"] + "\n")
    assert ("inputs.fingerprint" if gone == "others" else "pictures.npy does not exist") in said
    assert ls.open("run")["block_1"].stored(slice(0, 3)).shape[0] == 3  # all else can still be read


def test_a_repair_that_was_interrupted_goes_on(extracted, monkeypatch):
    chunk = extracted.path / "vectors.zarr" / "block_2" / "c.0.0"
    chunk.write_bytes(bytes(chunk.stat().st_size))
    extracted.repair()  # and then it was ended
    with pytest.raises(FileProblem, match="is not finished"):
        ls.open("run")
    assert main(["check", "run", "--repair"]) == 0
    assert main(["check", "run"]) == 0
