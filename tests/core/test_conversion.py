"""What users hold numbers in: read rightly, or refused in one line that says what to write."""

import datetime
import decimal
import re

import numpy as np
import pytest

from layerscape.core.conversion import as_array
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue, LayerscapeError
from layerscape.pipeline.arrays import from_arrays
from layerscape.pipeline.samples import as_samples

X = np.arange(12.0).reshape(6, 2)


class Foreign:
    """An array of another library, whose dtype is not numpy's and which cannot be sliced by rows."""

    shape, ndim, dtype = X.shape, 2, "tf.float32"

    def __getitem__(self, rows):
        raise TypeError("only integers")

    def __array__(self, dtype=None, copy=None):
        return X


def _pandas():
    return pytest.importorskip("pandas")


def _torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize(
    "make",
    [
        lambda: X,
        lambda: X.tolist(),
        lambda: np.ma.array(X),
        lambda: np.asmatrix(X),  # of which numpy says that nobody should have it
        lambda: X.astype(object),
        lambda: [[decimal.Decimal(int(value)) for value in row] for row in X],
        lambda: X.astype(">f4"),
        lambda: X.astype(np.longdouble),
        lambda: memoryview(X),
        Foreign,
        lambda: _pandas().DataFrame(X),
        lambda: _pandas().DataFrame(X, columns=["a", "a"]).convert_dtypes(),
        lambda: _pandas().DataFrame({"a": X[:, 0].astype("i8"), "b": X[:, 1].astype("f4")}, index=list("uvwxyz")),
        lambda: pytest.importorskip("xarray").DataArray(X),
        lambda: pytest.importorskip("pyarrow").table({"a": X[:, 0], "b": X[:, 1].astype(int)}),
        lambda: _torch().tensor(X).half(),
        lambda: _torch().tensor(X).bfloat16(),
        lambda: _torch().tensor(X.T.copy()).bfloat16().T,
        lambda: _torch().tensor(X, requires_grad=True),
        lambda: _torch().tensor(0 - 1j * X).conj().imag,
        lambda: list(_torch().tensor(X)),
    ],
)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_what_holds_numbers_is_read(make):
    np.testing.assert_array_equal(Representation(make()).read(slice(None)), X)


def test_a_table_of_numbers_and_truths_keeps_every_column():
    table = _pandas().DataFrame({"a": [1, 2], "b": [True, False], "c": np.float32([0.5, 2])})
    np.testing.assert_array_equal(as_array(table), [[1, 1, 0.5], [2, 0, 2]])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: np.ma.masked_greater(X, 9),
            "the data has 2 masked values, the first at [5, 0]; fill them (x.filled(value)), or leave out their "
            "samples (x[~x.mask.any(axis=1)]).",
        ),
        (
            lambda: pytest.importorskip("scipy.sparse").csr_array(X),
            "the data is a sparse matrix (csr_array); give a dense one: x.toarray().",
        ),
        (
            lambda: _torch().tensor(X).to_sparse(),
            "the data is a sparse tensor (torch.sparse_coo); give a dense one: x.to_dense().",
        ),
        (
            lambda: _torch().tensor(X).to(_torch().float8_e4m3fn),
            "the data is a tensor of torch.float8_e4m3fn on cpu, which numpy cannot hold; give x.float().",
        ),
        (
            lambda: _pandas().DataFrame({"id": ["a"], "x": [0.5], "t": _pandas().to_datetime(["2020"])}),
            "the data has columns that hold no real numbers: 'id', 't'; leave them out.",
        ),
        (
            lambda: _pandas().DataFrame({"a": _pandas().Categorical([1, 2])}),
            "the data has columns that hold no real numbers: 'a'; leave them out.",
        ),
        (
            lambda: _pandas().DataFrame({"a": _pandas().array([1, None], dtype="Int64")}),
            "sample '1' has a value that is NaN or infinite; remove such rows, or repair what produced them.",
        ),
        (
            lambda: [[1, 2], [10**400, 3]],
            "sample '1' has a value that is NaN or infinite; remove such rows, or repair what produced them.",
        ),
        (lambda: X + 1j, "the data holds values of type complex128; give real numbers."),
        (lambda: [["1", "2"]], "the data holds values of type <U1; give real numbers."),
        (lambda: np.array([["1", 2.0]], object), "the data holds objects of type str; give real numbers."),
        (lambda: [[datetime.date(2020, 1, 1)]], "the data holds objects of type date; give real numbers."),
        (lambda: np.zeros((2, 1), "M8[D]"), "the data holds values of type datetime64[D]; give real numbers."),
        (
            lambda: np.zeros(3, [("a", "f4"), ("b", "i4")]),
            "the data holds values of type records of a, b; give real numbers.",
        ),
        (lambda: {"a": X}, "1 layers or arrays by name ('a') where one is wanted; give one: x[NAME]."),
        (lambda: {1}, "the data is of type set, and no array; give one of real numbers."),
        (lambda: None, "the data is of type NoneType, and no array; give one of real numbers."),
        (
            lambda: "x.npy",
            "the data is the text 'x.npy', and no array; read a file first, with numpy.load say, or give its path to "
            "the command line: layerscape estimate NAME FILE.",
        ),
        (lambda: [], "the data is empty, shape (0,); give at least one row and one column."),
        (
            lambda: np.float64(3),
            "the data has shape (); a representation is a matrix of samples × units: give several samples.",
        ),
    ],
)
def test_what_does_not_is_refused_in_one_line(make, text):
    with pytest.raises(LayerscapeError, match=f"^{re.escape(text)}$"):
        Representation(make()).read(slice(None))


