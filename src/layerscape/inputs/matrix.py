"""Arrays from files: .npy, .npz, .safetensors, .parquet, .csv and IDX. Nothing is ever unpickled."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from layerscape.errors import FileProblem, InvalidType, InvalidValue, LayerscapeError, unknown_name
from layerscape.inputs.files import check_samples_held, check_unpacked, existing_file, format_of, format_said, reason_of
from layerscape.inputs.hdf5 import ANNDATA, HDF5
from layerscape.inputs.idx import read_idx
from layerscape.inputs.matlab import MATLAB
from layerscape.inputs.tables import TABLES, read_arrow, read_table
from layerscape.inputs.vectors import column_of_values, columns_of_arrow, vectors_of

ARRAYS = (".npy", ".npz", ".safetensors")
FOR_RUNS = (".zarr", *HDF5, ANNDATA, MATLAB, ".pt", ".pth")  # which `vector_files` reads
OBJECTS = "it is no array, or one of Python objects, which is never unpickled"


class Unreadable(FileProblem):
    """An array of a file that has others is of a kind that is not read."""


def read_matrix(path: str | Path, name: str | None = None) -> np.ndarray:
    """The array in a file, one sample per row.

    Parameters
    ----------
    path
        A ``.npy`` (not loaded but mapped into memory), ``.npz``, ``.safetensors``, ``.csv``, ``.tsv``, ``.jsonl``,
        ``.parquet`` or IDX file. ``file.npz:name`` chooses one of several arrays; ``table.csv:a,b`` or
        ``table.parquet:dim_*`` columns of a table.
    name
        The same, said apart.

    Returns
    -------
    np.ndarray
        In the type it is stored in, except that bfloat16 becomes float32. Of a table the columns that are named, or
        else those that are plainly its units (see `layerscape.inputs.vectors`); a warning names what is left out. A
        missing value is NaN. IDX images are flattened.

    Raises
    ------
    FileProblem
        If the file is missing, empty, corrupt, or holds objects that would have to be unpickled.
    UnknownName, InvalidValue
        If it has no array of that name, or several and none is named.
    InvalidType
        If the values are no real numbers.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savetxt(f"{folder}/x.csv", np.eye(2), delimiter=",", header="a,b", comments="")
    ...     read_matrix(f"{folder}/x.csv")
    array([[1., 0.],
           [0., 1.]])
    """
    path, said = split_name(path)
    name = said if name is None else name
    if (kind := format_of(path)) in FOR_RUNS and path.exists():
        raise FileProblem(
            f"{path} may hold several arrays, ids and labels; make a run of it: layerscape vectors {path} --out RUN."
        )
    existing_file(path)
    if kind == ".parquet":
        array = vectors_of(path, columns_of_arrow(read_arrow(path)), name)
    elif kind in TABLES:
        columns = {column: column_of_values(values) for column, values in read_table(path).items()}
        array = vectors_of(path, columns, name)
    elif kind == ".npz":
        array = read_npz(path, name)
    elif kind == ".safetensors":
        array = read_safetensors(path, name)
    elif kind in (".npy", ".idx"):
        if name is not None:
            raise InvalidValue(f"{path}:{name} names an array, but the file holds only one; leave the name out.")
        array = read_npy(path) if kind == ".npy" else read_idx(path)
        array = array.reshape(len(array), -1) if kind == ".idx" else array
    else:
        raise FileProblem(
            f"{path} is no array ({format_said(kind)}); give {', '.join((*ARRAYS, *TABLES))} or IDX. "
            "Pickles are never loaded."
        )
    if array.dtype.kind not in "biuf":
        raise InvalidType(f"{path} holds values of type {array.dtype}; give real numbers.")
    if array.ndim == 0 or array.size == 0:
        raise InvalidValue(f"{path} has shape {array.shape}; give at least one row and one column.")
    check_samples_held(path, len(array))
    return array


def split_name(given: str | Path) -> tuple[Path, str | None]:
    """``file.npz:name`` as path and name; a file that is really called so comes first."""
    head, _, name = str(given).rpartition(":")
    return (Path(head), name) if not Path(given).exists() and Path(head).is_file() else (Path(given), None)


def _choose(path: Path, name: str | None, names: Iterable[str]) -> str:
    names = list(names)
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        listed = ", ".join(names[:20]) + (f", … ({len(names)} in all)" if len(names) > 20 else "")
        raise InvalidValue(f"{path} holds the arrays: {listed or 'none'}; choose one, as in {path}:NAME.")
    if name not in names:
        raise unknown_name(f"array in {path}", name, names)
    return name


def read_npy(path: Path) -> np.ndarray:
    """The array in a .npy file, mapped into memory; of any type but objects."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX:
                file.seek(0)
                _check_header(file, path.stat().st_size)
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(found, np.ndarray):
            found.close()
            raise ValueError("it is a .npz file; rename it")
        return found
    except MemoryError:
        raise
    except Exception as error:  # a broken header may make numpy raise anything
        raise _broken(path, error) from None


