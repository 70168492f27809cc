"""Answers: how the user says which axis holds the units."""

import re

import numpy as np
import pytest
from torch import nn

import layerscape as ls
from benchmarks.small_bert import small_bert
from layerscape.cli import main
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.answers import answers_of, question


def test_forms_say_the_same():
    for form in ("block_*=2, head=1+3", {"block_*": 2, "head": [1, 3]}, {"block_*": (2,), "head": (1, 3)}):
        assert answers_of(form) == {"block_*": (2,), "head": (1, 3)}
    assert answers_of(None) == answers_of("") == {}
    assert answers_of("act=-1") == {"act": (-1,)}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("2", InvalidValue),
        ("block_*=two", InvalidValue),
        ("=2", InvalidValue),
        (2, InvalidType),
        ({"block_*": "2"}, InvalidType),
        ({"block_*": []}, InvalidType),
        ({"block_*": True}, InvalidType),
        ({3: 2}, InvalidType),
    ],
)
def test_other_forms_are_refused(form, error):
    with pytest.raises(error, match=r"LAYER=AXIS|a layer and a whole number"):
        answers_of(form)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"1": 0}, "units axis 1=0; the layer puts out (samples, 4, 5): choose of axes 1, 2, counted from 0."),
        ({"1": 3}, "units axis 1=3; the layer puts out (samples, 4, 5): choose of axes 1, 2, counted from 0."),
        ({"1": (2, -1)}, "units axis 1=2+-1; the layer puts out (samples, 4, 5): choose of axes 1, 2, counted from 0."),
        ({"nothing": 1}, "unknown layer 'nothing'"),
    ],
)
def test_answers_that_cannot_be_are_refused(answer, text, rng, tmp_path):
    net = nn.Sequential(nn.Linear(3, 20), nn.Unflatten(1, (4, 5)))
    with pytest.raises(ls.LayerscapeError, match=f"^{re.escape(text)}"):
        ls.extract(net, rng.normal(size=(6, 3)).astype(np.float32), out=tmp_path / "run", layers="1", units_axis=answer)


def test_the_question_names_every_kind_of_layer_if_they_are_few():
    shape, doubt = "(samples, 4, 5)", "and nothing tells which axis holds its units"
    few = {"block_1": (shape, doubt, 2), "block_2": (shape, doubt, 2), "head": (shape, doubt, 1)}
    assert "--units-axis 'block_*=2,head=1' (units_axis={'block_*': 2, 'head': 1})" in str(question(few))
    many = {f"{letter}": (shape, doubt, 2) for letter in "abcd"}
    assert "--units-axis 'a=2' (units_axis={'a': 2})" in str(question(many))


def test_an_answer_that_growth_speaks_against_is_refused(tmp_path, capsys):
    (tmp_path / "texts.txt").write_text("the cat sat\nthe dog ran on the mat\n" * 4)
    command = ["extract", small_bert(tmp_path / "bert"), str(tmp_path / "texts.txt"), "--out", str(tmp_path / "run")]
    assert main([*command, "--units-axis", "block_*=1"]) == 2
    text = "units axis block_*=1: of layer 'block_1' axis 1 grows with the sample and holds no units; name other axes"
    assert text in capsys.readouterr().err
    assert main([*command, "--units-axis", "2"]) == 2
    assert "units axis '2'; write LAYER=AXIS" in capsys.readouterr().err
    assert main([*command, "--units-axis", "block_*=2"]) == 0
    run = ls.open(tmp_path / "run")
    assert run.record["model"]["units_axis"] == {"block_*": [2]}
    units = run.record["proofs"]["units"]
    assert units["block_1"] == {"units": [2], "by": "user"}
    assert units["embedding"]["units"] == [2]
    assert units["embedding"]["by"] in ("growth", "kind")
