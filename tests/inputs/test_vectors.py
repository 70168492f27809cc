"""The units of a table: taken where they are plain, asked for where they are not, and what is left out is named."""

import datetime
import decimal
import re

import numpy as np
import pytest

from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName
from layerscape.inputs import choose_inputs, read_vectors
from layerscape.inputs.matrix import read_matrix

X = np.round(np.random.default_rng(0).standard_normal((6, 3)), 3)
DIMS = {f"dim_{number}": X[:, number] for number in range(3)}
IDS, LABELS = list(range(6)), [0, 1, 0, 1, 0, 1]


@pytest.fixture
def written(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def write(columns):
        parquet.write_table(arrow.table(columns), tmp_path / "x.parquet")
        return tmp_path / "x.parquet"

    return write


def noted(path, units, left):
    """The matrix, read with a note of what is left out."""
    text = f"{path}: the units are {units}; left out: {left}. To choose others: {path}:NAME,…."
    with pytest.warns(UserWarning, match=f"^{re.escape(text)}$"):
        return read_matrix(path)


def refused(kind, text, path):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        read_matrix(path)


def test_the_one_column_of_vectors_is_the_units(written):
    file = written({"id": IDS, "label": LABELS, "embedding": X.tolist(), "score": X[:, 0]})
    np.testing.assert_array_equal(noted(file, "'embedding'", "'id', 'label', 'score'"), X)
    arrow = pytest.importorskip("pyarrow")
    fixed = arrow.FixedSizeListArray.from_arrays(X.ravel().astype("f4"), 3)
    found = noted(written({"id": IDS, "e": fixed}), "'e'", "'id'")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, X.astype("f4"))
    assert read_matrix(written({"e": [[1.0, 2.0], [None, 4.0]]})).tolist()[0] == [1, 2]  # what is missing is NaN


def test_columns_of_numbers_are_the_units_but_those_that_number_or_label_the_samples(written):
    file = written({"id": [f"s{i}" for i in IDS], "label": LABELS, **DIMS})
    np.testing.assert_array_equal(noted(file, "'dim_0', 'dim_1', 'dim_2'", "'id', 'label'"), X)
    np.testing.assert_array_equal(read_matrix(f"{file}:dim_*"), X)
    np.testing.assert_array_equal(read_matrix(f"{file}:dim_2,label"), np.column_stack([X[:, 2], LABELS]))
    np.testing.assert_array_equal(read_matrix(written({"age": X[:, 0], "income": X[:, 1]})), X[:, :2])
    file = written({"index": IDS, "hydration_index": X[:, 0], "target": X[:, 1]})
    np.testing.assert_array_equal(noted(file, "'hydration_index'", "'index', 'target'"), X[:, :1])
    cents = [decimal.Decimal(i) / 4 for i in IDS]
    assert read_matrix(written({"a": cents, "b": IDS}))[3].tolist() == [0.75, 3]
    assert np.isnan(read_matrix(written({"a": [1, None], "b": [1, 2]}))[1, 0])


def test_what_is_no_number_in_parquet_is_left_out_by_name(written):
    arrow = pytest.importorskip("pyarrow")
    odd = {
        "when": [datetime.datetime(2020, 1, 1)] * 6,
        "parts": [{"a": 1}] * 6,
        "kind": arrow.array(["u", "v"] * 3).dictionary_encode(),
        "kept": [True, False] * 3,
        "tags": [["a"], []] * 3,
    }
    found = noted(written({**odd, "x": X[:, 0], "y": X[:, 1]}), "'x', 'y'", "'when', 'parts', 'kind', 'kept', 'tags'")
    np.testing.assert_array_equal(found, X[:, :2])


@pytest.mark.parametrize(
    ("columns", "kind", "text"),
    [
        (
            {"e": X.tolist(), "f": X.tolist()},
            InvalidValue,
            "FILE has several columns of vectors: 'e', 'f'; choose: FILE:e.",
        ),
        (
            {"score": X[:, 0], **DIMS},
            InvalidValue,
            "FILE has the columns 'dim_0', 'dim_1', 'dim_2' and beside them 'score'; say which are the units: "
            "FILE:'dim*' or FILE:'*'.",
        ),
        (
            {"id": IDS, "e": [[1.0]] * 5 + [[1.0, 2.0]]},
            InvalidType,
            "FILE:e holds lists of 1 to 2 values; repair it, or name the columns to take: FILE:NAME,….",
        ),
        (
            {"x": X[:, 0], "e": [[1.0]] * 5 + [None]},
            InvalidType,
            "FILE:e holds lists, of which 1 are missing; repair it, or name the columns to take: FILE:NAME,….",
        ),
        (
            {"e": [[[1.0]]] * 6},
            InvalidType,
            "FILE:e holds lists of lists, or empty ones; repair it, or name the columns to take: FILE:NAME,….",
        ),
        (
            {"id": IDS, "name": list("abcdef")},
            InvalidType,
            "FILE has no column of numbers for its units: 'id' numbers or labels the samples, 'name' holds values of "
            "type string, which are no numbers.",
        ),
    ],
)
def test_what_is_not_plain_is_asked(written, columns, kind, text):
    file = written(columns)
    refused(kind, text.replace("FILE", str(file)), file)


