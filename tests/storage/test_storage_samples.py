"""Ids, labels and previews come back as they went in."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layerscape.errors import FileProblem, InvalidValue
from layerscape.storage import LayerSpec, RunFolder
from layerscape.storage.samples import Unfinished, make_table, must_equal, read_samples, write_table

N = 7
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.one_of(
    arrays(st.sampled_from([np.dtype(name) for name in ("int8", "int64", "uint16", "float32", "float64", "bool")]), N),
    st.lists(TEXT, min_size=N, max_size=N).map(np.array),
    st.lists(TEXT | st.none(), min_size=N, max_size=N)
    .filter(lambda values: None in values and any(values))
    .map(lambda values: np.array(values, dtype=object)),
)


def make_run(out, previews, n_samples=N):
    with RunFolder.create(out, {}, [LayerSpec("a", 1)], n_samples, block_bytes=3 * 4) as run:
        run.write_samples([f"id {row}" for row in range(n_samples)], {}, "text")
        for number, rows in run.blocks_left():
            run.write_block(number, {"a": np.ones((rows.stop - rows.start, 1))}, previews[number])
        run.finish()
    return RunFolder.open(out).samples


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, unique=True, min_size=N, max_size=N), st.dictionaries(TEXT.filter(len), VALUES, max_size=4))
def test_ids_and_labels_round_trip(tmp_path_factory, ids, labels):
    path = tmp_path_factory.mktemp("samples") / "samples.parquet"
    write_table(path, make_table(ids, labels, "text"))
    table = read_samples(path, lambda *_: None)
    assert (list(table.ids), list(table.labels), table.kind) == (ids, list(labels), "text")
    for name, values in labels.items():
        assert table.labels[name].dtype.kind == values.dtype.kind
        np.testing.assert_array_equal(table.labels[name], values)
    must_equal(path, make_table(ids, labels, "text"))


def test_a_matrix_of_numbers_is_a_label_column_of_vectors(tmp_path):
    path, color = tmp_path / "samples.parquet", np.array([[0.1, 0.2], [np.nan, 0.5], [1.0, 0.0]])
    write_table(path, make_table(["a", "b", "c"], {"color": color}, "image"))
    np.testing.assert_array_equal(read_samples(path, lambda *_: None).labels["color"], color)
    must_equal(path, make_table(["a", "b", "c"], {"color": color}, "image"))
    with pytest.raises(InvalidValue, match="have other values of label column 'color' than now"):
        must_equal(path, make_table(["a", "b", "c"], {"color": 2 * color}, "image"))


@pytest.mark.parametrize(
    "previews",
    [
        [["a", "b", "é\n"], ["", "e", "f"], ["g"]],
        [[b"\x89PNG", b"\0", b"x" * 1000], [b"d", b"e", b"f"], [b"g"]],
    ],
)
def test_previews_round_trip_in_any_order(tmp_path, previews):
    table = make_run(tmp_path, previews)
    flat = [each for block in previews for each in block]
    assert table.previews() == flat
    assert table.previews([6, 0, 0, 3]) == [flat[row] for row in (6, 0, 0, 3)]
    assert table.previews(np.array([], int)) == []
    with pytest.raises(IndexError):
        table.previews([7])


def test_pictures_are_written_and_read_some_hundred_at_a_time(tmp_path):
    pictures = [b"\x89PNG" + number.to_bytes(2, "big") for number in range(1200)]
    unfinished = Unfinished(tmp_path)
    write_table(unfinished.samples, make_table([str(row) for row in range(1203)], {}, "image"))
    unfinished.add(0, pictures, 1200, {})
    unfinished.add(1, None, 3, {})
    unfinished.join(tmp_path / "joined.parquet")
    file = parquet.ParquetFile(tmp_path / "joined.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(6)] == [256] * 4 + [176, 3]
    table = read_samples(tmp_path / "joined.parquet", lambda start, stop: None)
    assert table.previews() == [*pictures, "", "", ""]
    assert table.previews([1199, 1, 512]) == [pictures[row] for row in (1199, 1, 512)]
    with pytest.raises(InvalidValue, match=r"^some previews are text and others are bytes; give one kind for all"):
        unfinished.add(2, [*pictures[:512], "text"], 513, {})
    assert unfinished.blocks() == {0, 1}


def test_blocks_without_previews_have_empty_ones(tmp_path):
    assert make_run(tmp_path, [None, ["d", "e", "f"], None]).previews() == ["", "", "", "d", "e", "f", ""]


def test_text_and_pictures_are_not_mixed(tmp_path):
    with pytest.raises(InvalidValue, match=r"^some previews are text and others are bytes; give one kind for all"):
        make_run(tmp_path, [["a"] * 3, [b"d"] * 3, None])


@pytest.mark.parametrize(
    ("ids", "labels", "text"),
    [
        (["a", "a"], {}, "the id 'a' occurs 2 times; ids must be distinct: choose others."),
        (["a", "b"], {"y": [1]}, "label column 'y' has 1 values for 2 samples; give one value per sample."),
    ],
)
def test_bad_samples_are_refused(ids, labels, text):
    with pytest.raises(InvalidValue) as caught:
        make_table(ids, labels, "text")
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("ids", "labels", "what"),
    [
        (["a", "\udcff"], {}, "the ids"),
        (["a", "b"], {"y": np.array(["x", 1], dtype=object)}, "label column 'y'"),
    ],
)
def test_what_parquet_cannot_hold_is_refused(ids, labels, what):
    with pytest.raises(InvalidValue, match=rf"^{what} cannot be stored \(.*\); give values of one type, text in valid"):
        make_table(ids, labels, "text")


@pytest.mark.parametrize(
    ("ids", "labels", "what"),
    [
        (["a", "c"], {"y": [1, 2]}, "ids"),
        (["a", "b"], {"y": [1, 3]}, "label column 'y'"),
        (["a", "b"], {"y": [1.0, 2.0]}, "label column 'y'"),
    ],
)
def test_other_samples_are_refused_by_name(tmp_path, ids, labels, what):
    path = tmp_path / "samples.parquet"
    write_table(path, make_table(["a", "b"], {"y": np.array([1, 2])}, "text"))
    with pytest.raises(InvalidValue) as caught:
        must_equal(path, make_table(ids, {name: np.array(values) for name, values in labels.items()}, "text"))
    assert str(caught.value) == (
        f"the samples in {path} have other values of {what} than now; give another --out, or the same input"
    )


def test_labels_may_have_been_added_and_others_are_added_afterwards(tmp_path):
    path = tmp_path / "samples.parquet"
    write_table(path, make_table(["a", "b"], {"y": np.array([1, 2])}, "text"))
    must_equal(path, make_table(["a", "b"], {}, "text"))
    words = f"have no label column 'z'; once the run is finished, add it with: layerscape labels {tmp_path} FILE"
    with pytest.raises(InvalidValue, match=re.escape(words)):
        must_equal(path, make_table(["a", "b"], {"z": np.array([1, 2])}, "text"))


def test_a_damaged_table_is_one_line(tmp_path):
    path = tmp_path / "samples.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(FileProblem, match=r"samples\.parquet cannot be read \(.*\); copy the run again"):
        read_samples(path, lambda *_: None)


def test_one_block_of_previews_is_one_row_group(tmp_path):
    table = make_run(tmp_path, [["a"] * 3, ["b"] * 3, ["c"]])
    assert pa.parquet.read_metadata(table.path).num_row_groups == 3
