"""Array and table files that no careful program would write, and what each of them holds."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.inputs.files import format_of

X = np.arange(6, dtype=np.float64).reshape(3, 2) / 4
NAN, INF = float("nan"), float("inf")
CSV = "a,b\n0,0.25\n0.5,0.75\n1,1.25\n"
HEAD, ONES = b"\x93NUMPY", "\n1" + ",1" * 19_999 + "\n"


@dataclass(frozen=True)
class File:
    """A file by its content or by what writes it, and the matrix in it; None where one line must say why not."""

    name: str
    what: str
    content: bytes | str | Callable[[Path], object]
    value: Any = None

    @property
    def format(self) -> str:
        """Its row of the table."""
        kind = format_of(Path(self.name))
        return kind if kind in (".npy", ".npz", ".safetensors", ".csv", ".jsonl", ".parquet", ".idx") else "others"

    def write(self, folder: Path) -> Path:
        """The path of the file, once it is written."""
        path = folder / self.name
        if callable(self.content):
            self.content(path)
        else:
            path.write_bytes(self.content.encode() if isinstance(self.content, str) else self.content)
        return path


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(array), allow_pickle=True)
    return file.getvalue()


def headed(header: str, data: bytes = X.tobytes(), version: int = 1) -> bytes:
    """A .npy file whose header says anything."""
    text = header.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return HEAD + bytes([version, 0]) + length + text + data


def says(shape: str, kind: str = "'<f8'", data: bytes = X.tobytes()) -> bytes:
    return headed(f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n", data)


class Evil:
    """What would leave a file behind if it were ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("unpickled", "w")


def arrays() -> list[File]:
    evil = np.array([Evil()], dtype=object)
    named = np.zeros(3, [("a", "f8"), ("b", "f8")])
    return [
        File("x.npy", "plain", npy(X), X),
        File("x.npy", "columns first", npy(np.asfortranarray(X)), X),
        File("x.npy", "big endian", npy(X.astype(">f4")), X),
        File("x.npy", "half floats", npy(X.astype(np.float16)), X),
        File("x.npy", "bools", npy(X > 0.5), X > 0.5),
        File("x.npy", "NaN and infinity", npy([[NAN, 1], [INF, 2]]), [[NAN, 1], [INF, 2]]),
        File("x.npy", "more at the end", npy(X) + b"more", X),
        File("x.npy", "three axes", npy(X[:, :, None]), X[:, :, None]),
        File("x.npy", "nothing", b""),
        File("x.npy", "magic only", HEAD),
        File("x.npy", "cut in its header", npy(X)[:40]),
        File("x.npy", "cut in its data", npy(X)[:-9]),
        File("x.npy", "a picture's magic", b"\x89PNG\r\n\x1a\n" + bytes(200)),
        File("x.npy", "a table", CSV),
        File("x.npy", "a zip", npz({"x.npy": npy(X)})),
        File("x.npy", "a pickle", pickle.dumps(Evil())),
        File("x.npy", "objects that are pickled", npy(evil)),
        File("x.npy", "named fields", npy(named)),
        File("x.npy", "complex", npy(X + 1j)),
        File("x.npy", "dates", npy(np.zeros((3, 2), "datetime64[s]"))),
        File("x.npy", "words", npy([["a", "b"]])),
        File("x.npy", "no axis", npy(3.0)),
        File("x.npy", "no rows", npy(np.zeros((0, 4)))),
        File("x.npy", "no columns", npy(np.zeros((4, 0)))),
        File("x.npy", "a trillion rows claimed", says("(1000000000000, 2)")),
        File("x.npy", "a shape that overflows", says("(4611686018427387904, 8)")),
        File("x.npy", "a negative shape", says("(-3, 2)")),
        File("x.npy", "a shape of floats", says("(3.0, 2.0)")),
        File("x.npy", "a nested shape", says("((3,), 2)")),
        File("x.npy", "a shape of words", says("'3, 2'")),
        File("x.npy", "empty words, endless rows", says("(1000000000000000000, 1)", "'<U0'")),
        File("x.npy", "a type of no size", says("(3, 2)", "'|V0'")),
        File("x.npy", "an unknown type", says("(3, 2)", "'<q9'")),
        File("x.npy", "a header that is code", headed("__import__('os').system('touch ran')\n")),
        File("x.npy", "a header that is no dict", headed("[1, 2, 3]\n")),
        File("x.npy", "a header without its keys", headed("{'shape': (3, 2)}\n")),
        File("x.npy", "a header of nested brackets", headed("(" * 9000 + "\n")),
        File("x.npy", "a header of 20 MB", headed(" " * 20_000_000 + "\n", version=2)),
        File("x.npy", "a header longer than the file", HEAD + b"\x02\x00\xff\xff\xff\xff{'descr'"),
        File("x.npy", "a version that is not known", HEAD + b"\x09\x00" + npy(X)[8:]),
        *archives(),
    ]


