"""Files that are whole or absent, and a full disk said in one line."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from layerscape.errors import FileProblem, MissingExtra, wants_memory

PARTIAL = ".partial"  # what is being written; Zarr uses the same ending
_TEMPORARY: set[Path] = set()  # folders that no power cut needs to spare, since nobody knows of them afterwards


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` at the end; so ``path`` is whole even after a kill or a power cut."""
    aside = path.with_name(path.name + PARTIAL)
    with file_problems(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield aside
            sync(aside)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Write a whole file at once."""
    with written_aside(path) as aside:
        aside.write_bytes(data)


def remove_folder(path: Path | None) -> None:
    """Take a folder away with what it holds, where there is one."""
    if path is not None:
        shutil.rmtree(path, ignore_errors=True)


def temporary_folder() -> Path:
    """A new folder for the time of this process; nobody waits until what is written into it is on the disk."""
    path = Path(tempfile.mkdtemp(prefix="layerscape-"))
    _TEMPORARY.add(path)
    return path


def remove_temporary(path: Path) -> None:
    """Take away what `temporary_folder` made."""
    remove_folder(path)
    _TEMPORARY.discard(path)


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk, unless they go with this process."""
    if not _TEMPORARY.isdisjoint((path, *path.parents)):
        return
    if path.is_dir() and os.name != "posix":  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def file_problems(path: Path) -> Iterator[None]:
    """Turn what the system says against writing a run into one line that says what to do."""
    try:
        yield
    except FileProblem:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FileProblem(
                f"the disk is full at {path}; what was finished is kept: free some space and run the same command again"
            ) from error
        raise FileProblem(
            f"cannot write {path}: {error.strerror or error}; mend that, or give another --out"
        ) from error


@contextlib.contextmanager
def readable(path: Path, cure: str) -> Iterator[None]:
    """Turn whatever a library says against the file that it reads into one line, which ends with what to do."""
    try:
        yield
    except (FileProblem, MissingExtra):
        raise
    except Exception as error:  # each library has its own, and a damaged file may lead to any of them
        if wants_memory(error):
            raise MemoryError(f"of {path}: {error}") from None
        why = " ".join(str(error).split()) or type(error).__name__
        raise FileProblem(f"{path} cannot be read ({why[:200]}); {cure}") from None


def in_words(n_bytes: int) -> str:
    """A number of bytes as people read it.

    >>> in_words(12_345_678_901)
    '12.3 GB'
    """
    size, units = float(n_bytes), iter(("bytes", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 999.95 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
