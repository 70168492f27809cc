"""Ledger: what the bytes of every file of a run were when it was written, so that damage is never taken for data."""

from __future__ import annotations

import contextlib
import math
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from layerscape.core.provenance import fingerprint
from layerscape.errors import FileProblem
from layerscape.storage.files import readable, replace_file
from layerscape.storage.sealed import digest, plain, sealed, typed, unsealed

NAME = "ledger.json"
BLOCK = 2**20  # bytes that share a digest: whoever reads a few rows proves little more than those
CURE = "see what is whole with: layerscape check {}"


@dataclass(frozen=True)
class Entry:
    """The bytes of one file: how many, and a digest of every `BLOCK` of them."""

    size: int
    blocks: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> Entry:
        """Of a file as it is."""
        with path.open("rb") as file:
            blocks = tuple(map(digest, iter(lambda: file.read(BLOCK), b"")))
            return cls(file.tell(), blocks)

    @classmethod
    def of_bytes(cls, data: bytes | memoryview) -> Entry:
        """Of a file that is to hold these bytes."""
        view = memoryview(data)
        return cls(len(data), tuple(digest(view[start : start + BLOCK]) for start in range(0, len(data), BLOCK)))


ABSENT = Entry(-1, ())  # of a file that is written for the first time, before it is there


@dataclass(frozen=True)
class _Book:
    """The contents of ``ledger.json``: file name within the run to what its bytes may be.

    While a file is replaced it may be what it was or what it becomes, since a kill can come between the two.
    """

    files: dict[str, tuple[Entry, ...]] = field(default_factory=dict)


