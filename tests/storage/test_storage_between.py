"""What was found between the runs of a series: kept whole, missed where it is gone, and lost by no kill."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import layerscape as ls
from benchmarks.damage import all_of_series, make_series, trials
from layerscape.errors import FileProblem
from layerscape.storage import ledger
from layerscape.storage.between import NAME, check_between, forget_between

N = 60
EARLIER = Path(__file__).with_name("earlier")


def make(path, seed=0, **more):
    x = np.random.default_rng(seed).standard_normal((N, 4))
    ids = [f"sample {row}" for row in range(N)]
    return ls.from_arrays({"a": x, **more}, ids=ids, labels={"class": np.arange(N) % 3}, out=path)


@pytest.fixture
def series(tmp_path):
    for step in (1, 2, 3):
        make(tmp_path / f"step_{step}", step)
    ls.measure(ls.series(tmp_path), ["overlap"], k=5)
    return tmp_path


def between(path):
    table = ls.series(path).table
    return table[table.other_step.notna()] if "other_step" in table else table[:0]


def test_a_table_that_is_gone_is_missed_until_the_series_is_mended(series):
    assert len(between(series)) == 3
    (series / NAME).unlink()
    with pytest.raises(
        FileProblem, match=f"{NAME} is damaged: it is missing; see what is whole with: layerscape check"
    ):
        between(series)
    assert [part.problem for part in check_between(series)] == ["it is missing"]
    forget_between(series)
    assert check_between(series) == []
    assert len(between(series)) == 0
    ls.measure(ls.series(series), ["overlap"], k=5)
    assert len(between(series)) == 3


@pytest.mark.parametrize("name", [NAME, "estimates.parquet"])
def test_a_kill_before_a_table_is_first_written_leaves_nothing_damaged(tmp_path, monkeypatch, name):
    for step in (1, 2):
        make(tmp_path / f"step_{step}", step)
    replace = ledger.replace_file

    def killed(path, data):
        if path.name == name:
            raise KeyboardInterrupt
        replace(path, data)

    monkeypatch.setattr(ledger, "replace_file", killed)
    with pytest.raises(KeyboardInterrupt):
        ls.measure(ls.series(tmp_path), ["overlap"], k=5)
    monkeypatch.undo()
    assert not check_between(tmp_path)
    assert not [part for path in sorted(tmp_path.glob("step_*")) for part in ls.open(path).check() if part.problem]
    ls.measure(ls.series(tmp_path), ["overlap"], k=5)
    assert len(between(tmp_path)) == 1


def test_a_run_without_its_run_json_is_missed_and_not_passed_over(series):
    (series / "step_2" / "run.json").unlink()
    for source in (series, f"{series}/step_*"):
        with pytest.raises(
            FileProblem, match=r"step_2/run\.json does not exist; copy the run again from where it came"
        ):
            ls.series(source)


def test_two_processes_that_measure_one_series_keep_what_both_found(series):
    call = "import sys, layerscape as ls; ls.measure(ls.series(sys.argv[1]), ['overlap'], k=7, metric=sys.argv[2])"
    metrics = ("cosine", "euclidean")
    started = [subprocess.Popen([sys.executable, "-c", call, str(series), metric]) for metric in metrics]
    assert [one.wait() for one in started] == [0, 0]
    assert sorted(between(series).metric) == ["cosine"] * 3 + ["euclidean"] * 3


def test_where_the_folder_takes_nothing_what_was_compared_stays_in_memory(series, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("layerscape.storage.between.Lock", refuse)
    found = ls.series(series)
    with pytest.warns(UserWarning, match="what was compared between steps is not kept: cannot write"):
        table = ls.measure(found, ["overlap"], k=9)
    assert set(found.table[found.table.other_step.notna()].k) == {9} == set(table.k)
    assert set(between(series).k) == {5}


def test_damage_of_a_series_gives_the_right_numbers_or_one_line(tmp_path):
    make_series(tmp_path / "whole")
    found = list(trials(tmp_path / "whole", 27, 1, all_of_series))
    assert {came for *_, came in found} <= {"the same", "one line"}, found
    assert sum(came == "one line" for *_, came in found) > 20
    assert {"between_steps.parquet", "ledger.json"} <= {file for _, file, _ in found}


@pytest.mark.filterwarnings("ignore:.*do not say of which samples they are")
def test_runs_of_an_earlier_format_are_a_series_until_one_is_made_anew(tmp_path):
    for step in (1, 2):
        shutil.copytree(EARLIER, tmp_path / f"step_{step}")
    first = ls.open(tmp_path / "step_1")
    arrays, ids = {layer: np.asarray(first[layer]) for layer in first}, first.samples.ids
    labels = {name: values.tolist() for name, values in first.samples.labels.items()}
    ls.from_arrays(arrays, ids=ids, labels=labels, out=tmp_path / "step_3")
    ls.measure(ls.series(tmp_path), ["overlap"], k=5)
    between = ls.series(tmp_path).table.dropna(subset="other_step")
    assert between[["step", "other_step"]].drop_duplicates().to_numpy().tolist() == [[1, 2], [2, 3], [1, 3]]
    assert (between.value == 1).all()
    shutil.rmtree(tmp_path / "step_2")
    ls.from_arrays({layer: x[::-1] for layer, x in arrays.items()}, ids=ids, labels=labels, out=tmp_path / "step_2")
    ls.measure(ls.open(tmp_path / "step_2"), ["twonn"])
    left = ls.series(tmp_path).table.dropna(subset="other_step")
    assert left[["step", "other_step"]].drop_duplicates().to_numpy().tolist() == [[1, 3]]
