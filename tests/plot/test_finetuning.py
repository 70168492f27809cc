"""Figures of changes and of blocks left out show the tables that they are given, and say what they cannot show."""

import re
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName

mpl.use("agg")
N = 120


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    x, kind = rng.standard_normal((N, 5)), np.repeat(list("abcdefgh"), N // 8)
    ids = [f"text {row}" for row in range(N)]
    base = ls.from_arrays({"one": x, "two": x}, labels={"kind": kind}, ids=ids)
    moved = x + 2 * rng.standard_normal((N, 5)) * (kind == "h")[:, None]
    return ls.changes(base, ls.from_arrays({"one": x, "two": moved}, ids=ids), k=5)


def test_changes_are_drawn_with_intervals_and_those_classes_that_differ_most(found):
    axes = ls.plot.changes(found)
    (bars,) = axes.containers
    np.testing.assert_array_equal(bars[0].get_ydata(), found.table.kept)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(names) == 8  # six classes, all samples, chance
    assert "kind h" in names
    marks = [line for line in axes.lines if line.get_marker() == "o" and line.get_linestyle() in ("-", "None")]
    told = found.classes[(found.classes.p_holm < 0.05)]
    assert len(told)
    assert sum(len(line.get_xdata()) for line in marks) >= len(told)
    assert ls.plot.changes(found, label="kind").get_ylabel() == "overlap kept"


def test_what_changes_cannot_show_is_said(found):
    with pytest.raises(UnknownName, match="unknown label of these changes 'kin'; nearest: kind"):
        ls.plot.changes(found, label="kin")
    nothing = SimpleNamespace(table=found.table.assign(kept=np.nan), classes=found.classes)
    with pytest.raises(InvalidValue, match=f"^{re.escape('no layer could be compared; the table says why.')}$"):
        ls.plot.changes(nothing)


def ablation(**columns):
    table = pd.DataFrame({"block": ["block_1", "block_2", "block_3"], "depth": [1 / 3, 2 / 3, 1.0]} | columns)
    told = pd.DataFrame({"measure": ["cka", "overlap"], "value": [0.2, 0.5], "low": [-1, -0.9], "high": 1.0, "n": 3})
    return SimpleNamespace(
        table=table, measured=pd.DataFrame({"measure": ["overlap", "cka", "mine"]}), correlations=told
    )


def test_blocks_are_drawn_over_the_measure_that_goes_best_with_their_cost():
    costs = {"increase": [1.0, np.nan, 3.0], "low": [0.5, np.nan, 2.0], "high": [1.5, np.nan, 4.0]}
    found = ablation(**costs, overlap=[0.9, 0.8, 0.7], cka=[0.9, 0.8, 0.6], mine=[0.1, 0.2, 0.3])
    axes = ls.plot.ablate(found)
    assert axes.get_xlabel() == "overlap"
    assert axes.get_title() == "the more it changes, the dearer a block: Spearman 0.50 [-0.90, 1.00] over 3"
    np.testing.assert_array_equal(axes.containers[0][0].get_xdata(), [0.9, 0.7])
    assert [text.get_text() for text in axes.texts] == ["1", "3"]
    assert ls.plot.ablate(found, measure="depth").get_xlabel() == "depth"
    assert ls.plot.ablate(found, measure="mine").get_title() == "2 blocks: no correlation with mine"
    with pytest.raises(UnknownName, match="unknown measure of this ablation 'ckaa'; nearest: cka"):
        ls.plot.ablate(found, measure="ckaa")
    none = ablation(increase=[np.nan] * 3)
    with pytest.raises(InvalidValue, match="no block could be left out"):
        ls.plot.ablate(none)
