"""AnnData and MATLAB 7.3, as anndata and MATLAB lay them out; neither is needed to read them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from layerscape.errors import FileProblem, InvalidValue
from layerscape.inputs import read_vectors

h5py = pytest.importorskip("h5py")
N = 12
IDS = [f"c{i}" for i in range(N)]


@pytest.fixture
def x(rng):
    return np.rint(3 * rng.standard_normal((N, 5)))


def write_anndata(path, x, sparse):
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "anndata"
        if sparse:
            matrix = pytest.importorskip("scipy.sparse").csr_matrix(x)
            part = file.create_group("X")
            part.attrs["encoding-type"], part.attrs["shape"] = "csr_matrix", matrix.shape
            part["data"], part["indices"], part["indptr"] = matrix.data, matrix.indices, matrix.indptr
        else:
            file["X"] = x
        obs = file.create_group("obs")
        obs.attrs["_index"], obs["_index"], obs["score"] = "_index", IDS, x[:, 0] / 2
        kind = obs.create_group("kind")
        kind["codes"], kind["categories"] = np.r_[-1, np.arange(N - 1) % 2].astype("i1"), ["a", "b"]
        file.create_group("obsm")["X_pca"] = x[:, :2]


@pytest.mark.parametrize("sparse", [False, True])
def test_anndata_is_read_without_anndata(tmp_path, x, sparse):
    write_anndata(tmp_path / "a.h5ad", x, sparse)
    found = read_vectors(tmp_path / "a.h5ad")
    assert list(found.arrays) == ["X", "obsm/X_pca"]
    np.testing.assert_array_equal(found.arrays["X"][2:4], x[2:4])
    assert list(found.ids) == IDS
    assert found.columns["kind"][:4] == [None, "a", "b", "a"]
    assert list(read_vectors(f"{tmp_path / 'a.h5ad'}:obsm/*").arrays) == ["obsm/X_pca"]


def write_table(group, columns):
    group.attrs["encoding-type"], group.attrs["column-order"] = "dataframe", list(columns)
    group.attrs["_index"], group["_index"] = "_index", IDS
    for name, values in columns.items():
        group[name] = values


def test_a_table_in_anndata_is_a_matrix_if_it_is_of_numbers_and_else_said_to_be_left_out(tmp_path, x):
    write_anndata(tmp_path / "a.h5ad", x, False)
    with h5py.File(tmp_path / "a.h5ad", "a") as file:
        write_table(file.create_group("obsm/factors"), {"b": x[:, 3], "a": x[:, 1].astype(int)})
        write_table(file.create_group("obsm/words"), {"a": x[:, 3], "b": IDS})
        file.create_group("obsm/ragged").attrs["encoding-type"] = "awkward-array"
    said = "left out 'obsm/ragged', 'obsm/words', neither a matrix nor a table of numbers"
    with pytest.warns(UserWarning, match=re.escape(f"{tmp_path / 'a.h5ad'}: {said}")):
        found = read_vectors(tmp_path / "a.h5ad")
    assert list(found.arrays) == ["X", "obsm/X_pca", "obsm/factors"]
    np.testing.assert_array_equal(found.arrays["obsm/factors"], x[:, [3, 1]])


def write_matlab(path, x):
    """Axes in reverse, classes as attributes, texts as references, 512 bytes in front."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("rates", data=x.T).attrs["MATLAB_class"] = np.bytes_("double")
        file.create_dataset("cube", data=np.stack([x, 2 * x], 2).T).attrs["MATLAB_class"] = np.bytes_("double")
        file.create_dataset("trial", data=np.arange(N)[None, :]).attrs["MATLAB_class"] = np.bytes_("double")
        cells = []
        for row in range(N):
            codes = np.array([[ord(letter)] for letter in f"ä{row}"], "u2")
            cells.append(file.create_dataset(f"#refs#/{row}", data=codes))
            cells[-1].attrs["MATLAB_class"] = np.bytes_("char")
        references = np.array([[cell.ref for cell in cells]], h5py.ref_dtype)
        file.create_dataset("word", data=references, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")


def test_matlab_7_3_has_its_rows_again(tmp_path, x):
    write_matlab(tmp_path / "a.mat", x)
    found = read_vectors(f"{tmp_path / 'a.mat'}:rates,cube")
    np.testing.assert_array_equal(found.arrays["rates"][1:3], x[1:3])
    np.testing.assert_array_equal(found.arrays["cube"][3:5], np.stack([x, 2 * x], 2)[3:5])
    assert found.columns["word"][:2] == ["ä0", "ä1"]
    assert found.columns["trial"].tolist() == list(range(N))


def test_what_is_broken_or_lies_elsewhere_is_refused(tmp_path, x):
    write_anndata(tmp_path / "a.h5ad", x, False)
    (tmp_path / "b.h5").write_bytes((tmp_path / "a.h5ad").read_bytes()[:3000])
    with pytest.raises(
        FileProblem, match=rf"^{re.escape(str(tmp_path / 'b.h5'))} cannot be read \(.*check it, or make"
    ):
        read_vectors(tmp_path / "b.h5")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("x", (N, 5), "f8", external=[(str(tmp_path / "a.h5ad"), 0, N * 40)])
    with pytest.raises(InvalidValue, match=r"c\.h5:x lies in other files; copy it into this one\.$"):
        read_vectors(tmp_path / "c.h5")
    with pytest.raises(InvalidValue, match=r"is AnnData; rename it to end in \.h5ad\.$"):
        read_vectors((tmp_path / "a.h5ad").rename(tmp_path / "d.h5"))
