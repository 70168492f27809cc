"""A run that cannot be written answers every question; what is found stays in memory, and that is said once."""

import json
import tempfile
import warnings

import numpy as np
import pytest

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import FileProblem

N = 60
RNG = np.random.default_rng(0)
CLASSES = np.arange(N) % 3
X = RNG.standard_normal((N, 4)) + 2 * np.eye(4)[CLASSES]
ARRAYS = {"first": RNG.standard_normal((N, 4)), "second": X, "third": np.tanh(X)}
SAID = "what is found is not kept in the run: cannot write {}: Read-only file system"


def made(path):
    return ls.from_arrays(ARRAYS, labels={"class": CLASSES}, out=path)


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """A run on a disk that takes nothing; what a mode says would not bind root."""
    run = made(tmp_path / "run")

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    temporary = tempfile.TemporaryFile

    def elsewhere(*_, **options):
        return refuse() if options.get("dir") == run.path else temporary(**options)

    monkeypatch.setattr("tempfile.TemporaryFile", elsewhere)
    monkeypatch.setattr("layerscape.storage.results.Lock", refuse)
    return ls.open(run.path)


@pytest.mark.parametrize("ask", [lambda run: ls.compare(run, run, ["overlap", "information_imbalance"], k=5),
                                 lambda run: ls.differences(run, k=5),
                                 lambda run: ls.recommend(run, k=5).table])  # fmt: skip
def test_a_question_is_answered_and_searched_once(read_only, tmp_path, monkeypatch, ask):
    there = sorted(read_only.path.rglob("*"))
    searched, search = [], ls.find_neighbors
    monkeypatch.setattr("layerscape.run.find_neighbors", lambda *a, **b: searched.append(1) or search(*a, **b))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found, again = ask(read_only), ask(read_only)
    assert [str(each.message) for each in told] == [SAID.format(read_only.path)]
    assert len(searched) == (6 if "behind" in found else 3)  # a recommendation judges under two metrics
    monkeypatch.undo()
    expected = ask(made(tmp_path / "other"))
    for each in (found, again):
        columns = [name for name in each if name not in ("run", "other_run")]
        assert each[columns].equals(expected[columns])
    assert sorted(read_only.path.rglob("*")) == there


def test_a_wider_graph_takes_the_place_of_the_one_in_memory(read_only):
    with pytest.warns(UserWarning, match="not kept in the run"):
        assert read_only.graph("first", 3).k == 3
    expected = ls.find_neighbors(ARRAYS["first"].astype(np.float32), 9)
    np.testing.assert_array_equal(read_only.graph("first", 9).indices, expected.indices)
    np.testing.assert_array_equal(read_only.graph("first", 2).indices, expected.indices[:, :2])


def test_once_it_can_be_written_it_is(read_only, monkeypatch):
    with pytest.warns(UserWarning, match="not kept in the run"):
        read_only.graph("first", 3)
    monkeypatch.undo()
    read_only.graph("first", 5)
    assert ls.open(read_only.path).folder.kept_graph("first", read_only.graph("first", 5).near).width == 5


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("command", ["compare", "differences", "recommend"])
def test_the_command_prints_what_it_found_and_says_so_once(read_only, capsys, command):
    path = str(read_only.path)
    assert main([command, path, *([path] if command == "compare" else []), "--k", "5", "--json"]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["rows"]) > 0
    assert shown.err.count("not kept in the run") == 1


def test_a_search_that_only_keeps_is_refused_before_it_begins(read_only, monkeypatch, capsys):
    searched = []
    monkeypatch.setattr("layerscape.run.find_neighbors", lambda *_, **__: searched.append(1))
    assert main(["search", str(read_only.path), "--k", "5"]) == 2
    assert capsys.readouterr().err.startswith(f"error: cannot write {read_only.path}: Read-only file system")
    assert searched == []


def test_a_page_without_a_place_is_refused_before_anything_is_drawn(read_only, monkeypatch):
    with pytest.raises(FileProblem, match=r"report.html: Read-only file system; give a path in a folder that can be"):
        ls.report(read_only)


def test_a_table_without_a_folder_is_refused_at_once_and_one_that_cannot_be_written_is_printed(tmp_path, capsys):
    run, full = str(made(tmp_path / "run").path), tmp_path / "full.csv"
    full.symlink_to("/dev/full")
    for command in (["differences", run], ["compare", run, run], ["measure", run, "--measures", "twonn"]):
        assert main([*command, "--csv", str(tmp_path / "no" / "table.csv")]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "is no folder; give another --csv" in shown.err
        assert main([*command, "--csv", str(full)]) == 2
        shown = capsys.readouterr()
        assert "second" in shown.out
        assert "No space left on device; give another --csv" in shown.err


@pytest.mark.filterwarnings("ignore")
def test_what_is_recommended_is_what_was_found_last(tmp_path, monkeypatch):
    run = made(tmp_path / "run")
    ls.recommend(run, k=5)
    assert run.recommendation["k"] == 5
    monkeypatch.setattr("layerscape.storage.results.Lock", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "no")))
    ls.recommend(run, k=9)
    assert run.recommendation["k"] == 9
    assert ls.open(run.path).recommendation["k"] == 5


def test_a_score_is_held_against_runs_that_cannot_be_written(tmp_path, monkeypatch):
    arrays = [np.random.default_rng(d).standard_normal((N, d)) for d in (2, 3, 5, 7)]
    runs = [ls.from_arrays({"a": x}, out=tmp_path / str(d)) for d, x in enumerate(arrays)]
    same = ls.against([ls.from_arrays({"a": x}) for x in arrays], [0.1, 0.2, 0.3, 0.4])

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("layerscape.storage.results.Lock", refuse)
    found = ls.against(runs, [0.1, 0.2, 0.3, 0.4])
    assert found.table.value.tolist() == same.table.value.tolist()
    assert not (runs[0].path / "estimates.parquet").exists()
