"""A value of every run beside its score: which layer counts, whose score is whose, and what is refused."""

import json

import numpy as np
import pytest

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import InvalidType, InvalidValue, UnknownName

WIDTHS = (2, 3, 5, 6, 8)
SCORES = (0.9, 0.8, 0.85, 0.4, 0.3)
IDS = [f"sample {n}" for n in range(150)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A series whose last layer has more and more dimensions."""
    out, rng = tmp_path_factory.mktemp("series"), np.random.default_rng(0)
    x = rng.standard_normal((150, 8))
    for step, width in enumerate(WIDTHS):
        layers = {"input": x, "block_1": x[:, :4], "block_2": x[:, :width]}
        kind = (x[:, 0] > 0).astype(str)
        ls.from_arrays(layers, labels={"kind": kind}, ids=IDS, out=out / f"step_{step * 10}", depths=[None, 0.5, 1.0])
    return out


@pytest.fixture(scope="module")
def series(folder):
    return ls.series(folder)


def test_values_are_those_of_the_last_layer_and_the_correlation_spearmans(series):
    from scipy.stats import spearmanr

    found = ls.against(series, SCORES, "participation_ratio")
    expected = [ls.estimate("participation_ratio", run["block_2"]) for run in series]
    assert found.table.value.tolist() == [each.value for each in expected]
    assert found.table.low.tolist() == [each.low for each in expected]
    assert found.correlation.value == pytest.approx(spearmanr([each.value for each in expected], SCORES).statistic)
    assert found.warnings[0] == "5 runs are few: the interval says how little they tell"
    assert found.warnings[1].startswith("steps of one training: what changes with time goes together")
    assert repr(found).splitlines()[0] == "participation_ratio, at the last layer, against score of 5 runs"


def test_which_layer_counts(series):
    of = {at: ls.against(series, SCORES, "participation_ratio", at=at).table for at in ("highest", "lowest", "block_2")}
    assert of["highest"].layer.tolist() == ["block_1", "block_1", "block_2", "block_2", "block_2"]
    assert of["lowest"].layer.tolist() == ["block_2", "block_2", "block_1", "block_1", "block_1"]
    assert of["block_2"].layer.unique().tolist() == ["block_2"]
    mean = ls.against(series, SCORES, "participation_ratio", at="mean").table
    assert np.allclose(mean.value, (of["highest"].value + of["lowest"].value) / 2)


def test_a_score_goes_by_step_by_name_or_by_a_file(series, folder, tmp_path):
    steps = dict(zip(series.steps, SCORES, strict=True))
    turned = dict(reversed(steps.items()))
    names = {run.name: value for run, value in zip(series, SCORES, strict=True)}
    (tmp_path / "s.csv").write_text("step,accuracy\n" + "".join(f"{k}.0,{v}\n" for k, v in turned.items()))
    (tmp_path / "two.csv").write_text("run,size,accuracy\n" + "".join(f"{k},1,{v}\n" for k, v in names.items()))
    for score in (turned, names, str(tmp_path / "s.csv"), f"{tmp_path}/two.csv:accuracy"):
        assert ls.against(series, score).table.score.tolist() == list(SCORES)
    assert ls.against(series, f"{tmp_path}/two.csv:accuracy").score == "accuracy"
    assert ls.against(list(series), names).table.columns.tolist() == ["run", "layer", "value", "low", "high", "score"]


def test_size_is_set_aside(series):
    found = ls.against(series, SCORES, "participation_ratio", aside={"size": [5, 1, 4, 2, 3]})
    assert found.table["size"].tolist() == [5, 1, 4, 2, 3]
    assert found.aside is not None
    assert found.aside.n == 5
    assert "; with size set aside " in found.sentence


def test_a_label_is_read(series):
    found = ls.against(series, SCORES, "label_overlap", label="kind", k=10)
    assert (
        found.table.value[0]
        == ls.estimate("label_overlap", series[0]["block_2"], series[0].samples.labels["kind"], k=10).value
    )


def test_the_command_says_the_same(folder, series, tmp_path, capsys):
    (tmp_path / "s.csv").write_text(
        "step,accuracy\n" + "".join(f"{k},{v}\n" for k, v in zip(series.steps, SCORES, strict=False))
    )
    assert main(["against", str(folder), "--score", str(tmp_path / "s.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sentence"] == ls.against(series, SCORES).sentence
    assert main(["against", str(folder / "step_0"), "--score", str(tmp_path / "s.csv")]) == 2
    assert "error: one run, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("score", "options", "error", "words"),
    [
        ([1, 2], {}, InvalidValue, "2 scores of 5 runs; give one of each"),
        ([1, 2, 3, 4, None], {}, InvalidValue, "the score of 'step_40' is None; give a finite number"),
        ({0: 1, 10: 2}, {}, InvalidValue, "no score of '20', '30', '40'; there are scores of '0', '10'"),
        (3, {}, InvalidType, "a score of type int"),
        ("none.csv", {}, InvalidValue, "none.csv does not exist"),
        ([1, 1, 1, 1, 1], {}, InvalidValue, "values that are all the same"),
        (SCORES, {"measure": "overlap"}, InvalidValue, "overlap is of no single layer"),
        (SCORES, {"measure": "label_overlap"}, InvalidValue, "label_overlap reads a label: give label="),
        (SCORES, {"label": "kind"}, InvalidValue, "twonn reads no label: leave label out"),
        (SCORES, {"at": "block_9"}, UnknownName, "layer of 'step_0' 'block_9'"),
    ],
    ids=["few", "none", "lacking", "type", "file", "same", "pairs", "label", "no-label", "layer"],
)
def test_what_cannot_be_held_against_each_other_is_one_line(series, score, options, error, words):
    with pytest.raises(error, match=words) as raised:
        ls.against(series, score, **options)
    assert "\n" not in str(raised.value)


def test_runs_are_the_unit(series):
    with pytest.raises(InvalidValue, match="run 'step_0' is given twice"):
        ls.against([*series, series[0]], [*SCORES, 1])
    with pytest.raises(InvalidType, match="given as runs; give a series"):
        ls.against(series[0], SCORES)
    with pytest.raises(InvalidValue, match="of 3 values; give 4 or more"):
        ls.against(series[:3], SCORES[:3])
