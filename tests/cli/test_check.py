"""`layerscape check`: what a user reads of a whole and of a damaged run."""

import json
import shutil
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


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """Two checkpoints of the demo's training, made by `series`."""
    pytest.importorskip("torch")
    pytest.importorskip("vl_convert")
    out = tmp_path_factory.mktemp("series") / "training"
    words = ["series", "demo", "digits", "--revisions", "untrained,final", "--limit", "60", "--layers", "block_*"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["layerscape", *words, "--measures", "overlap", "--k", "5", "--out", str(out)])
        assert main([*words, "--measures", "overlap", "--k", "5", "--out", str(out)]) == 0
    return out


@pytest.fixture
def series(training, tmp_path):
    shutil.copytree(training, tmp_path / "training")
    return tmp_path / "training"


def zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


def test_a_series_is_checked_and_mended_run_by_run(series, capsys):
    before = ls.series(series)
    vectors, rows = np.asarray(before[1]["block_2"]), before.table
    graph = before[0].folder.graph_name("block_3", Nearness())
    for name in ("final/vectors.zarr/block_2/c.0.0", "final/samples.parquet", f"untrained/{graph}"):
        zeros(series / name)
    zeros(series / "between_steps.parquet")
    capsys.readouterr()
    first = series / "untrained"
    assert main(["check", str(series)]) == 2
    said = capsys.readouterr()
    changed = "its bytes are not those that were written"
    names = ["final/samples.parquet", "final/block_2: samples 0…59", f"untrained/{graph}", "between_steps.parquet"]
    assert said.out.splitlines()[:-1] == [f"damaged  {name}: {changed}" for name in names]
    assert said.err == (
        f"error: {series} is damaged; what can be mended is mended by: layerscape check {series} --repair\n"
    )
    assert main(["check", str(series), "--repair"]) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "final: extracted again: samples.parquet, block_2",
        f"untrained: what was removed is found again when it is asked for, or with: layerscape measure {first}",
        "untrained: searched again: block_3, euclidean, k=10",
        f"what was removed is found again with: layerscape measure {series}",
    ]
    assert main(["check", str(series)]) == 0
    found = ls.series(series)
    assert found.steps == (0, 1500)
    np.testing.assert_array_equal(np.asarray(found[1]["block_2"]), vectors)
    assert main(["measure", str(series), "--measures", "overlap", "--k", "5"]) == 0
    again = ls.series(series).table
    assert again[rows.columns].drop(columns="warnings").equals(rows.drop(columns="warnings"))


def test_a_run_that_cannot_be_read_keeps_no_other_from_being_mended(series, capsys):
    zeros(series / "final" / "run.json")
    zeros(series / "untrained" / "vectors.zarr" / "block_2" / "c.0.0")
    assert main(["check", str(series), "--repair"]) == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "untrained: extracted again: block_2"
    assert said.err.splitlines()[-1].startswith(f"error: {series}/final/run.json cannot be read")
    assert main(["check", str(series / "untrained")]) == 0


def test_a_run_whose_checkpoint_is_gone_is_left_as_it_is(series, capsys, monkeypatch):
    monkeypatch.setattr("layerscape.extraction.demo.CHECKPOINTS", {"untrained": 0})
    chunk = series / "final" / "vectors.zarr" / "block_2" / "c.0.0"
    zeros(chunk)
    assert main(["check", str(series), "--repair"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(
        f"error: what is damaged in {series}/final cannot be extracted again here: unknown checkpoint"
    )
    assert "; where model and data are, give: layerscape series demo digits --revisions untrained,final" in said
    assert ls.open(series / "final")["block_1"].stored(slice(0, 3)).shape[0] == 3


def test_a_run_whose_folder_was_renamed_says_what_to_give_its_name_back(series, capsys):
    zeros(series / "final" / "vectors.zarr" / "block_2" / "c.0.0")
    (series / "final").rename(series / "last")
    assert main(["check", str(series), "--repair"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "no checkpoint is called 'last', as the folder of the run is (there are: 'untrained', 'final'); give" in said
    (series / "last").rename(series / "final")
    assert main(["check", str(series), "--repair"]) == 0


def test_two_runs_that_changed_places_keep_their_steps_and_are_not_mended_by_each_others_checkpoint(series, capsys):
    vectors = [np.asarray(run["block_2"]) for run in ls.series(series)]
    for one, other in (("final", "x"), ("untrained", "final"), ("x", "untrained")):
        (series / one).rename(series / other)
    found = ls.series(series)
    assert (found.steps, [run.name for run in found]) == ((0, 1500), ["final", "untrained"])
    for run, expected in zip(found, vectors, strict=True):
        np.testing.assert_array_equal(np.asarray(run["block_2"]), expected)
    assert "other_step" not in found.table  # what was found between them was of each other's vectors
    zeros(series / "final" / "vectors.zarr" / "block_2" / "c.0.0")
    assert main(["check", str(series), "--repair"]) == 2
    assert "was made with model" in capsys.readouterr().err.splitlines()[-1]
    np.testing.assert_array_equal(np.asarray(ls.open(series / "untrained")["block_2"]), vectors[1])


def test_of_a_series_whose_ledger_is_lost_the_table_is_adopted(series, capsys):
    rows = len(ls.series(series).table)
    (series / "ledger.json").unlink()
    with pytest.raises(FileProblem, match=f"layerscape check {series} --adopt"):
        _ = ls.series(series).table
    assert main(["check", str(series), "--adopt"]) == 0
    assert len(ls.series(series).table) == rows


def test_the_training_of_the_demo_is_extracted_again_too():
    from layerscape.cli.demo import words_of_run
    from layerscape.cli.series import of_one_run, series_command

    words = words_of_run(["layerscape", "demo", "--training", "--out", "there"], "step_0050")
    given = of_one_run(series_command.make_context("series", words[2:]).params, "step_0050")
    assert (given["model"], given["inputs"], given["pooling"]) == ("demo@step_0050", "digits", "flatten")
