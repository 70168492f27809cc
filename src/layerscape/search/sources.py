"""Where the machines of a cluster read samples: a Zarr array that all of them reach, or a file beside the results."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from layerscape.core.lists import as_vectors
from layerscape.core.lock import hold
from layerscape.core.representation import Representation
from layerscape.errors import FileProblem, InvalidType, InvalidValue, require

AT_ONCE = 2**24  # bytes that are copied at a time
VECTORS = "vectors.bin"


@dataclass(frozen=True)
class RowFile:
    """A plain file of rows, read without mapping it, so that what was read leaves the memory again."""

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        with self.path.open("rb") as file:
            file.seek(start * self.shape[1] * self.dtype.itemsize)
            found = np.fromfile(file, self.dtype, (stop - start) * self.shape[1])
        return found.reshape(stop - start, self.shape[1])

    def __setitem__(self, rows: tuple[slice, ...] | slice, values: np.ndarray) -> None:
        start = (rows if isinstance(rows, slice) else rows[0]).start or 0
        with self.path.open("r+b") as file:
            hold(file)
            file.seek(start * self.shape[1] * self.dtype.itemsize)
            file.write(np.ascontiguousarray(values, self.dtype).tobytes())

    def create(self) -> RowFile:
        """The file at its full length, without contents."""
        with self.path.open("wb") as file:
            file.truncate(math.prod(self.shape) * self.dtype.itemsize)
        return self


@dataclass(frozen=True, eq=False)
class StoredRows:
    """The rows of all samples, by whoever may reach them.

    Attributes
    ----------
    array
        A Zarr array, or `RowFile`; it is sent to the workers, and holds no values.
    title
        What error messages call it.
    together
        How many rows are stored as one, so that whoever reads a few reads all of them.
    ids
        Names of the samples, where there are such; the workers do not get them.
    """

    array: Any
    title: str
    together: int = 1
    ids: tuple[str, ...] | None = None

    @property
    def n_samples(self) -> int:
        return int(self.array.shape[0])

    @property
    def n_units(self) -> int:
        return int(self.array.shape[1])

    @property
    def row_bytes(self) -> int:
        return self.n_units * self.array.dtype.itemsize

    def name_of(self, row: int) -> str:
        """What a sample is called."""
        return self.ids[row] if self.ids else str(row)

    def sent(self) -> StoredRows:
        """As the workers get it."""
        return replace(self, ids=None)

    def read(self, rows: slice) -> np.ndarray:
        """The rows as they are stored, in one piece."""
        try:
            found = np.ascontiguousarray(self.array[rows])
        except FileProblem:
            raise
        except Exception as error:  # each kind of store has its own
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise FileProblem(f"rows {rows.start}..{rows.stop - 1} of {self.title} cannot be read ({why}).") from None
        if found.shape != (rows.stop - rows.start, self.n_units):
            raise FileProblem(
                f"rows {rows.start}..{rows.stop - 1} of {self.title} are not there; was it cut meanwhile?"
            )
        return found

    def check_here(self) -> None:
        """Raise where this machine does not find what the others do; of what is missing Zarr reads zeros."""
        if isinstance(self.array, RowFile):
            there = self.array.path.is_file()
        else:
            zarr = require("zarr", "runs")
            try:
                there = (
                    zarr.open_array(self.array.store, path=self.array.path, mode="r").metadata == self.array.metadata
                )
            except Exception:  # whatever the store says, it is not there
                there = False
        if not there:
            raise FileProblem(f"{self.title} is not the same where a worker looks for it")


def digest_of(block: np.ndarray | bytes) -> str:
    """128 bits that tell whether rows, or the bytes of a file, are those that were read or written before."""
    held = block if isinstance(block, bytes) else block.data.cast("B")
    return blake2b(held, digest_size=16).hexdigest()


def put_whole(path: Path, data: bytes) -> Path:
    """A file that is there whole or not at all, whoever writes the same one at once."""
    aside = path.with_name(f"{path.name}.{uuid4().hex[:12]}.partial")
    aside.write_bytes(data)
    return aside.replace(path)


def source_of(x: Any, folder: Path, compute: Callable[[Any], Any]) -> StoredRows:
    """Where workers read ``x``; what they cannot reach is written into a folder that they share.

    Parameters
    ----------
    x
        A Zarr array, the path or URL of one, a dask array, or whatever else `find_neighbors` takes.
    compute
        Stores a dask array by the workers.
    """
    if isinstance(x, (str, Path)):
        x = _opened(str(x))
    matrix, title, ids = x, "the data", None
    if isinstance(x, Representation):
        matrix, title, ids = x.matrix, x.title, x.ids if x.named else None
    if hasattr(matrix, "store") and hasattr(matrix, "chunks") and hasattr(matrix, "metadata"):
        _check(matrix, title)
        if type(matrix.store).__name__ != "MemoryStore":
            _tell_missing(matrix, title)
            return StoredRows(matrix, title, int(matrix.chunks[0]), ids)
    if hasattr(matrix, "dask") and hasattr(matrix, "chunks"):
        _check(matrix, title)
        return StoredRows(_computed(matrix, folder, compute), title, ids=ids)
    return StoredRows(_written(as_vectors(x), folder / VECTORS), title, ids=ids)


def _opened(url: str) -> Any:
    """The Zarr array at a path or URL."""
    zarr = require("zarr", "runs")
    try:
        found = zarr.open(url, mode="r")
    except Exception as error:  # of the store, of the network, of Zarr
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileProblem(f"{url} cannot be opened as Zarr ({why}); check it.") from None
    if hasattr(found, "members"):
        names = ", ".join(sorted(name for name, _ in found.members())[:10]) or "nothing"
        raise InvalidValue(f"{url} is a Zarr group of {names}; give the path of one array: {url.rstrip('/')}/NAME.")
    return found


def _tell_missing(array: Any, title: str) -> None:
    """Of chunks that were never written Zarr reads one value; a run knows its chunks, and misses none in silence."""
    missing = 0 if type(array.store).__name__ == "ProvenStore" else array.nchunks - array.nchunks_initialized
    if missing:
        warnings.warn(
            f"{missing} of {array.nchunks} chunks of {title} were never written and are read as {array.fill_value}; "
            "search again when it is whole, unless that is meant",
            stacklevel=2,
        )


def _check(array: Any, title: str) -> None:
    """What `Representation` checks, which would number all samples."""
    if any(not isinstance(size, (int, np.integer)) for size in array.shape):
        raise InvalidValue(f"{title} is of unknown length, shape {array.shape}; call x.compute_chunk_sizes() first.")
    if len(array.shape) != 2 or 0 in array.shape:
        raise InvalidValue(f"{title} has shape {tuple(array.shape)}; a representation is a matrix of samples × units.")
    if np.dtype(array.dtype).kind not in "biuf":
        raise InvalidType(f"{title} holds values of type {array.dtype}; give real numbers.")


def _computed(array: Any, folder: Path, compute: Callable[[Any], Any]) -> RowFile:
    """A dask array, each of whose blocks of rows a worker computes once and writes."""
    target = RowFile(folder / VECTORS, (int(array.shape[0]), int(array.shape[1])), np.dtype(array.dtype)).create()
    compute(array.rechunk({1: -1}).store(target, lock=False, compute=False))
    return target


def _written(x: Representation, path: Path) -> RowFile:
    """Rows that only this machine has."""
    target = RowFile(path, (x.n_samples, x.n_units), np.dtype(x.matrix.dtype)).create()
    step = max(1, AT_ONCE // (x.n_units * target.dtype.itemsize))
    for rows in slices(x.n_samples, step):
        target[rows] = np.asarray(x.matrix[rows])
    return target


def written(x: Representation, path: Path) -> StoredRows:
    """Points that are asked for, beside the results."""
    return StoredRows(
        _written(x, path), x.title if x.name or x.layer else "the queries", ids=x.ids if x.named else None
    )


def slices(n: int, step: int) -> Iterator[slice]:
    """Slices that cover so many rows in order."""
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