def test_a_column_that_is_named_must_be_there_and_hold_numbers(written):
    file = written({"name": list("abcdef"), **DIMS})
    refused(
        InvalidType,
        f"{file}:name holds values of type string, which are no numbers; choose another column.",
        f"{file}:name",
    )
    refused(
        UnknownName,
        f"unknown array in {file} 'dims'; nearest: dim_2, dim_1, dim_0. There are: dim_0, dim_1, dim_2, name.",
        f"{file}:dims",
    )


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a;b\n1,5;2,5\n3,25;-4\n", [[1.5, 2.5], [3.25, -4]]),
        ("1,5;2,5\n3,25;4\n", [[1.5, 2.5], [3.25, 4]]),
        ("a;b\n1.5;2\n3;4\n", [[1.5, 2], [3, 4]]),
        ("a\tb\n1\t2\n3\t4\n", [[1, 2], [3, 4]]),
        ("1.5,2\n3,4\n", [[1.5, 2], [3, 4]]),
        ('\ufeff"a","b"\n"1","2"\n', [[1, 2]]),
    ],
)
def test_tables_as_other_tools_write_them(tmp_path, content, rows):
    (tmp_path / "x.csv").write_text(content)
    assert read_matrix(tmp_path / "x.csv").tolist() == rows


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ("Unnamed: 0,x,y\n0,1,2\n1,3,4\n", "'Unnamed: 0'"),
        ("id,x,y\n0,1,2\n1,3,4\n", "'id'"),
        ("name,x,y\nanna,1,2\nbert,3,4\n", "'name'"),
    ],
)
def test_what_tells_samples_apart_is_no_unit(tmp_path, content, left):
    (tmp_path / "x.csv").write_text(content)
    assert noted(tmp_path / "x.csv", "'x', 'y'", left).tolist() == [[1, 2], [3, 4]]


def test_vectors_as_lists_in_texts(tmp_path):
    (tmp_path / "x.csv").write_text('id,v\na,"[0.5, 2]"\nb,"[3, 4]"\n')
    assert noted(tmp_path / "x.csv", "'v'", "'id'").tolist() == [[0.5, 2], [3, 4]]
    (tmp_path / "x.jsonl").write_text('{"id": "a", "v": [0.5, 2]}\n{"id": "b", "v": [3, 4]}\n')
    assert noted(tmp_path / "x.jsonl", "'v'", "'id'").tolist() == [[0.5, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (
            "a,b\n1,2\n3,x\n4,5\n",
            InvalidType,
            "FILE:b holds numbers, but also 'x'; repair it, or name the columns to take: FILE:NAME,….",
        ),
        (
            "a;b\n1,500;2\n3,250;4\n",
            InvalidType,
            "FILE:a holds '1,500', whose comma may part decimals or thousands; repair it, or name the columns to take: "
            "FILE:NAME,….",
        ),
        (
            "id,v\na,[0.1 2.0]\nb,[3.0 4.0]\n",
            InvalidType,
            "FILE:v holds texts in brackets that are no lists with commas; repair it, or name the columns to take: "
            "FILE:NAME,….",
        ),
        (
            "s1,0.5,1\ns2,0.25,3\n",
            FileProblem,
            "FILE starts with 0.5 beside words, which looks like a sample; give the columns names.",
        ),
    ],
)
def test_a_table_that_may_be_read_in_two_ways_is_not(tmp_path, content, kind, text):
    file = tmp_path / "x.csv"
    file.write_text(content)
    refused(kind, text.replace("FILE", str(file)), file)


def test_where_units_are_missing_is_said_by_column_and_row(tmp_path):
    rows = ["id,a,b,c,age", "u,0.5,1,2,3", "v,,1,2,", "w,0.5,1,,4", "x,0.5,1,2,"]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    path = tmp_path / "x.csv"
    text = (
        f"{path} lacks numbers in 3 of 4 rows, row 1 first (0 is the first sample), of the columns 'a (1)', 'c (1)', "
        f"'age (2)'; fill them in, leave out these rows, or choose the columns of units: {path}:NAME,…, or those of "
        "labels (--labels, labels=)."
    )
    for read in (read_vectors, lambda given: choose_inputs(given, id_column="id", kind="array")):
        with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
            read(path)
    assert read_vectors(f"{path}:b").arrays[""].tolist() == [[1]] * 4


def test_what_pandas_writes_beside_its_index_is_a_header(tmp_path, rng):
    pandas = pytest.importorskip("pandas")
    for name, values in (("whole", rng.integers(0, 9, (12, 50))), ("real", rng.standard_normal((12, 50)))):
        for index in (None, [f"condition {row}" for row in range(12)]):
            path = tmp_path / f"{name}.csv"
            pandas.DataFrame(values, index=index).to_csv(path)
            found = read_vectors(path)
            np.testing.assert_allclose(found.arrays[""], values)
            assert list(found.ids) == [str(row) if index is None else index[row] for row in range(12)]


def test_columns_are_matched_with_the_samples_only_where_they_are_the_same(tmp_path, rng):
    """A table that pandas wrote has an index of 0, 1, … and may have columns of these names and others."""
    pandas = pytest.importorskip("pandas")
    wide = rng.standard_normal((12, 50))
    pandas.DataFrame(wide).assign(kind="a").to_csv(tmp_path / "wide.csv")
    np.testing.assert_allclose(read_vectors(tmp_path / "wide.csv").arrays[""], wide)
    far = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    table = pandas.DataFrame(far, index=list("abcde"), columns=list("abcde"))
    table[list("cabed")].assign(kind="a").to_csv(tmp_path / "far.csv")  # columns in another order than rows
    np.testing.assert_array_equal(read_vectors(tmp_path / "far.csv").arrays[""], far)
