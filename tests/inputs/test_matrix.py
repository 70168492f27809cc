import gzip
import json
import pickle
import re
import struct

import numpy as np
import pytest

from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName
from layerscape.inputs import read_matrix
from layerscape.inputs.matrix import FOR_RUNS

X = np.arange(6, dtype=np.float32).reshape(3, 2) / 2


def fails(kind, says, *arguments):
    with pytest.raises(kind, match=f"^{re.escape(says)}$"):
        read_matrix(*arguments)


def test_npy_is_mapped_and_not_loaded(tmp_path):
    np.save(tmp_path / "x.npy", X)
    found = read_matrix(tmp_path / "x.npy")
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, X)


def test_nothing_is_ever_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    objects = np.array([Bomb()], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=objects)
    (tmp_path / "c.npy").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "d.npz").write_bytes(pickle.dumps(Bomb()))
    for name in ("a.npy", "b.npz", "c.npy", "d.npz"):
        fails(
            FileProblem,
            f"{tmp_path / name} cannot be read (it is no array, or one of Python objects, which is never unpickled); "
            "save it again from an array of numbers.",
            tmp_path / name,
        )
    fails(
        FileProblem,
        f"{tmp_path / 'e.pkl'} is no array (.pkl); give .npy, .npz, .safetensors, .csv, .tsv, .jsonl, .ndjson, "
        ".parquet or IDX. "
        "Pickles are never loaded.",
        (tmp_path / "c.npy").rename(tmp_path / "e.pkl"),
    )


def test_one_of_several_arrays_is_chosen_by_name(tmp_path):
    file = tmp_path / "x.npz"
    np.savez(file, first=X, second=X + 1)
    assert np.array_equal(read_matrix(f"{file}:second"), X + 1)
    assert np.array_equal(read_matrix(file, "first"), X)
    fails(InvalidValue, f"{file} holds the arrays: first, second; choose one, as in {file}:NAME.", file)
    fails(UnknownName, f"unknown array in {file} 'frist'; nearest: first. There are: first, second.", f"{file}:frist")


def test_the_only_array_needs_no_name(tmp_path):
    np.savez(tmp_path / "x.npz", only=X)
    assert np.array_equal(read_matrix(tmp_path / "x.npz"), X)


def test_a_name_where_there_is_nothing_to_choose_is_an_error(tmp_path):
    file = tmp_path / "x.npy"
    np.save(file, X)
    fails(InvalidValue, f"{file}:a names an array, but the file holds only one; leave the name out.", f"{file}:a")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_])
def test_safetensors_in_every_type_of_numpy(tmp_path, dtype):
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file({"x": X.astype(dtype)}, tmp_path / "x.safetensors")
    found = read_matrix(tmp_path / "x.safetensors")
    assert found.dtype == dtype
    assert np.array_equal(found, X.astype(dtype))


def test_bfloat16_becomes_the_float32_it_stands_for(tmp_path):
    upper = (X.view(np.uint32) >> 16).astype("<u2")  # the values are short enough to lose nothing
    other = b"\1\2\3\4"
    header = {
        "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
        "x": {"dtype": "BF16", "shape": [3, 2], "data_offsets": [4, 16]},
    }
    text = json.dumps(header).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + other + upper.tobytes())
    found = read_matrix(f"{tmp_path}/x.safetensors:x")
    assert found.dtype == np.float32
    assert np.array_equal(found, X)


