import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.errors import FileProblem, InvalidValue, UnknownName
from layerscape.inputs.contents import select_rows
from tests.inputs.opened import opened


def fails(error, says, *arguments, **options):
    with pytest.raises(error, match=f"^{re.escape(says)}$"):
        opened(*arguments, **options)


@pytest.fixture
def lines(tmp_path):
    file = tmp_path / "x.txt"
    file.write_text("".join(f"line {i}\n" for i in range(10)))
    return file


@pytest.fixture
def pictures(tmp_path):
    content = b"\0\0\x08\3" + struct.pack(">3I", 3, 2, 2) + bytes(range(12))
    (tmp_path / "a-images-idx3-ubyte").write_bytes(content)
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(b"\0\0\x08\1" + struct.pack(">I", 3) + b"\7\3\7")
    return tmp_path / "a-images-idx3-ubyte"


def test_importing_it_loads_nothing_heavy():
    heavy = ["torch", "transformers", "zarr", "pandas", "pyarrow", "PIL", "sklearn", "jinja2", "tqdm", "safetensors"]
    code = f"import sys, layerscape.inputs; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_idx_pictures_with_the_labels_beside_them(pictures):
    samples = opened(pictures)
    assert samples.kind == "image"
    assert samples.labels["label"].tolist() == ["7", "3", "7"]
    assert samples.read([1])[0].tolist() == [[4, 5], [6, 7]]
    array = opened(pictures, kind="array")
    assert array.read([1])[0].dtype == np.uint8  # as in memory; a network that takes floats gets them
    assert array.labels["label"].tolist() == ["7", "3", "7"]


def test_arrays_of_any_trailing_shape(tmp_path):
    x = np.arange(24).reshape(4, 3, 2)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", a=x, b=x + 1)
    samples = opened(tmp_path / "x.npy")
    assert samples.kind == "array"
    assert samples.ids == ("0", "1", "2", "3")
    assert [row.dtype for row in samples.read([2, 1])] == [x.dtype, x.dtype]  # which a network may look up
    assert np.array_equal(samples.read([2, 1]), x[[2, 1]])
    assert opened(f"{tmp_path}/x.npz:a").fingerprint == samples.fingerprint
    assert opened(f"{tmp_path}/x.npz:b").fingerprint != samples.fingerprint


def test_an_array_of_pictures(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 5, 3), np.uint8))
    assert opened(tmp_path / "x.npy", kind="image").read([0])[0].shape == (4, 5, 3)


def test_the_first_and_a_random_part(lines):
    assert opened(lines, limit=3).ids == ("0", "1", "2")
    assert opened(lines, limit=99).ids == tuple(map(str, range(10)))
    drawn = opened(lines, limit=3, sample_seed=1)
    assert drawn.ids == ("2", "6", "9") == opened(lines, limit=3, sample_seed=1).ids
    assert drawn.read([0, 2]) == ["line 2", "line 9"]
    assert drawn.fingerprint != opened(lines, limit=3).fingerprint


@given(st.integers(1, 50), st.integers(1, 60), st.none() | st.integers(0, 2**32 - 1))
def test_selected_rows_are_distinct_and_in_order(n_rows, limit, seed):
    rows = select_rows(n_rows, limit, seed)
    assert len(rows) == min(limit, n_rows)
    assert rows == sorted(set(rows))
    assert rows[0] >= 0
    assert rows[-1] < n_rows


def test_options_that_do_not_apply(lines):
    fails(InvalidValue, "limit=0; give the number of samples to take, at least 1.", lines, limit=0)
    fails(
        InvalidValue, "sample_seed=3 without a limit; say with limit (--limit) how many to draw.", lines, sample_seed=3
    )
    fails(InvalidValue, "sample_seed=-1; a seed must lie in 0..2**32-1.", lines, limit=2, sample_seed=-1)
    fails(InvalidValue, f"text_column='a', but {lines} has no columns; leave it out.", lines, text_column="a")
    fails(InvalidValue, f"id_column='a', but {lines} has no columns; leave it out.", lines, id_column="a")
    fails(InvalidValue, f"kind='image' for {lines}; its samples can be: text, protein.", lines, kind="image")
    fails(
        UnknownName,
        "unknown kind of sample 'txt'; nearest: text. There are: array, image, protein, text.",
        lines,
        kind="txt",
    )
    fails(UnknownName, "unknown label column 'a'. There are: none.", lines, labels=["a"])


def test_inputs_that_are_none(tmp_path):
    fails(FileProblem, f"{tmp_path}/none.txt does not exist; check the path.", f"{tmp_path}/none.txt")
    (tmp_path / "x.txt").touch()
    fails(FileProblem, f"{tmp_path}/x.txt is empty; give a file with at least one sample.", tmp_path / "x.txt")
    (tmp_path / "x.pt").write_text("hello")
    fails(
        FileProblem,
        f"{tmp_path}/x.pt is of no known format (.pt); give a folder of images, an IDX file, or one that ends in .csv, "
        ".tsv, .jsonl, .ndjson, .parquet, .txt, .fasta, .fa, .faa, .npy, .npz, .safetensors. Pickles are never loaded.",
        tmp_path / "x.pt",
    )


def test_a_name_is_for_arrays(lines):
    fails(FileProblem, f"{lines}:a does not exist; check the path.", f"{lines}:a")


def test_a_column_where_a_file_of_labels_is_expected(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("text,label\na,b\n")
    says = "labels='label' is no file but a column; give labels=['label'] to choose columns."
    fails(InvalidValue, says, file, labels="label")


def test_half_a_character_is_named_and_can_be_left_out(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"text": "a"}\n{"text": "\\ud800"}\n')
    assert opened(file, skip_bad=True).skipped == (("1", "holds half a character, which cannot be written as UTF-8"),)


def test_real_pictures(data_dir):
    samples = opened(data_dir / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert len(samples) == 10_000
    assert sorted(set(samples.labels["label"].tolist())) == list("0123456789")
    assert samples.read([0])[0].shape == (28, 28)


def test_real_texts(data_dir):
    samples = opened(data_dir / "text" / "trec.csv")
    assert {name: len(set(values.tolist())) for name, values in samples.labels.items()} == {
        "label": 6,
        "fine_label": 47,
    }
    assert samples.read([0]) == ["How did serfdom develop in and then leave Russia ?"]
    assert len(samples) == 5452


def test_real_proteins(data_dir):
    samples = opened(data_dir / "proteins" / "families.fasta")
    assert len(samples) == 1754
    assert samples.ids[0] == "A0A075F932"
    assert len(set(samples.labels["family"].tolist())) == 9
    assert all(30 <= len(text) <= 700 for text in samples.read(range(1754)))
