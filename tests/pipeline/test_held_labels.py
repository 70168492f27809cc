"""Groups, labels and repeats mean the same at every door, whoever holds the column and whatever its values are."""

import json
from datetime import date, timedelta
from enum import Enum

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import InvalidType, InvalidValue

WHO = np.repeat(np.arange(12), 5)
N = len(WHO)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 4))[WHO] + RNG.standard_normal((N, 4))
Y = X + RNG.standard_normal((N, 4))
WORDS = np.array([f"s{each}" for each in WHO])
BIG = 2**60 + WHO  # which float64 cannot tell apart
GAP = 3
GAPPY = [None if place == GAP else int(each) for place, each in enumerate(BIG)]
Kind = Enum("Kind", [f"s{each}" for each in range(12)])


class Polars:
    """What of a column of polars is read; polars itself is no dependency."""

    def __init__(self, values):
        self.values, self.dtype = values, "Int64"

    def __len__(self):
        return len(self.values)

    def null_count(self):
        return self.values.count(None)

    def to_list(self):
        return self.values

    def to_numpy(self):
        return np.array(self.values, float if self.null_count() else None)


WHOLE = {
    "list": WORDS.tolist(), "words": WORDS, "objects": WORDS.astype(object), "bytes": WORDS.astype("S"),
    "tuple": tuple(WHO.tolist()), "int8": WHO.astype("i1"), "uint64": WHO.astype("u8") + 2**63, "big": BIG,
    "integers as objects": WHO.astype(object), "whole floats": WHO.astype(float), "float16": WHO.astype("f2"),
    "categorical": pd.Categorical(WORDS), "series of categories": pd.Series(pd.Categorical(BIG)),
    "index": pd.Index(WORDS), "foreign index": pd.Series(WORDS, index=np.arange(N) + 100),
    "strings": pd.Series(WORDS, dtype="string"), "Int64": pd.Series(BIG, dtype="Int64"),
    "table": pd.DataFrame({"who": WORDS}), "arrow": pa.array(WORDS.tolist()), "arrow integers": pa.array(BIG),
    "arrow chunks": pa.chunked_array([WORDS.tolist()]),
    "arrow dictionary": pa.array(WORDS.tolist()).dictionary_encode(),
    "pandas of arrow": pd.Series(WORDS, dtype="string[pyarrow]"), "unmasked": np.ma.masked_array(BIG, mask=False),
    "tensor": torch.tensor(BIG), "days": np.datetime64("2020-01-01") + WHO, "column": WORDS[:, None],
    "dates": [date(2020, 1, 1) + timedelta(int(each)) for each in WHO], "polars": Polars(BIG.tolist()),
}  # fmt: skip
MISSING = {
    "NaN": np.where(np.arange(N) == GAP, np.nan, WHO), "None": [None if i == GAP else w for i, w in enumerate(WORDS)],
    "empty": np.where(np.arange(N) == GAP, "", WORDS), "masked": np.ma.masked_array(BIG, mask=np.arange(N) == GAP),
    "Int64": pd.Series(GAPPY, dtype="Int64"),
    "int64 of arrow": pd.Series(GAPPY, dtype="int64[pyarrow]"),
    "categories": pd.Series(pd.Categorical(GAPPY)),
    "arrow": pa.array(GAPPY),
    "arrow chunks": pa.chunked_array([GAPPY]),
    "polars": Polars(GAPPY),
}  # fmt: skip