def npz_names(path: Path) -> list[str]:
    """The names of the arrays in a .npz, in the order in which they were saved."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return list(arrays.files)
    except MemoryError:
        raise
    except Exception as error:
        raise _broken(path, error) from None


def read_npz(path: Path, name: str | None) -> np.ndarray:
    """One array of a .npz."""
    try:
        with path.open("rb") as file:  # np.load leaves a file that it cannot read open
            arrays = np.load(file, allow_pickle=False)
            if isinstance(arrays, np.ndarray):
                raise ValueError("it is a .npy file; rename it")
            chosen = _choose(path, name, arrays.files)
            _check_member(path, arrays, chosen)
            return arrays[chosen]
    except (LayerscapeError, MemoryError):
        raise
    except Exception as error:  # so may zipfile
        raise _broken(path, error) from None


def _check_member(path: Path, arrays: Any, name: str) -> None:
    """Raise if a member of a .npz is no array, or says a shape that it does not hold, before memory is taken for it."""
    member = arrays.zip.getinfo(name if name in arrays.zip.namelist() else f"{name}.npy")
    check_unpacked(path, member.file_size)
    with arrays.zip.open(member) as file:
        major = _check_header(file, member.file_size)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError(OBJECTS)
    if math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(f"{name!r} says shape {shape} and holds {member.file_size} bytes")


def _check_header(file: Any, n_bytes: int) -> int:
    """The version of a .npy; raise if its header says that it is longer than all, for numpy takes memory for it."""
    major, _ = np.lib.format.read_magic(file)
    width = 2 if major == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > n_bytes:
        raise ValueError(f"its header says {length:,} bytes, and there are {n_bytes:,}")
    file.seek(-width, 1)
    return major


def _broken(path: Path, error: Exception) -> FileProblem:
    with path.open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            return FileProblem(f"{path} is gzipped, and an array is read where it lies; unpack it: gunzip {path}.")
    objects = "pickle" in str(error) or "Python objects" in str(error)
    said = OBJECTS if objects else reason_of(error)
    return (Unreadable if objects else FileProblem)(
        f"{path} cannot be read ({said}); save it again from an array of numbers."
    )


def safetensors_names(path: Path) -> list[str]:
    """The names of the tensors in a file, in the order of the alphabet."""
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as tensors:
            return list(tensors.keys())
    except safetensors.SafetensorError as error:
        raise FileProblem(f"{path} cannot be read ({reason_of(error)}); check it, or save it again.") from None


def read_safetensors(path: Path, name: str | None) -> np.ndarray:
    """One tensor of a file; bfloat16 as float32."""
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as tensors:
            name = _choose(path, name, tensors.keys())
            stored = tensors.get_slice(name)
            if stored.get_dtype() != "BF16":  # of which numpy has no notion
                return tensors.get_tensor(name)
            shape = stored.get_shape()
    except safetensors.SafetensorError as error:
        raise FileProblem(f"{path} cannot be read ({reason_of(error)}); check it, or save it again.") from None
    except (TypeError, AttributeError) as error:  # such as the 8-bit floats
        raise Unreadable(f"{path}:{name} cannot be read by numpy ({error}); save it as float32.") from None
    return _read_bfloat16(path, name, shape)


def _read_bfloat16(path: Path, name: str, shape: list[int]) -> np.ndarray:
    """A bfloat16 tensor as float32, of which it is the upper half."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start, end = json.loads(file.read(length))[name]["data_offsets"]
        file.seek(start, 1)
        upper = np.frombuffer(file.read(end - start), "<u2")
    return (upper.astype(np.uint32) << 16).view(np.float32).reshape(shape)