def npz(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def patched(content: bytes, old: bytes, new: bytes) -> bytes:
    """With some bytes replaced wherever they are; they must be there."""
    assert old in content
    return content.replace(old, new)


def bomb(path: Path) -> None:
    """1.2 GB of zeros in some MB, written in pieces."""
    head = says("(150000000, 1)", data=b"")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as x,
    ):
        x.write(head)
        for _ in range(120):
            x.write(bytes(10_000_000))


def archives() -> list[File]:
    plain = npz({"x.npy": npy(X)}, zipfile.ZIP_STORED)
    size = struct.pack("<I", len(npy(X)))
    twice = patched(npz({"x.npy": npy(X), "y.npy": npy(X + 1)}, zipfile.ZIP_STORED), b"y.npy", b"x.npy")
    return [
        File("x.npz", "plain", plain, X),
        File("x.npz", "a comment at its end", plain[:-2] + b"\3\0hey", X),
        File("x.npz", "bytes before the zip", b"#!/bin/sh\n" + plain),
        File("x.npz", "packed with bzip2", npz({"x.npy": npy(X)}, zipfile.ZIP_BZIP2), X),
        File("x.npz", "packed with LZMA", npz({"x.npy": npy(X)}, zipfile.ZIP_LZMA), X),
        File("x.npz", "a name that climbs out", npz({"../../x.npy": npy(X)}), X),
        File("x.npz", "a name with a line end", npz({"a\nb.npy": npy(X)}), X),
        File("x.npz", "no members", npz({})),
        File("x.npz", "a text only", npz({"notes.txt": b"hello"})),
        File("x.npz", "a text beside the array", npz({"notes.txt": b"hello", "x.npy": npy(X)})),
        File("x.npz", "a text called .npy", npz({"x.npy": b"hello"})),
        File("x.npz", "two members of one name", twice),
        File("x.npz", "two arrays", npz({"x.npy": npy(X), "y.npy": npy(X)})),
        File("x.npz", "names of an array and a file alike", npz({"x": b"hello", "x.npy": npy(X)})),
        File("x.npz", "objects that are pickled", npz({"x.npy": npy(np.array([Evil()], dtype=object))})),
        File("x.npz", "a pickle", pickle.dumps(Evil())),
        File("x.npz", "a .npy", npy(X)),
        File("x.npz", "a zip in a zip", npz({"x.npz": plain})),
        File("x.npz", "a trillion rows claimed", npz({"x.npy": says("(1000000000000, 2)")})),
        File("x.npz", "a negative shape", npz({"x.npy": says("(-3, 2)")})),
        File("x.npz", "fewer rows than the shape says", npz({"x.npy": says("(4, 2)")})),
        File("x.npz", "a size that the zip lies about", patched(plain, size, struct.pack("<I", 2**31))),
        File("x.npz", "a size of nothing", patched(plain, size, bytes(4))),
        File("x.npz", "flipped bits", patched(plain, X.tobytes()[8:16], b"hostile!")),
        File("x.npz", "cut", plain[:-30]),
        File("x.npz", "locked with a password", patched(plain, b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")),
        File("x.npz", "1.2 GB in some MB", bomb),
        *tensors(),
    ]


def safe(header: Any, data: bytes = X.astype("<f4").tobytes(), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(kind: str = "F32", shape: Sequence[Any] = (3, 2), offsets: Sequence[int] = (0, 24)) -> dict[str, Any]:
    return {"x": {"dtype": kind, "shape": list(shape), "data_offsets": list(offsets)}}


def tensors() -> list[File]:
    name = "x.safetensors"
    upper = (X.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return [
        File(name, "plain", safe(tensor()), X),
        File(name, "bfloat16", safe(tensor("BF16", offsets=(0, 12)), upper), X),
        File(name, "a header of 2⁶⁰ bytes", safe(tensor(), length=2**60)),
        File(name, "a header that is no JSON", safe(b"{'x': 1}")),
        File(name, "a header of nested brackets", safe(b"[" * 50_000)),
        File(name, "a header that is a list", safe([1, 2])),
        File(name, "no tensors", safe({}, b"")),
        File(name, "metadata only", safe({"__metadata__": {"a": "b"}}, b"")),
        File(name, "offsets beyond the file", safe(tensor(offsets=(0, 2**40)))),
        File(name, "offsets backwards", safe(tensor(offsets=(24, 0)))),
        File(name, "two tensors in one place", safe(tensor() | {"y": tensor()["x"]})),
        File(name, "a shape that overflows", safe(tensor(shape=(2**62, 8)))),
        File(name, "a negative shape", safe(tensor(shape=(-3, 2)))),
        File(name, "an unknown type", safe(tensor("F31"))),
        File(name, "eight-bit floats", safe(tensor("F8_E4M3", offsets=(0, 6)), bytes(6))),
        File(name, "no rows", safe(tensor(shape=(0, 2), offsets=(0, 0)), b"")),
        File(name, "cut", safe(tensor())[:-5]),
        File(name, "a name of line ends", safe({"a\nb\n": tensor()["x"]}), X),
    ]


def tables() -> list[File]:
    return [
        File("x.csv", "plain", CSV, X),
        File("x.csv", "a BOM", "\ufeff" + CSV, X),
        File("x.csv", "lines of Windows", CSV.replace("\n", "\r\n"), X),
        File("x.csv", "lines of old Macs", CSV.replace("\n", "\r"), X),
        File("x.csv", "blank lines", "\n\n" + CSV.replace("\n", "\n\n"), X),
        File("x.csv", "no line end at its end", CSV.rstrip(), X),
        File("x.csv", "a comma at every line's end", CSV.replace("\n", ",\n"), X),
        File("x.csv", "decimal commas", "a;b\n0;0,25\n0,5;0,75\n1;1,25\n", X),
        File("x.csv", "commas that may part thousands", "a;b\n1,000;2\n3,500;4\n"),
        File("x.csv", "quotes", CSV.replace("0.25", '"0.25"'), X),
        File("x.csv", "names in Greek and emoji", CSV.replace("a,b", "α,🧠"), X),
        File("x.csv", "a name of two lines", CSV.replace("a,b", 'a,"b\nc"'), X),
        File("x.csv", "empty cells and NaN", "a,b\n,1\nnan,2\n", [[NAN, 1], [NAN, 2]]),
        File("x.csv", "20,000 columns", ",".join(f"c{i}" for i in range(20_000)) + ONES, [[1] * 20_000]),
        File("x.csv", "nothing", ""),
        File("x.csv", "blank lines only", "\n\n\n"),
        File("x.csv", "a header only", "a,b\n"),
        File("x.csv", "two columns of one name", CSV.replace("a,b", "a,a")),
        File("x.csv", "rows of several lengths", CSV + "1,2,3\n"),
        File("x.csv", "a NUL byte", CSV.replace("0.75", "0.\x0075")),
        File("x.csv", "nothing but NUL bytes", bytes(1000)),
        File("x.csv", "Latin-1", CSV.replace("a,b", "é,b").encode("latin-1")),
        File("x.csv", "UTF-16", CSV.encode("utf-16")),
        File("x.csv", "a quote that is not closed", CSV + '1,"2\n'),
        File("x.csv", "a cell of 3 MB", CSV + "1," + "9" * 3_000_000 + "x\n"),
        File("x.csv", "one cell that is a word", CSV + "1,x\n2,2\n"),
        File("x.csv", "a formula", CSV.replace("0.75", "=1+1")),
        File("x.csv", "percents", "a\n5%\n6%\n"),
        File("x.csv", "a page", "<!DOCTYPE html>\n<html><body>404</body></html>\n"),
        File("x.csv", "a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
        File("x.csv", "an array", npy(X)),
        File("x.tsv", "commas", CSV),
        *lines(),
        *parquets(),
    ]


def lines() -> list[File]:
    def rows(*each: str) -> str:
        return "\n".join(each) + "\n"

    deep = "[" * 100_000 + "]" * 100_000
    return [
        File("x.jsonl", "plain", rows('{"v": [0, 0.25]}', '{"v": [0.5, 0.75]}', '{"v": [1, 1.25]}'), X),
        File("x.jsonl", "NaN and infinity", rows('{"a": NaN}', '{"a": -Infinity}'), [[NAN], [-INF]]),
        File("x.jsonl", "a key that is missing", rows('{"a": 1, "b": 2}', '{"a": 3}'), [[1, 2], [3, NAN]]),
        File("x.jsonl", "mixed widths", rows('{"v": [1, 2]}', '{"v": [1]}')),
        File("x.jsonl", "nested lists", rows('{"v": [[1], [2]]}', '{"v": [[3], [4]]}')),
        File("x.jsonl", "lists and a number", rows('{"v": [1, 2]}', '{"v": 3}')),
        File("x.jsonl", "one key twice", rows('{"a": 1, "a": 2}', '{"a": 3, "a": 4}')),
        File("x.jsonl", "a number of 400 digits", rows('{"a": 1' + "0" * 400 + "}")),
        File("x.jsonl", "a number of 5,000 digits", rows('{"a": 1' + "0" * 5000 + "}")),
        File("x.jsonl", "100,000 brackets", rows('{"a": ' + deep + "}")),
        File("x.jsonl", "half a character", rows('{"\\ud800": "\\udc00"}')),
        File("x.jsonl", "no object", rows("[1, 2]")),
        File("x.jsonl", "broken", rows('{"a": 1}', '{"a": ')),
        File("x.jsonl", "one array on many lines", "[\n" + '{"a": 1},\n' * 3 + "]"),
        File("x.jsonl", "objects", rows('{"a": {"b": 1}}', '{"a": {"b": 2}}')),
        File("x.jsonl", "bools", rows('{"a": true}', '{"a": false}')),
        File("x.csv.gz", "plain", gzip.compress(CSV.encode()), X),
        File("x.csv.gz", "two parts in a row", gzip.compress(CSV.encode()[:9]) + gzip.compress(CSV.encode()[9:]), X),
        File("x.csv.gz", "not packed", CSV),
        File("x.csv.gz", "cut", gzip.compress(CSV.encode())[:-12]),
        File("x.csv.gz", "other bytes at its end", gzip.compress(CSV.encode()) + b"more"),
        File("x.csv.gz", "a wrong checksum", gzip.compress(CSV.encode())[:-8] + bytes(8)),
        File("x.csv.gz", "packed twice", gzip.compress(gzip.compress(CSV.encode()))),
        File("x.csv.gz", "1.2 GB in some MB", packed_zeros(b"a,b\n", b"0,0\n" * 2_500_000)),
        File("x-images.idx2-ubyte.gz", "1.2 GB in some MB", packed_zeros(IDX + LONG, bytes(10**7))),
        File("x-images.idx2-ubyte", "plain", IDX + struct.pack(">2I", 3, 2) + bytes(6), np.zeros((3, 2))),
        File("x-images.idx2-ubyte", "magic only", IDX),
        File("x-images.idx2-ubyte", "a wrong magic", b"\1\0\x08\2" + bytes(14)),
        File("x-images.idx2-ubyte", "an unknown type", b"\0\0\x07\2" + bytes(14)),
        File("x-images.idx2-ubyte", "no axis", b"\0\0\x08\0" + bytes(14)),
        File("x-images.idx2-ubyte", "255 axes", b"\0\0\x08\xff" + bytes(1020)),
        File("x-images.idx2-ubyte", "more rows than it holds", IDX + struct.pack(">2I", 4, 2) + bytes(6)),
        File("x-images.idx2-ubyte", "fewer rows than it holds", IDX + struct.pack(">2I", 2, 2) + bytes(6)),
        File("x-images.idx2-ubyte", "a shape of 2⁶⁴", IDX + struct.pack(">2I", 2**32 - 1, 2**32 - 1) + bytes(6)),
        File("x-images.idx2-ubyte", "no rows", IDX + struct.pack(">2I", 0, 2)),
    ]


IDX, LONG = b"\0\0\x08\2", struct.pack(">2I", 120_000_000, 10)


def packed_zeros(start: bytes, piece: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(start)
            for _ in range(120):
                file.write(piece)

    return write


def parquet(columns: Mapping[str, Any], names: Sequence[str] | None = None) -> bytes:
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    table = pyarrow.table(dict(columns))
    pyarrow.parquet.write_table(table.rename_columns(list(names)) if names else table, file)
    return file.getvalue()


def many_rows(path: Path) -> None:
    """Fifty million rows of nothing, in a file of some kilobytes."""
    import pyarrow
    import pyarrow.parquet

    part = pyarrow.table({"a": np.zeros(10**6), "b": np.zeros(10**6)})
    with pyarrow.parquet.ParquetWriter(path, part.schema) as file:
        for _ in range(50):
            file.write_table(part)


def many_words(path: Path) -> None:
    """A column of 30 million equal words, which as objects take gigabytes."""
    import pyarrow
    import pyarrow.parquet

    words = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(10**6, np.int32)), ["word"]).cast("string")
    part = pyarrow.table({"a": words})
    with pyarrow.parquet.ParquetWriter(path, part.schema) as file:
        for _ in range(30):
            file.write_table(part)


def parquets() -> list[File]:
    import pyarrow

    name, a, b = "x.parquet", X[:, 0], X[:, 1]
    plain = parquet({"a": a, "b": b})
    fixed = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(X.ravel()), 2)
    return [
        File(name, "plain", plain, X),
        File(name, "lists", parquet({"v": X.tolist()}), X),
        File(name, "lists of one length", parquet({"v": fixed}), X),
        File(name, "half floats", parquet({"v": pyarrow.array(a.astype(np.float16))}), X[:, :1]),
        File(name, "decimals", parquet({"v": [Decimal("0.00"), Decimal("0.50"), Decimal("1.00")]}), X[:, :1]),
        File(name, "missing numbers", parquet({"v": pyarrow.array([1, None], pyarrow.int64())}), [[1], [NAN]]),
        File(name, "names in Greek and of line ends", parquet({"α": a, "b\nc": b}), X),
        File(name, "two columns of one name", parquet({"a": a, "b": b}, ["a", "a"])),
        File(name, "mixed widths", parquet({"v": [[1.0], [1.0, 2.0]]})),
        File(name, "nested lists", parquet({"v": [[[1.0]], [[2.0]]]})),
        File(name, "lists that are missing", parquet({"v": [[1.0], None]})),
        File(name, "words", parquet({"v": ["a", "b"]})),
        File(name, "dates", parquet({"v": pyarrow.array([0, 1], pyarrow.timestamp("s"))})),
        File(name, "objects", parquet({"v": [{"a": 1}, {"a": 2}]})),
        File(name, "no rows", parquet({"a": a[:0], "b": b[:0]})),
        File(name, "no columns", parquet({})),
        File(name, "magic only", b"PAR1PAR1"),
        File(name, "a wrong magic", b"PAR2" + plain[4:-4] + b"PAR2"),
        File(name, "an encrypted one's magic", plain[:-4] + b"PARE"),
        File(name, "a footer longer than the file", plain[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1"),
        File(name, "a footer of zeros", plain[:-200] + bytes(192) + plain[-8:]),
        File(name, "pages of zeros", plain[:4] + bytes(200) + plain[204:]),
        File(name, "cut", plain[: len(plain) // 2]),
        File(name, "a table of text", CSV),
        File(name, "50 million rows", many_rows),
        File(name, "30 million words", many_words),
        File("x.pkl", "a pickle", pickle.dumps(Evil())),
        File("x.pt", "a pickle of torch", pickle.dumps(Evil())),
        File("x", "no ending", npy(X)),
        File("a\nb.csv", "a name of two lines", CSV, X),
        File("a:b.csv", "a name with a colon", CSV, X),
        File("folder.npy", "a folder", Path.mkdir),
        File("gone.npy", "a link to nothing", lambda path: path.symlink_to("nothing")),
        File("loop.npy", "a link to itself", lambda path: path.symlink_to(path)),
        File("endless.npy", "an endless device", lambda path: path.symlink_to("/dev/zero")),
        File("pipe.csv", "a pipe", pipe),
    ]


def pipe(path: Path) -> None:
    import os

    os.mkfifo(path)


def files() -> list[File]:
    """All of them."""
    return [*arrays(), *tables()]