def label_overlap(column, rows=slice(None)):
    """The share of the 5 neighbors of each sample that have its label, by hand."""
    apart = np.linalg.norm(X[rows, None] - X[None, rows], axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.mean(column[rows][np.argsort(apart, axis=1)[:, :5]] == column[rows][:, None])


@pytest.mark.parametrize("column", list(WHOLE.values()), ids=list(WHOLE))
def test_every_holder_says_the_same_of_groups_labels_and_repeats(column):
    assert ls.estimate("overlap", X, Y, k=5, groups=column).groups.startswith("12 groups;")
    assert ls.find_neighbors(X, 5, groups=column).near.apart.key == ls.find_neighbors(X, 5, groups=WHO).near.apart.key
    assert ls.estimate("cka", X, Y, repeats=column).n_samples == 12
    assert ls.estimate("label_overlap", X, column, k=5).value == pytest.approx(label_overlap(WHO))
    run = ls.from_arrays({"x": X, "y": Y}, labels={"who": column})
    table = ls.measure(run, ["overlap"], k=5, groups="who")
    assert table.groups[0] == "12 groups of 'who'"
    assert ls.differences(run, measures=["participation_ratio"], groups="who").warnings[0] == ""
    assert ls.measure(run, ["label_overlap"], labels="who", k=5).value[0] == pytest.approx(label_overlap(WHO))


@pytest.mark.parametrize("column", list(MISSING.values()), ids=list(MISSING))
def test_every_holder_of_a_gap_is_refused_as_groups_and_leaves_a_sample_out_as_labels(column):
    known = label_overlap(WHO, np.arange(N) != GAP)
    run = ls.from_arrays({"x": X, "y": Y}, labels={"who": column})
    assert ls.estimate("label_overlap", X, column, k=5).value == pytest.approx(known)
    assert ls.measure(run, ["label_overlap"], labels="who", k=5).value[0] == pytest.approx(known)
    for call in (
        lambda: ls.estimate("overlap", X, Y, k=5, groups=column),
        lambda: ls.find_neighbors(X, 5, groups=column),
        lambda: ls.measure(run, ["overlap"], k=5, groups="who"),
        lambda: ls.recommend(run, groups="who"),
    ):
        with pytest.raises(InvalidValue, match="1 of 60 samples have no group; give each of them one, or leave them"):
            call()


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_files_say_the_same(gaps, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    np.save("y.npy", Y)
    who = MISSING["Int64"] if gaps else pd.Series(BIG)
    getattr(pd.DataFrame({"who": who}), f"to_{kind}")(f"who.{kind}", index=False)
    assert main(["estimate", "label_overlap", "x.npy", "--labels", f"who.{kind}:who", "--k", "5", "--json"]) == 0
    rows = np.arange(N) != GAP if gaps else slice(None)
    assert json.loads(capsys.readouterr().out)["value"] == pytest.approx(label_overlap(WHO, rows))
    done = main(["estimate", "overlap", "x.npy", "y.npy", "--groups", f"who.{kind}", "--k", "5"])
    said = capsys.readouterr()
    assert done == 2 * gaps
    assert ("1 of 60 samples have no group" in said.err) if gaps else ("12 groups" in said.out)


@pytest.mark.parametrize(
    ("column", "error", "said"),
    [
        ([0, *WORDS[1:]], InvalidType, "label column 'who': labels of several forms, 0 and "),
        ([{w} for w in WORDS], InvalidType, "label column 'who' has several labels for a sample, and a run one; give "),
        ((w for w in WORDS), InvalidType, "label column 'who' is of type generator; give N values, one per sample."),
        (np.array(3), InvalidType, "label column 'who' is of type ndarray; give N values, one per sample."),
        (set(range(N)), InvalidType, "label column 'who' is of type set; give N values, one per sample."),
        ([(1, 2)] * (N - 1) + [None], InvalidValue, "label column 'who' cannot be read as one ("),
        (pd.DataFrame(index=range(N)), InvalidValue, "labels are a table without a column; give one label per sample."),
        (pd.cut(WHO, 12), InvalidType, "label column 'who': labels of type Interval; give words, numbers, dates, "),
    ],
    ids=["mixed", "sets", "generator", "one", "set", "gap", "empty", "intervals"],
)
def test_what_no_run_can_keep_is_refused_before_it_is_made(column, error, said):
    with pytest.raises(error) as refused:
        ls.from_arrays({"x": X}, labels={"who": column})
    assert str(refused.value).startswith(said)


def test_members_of_an_enumeration_and_truth_values_are_groups():
    assert ls.estimate("overlap", X, Y, k=5, groups=[Kind[each] for each in WORDS]).groups.startswith("12 groups;")
    for column in (WHO % 2 == 0, pd.Series(WHO % 2 == 0, dtype="boolean"), torch.tensor(WHO % 2 == 0)):
        assert ls.estimate("label_overlap", X, column, k=5).value == pytest.approx(label_overlap(WHO % 2))


def test_paths_are_labels_of_a_run_as_of_an_estimate(tmp_path):
    paths = [("low" if each < 6 else "high", word) for each, word in zip(WHO.tolist(), WORDS, strict=True)]
    for place, column in enumerate((paths, pd.Series(paths))):
        ls.from_arrays({"x": X}, labels={"who": column}, out=tmp_path / str(place))
        run = ls.open(tmp_path / str(place))
        found = ls.measure(run, "label_overlap", k=5).value.tolist()
        assert found == [ls.estimate("label_overlap", X, paths, k=5).value]
        assert set(ls.measure(run, "twonn", by="who", k=3).group) == {f"who={a}/{b}" for a, b in paths}


def test_paths_whose_steps_read_alike_stay_apart(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = ls.from_arrays({"x": X}, labels={"who": [("a", "b/c"), ("a/b", "c")] * (N // 2)})
    assert set(ls.measure(run, "twonn", by="who").group) == {r"who=a/b\/c", r"who=a\/b/c"}
    there = list(tmp_path.iterdir())
    with pytest.raises(InvalidValue, match="has 1 values for 60 samples"):
        ls.from_arrays({"x": X}, labels={"who": [1]})
    assert list(tmp_path.iterdir()) == there


def test_columns_of_several_numbers_are_no_groups_to_ask_about(rng):
    layers = {"a": rng.standard_normal((120, 3))}
    run = ls.from_arrays(layers, labels={"place": rng.integers(0, 2, (120, 2)), "who": np.arange(120) % 3})
    assert len(ls.measure(run, "twonn")) == 1
