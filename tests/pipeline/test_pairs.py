"""Pairs of a run and of two: by a column, a file or in memory the same; and what is refused in one line."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.errors import LayerscapeError

rng = np.random.default_rng(0)
ONE = rng.standard_normal((40, 4))
TWO = ONE + 0.6 * rng.standard_normal((40, 4))
BOTH = np.vstack([ONE, TWO])
IDS = [f"s{row}" for row in range(80)]
LISTED = [(f"s{row}", f"s{row + 40}") for row in range(40)]
RANKED = ["recall", "reciprocal_rank", "ndcg", "partner_rank"]


@pytest.fixture
def run():
    labels = {"text": [f"t{row % 40}" for row in range(80)], "kind": np.arange(80) % 3}
    return ls.from_arrays({"near": BOTH, "far": BOTH + 3 * rng.standard_normal((80, 4))}, labels=labels, ids=IDS)


def by_layer(table, measure):
    own = table[table.measure == measure]
    return dict(zip(own.layer, own.value, strict=True))


def test_a_column_says_who_share_a_value(run):
    table = ls.measure(run, [*RANKED, "alignment", "pair_imbalance"], pairs="text")
    assert set(table.label) == {"text"}
    for name in RANKED:
        assert by_layer(table, name)["near"] == ls.estimate(name, BOTH, np.arange(80) % 40).value
    assert run.table[run.table.measure == "recall"].shape[0] == 2
    assert set(table[table.measure == "recall"].metric) == {"euclidean"}
    assert set(table[table.measure == "alignment"].metric) == {""}


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "list", "frame", "dict"])
def test_a_file_and_what_is_in_memory_are_the_same(run, form, tmp_path):
    frame = pd.DataFrame(LISTED, columns=["query", "relevant"])
    file = tmp_path / f"pairs.{form}"
    if form in ("csv", "tsv"):
        frame.to_csv(file, index=False, sep="\t" if form == "tsv" else ",")
    elif form == "jsonl":
        frame.to_json(file, orient="records", lines=True)
    elif form == "parquet":
        frame.to_parquet(file)
    given = {"list": LISTED, "frame": frame, "dict": dict(LISTED)}.get(form, file)
    table = ls.measure(run, ["recall"], pairs=given)
    rows = np.stack([np.arange(40), np.arange(40, 80)], axis=1)
    assert by_layer(table, "recall")["near"] == ls.estimate("recall", BOTH, rows).value
    assert set(table.label) == {file.name if given is file else "pairs"}
    if given is file:
        assert by_layer(ls.measure(run, ["recall"], pairs=str(file)), "recall") == by_layer(table, "recall")


def test_grades_and_several_partners(run):
    given = {"s0": {"s40": 3, "s41": 1}, "s1": {"s42": 2, "s43": 0}}
    table = ls.measure(run, ["ndcg"], pairs=given)
    rows = [(0, 40, 3.0), (0, 41, 1.0), (1, 42, 2.0)]
    assert by_layer(table, "ndcg")["near"] == ls.estimate("ndcg", BOTH, rows).value


def test_the_standard_profile_has_pairs_where_they_are_given(run):
    assert not {*RANKED, "alignment"} & set(ls.measure(run).measure)
    table = ls.measure(run, pairs="text", labels=["kind"])
    assert {*RANKED, "alignment", "twonn", "label_overlap"} <= set(table.measure)
    assert set(table[table.measure == "label_overlap"].label) == {"kind"}
    assert "text" not in set(ls.measure(run, ["label_overlap", "recall"], pairs="text").label[2:]) - {"text"}


def test_across_two_runs_of_different_sizes(tmp_path):
    """The same as among the references alone, whatever the sizes, and by all metrics."""
    queries = ls.from_arrays({"near": ONE[:15], "none": ONE[:15]}, out=tmp_path / "asked", ids=IDS[:15])
    references = ls.from_arrays({"near": TWO, "other": ONE}, out=tmp_path / "texts", ids=IDS[:40])
    pairs = [(f"s{row}", f"s{row}") for row in range(15)]  # an id may be of one of each
    with pytest.warns(UserWarning, match="layers 'other' have no counterpart of their width among the queries'"):
        table = ls.measure(references, RANKED, pairs=pairs, queries=queries)
    assert set(table.layer) == {"near"}
    assert set(table.label) == {"asked: pairs"}
    stacked, rows = np.vstack([ONE[:15], TWO]), [(row, 15 + row) for row in range(15)]
    far = np.linalg.norm(ONE[:15, None] - TWO[None], axis=2)
    own = far[np.arange(15), np.arange(15)]
    assert by_layer(table, "recall")["near"] == ((far < own[:, None]).sum(axis=1) == 0).mean()
    for name in RANKED[1:]:
        assert by_layer(table, name)["near"] == ls.estimate(name, stacked, rows).value
    assert table.chance[table.measure == "recall"].tolist() == [pytest.approx(1 / 40)]


def test_queries_without_a_partner_are_no_candidates(tmp_path):
    queries = ls.from_arrays({"near": ONE}, ids=IDS[:40])
    references = ls.from_arrays({"near": TWO}, ids=IDS[:40])
    few = ls.measure(references, ["partner_rank"], pairs=[("s0", "s0"), ("s1", "s1")], queries=queries)
    far = np.linalg.norm(ONE[:2, None] - TWO[None], axis=2)
    assert few.value.item() == pytest.approx(np.mean([(far[row] < far[row, row]).sum() / 39 for row in (0, 1)]))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"pairs": "txt"}, "unknown label column or file of pairs 'txt'; nearest: text. There are: kind, text."),
        ({"pairs": "no.csv"}, "no.csv"),
        ({"pairs": Path("no.csv")}, "no.csv"),
        (
            {"pairs": [("s0", "s99"), ("q", "s1")]},
            "pairs name 1 sample that the run has not: 'q'; its ids are 's0', 's1',",
        ),
        (
            {"pairs": [("s0", "s99")]},
            "pairs name 1 sample that the run has not: 's99'; its ids are 's0', 's1', 's2', ….",
        ),
        ({"pairs": [("s3", "s3")]}, "pair 0 is sample 's3' with itself; give two different samples."),
        ({"pairs": [("s3", "s4"), ("s3", "s4")]}, "pairs 0 and 1 are both of query 's3' and partner 's4'; leave one."),
        ({"pairs": [("s3", "s4", -1)]}, "pair 0 has the grade -1.0; grades must be finite numbers of 0 or more."),
        ({"pairs": ["a"] * 79}, "pairs of shape (79,) for 80 samples; give one label per sample."),
        ({}, "recall reads pairs; say with pairs= (--pairs) who is whose partner."),
        ({"pairs": "text", "by": "kind"}, "pairs and by at once; measure the two in a call each."),
        (
            {"pairs": "text", "groups": "kind"},
            "recall with groups: its pairs say who belongs together, and queries are",
        ),
        ({"pairs": "text", "lag": 1}, "recall with lag: its pairs say who belongs together, and queries are"),
        ({"pairs": "text", "repeats": "kind"}, "recall with repeats: its pairs say who belongs together, and queries"),
        ({"pairs": "text", "measures": ["twonn"]}, "pairs, and none of the measures reads them; ask for recall,"),
    ],
)
def test_what_cannot_be_asked_is_one_line(run, asked, words):
    with pytest.raises(LayerscapeError, match=f"^{re.escape(words)}"):
        ls.measure(run, **{"measures": ["recall"], **asked})


def test_what_cannot_be_asked_of_two_runs_is_one_line(run):
    other = ls.from_arrays({"near": np.ones((5, 3)), "x": np.ones((5, 4))}, ids=list("abcde"))
    for asked, words in [
        (
            {"queries": other, "pairs": [("a", "s1")]},
            "no layer of .* has its name and width in .*: 'near' has other units",
        ),
        ({"queries": other, "pairs": [("s0", "s1")]}, "pairs name 1 sample that the run of the queries has not: 's0'"),
        ({"queries": other, "pairs": [("a", "b")]}, "pairs name 1 sample that the run of the references has not: 'b'"),
        ({"queries": other, "pairs": np.arange(80) // 2}, "a column of one value per sample says nothing of two runs"),
        ({"queries": other, "pairs": "text"}, "unknown label column or file of pairs 'text'"),
        ({"queries": other}, "queries without pairs; say with pairs= \\(--relevant\\) who answers them."),
    ]:
        with pytest.raises(LayerscapeError, match=f"^{words}"):
            ls.measure(run, ["recall"], **asked)


def test_a_layer_that_cannot_be_measured_costs_no_other(run, tmp_path):
    layers = {"near": BOTH, "broken": np.where(np.arange(80)[:, None] == 7, 0.0, BOTH)}
    table = ls.measure(ls.from_arrays(layers, ids=IDS), ["recall", "alignment"], pairs=LISTED)
    assert table.value.notna().tolist() == [True, True, True, False]
    assert table.warnings.iloc[-1].startswith("sample 's7' is a row of zeros, which has no direction")
