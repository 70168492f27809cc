"""A lock on a folder: of several processes, or threads, one writes there at a time."""

from __future__ import annotations

import contextlib
import os
import weakref
from pathlib import Path
from typing import IO

from layerscape.errors import FileProblem


class Lock:
    """The right to write a folder; it ends with `release`, or with the process, however that ends.

    Parameters
    ----------
    folder
        Where others must not write meanwhile.
    wait
        Whether to wait until they have ended; if not, a `FileProblem` says that they are there.
    busy
        What it says; that of a run when left out.
    """

    def __init__(self, folder: Path, *, wait: bool, busy: str | None = None) -> None:
        self._path = folder / ".lock"
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            self._close = weakref.finalize(self, os.close, descriptor)
            if not _lock(descriptor, wait):
                self._close()
                raise FileProblem(
                    busy
                    or f"the run at {folder} is open for writing elsewhere; wait until that ends, or give another --out"
                )
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), self._path.stat()):
                    return
            self._close()  # its last holder removed the file meanwhile: what was locked is nobody's

    def release(self) -> None:
        """Leave no trace and let the next one in; doing so twice does no harm."""
        if self._close.alive:
            self._path.unlink(missing_ok=True)
            self._close()


def hold(file: IO[bytes]) -> None:
    """Wait until no other process writes into an open file; closing it lets the next one in.

    Why. Several machines that write into one file over NFS write whole pages where nobody holds it, and with them what
    they believe stands beside their own bytes: zeros, where another one has written meanwhile.
    """
    _lock(file.fileno(), wait=True)


def _lock(descriptor: int, wait: bool) -> bool:
    if os.name != "posix":
        return True  # Windows has no flock; its users must start one process per folder
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
