import re
import struct
import warnings

import numpy as np
import pytest

from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName
from layerscape.inputs import read_labels
from tests.inputs.opened import opened

TEXTS = "text,name\na,x\nb,y\nc,z\n"


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "texts.csv"
    file.write_text(TEXTS)
    return file


def fails(kind, says, *arguments, **options):
    with pytest.raises(kind, match=f"^{re.escape(says)}$"):
        opened(*arguments, **options)


def test_labels_are_joined_by_id(texts, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,mood,weight\nz,sad,0.5\nother,odd,9\nx,gay,\ny,sad,1.5\n")
    samples = opened(texts, id_column="name", labels=labels)
    assert samples.labels["mood"].tolist() == ["gay", "sad", "sad"]
    assert np.array_equal(samples.labels["weight"], [np.nan, 1.5, 0.5], equal_nan=True)


def test_the_id_column_of_the_labels_can_be_named(texts, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("row,mood\n2,c\n1,b\n0,a\n")
    (tmp_path / "lines.txt").write_text("a\nb\nc\n")
    samples = opened(tmp_path / "lines.txt", labels=str(labels), id_column="row")
    assert samples.labels["mood"].tolist() == ["a", "b", "c"]
    says = (
        f"{labels} has no column called id, and its column 'row' numbers the samples in another order; name it with "
        "id_column (--id) if these are their ids, or take it out."
    )
    fails(InvalidValue, says, tmp_path / "lines.txt", labels=labels)


def test_a_table_without_ids_is_taken_row_by_row_where_samples_have_none_either(texts, tmp_path):
    labels, lines = tmp_path / "labels.csv", tmp_path / "lines.txt"
    labels.write_text("mood,row\nb,0\na,1\nb,2\n")
    lines.write_text("one\ntwo\nthree\n")
    by_row = f"^{re.escape(str(labels))} has no column of ids: its row i is taken to be sample i$"
    with pytest.warns(UserWarning, match=by_row):
        samples = opened(lines, labels=labels)
    assert samples.labels["mood"].tolist() == ["b", "a", "b"]
    with pytest.warns(UserWarning, match=by_row):
        drawn = opened(lines, labels=labels, limit=2, sample_seed=1)
    assert drawn.labels["mood"].tolist() == ["bab"[int(name)] for name in drawn.ids]
    # Where samples have ids of their own, or somebody named a column, or the numbers differ, nothing is guessed.
    says = f"unknown id column in {labels} 'name'. There are: mood, row."
    fails(UnknownName, says, texts, id_column="name", labels=labels)
    fails(
        UnknownName,
        f"unknown id column in {labels} 'nme'. There are: mood, row.",
        lines,
        id_column="nme",
        labels=labels,
    )
    labels.write_text("b\na\nb\n")
    says = (
        f"{labels} has no column of ids, and 2 rows (its first line is read as names of columns) for 3 samples; give "
        "one row per sample, in their order, or name with id_column (--id) the column of ids."
    )
    fails(InvalidValue, says, lines, labels=labels)


def test_only_selected_samples_need_labels(texts, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,mood\nx,a\n")
    assert opened(texts, id_column="name", labels=labels, limit=1).labels["mood"].tolist() == ["a"]
    fails(
        InvalidValue,
        f"{labels} has no row for 2 of 3 samples: 'y', 'z'; add them, "
        "or name with id_column (--id) another column of ids than 'id'.",
        texts,
        id_column="name",
        labels=labels,
    )


def test_an_id_with_two_rows_of_labels_is_an_error(texts, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,mood\nx,a\nx,b\ny,c\nz,d\n")
    fails(InvalidValue, f"{labels} has 2 rows for the id 'x'; leave one.", texts, id_column="name", labels=labels)


def test_labels_by_row_follow_the_selection(texts, tmp_path):
    np.save(tmp_path / "y.npy", np.array([0.5, 1.5, 2.5]))
    (tmp_path / "y.txt").write_text("a\nb\nc\n")
    rows = [int(name) for name in opened(texts, limit=2, sample_seed=3).ids]
    for name, values in (("y.npy", np.array([0.5, 1.5, 2.5])), ("y.txt", np.array(["a", "b", "c"]))):
        samples = opened(texts, labels=tmp_path / name, limit=2, sample_seed=3)
        assert samples.labels["label"].tolist() == values[rows].tolist()


def test_labels_by_row_must_be_as_many(texts, tmp_path):
    (tmp_path / "y.txt").write_text("a\nb\n")
    says = f"{tmp_path}/y.txt has 2 labels for 3 samples; give one per sample, in their order."
    fails(InvalidValue, says, texts, labels=tmp_path / "y.txt")


def test_only_what_looks_like_a_label_is_taken_unasked(tmp_path):
    file = tmp_path / "x.csv"
    body = "long " * 50
    rows = [f"t{i},{i % 2},{i / 4},{i},{body},one,n{i}" for i in range(8)]
    file.write_text("\n".join(["text,class,real,number,body,constant,name", *rows]))
    samples = opened(file)
    assert set(samples.labels) == {"class", "real"}
    assert samples.labels["class"].tolist() == ["0", "1"] * 4
    assert samples.labels["real"].dtype == np.float64
    assert opened(file, labels=["number", "constant"]).labels["number"].tolist() == [str(i) for i in range(8)]
    with pytest.raises(
        InvalidType,
        match=r"^label column 'body' holds lists, objects or long texts; choose one of short words or numbers\.$",
    ):
        opened(file, labels=["body"])


def test_whether_a_column_is_a_label_does_not_depend_on_the_limit(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("text,label\na,x\nb,x\nc,y\nd,y\n")
    says = "the first 2 of 4 samples hold 1 of the 2 values of 'label'; give --sample-seed 0"
    with pytest.warns(UserWarning, match=says):
        assert opened(file, limit=2).labels["label"].tolist() == ["x", "x"]


def test_a_limit_that_loses_labels_of_a_file_is_said_too(tmp_path):
    (tmp_path / "x.csv").write_text("text,id\na,0\nb,1\nc,2\nd,3\n")
    (tmp_path / "y.csv").write_text("id,mood\nother,odd\n3,sad\n2,sad\n1,gay\n0,gay\n")
    np.save(tmp_path / "y.npy", np.array([0, 0, 1, 1]))
    for file, name in (("y.csv", "mood"), ("y.npy", "label")):
        says = f"the first 2 of 4 samples hold 1 of the 2 values of '{name}'; give --sample-seed 0"
        with pytest.warns(UserWarning, match=says):
            found = opened(tmp_path / "x.csv", id_column="id", labels=tmp_path / file, limit=2)
        assert len(set(found.labels[name])) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for more in ({"limit": 4}, {"limit": 9}, {"limit": 2, "sample_seed": 0}):
            opened(tmp_path / "x.csv", id_column="id", labels=tmp_path / "y.csv", **more)


def test_every_format_of_labels(tmp_path):
    (tmp_path / "y.csv").write_text("a,b\nx,1\ny,2.5\n")
    (tmp_path / "y.txt").write_text("x\ny\n")
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(b"\0\0\x08\1" + struct.pack(">I", 2) + b"\7\3")
    np.save(tmp_path / "whole.npy", np.array([1.0, 2.0]))
    np.save(tmp_path / "words.npy", np.array(["x", "y"]))
    found = read_labels(tmp_path / "y.csv")
    assert (found["a"].tolist(), found["b"].tolist()) == (["x", "y"], [1, 2.5])
    for name, values in (
        ("y.txt", ["x", "y"]),
        ("a-labels-idx1-ubyte", ["7", "3"]),
        ("whole.npy", ["1", "2"]),
        ("words.npy", ["x", "y"]),
    ):
        assert {column: values.tolist() for column, values in read_labels(tmp_path / name).items()} == {"label": values}


def test_files_that_hold_no_labels(tmp_path):
    np.save(tmp_path / "y.npy", np.zeros((2, 2)))
    (tmp_path / "y.pkl").write_bytes(b"hello")
    with pytest.raises(
        InvalidValue, match=re.escape("y.npy has shape (2, 2); give one label per row, as an array of one axis.")
    ):
        read_labels(tmp_path / "y.npy")
    with pytest.raises(
        FileProblem, match=re.escape("y.pkl holds no labels (.pkl); give .csv, .parquet, .jsonl, .npy or .txt.")
    ):
        read_labels(tmp_path / "y.pkl")
