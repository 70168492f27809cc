"""Files of strangers: nothing is run, nothing waits for ever, and no memory is taken for what a header claims."""

import gzip
import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from layerscape.errors import FileProblem, InvalidValue
from layerscape.inputs import images, read_labels, read_matrix
from layerscape.inputs.files import SETTING
from tests.inputs.opened import opened

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "pictures"
    path.mkdir()
    Image.fromarray(np.full((4, 4), 9, np.uint8)).save(path / "good.png")
    return path


def skipped(folder, **options):
    return dict(opened(str(folder), skip_bad=True, **options).skipped)


def test_only_the_formats_that_are_named_are_decoded(folder, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)  # by which Ghostscript would be run
    (folder / "drawing.png").write_bytes(EPS)
    assert skipped(folder) == {"drawing.png": "cannot be decoded (it is no picture of a known format)"}


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices are of POSIX")
def test_what_never_ends_is_not_read(folder):
    os.mkfifo(folder / "pipe.png")
    (folder / "endless.png").symlink_to("/dev/zero")
    reason = "cannot be decoded (it is no regular file)"
    assert skipped(folder, follow_links=True) == {"endless.png": reason, "pipe.png": reason}
    os.mkfifo(folder.parent / "pipe.npy")
    with pytest.raises(FileProblem, match=r"pipe\.npy is no regular file; give a file\."):
        read_matrix(folder.parent / "pipe.npy")


@pytest.mark.parametrize("what", ["a file", "a folder"])
def test_links_that_leave_the_folder_are_followed_only_if_asked_for(folder, what):
    other = folder.parent / "other"
    other.mkdir()
    Image.fromarray(np.full((4, 4), 7, np.uint8)).save(other / "x.png")
    (folder / "inside.png").symlink_to(folder / "good.png")
    link, target = (folder / "link.png", other / "x.png") if what == "a file" else (folder / "link", other)
    link.symlink_to(target)
    with pytest.raises(
        FileProblem, match=rf"{link} is a link that leaves the folder, to {target}; copy what it leads to"
    ):
        opened(str(folder))
    assert len(opened(str(folder), follow_links=True)) == 3
    link.unlink()
    assert opened(str(folder)).ids == ("good.png", "inside.png")


def test_a_picture_beyond_the_limits_is_said(folder, monkeypatch):
    Image.new("1", (9000, 8000)).save(folder / "large.png")  # 72 million pixels in some kilobytes
    monkeypatch.setattr(images, "MOST_BYTES", 20_000)
    (folder / "long.png").write_bytes((folder / "good.png").read_bytes() + bytes(20_000))
    found = skipped(folder)
    assert found["large.png"] == "cannot be decoded (it has 9000 × 8000 pixels, and at most 67,108,864 are read)"
    assert found["long.png"].startswith("cannot be decoded (it has 20,")
    assert found["long.png"].endswith(" bytes, and at most 20,000 are read)")


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def numpy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def bomb(path):
    """Two million zeros in a file of a few kilobytes."""
    zeros = np.zeros((2_000_000, 1), np.uint8)
    if path.suffix == ".npz":
        path.write_bytes(zipped("x.npy", numpy_bytes(zeros)))
    elif path.suffix == ".parquet":
        parquet.write_table(pa.table({"a": zeros[:, 0].astype(np.int64), "b": zeros[:, 0].astype(np.int64)}), path)
    elif path.name.endswith("ubyte.gz"):
        path.write_bytes(gzip.compress(b"\0\0\x08\x02" + np.array([2_000_000, 1], ">u4").tobytes() + zeros.tobytes()))
    else:
        path.write_bytes(gzip.compress(b"a,b\n" + b"0,0\n" * 500_000))


@pytest.mark.parametrize("name", ["x.npz", "x.parquet", "x-images.idx2-ubyte.gz", "x.csv.gz"])
def test_what_unpacks_to_far_more_than_it_takes_is_refused_first(tmp_path, monkeypatch, name):
    path = tmp_path / name
    bomb(path)
    monkeypatch.setenv(SETTING, "1000000")
    words = rf"^[^ ]* takes [0-9,]* bytes and unpacks to .* or more, which is more than 1,000,000; .* set {SETTING}"
    with pytest.raises(FileProblem, match=words):
        read_matrix(path)
    monkeypatch.setenv(SETTING, "1000000000")
    assert len(read_matrix(path)) >= 500_000
    monkeypatch.setenv(SETTING, "much")
    with pytest.raises(InvalidValue, match=f"{SETTING}='much'; give a number of bytes"):
        read_matrix(path)


