"""What `run` would refuse later is refused first: options, then paths, then the model; and k before the extraction."""

from pathlib import Path

import numpy as np
import pytest

from layerscape.cli import main
from layerscape.errors import FileProblem


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--controls", "shuffled"], "unknown control 'shuffled'"),
        (["--measures", "twon"], "unknown measure 'twon'; nearest: twonn"),
        ([], "nowhere/photos does not exist"),
    ],
)
def test_options_come_before_paths_and_paths_before_the_model(more, text, tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr("layerscape.pipeline.extract.open_model", lambda *_, **__: opened.append(1))
    assert main(["run", "no/model", "nowhere/photos", "--out", str(tmp_path / "run"), *more]) == 2
    assert capsys.readouterr().err.startswith(f"error: {text}")
    assert opened == []


BAD = [
    (["--dtype", "int8"], "unknown dtype 'int8'"),
    (["--store", "int8"], "unknown dtype to store 'int8'"),
    (["--pooling", "median"], "unknown pooling 'median'"),
    (["--device", "abacus"], "'abacus'"),
    (["--protocol", "nobody1999"], "unknown protocol 'nobody1999'"),
    (["--id-column", "nr"], "unknown column of texts.csv 'nr'"),
    (["--text-column", "words"], "unknown column of texts.csv 'words'"),
    (["--labels", "colour"], "unknown label column 'colour'; nearest: color"),
    (["--labels", "short.csv"], "short.csv has no row for 18 of 20 samples"),
    (["--labels", "short.npy"], "short.npy has 2 labels for 20 samples"),
    (["--features", "luminance"], "unknown text feature 'luminance'"),
    (["--features", "length", "--labels", "length"], "feature 'length' has the name of a label column"),
    (["--sample-seed", "1"], "sample_seed=1 without a limit"),
    (["--kind", "image"], "kind='image' for the table texts.csv"),
    (["--out", "texts.csv"], "texts.csv is a file, and a run is a folder"),
    (["--out", "full"], "full holds 'other.txt' and no run"),
]
BAD_TO_MEASURE = [
    (["--k", "20"], "k=20 neighbors asked of 20 samples; k must lie in 1..19."),
    (["--k", "5", "--limit", "5"], "k=5 neighbors asked of 5 samples"),
    (["--limit", "1"], "there is one sample only, and who is near whom needs at least two; layerscape extract"),
    (["--by", "colour"], "unknown label column 'colour'; nearest: color"),
    (["--by", "length"], "by='length': its values are real numbers"),
    (["--by", "color", "--k", "15"], "by='color': the largest of 2 groups has 10 samples"),
    (["--metric", "manhattan"], "Invalid value for '--metric': 'manhattan'"),
    (["--measures", "twonn,overlop"], "unknown measure 'overlop'"),
]


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """A folder with a table of texts, and a hub that nobody reaches."""
    monkeypatch.chdir(tmp_path)
    rows = [f"text {i},{'red' if i % 2 else 'blue'},{i + 0.5}" for i in range(20)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,color,length", *rows]))
    (tmp_path / "short.csv").write_text("id,size\n0,small\n1,large\n")
    np.save(tmp_path / "short.npy", np.array([1, 2]))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other.txt").write_text("mine")

    def unreachable(*_, **__):
        raise FileProblem("the model is looked for")

    monkeypatch.setattr("layerscape.extraction.huggingface.open_pretrained", unreachable)


@pytest.mark.parametrize(
    ("command", "more", "text"),
    [(command, *bad) for command in ("extract", "run") for bad in BAD] + [("run", *bad) for bad in BAD_TO_MEASURE],
)
def test_whatever_else_is_wrong_is_said_before_a_model_that_cannot_be_reached(command, more, text, texts, capsys):
    assert main([command, "no/model", "texts.csv", "--out", "run", *more]) == 2
    said = capsys.readouterr().err.strip()
    assert text in said
    assert said.startswith("error: ")
    assert "\n" not in said


@pytest.mark.parametrize(("more", "text"), [bad for bad in BAD + BAD_TO_MEASURE if bad[0] != ["--out", "full"]])
def test_a_series_says_it_before_the_first_of_its_models(more, text, texts, capsys):
    words = ["series", "no/model", "texts.csv", "--revisions", "step1,step2", "--out", "run"]
    assert main([*words, *more]) == 2
    *notes, said = capsys.readouterr().err.strip().splitlines()
    assert text in said
    assert said.startswith("error: ")
    assert notes in ([], ["note: step1: step 1"])
    assert not Path("run").exists()


def test_where_all_else_is_right_the_model_is_looked_for(texts, capsys):
    assert main(["run", "no/model", "texts.csv", "--out", "run", "--by", "color", "--k", "5", "--features", "all"]) == 2
    assert "feature 'length' has the name" in capsys.readouterr().err
    assert main(["run", "no/model", "texts.csv", "--out", "run", "--by", "color", "--k", "5"]) == 2
    assert "the model is looked for" in capsys.readouterr().err
    assert not Path("run").exists()


def test_a_table_of_sequences_waits_for_what_the_network_takes(texts, capsys):
    Path("proteins.csv").write_text("sequence,family\nMKV,a\nMKL,a\nGGA,b\nGGC,b\n")
    for more in ([], ["--kind", "protein"], ["--features", "hydropathy"]):
        assert main(["extract", "no/model", "proteins.csv", "--out", "run", *more]) == 2
        assert "the model is looked for" in capsys.readouterr().err
    assert main(["extract", "demo", "proteins.csv", "--out", "run"]) == 2
    assert "unknown column of proteins.csv 'text'" in capsys.readouterr().err


def test_more_neighbors_than_samples_are_refused_before_a_block_is_made(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["run", "demo", "digits", "--limit", "12", "--k", "12", "--out", str(out)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1] == "error: k=12 neighbors asked of 12 samples; k must lie in 1..11."
    assert not list(out.rglob("blocks/*"))


WITHOUT_A_MODEL = [
    ("measure", ["--measures", "twon"], "unknown measure 'twon'; nearest: twonn"),
    ("measure", ["--controls", "shuffled"], "unknown control 'shuffled'"),
    ("measure", ["--protocol", "nobody1999"], "unknown protocol 'nobody1999'"),
    ("measure", ["--own-group", "kept"], "own_group='kept' without groups"),
    ("measure", ["--memory", "-1"], "Invalid value for '--memory'"),
    ("measure", ["--near-copies", "2"], "near_copies=2.0"),
    ("measure", ["--csv", "none/table.csv"], "cannot write none/table.csv: none is no folder; give another --csv"),
    ("measure", ["--csv", "table.txt"], "table.txt"),
    ("search", ["--near-copies", "2"], "near_copies=2.0"),
    ("compare", ["--measures", "twonn"], "measure 'twonn' does not compare two representations"),
    ("compare", ["--permutations", "5"], "permutations=5; give at least 19"),
    ("compare", ["--lag", "2", "--groups", "who"], "lag=2 and groups at once"),
    ("differences", ["--measures", "cka"], "cka compares two layers"),
    ("differences", ["--measures", "twon"], "unknown measure 'twon'"),
    ("recommend", ["--by", "twonn"], "unknown way to judge layers, by 'twonn'"),
    ("recommend", ["--own-group", "kept"], "own_group='kept' without groups"),
    ("report", ["--out", "page.txt"], "page.txt"),
]


@pytest.mark.parametrize(("command", "more", "text"), WITHOUT_A_MODEL)
def test_options_of_a_command_on_a_run_come_before_the_run(command, more, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runs = ["nowhere"] * (2 if command == "compare" else 1)
    assert main([command, *runs, *more]) == 2
    said = capsys.readouterr().err.strip()
    assert text in said
    assert said.startswith("error: ")
    assert "nowhere" not in said
    assert main([command, *runs]) == 2
    assert "there is no run at nowhere" in capsys.readouterr().err