def test_bfloat16_as_torch_writes_it(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    x = torch.randn(5, 3).bfloat16()
    save_file({"x": x}, tmp_path / "x.safetensors")
    assert np.array_equal(read_matrix(tmp_path / "x.safetensors"), x.float().numpy())


@pytest.mark.parametrize("header", ["a,b\n", "", "0,1\n", ",a,b\n"])
def test_csv_with_and_without_a_header(tmp_path, header):
    index = header.startswith(",")
    rows = "".join(f"{i},{a},{b}\n" if index else f"{a},{b}\n" for i, (a, b) in enumerate(X.tolist()))
    (tmp_path / "x.csv").write_text(header + rows)
    assert np.array_equal(read_matrix(tmp_path / "x.csv"), X)


def test_a_first_row_that_may_be_names_or_numbers(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("0,1,2\n3,4,5\n")
    says = f"{file} starts with 0, 1, 2, …, which may be names or a sample; give the columns names such as x0, x1."
    fails(FileProblem, says, file)
    file.write_text("0,1\n1,1\n")
    assert read_matrix(file).tolist() == [[0, 1], [1, 1]]


def test_a_missing_number_is_nan(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,\n2,3\n")
    assert np.array_equal(read_matrix(tmp_path / "x.csv"), [[1, np.nan], [2, 3]], equal_nan=True)


def test_idx_images_are_flattened(tmp_path):
    content = b"\0\0\x08\3" + struct.pack(">3I", 2, 2, 2) + bytes(range(8))
    for name, packed in (("a-images-idx3-ubyte", content), ("a-images-idx3-ubyte.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(packed)
        assert read_matrix(tmp_path / name).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_broken_idx_file(tmp_path):
    file = tmp_path / "a-images-idx3-ubyte"
    file.write_bytes(b"\0\0\x08\3" + struct.pack(">3I", 2, 2, 2) + bytes(7))
    fails(FileProblem, f"{file} says shape (2, 2, 2) and holds 23 bytes instead of 24; download it again.", file)
    file.write_bytes(b"hello")
    fails(FileProblem, f"{file} does not start as an IDX file does; check it, or download it again.", file)


def test_files_that_are_not_there_or_hold_nothing(tmp_path):
    fails(FileProblem, f"{tmp_path}/none.npy does not exist; check the path.", f"{tmp_path}/none.npy")
    fails(FileProblem, f"{tmp_path} is a folder; give a file.", tmp_path)
    (tmp_path / "x.npy").touch()
    fails(FileProblem, f"{tmp_path}/x.npy is empty; give a file with at least one sample.", tmp_path / "x.npy")
    (tmp_path / "x.csv").write_text("a,b\n")
    fails(
        FileProblem,
        f"{tmp_path}/x.csv has no rows below its header; give a file with at least one sample.",
        tmp_path / "x.csv",
    )


def test_arrays_that_are_no_samples(tmp_path):
    file = tmp_path / "x.npy"
    np.save(file, np.zeros((0, 3)))
    fails(InvalidValue, f"{file} has shape (0, 3); give at least one row and one column.", file)
    np.save(file, np.float64(3))
    fails(InvalidValue, f"{file} has shape (); give at least one row and one column.", file)
    np.save(file, np.array(["a"]))
    fails(InvalidType, f"{file} holds values of type <U1; give real numbers.", file)
    np.save(file, np.zeros((2, 2), complex))
    fails(InvalidType, f"{file} holds values of type complex128; give real numbers.", file)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.safetensors", "x.parquet", "x.csv.gz", "x-idx1-ubyte.gz"])
def test_a_truncated_file_is_a_file_problem(tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    content = {
        "x.npy": b"\x93NUMPY\1\0",
        "x.npz": b"PK\3\4....",
        "x.csv.gz": gzip.compress(b"a,b\n1,2\n" * 99)[:-9],
        "x-idx1-ubyte.gz": b"hello",
    }.get(name, b"hello hello hello")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        FileProblem, match=f"^{re.escape(str(tmp_path / name))} (cannot be read|is no valid Parquet) \\("
    ):
        read_matrix(tmp_path / name)


@pytest.mark.parametrize("ending", FOR_RUNS)
def test_formats_of_whole_runs_are_told_how_to_be_read(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.mkdir() if ending == ".zarr" else path.write_bytes(b"any")
    with pytest.raises(FileProblem, match=rf"make a run of it: layerscape vectors {re.escape(str(path))} --out RUN\.$"):
        read_matrix(path)
    with pytest.raises(FileProblem, match=r"does not exist"):
        read_matrix(tmp_path / f"b{ending}")