def test_a_shape_that_is_not_held_takes_no_memory(tmp_path):
    honest = numpy_bytes(np.zeros((3, 2)))
    lying = honest.replace(b"'shape': (3, 2), }          ", b"'shape': (300000000, 2), }  ")
    assert lying != honest
    (tmp_path / "x.npz").write_bytes(zipped("x.npy", lying))
    with pytest.raises(FileProblem, match=r"'x' says shape \(300000000, 2\) and holds 176 bytes"):
        read_matrix(tmp_path / "x.npz")
    (tmp_path / "x.npy").write_bytes(lying)
    with pytest.raises(FileProblem, match=r"x\.npy cannot be read"):
        read_matrix(tmp_path / "x.npy")


def test_a_header_that_is_longer_than_its_file_takes_no_memory(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'")
    with pytest.raises(FileProblem, match=r"its header says 4,294,967,295 bytes, and there are 20\)"):
        read_matrix(tmp_path / "x.npy")


def test_an_archive_under_the_name_of_an_array_is_one_line(tmp_path):
    (tmp_path / "x.npy").write_bytes(zipped("x.npy", numpy_bytes(np.zeros((3, 2)))))
    for read in (read_matrix, read_labels):
        with pytest.raises(FileProblem, match=r"x\.npy cannot be read \(it is a \.npz file; rename it\)"):
            read(tmp_path / "x.npy")


def test_samples_and_cells_are_counted_as_the_objects_that_they_become(tmp_path, monkeypatch):
    monkeypatch.setenv(SETTING, "1000000")
    np.save(tmp_path / "x.npy", np.zeros((20_000, 1), np.uint8))
    (tmp_path / "x.txt").write_text("a\n" * 20_000)
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n' * 20_000)
    (tmp_path / "wide.csv").write_text("0.5," * 50_000 + "1\n")
    for name in ("x.npy", "x.txt", "x.jsonl", "wide.csv"):
        with pytest.raises(
            FileProblem, match=r"unpacks to 1,.* or more, which is more than 1,000,000; if that is meant"
        ):
            opened(tmp_path / name)
    monkeypatch.delenv(SETTING)
    assert len(opened(tmp_path / "x.txt")) == len(read_matrix(tmp_path / "x.npy")) == 20_000


def test_one_name_twice_is_refused_whatever_the_format(tmp_path):
    parquet.write_table(pa.table({"a": [1.0], "b": [2.0]}).rename_columns(["a", "a"]), tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text('{"a": 1, "b": {"c": 1}}\n{"a": 1, "a": 2}\n')
    for read in (read_matrix, read_labels, opened):
        with pytest.raises(FileProblem, match=r"x\.parquet has 2 columns named 'a'; rename all but one\.$"):
            read(tmp_path / "x.parquet")
        with pytest.raises(FileProblem, match=r"broken JSON in line 2 \(an object has the name 'a' twice\); repair"):
            read(tmp_path / "x.jsonl")


def test_a_table_of_20_000_columns_is_read_in_time(tmp_path):
    names = ",".join(f"gene{number}" for number in range(20_000))
    (tmp_path / "x.csv").write_text(f"{names}\n" + ("0.5," * 20_000)[:-1] + "\n")
    start = time.process_time()
    assert read_matrix(tmp_path / "x.csv").shape == opened(tmp_path / "x.csv").read([0])[0][None].shape == (1, 20_000)
    assert time.process_time() - start < 10  # with each column compared to each it took minutes


def test_a_member_that_is_no_array_is_one_line(tmp_path):
    (tmp_path / "x.npz").write_bytes(zipped("notes.txt", "hello"))
    with pytest.raises(FileProblem, match=r"^[^\n]*x\.npz cannot be read[^\n]*$"):
        read_matrix(Path(tmp_path / "x.npz"))