def test_rows_of_unlike_lengths_and_tensors_that_numpy_cannot_join_are_one_line():
    with pytest.raises(InvalidValue, match=r"^layer 'top' cannot be read as a matrix: .*give rows of one length\.$"):
        Representation([[1, 2], [3]], "top")
    with pytest.raises(InvalidType, match=r"^the data, of type list, is no array: .*Give one array\.$"):
        as_array([_torch().ones(2, requires_grad=True)])


def test_samples_in_memory_are_read_by_the_same_rules():
    pandas = _pandas()
    assert as_samples(pandas.Series(["to be", "or not"])).read([1]) == ["or not"]
    assert as_samples(np.array(["to be", "or not"])).kind == "text"
    assert as_samples(pandas.DataFrame(X)).read([1])[0].tolist() == [2, 3]
    with pytest.raises(InvalidValue, match="the input has 2 masked values"):
        as_samples(np.ma.masked_greater(X, 9))
    with pytest.raises(InvalidType, match=r"^input 1 is 3 among texts, of type int; give texts only\.$"):
        as_samples(["to be", 3])


class Annotated:
    """What AnnData has, backed by its file, whose rows cannot be taken one by one."""

    obs, obs_names, shape = {}, ("a", "b"), X.shape
    __len__ = X.__len__

    def __init__(self):
        self.X, self.obsm = X, {"pca": X}

    def __getitem__(self, rows):
        raise TypeError("a subset of a backed object")


def test_tables_of_several_matrices_are_told_how_to_give_one():
    both = (
        "AnnData holds several matrices; give one, x.X or x.obsm[NAME], or those of x.obsm as layers: "
        "layerscape.from_arrays(dict(x.obsm), labels=x.obs)."
    )
    for door, name in ((as_array, "the data"), (as_samples, "the input"), (from_arrays, "arrays")):
        with pytest.raises(InvalidType, match=f"^{re.escape(f'{name}: {both}')}$"):
            door(Annotated())


def test_data_of_a_file_that_is_read_while_it_is_open_and_named_when_it_is_closed(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
        data = file["x"]
        np.testing.assert_array_equal(as_array(data)[...], X)
    with pytest.raises(InvalidValue, match=r"^the data, of type Dataset, cannot be read: .*; keep its file open\.$"):
        as_array(data)
