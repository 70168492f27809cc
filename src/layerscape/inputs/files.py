"""Files: which format a path has, and its text as UTF-8, plain or gzipped."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TextIO, TypeVar, cast

from layerscape.errors import FileProblem, InvalidValue, wants_memory

SETTING = "LAYERSCAPE_MAX_BYTES"
SHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
_CELL, _ROW = 24, 80  # bytes that a cell and a row take at least, as objects of Python
_SAMPLE = 90  # and the id of a sample
_AHEAD = 256  # rows that are read at once
_T = TypeVar("_T")


def format_of(path: Path) -> str:
    """The ending that tells the format, in lower case and without ``.gz``; ``.idx`` for the files of MNIST.

    >>> format_of(Path("a/B.FASTA.gz")), format_of(Path("t10k-images-idx3-ubyte.gz"))
    ('.fasta', '.idx')
    """
    name = path.name.lower().removesuffix(".gz")
    return ".idx" if re.search(r"[-.]idx\d-ubyte$", name) else Path(name).suffix


def format_said(kind: str) -> str:
    """A format that cannot be read, as it is called, and what to do with a spreadsheet.

    >>> format_said(".pt"), format_said(".xlsx")
    ('.pt', '.xlsx, a spreadsheet: save it as CSV')
    """
    return f"{kind}, a spreadsheet: save it as CSV" if kind in SHEETS else kind or "no ending"


def existing_file(path: str | Path) -> Path:
    """The path, or an error if it is not a file with something in it."""
    path = Path(path)
    if path.is_dir():
        raise FileProblem(f"{path} is a folder; give a file.")
    if not path.exists():
        raise FileProblem(f"{path} does not exist; check the path.")
    if not path.is_file():
        raise FileProblem(f"{path} is no regular file; give a file.")
    if path.stat().st_size == 0:
        raise FileProblem(f"{path} is empty; give a file with at least one sample.")
    return path


def check_unpacked(path: Path, n_bytes: int) -> None:
    """Raise if a file says that it unpacks to far more than it takes, before memory is taken for it."""
    most = most_unpacked(path)
    if n_bytes > most:
        raise FileProblem(
            f"{path} takes {path.stat().st_size:,} bytes and unpacks to {n_bytes:,} or more, which is more than "
            f"{most:,}; if that is meant, set {SETTING} to as many bytes as it may take."
        )


def most_unpacked(path: Path) -> int:
    """To how many bytes a file may unpack: as many as the user says, or a hundred times its own, and 1 GiB at least."""
    said = os.environ.get(SETTING, "")
    if said and not said.isdigit():
        raise InvalidValue(f"{SETTING}={said!r}; give a number of bytes.")
    return int(said) if said else max(2**30, 100 * path.stat().st_size)


def check_samples_held(path: Path, n_samples: int) -> None:
    """Raise if a file says far more samples than it takes bytes: each has an id."""
    check_unpacked(path, n_samples * _SAMPLE)


def held(path: Path, rows: Iterable[_T], cells: Callable[[_T], int]) -> Iterator[_T]:
    """Rows as they come, a few ahead, until as objects they would take far more memory than the file."""
    return chain.from_iterable(_counted(path, rows, cells))


def _counted(path: Path, rows: Iterable[_T], cells: Callable[[_T], int]) -> Iterator[list[_T]]:
    most, taken, some = most_unpacked(path), 0, []
    for row in rows:
        taken += _ROW + _CELL * cells(row)
        if taken > most:
            check_unpacked(path, taken)
        some.append(row)
        if len(some) == _AHEAD:
            yield some
            some = []
    yield some


class _Unpacked(gzip.GzipFile):
    """A gzipped file that is not read beyond what it may unpack to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path, self._most, self._done = path, most_unpacked(path), 0

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._most + 1 - self._done
        data = super().read(wanted if size is None or size < 0 else min(size, wanted))
        return self._counted(data)

    def read1(self, size: int = -1) -> bytes:
        data = super().read1(size)
        return self._counted(data)

    def _counted(self, data: bytes) -> bytes:
        self._done += len(data)
        if self._done > self._most:
            check_unpacked(self._path, self._done)  # which says so
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._done = 0
        return super().seek(offset, whence)


def reason_of(error: Exception) -> str:
    """What another library says is wrong with a file, in one line; raises if it is that there is no more memory."""
    if wants_memory(error):
        raise MemoryError(str(error)) from None
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split())


@contextmanager
def open_binary(path: str | Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked if it ends in ``.gz``; whatever goes wrong while it is open is a FileProblem."""
    path = existing_file(path)
    try:
        with _Unpacked(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield cast(IO[bytes], file)
    except FileProblem:
        raise
    except (EOFError, OSError, zlib.error) as error:
        raise FileProblem(f"{path} cannot be read ({reason_of(error)}); check it, or make it again.") from None


@contextmanager
def open_text(path: str | Path) -> Iterator[TextIO]:
    """The text of a file, which must be UTF-8; line ends are kept as they are."""
    try:
        with open_binary(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        raise FileProblem(
            f"{path} holds the byte 0x{error.object[error.start]:02x}, which is not UTF-8; convert it: "
            f"iconv -f ENCODING -t utf-8 {path} > new (ENCODING is often latin1 or utf-16)."
        ) from None
