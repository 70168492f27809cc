"""What the commands that compose stages leave out, and that they say so."""

import warnings

import click
import numpy as np
import pytest

import layerscape as ls
from benchmarks.small_bert import WORDS, small_bert
from layerscape.cli import cli, main


@pytest.mark.filterwarnings("always")
def test_the_same_warning_is_said_once_in_a_command(monkeypatch, capsys):
    @click.command
    def twice():
        for words in ("samples follow each other", "another thing", "samples follow each other"):
            warnings.warn_explicit(words, UserWarning, f"{len(words)}.py", 1, registry={})

    monkeypatch.setattr(type(cli), "get_command", lambda *_: twice)
    for _ in range(2):
        assert main(["twice"]) == 0
        assert capsys.readouterr().err.splitlines() == ["note: samples follow each other", "note: another thing"]


def test_samples_in_time_and_repeats_get_no_recommendation_that_takes_them_as_independent(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    side = np.arange(200) // 100
    texts = [f"{WORDS[row % 4 + 5 * side[row]]} {WORDS[row % 15]} cat" for row in range(200)]
    (tmp_path / "texts.csv").write_text(
        "text,label,of\n"
        + "\n".join(f"{t},{'ab'[s]},{row // 2}" for row, (t, s) in enumerate(zip(texts, side, strict=True)))
    )
    command = ["run", small_bert(tmp_path / "bert"), "texts.csv", "--labels", "label,of", "--measures", "label_overlap"]
    said = []
    for more in (["--out", "one"], ["--out", "two", "--lag", "1"], ["--out", "three", "--repeats", "of"]):
        assert main([*command, "--k", "5", *more]) == 0
        said.append(capsys.readouterr().err)
    refused = ["no layer is recommended: recommend takes samples as independent" in text for text in said]
    assert refused == [False, True, True]
    names = ("one", "two", "three")
    assert [(tmp_path / name / "recommendation.json").exists() for name in names] == [True, False, False]
    assert (tmp_path / "two" / "report.html").exists()
    assert ls.open("one").recommendation is not None
    assert main([*command, "--k", "5", "--out", "one", "--lag", "1"]) == 0
    assert ls.open("one").recommendation is None