class Ledger:
    """The ledger of one run folder.

    A block of bytes is compared with its digest when it is first read in a process, and again if the file has been
    replaced since; nothing in the folder says that it has been compared before.

    Parameters
    ----------
    folder
        The run.
    kept
        False for a run of an earlier format, which has none: then files are only looked for.
    """

    def __init__(self, folder: Path, *, kept: bool = True) -> None:
        self.folder, self.kept = folder, kept
        self._book: _Book | None = None
        self._state: tuple[int, ...] = ()  # of the file when it was read
        self._proven: dict[str, tuple[tuple[int, ...], set[int]]] = {}
        self._guard = threading.RLock()

    def __reduce__(self) -> tuple[object, ...]:
        """As another process reads it, which may stand elsewhere."""
        return partial(Ledger, self.folder.absolute(), kept=self.kept), ()

    # What is known

    def names(self) -> list[str]:
        """The files that it knows, by their paths within the run."""
        return list(self._read().files)

    def knows(self, name: str) -> bool:
        """Whether a file was written by a process that could say so; in a run without ledger, whether it is there."""
        if not self.kept:
            return (self.folder / name).exists()
        return name in self._read().files or name in self._read(again=True).files

    def misses(self, name: str) -> bool:
        """Whether a file must be there; one that was about to be written for the first time may be."""
        return self.kept and self.knows(name) and ABSENT not in self._read().files[name]

    def identity(self, names: list[str]) -> str:
        """One digest of the contents of several files, whatever their names are; empty in a run without ledger."""
        if not self.kept:
            return ""
        entries = [self._read().files[name][-1] for name in names]
        return fingerprint(part for entry in entries for part in (str(entry.size), *entry.blocks))

    def prove(self, name: str, start: int = 0, stop: int | None = None) -> None:
        """Raise unless these bytes of a file (all of them when left out) are those that were written."""
        path = self.folder / name
        found = self.present(name)
        if not self.kept:
            return
        with self._guard:
            key = _key(found)
            if name not in self._proven or self._proven[name][0] != key:
                self._proven[name] = (key, set())
            proven = self._proven[name][1]
            blocks = range(start // BLOCK, math.ceil((found.st_size if stop is None else stop) / BLOCK))
            left = [block for block in blocks if block not in proven]
        if left and not self._equal(name, path, left):
            raise self.damaged(name, "its bytes are not those that were written")
        proven.update(left)

    def present(self, name: str) -> os.stat_result:
        """The state of a file; raises if it is none, or is of another length than was written."""
        path = self.folder / name
        try:
            found = path.stat()
        except FileNotFoundError:
            raise self.damaged(name, "it is missing") from None
        except OSError as error:
            raise self.damaged(name, f"it cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode):
            raise self.damaged(name, "it is no plain file")
        if self.kept:
            if not self.knows(name):
                raise self.damaged(name, "the ledger does not know it")
            if found.st_size not in self._sizes(name) and found.st_size not in self._sizes(name, again=True):
                raise self.damaged(name, f"it has {found.st_size:,} bytes, and {self._sizes(name)[-1]:,} were written")
        return found

    def state(self, name: str) -> tuple[int, ...]:
        """What changes when a file, or what is known of it, is replaced."""
        return (*_state(self.folder / name), *_state(self.folder / NAME))

    def damaged(self, name: str, why: str) -> FileProblem:
        """The error that says which file of the run is not as it was written."""
        return FileProblem(f"{self.folder / name} is damaged: {why}; {CURE.format(self.folder)}")

    # Writing, by one process at a time

    @contextlib.contextmanager
    def replacing(self, name: str, entry: Entry) -> Iterator[None]:
        """While this is open the file may be what it was or what it becomes; afterwards it is the latter."""
        self.announce(name, entry)
        yield
        self.settle(name)

    def announce(self, name: str, entry: Entry) -> None:
        """From now on the file may also be what it becomes; what earlier writers announced stays, who may be killed."""
        if self.kept:
            self.commit({name: (*self._read(again=True).files.get(name, (ABSENT,)), entry)})

    def settle(self, name: str) -> None:
        """The file has become what was announced."""
        if self.kept:
            self.commit({name: self._read(again=True).files[name][-1:]})

    def replace(self, name: str, data: bytes) -> None:
        """Write a whole file of the run, and what its bytes are."""
        with self.replacing(name, Entry.of_bytes(data)):
            replace_file(self.folder / name, data)

    def commit(self, files: Mapping[str, tuple[Entry, ...]]) -> None:
        """Add what files are to be, or leave out those that are to be nothing; the ledger is replaced as a whole."""
        known = {**self._read(again=True).files, **files}
        book = _Book({name: entries for name, entries in known.items() if entries})
        replace_file(self.folder / NAME, sealed(plain(book)))
        with self._guard:
            self._book, self._state = book, _state(self.folder / NAME)

    def begin(self) -> None:
        """An empty ledger for a run that has none yet."""
        if not (self.folder / NAME).exists():
            replace_file(self.folder / NAME, sealed(plain(_Book())))

    # Reading

    def _read(self, *, again: bool = False) -> _Book:
        """The book; ``again`` if another process may have replaced it."""
        with self._guard:
            path = self.folder / NAME
            if self._book is None or (again and _state(path) != self._state):
                self._state = _state(path)
                cure = f"if you trust what the folder holds: layerscape check {self.folder} --adopt"
                with readable(path, cure):
                    self._book = typed(unsealed(path, cure), _Book)
            return self._book

    def _sizes(self, name: str, *, again: bool = False) -> list[int]:
        return [entry.size for entry in self._read(again=again).files[name]]

    def _equal(self, name: str, path: Path, blocks: list[int]) -> bool:
        """Whether these blocks are as the ledger says; if not, whether another process has replaced the file since."""
        with path.open("rb") as file:
            found = {}
            for block in blocks:
                file.seek(block * BLOCK)
                found[block] = digest(file.read(BLOCK))
        return any(
            all(block < len(entry.blocks) and entry.blocks[block] == value for block, value in found.items())
            for again in (False, True)
            for entry in self._read(again=again).files.get(name, ())
        )


def _state(path: Path) -> tuple[int, ...]:
    """What changes when a file is replaced; nothing if there is none."""
    try:
        return _key(path.stat())
    except OSError:
        return ()


def _key(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_size, found.st_mtime_ns
