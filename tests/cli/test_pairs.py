"""Pairs on the command line: the same as in Python, and what is refused in one line."""

import json

import numpy as np
import pytest

import layerscape as ls
from layerscape.cli import main

rng = np.random.default_rng(0)
ONE = rng.standard_normal((40, 4))
TWO = ONE + 0.6 * rng.standard_normal((40, 4))
ROWS = [(row, row) for row in range(40)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ids = [f"s{row}" for row in range(40)]
    ls.from_arrays({"a": ONE}, ids=ids, out="asked")
    ls.from_arrays({"a": TWO}, ids=ids, labels={"twin": np.arange(40) // 2}, out="texts")
    np.save("one.npy", ONE)
    np.save("two.npy", TWO)
    lines = "".join(f"s{row}\ts{row}\t1\n" for row in range(40))
    (tmp_path / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}")
    (tmp_path / "rows.csv").write_text("query,relevant\n" + "".join(f"{q},{p}\n" for q, p in ROWS))
    (tmp_path / "twins.csv").write_text("twin\n" + "".join(f"t{row // 2}\n" for row in range(40)))
    return tmp_path


def printed(capsys, *words):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_run_is_measured_by_a_column_a_file_and_another_run(folder, capsys):
    value = ls.estimate("recall", TWO, ROWS, queries=ONE).value
    across = ["measure", "texts", "--measures", "recall", "--queries", "asked", "--relevant", "qrels.tsv"]
    assert [row["value"] for row in printed(capsys, *across)["rows"]] == [value]
    twins = printed(capsys, *["measure", "texts", "--measures", "recall", "--pairs", "twin"])["rows"]
    assert [row["value"] for row in twins] == [ls.estimate("recall", TWO, np.arange(40) // 2).value]


def test_across_two_runs_pairs_are_measured_and_no_profile(folder, capsys):
    found = printed(capsys, *["measure", "texts", "--queries", "asked", "--relevant", "qrels.tsv"])["rows"]
    assert {row["label"] for row in found} == {"asked: qrels.tsv"}


def test_several_metrics_are_measured_and_what_reads_no_neighbors_once(folder, capsys):
    asked = ["measure", "texts", "--measures", "twonn,participation_ratio", "--metric", "cosine,euclidean"]
    found = [(row["measure"], row["metric"]) for row in printed(capsys, *asked)["rows"]]
    assert found == [("twonn", "cosine"), ("participation_ratio", ""), ("twonn", "euclidean")]
    assert len(ls.open("texts").table) == 3
    assert main(["measure", "texts", "--metric", "cosin"]) == 2
    assert "'cosin' is not one of 'euclidean', 'cosine'" in capsys.readouterr().err


def test_pairs_that_no_measure_of_neighbors_reads_are_measured_once(folder, capsys):
    asked = ["measure", "texts", "--measures", "twonn,alignment", "--pairs", "twin", "--metric", "euclidean,cosine"]
    found = [(row["measure"], row["metric"]) for row in printed(capsys, *asked)["rows"]]
    assert found == [("twonn", "euclidean"), ("alignment", ""), ("twonn", "cosine")]


def test_files_are_estimated(folder, capsys):
    found = printed(
        capsys, *["estimate", "recall", "two.npy", "--queries", "one.npy", "--pairs", "rows.csv", "--k", "5"]
    )
    assert found["value"] == ls.estimate("recall", TWO, ROWS, queries=ONE, k=5).value
    twins = printed(capsys, *["estimate", "recall", "two.npy", "--pairs", "twins.csv:twin"])
    assert twins["value"] == ls.estimate("recall", TWO, np.arange(40) // 2).value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("measure texts --measures recall", "recall reads pairs; say with pairs= (--pairs) who is whose partner."),
        ("measure texts --measures twonn --pairs twin", "pairs, and none of the measures reads them"),
        ("measure texts --pairs twin --by twin", "pairs and by at once; measure the two in a call each."),
        ("compare texts texts --pairs twin", "compare reads no pairs; recommend ranks the layers of both runs by them"),
        ("run demo digits --out x --pairs nobody", "unknown label column or file of pairs 'nobody'"),
        ("measure texts --measures recall --pairs no.csv", "no.csv does not exist"),
        ("measure texts --measures recall --pairs qrels.tsv", "pair 0 is sample 's0' with itself"),
        ("measure texts --measures recall --queries asked", "queries without pairs"),
        ("measure texts --measures recall --queries nobody --pairs qrels.tsv", "there is no run at nobody"),
        ("estimate recall two.npy --pairs qrels.tsv", "pairs of <U3, the first 's0'; give row numbers"),
        ("estimate recall two.npy", "Missing option '--pairs'"),
    ],
)
def test_what_cannot_be_asked_is_one_line(folder, capsys, line, words):
    assert main(line.split()) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert "\n" not in said


def test_the_page_shows_pairs_like_a_label(folder, capsys):
    pytest.importorskip("vl_convert")
    main(["measure", "texts", "--measures", "recall,twonn", "--pairs", "twin"])
    main(["report", "texts"])
    assert "Recall against depth" in (folder / "texts" / "report.html").read_text()
