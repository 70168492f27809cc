"""The table says what was near, and takes up tables that were kept before it did."""

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.figures.profile import Profile
from layerscape.figures.rows import alongside
from layerscape.pipeline.table import COLUMNS

N = 80
X = np.random.default_rng(6).standard_normal((N, 5))
LATER = ["standardize", "near_copies"]  # columns that tables did not have before


@pytest.fixture
def run():
    return ls.from_arrays({"in": X, "out": np.tanh(X)}, labels={"half": (X[:, 0] > 0).astype(int)})


def near_of(table, measure):
    (row,) = table[table.measure == measure][["metric", *LATER]].drop_duplicates().values.tolist()
    return row


def keep_as_earlier(run):
    """The table as versions without these columns kept it."""
    run.folder.save_estimates(run.table.drop(columns=LATER))


@pytest.mark.parametrize("share", [1e-5, 0.25, 0.0])
def test_rows_say_what_was_near_as_far_as_the_measure_could_tell(run, share):
    near = {"metric": "cosine", "standardize": "units", "near_copies": share}
    table = ls.measure(run, ["twonn", "decimation", "overlap", "label_overlap", "cka"], k=5, smallest=20, **near)
    assert near_of(table, "twonn") == near_of(table, "decimation") == ["cosine", "units", share]
    for name in ("overlap", "label_overlap"):
        metric, standardize, unread = near_of(table, name)
        assert (metric, standardize) == ("cosine", "units")
        assert np.isnan(unread)  # no copy is left out
    metric, standardize, unread = near_of(table, "cka")
    assert (metric, standardize) == ("", "")  # nothing is searched
    assert np.isnan(unread)


def test_left_out_they_are_those_of_the_noun(run):
    assert near_of(ls.measure(run, ["twonn"]), "twonn") == ["euclidean", "", 1e-5]


def test_the_columns_stand_beside_the_metric():
    place = COLUMNS.index("metric")
    assert list(COLUMNS[place + 1 : place + 3]) == LATER


def test_a_table_kept_before_is_taken_up_as_not_standardized(run):
    before = ls.measure(run, ["twonn", "overlap", "cka"], k=5)
    keep_as_earlier(run)
    more = ls.measure(run, ["twonn"], standardize="units")
    table = run.table
    assert tuple(table.columns) == COLUMNS
    assert table.standardize.tolist() == [""] * len(before) + ["units"] * len(more)
    assert table.value.tolist() == [*before.value, *more.value]
    assert table.near_copies[: len(before)].isna().all()  # nobody said


def test_rows_of_a_table_kept_before_are_replaced_by_the_same_measure(run):
    ls.measure(run, ["twonn", "overlap"], k=5)
    keep_as_earlier(run)
    again = ls.measure(run, ["twonn"])
    assert len(run.table) == 3
    assert run.table[run.table.measure == "twonn"].near_copies.tolist() == again.near_copies.tolist() == [1e-5, 1e-5]


def test_a_table_kept_before_is_shown_as_it_was(run, tmp_path):
    ls.measure(run, ["twonn", "overlap", "label_overlap"], k=5)
    before, whole = run.table, ls.report(run, tmp_path / "page.html").read_text()
    keep_as_earlier(run)
    table = ls.open(run.path).table
    pd.testing.assert_frame_equal(table.drop(columns="near_copies"), before.drop(columns="near_copies"))
    assert tuple(table.columns) == COLUMNS
    page = ls.report(ls.open(run.path)).read_text()
    assert page.count("<figure") == whole.count("<figure") > 0
    assert len(ls.plot.layer_pairs(table, measure="overlap").images) == 1


def test_a_table_kept_before_still_stands_beside_a_new_one():
    tables = []
    for x in (X, np.cbrt(X)):
        run = ls.from_arrays({"in": x, "out": np.tanh(x)})
        ls.measure(run, ["overlap", "twonn"], k=5)
        tables.append(run)
    keep_as_earlier(tables[1])
    for name in ("overlap", "twonn"):
        own, second = (Profile.of(run.table, run.layers).rows(name) for run in tables)
        values = tables[1].table[tables[1].table.measure == name].value
        assert [row["value"] for row in alongside(second, own)] == values.tolist()
    ls.measure(tables[1], ["twonn"], near_copies=0.0)
    own, second = (Profile.of(run.table, run.layers).rows("twonn") for run in tables)
    assert alongside(second, own) == []  # they leave out others


def test_only_the_rows_of_one_nearness_are_replaced(run):
    for near in ({}, {"standardize": "units"}, {"metric": "cosine"}, {"metric": "cosine", "standardize": "units"}):
        for k in (5, 7):
            ls.measure(run, ["overlap"], k=k, **near)
    table = run.table
    assert table[["metric", "standardize", "k"]].values.tolist() == [
        ["euclidean", "", 7],
        ["euclidean", "units", 7],
        ["cosine", "", 7],
        ["cosine", "units", 7],
    ]
