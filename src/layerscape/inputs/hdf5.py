"""HDF5 and what lies in such files: plain data sets, AnnData (.h5ad) and MATLAB from version 7.3 on.

Data sets stay on disk and are sliced; nothing is unpickled, and links out of the file are not followed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import FileProblem, InvalidValue, LayerscapeError, require
from layerscape.inputs.files import check_unpacked, reason_of
from layerscape.inputs.holding import InFile, by_number
from layerscape.inputs.vectors import named

HDF5 = (".h5", ".hdf5", ".he5")
ANNDATA = ".h5ad"
MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class OnDisk:
    """A data set, sliced by its first axis; of MATLAB, which writes the last axis first, by its last."""

    path: Path
    dataset: Any
    turned: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.dataset.shape[::-1] if self.turned else self.dataset.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return self.dataset.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        with _reading(self.path):
            return np.transpose(self.dataset[(..., rows)]) if self.turned else self.dataset[rows]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix (N, D), of which rows become dense as they are read."""

    matrix: Any

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape

    @property
    def dtype(self) -> np.dtype:
        return self.matrix.dtype

    ndim = 2

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.matrix[rows].toarray()


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 does, perhaps after the 512 bytes that MATLAB puts in front."""
    with path.open("rb") as file:
        head = file.read(512 + len(MAGIC))
    return head.startswith(MAGIC) or head[512:] == MAGIC


@contextmanager
def _reading(path: Path) -> Any:
    try:
        yield
    except (LayerscapeError, MemoryError):
        raise
    except Exception as error:  # a broken file may make the library raise anything
        raise FileProblem(f"{path} cannot be read ({reason_of(error)}); check it, or make it again.") from None


def read_hdf5(path: Path) -> dict[str, Any]:
    """The data sets of a file by their path in it; numbers at the end of names count as numbers."""
    library = require("h5py", "formats")
    with _reading(path):
        file = library.File(path, "r")
        if "encoding-type" in file.attrs and file.attrs["encoding-type"] == "anndata":
            raise InvalidValue(f"{path} is AnnData; rename it to end in {ANNDATA}.")
        return {name: _value(path, each) for name, each in _datasets(library, file).items()}


def _datasets(library: Any, group: Any, prefix: str = "") -> dict[str, Any]:
    """Every data set below a group; what a link leads to in another file is none."""
    found: dict[str, Any] = {}
    for name in _in_order(group):
        if not isinstance(group.get(name, getlink=True), library.HardLink) or name.startswith("#"):
            continue
        each = group[name]
        if isinstance(each, library.Dataset):
            if each.external or each.is_virtual:
                raise InvalidValue(f"{group.file.filename}:{prefix}{name} lies in other files; copy it into this one.")
            found[prefix + name] = each
        elif isinstance(each, library.Group):
            found |= _datasets(library, each, f"{prefix}{name}/")
    return found


def _in_order(group: Any) -> Sequence[str]:
    """The names in a group as they were made, where it kept that; else by their numbers."""
    kept = hasattr(group, "id") and group.id.get_create_plist().get_link_creation_order()
    return list(group) if kept else by_number(group)


def _value(path: Path, dataset: Any) -> Any:
    """Matrices of numbers on disk, all else in memory."""
    if len(dataset.shape or ()) > 1 and dataset.dtype.kind in "biufc":
        return OnDisk(path, dataset)
    return _small(path, dataset)


def _small(path: Path, dataset: Any) -> np.ndarray:
    if dataset.shape is None:
        return np.zeros(())
    check_unpacked(path, dataset.size * max(dataset.dtype.itemsize, 1))
    return np.asarray(
        dataset.asstr("utf-8", "replace")[...] if dataset.dtype.kind == "O" and _is_text(dataset) else dataset[...]
    )


def _is_text(dataset: Any) -> bool:
    return require("h5py", "formats").check_string_dtype(dataset.dtype) is not None


def read_anndata(path: Path) -> InFile:
    """X, layers and obsm of AnnData by name, and the columns of its obs, of which the index has the ids.

    They are called ``X``, ``layers/NAME`` and ``obsm/NAME``. Sparse matrices are read dense, some rows at a time, and
    tables of numbers without their index; what else there is, is left out with a warning.
    """
    library = require("h5py", "formats")
    with _reading(path):
        file = library.File(path, "r")
        if "obs" not in file:
            raise InvalidValue(f"{path} has no obs, which AnnData has; give a file that anndata has written.")
        parts = {name: file[name] for name in ("X",) if name in file}
        for home in ("layers", "obsm"):
            parts |= {f"{home}/{name}": file[home][name] for name in _in_order(file.get(home, {}))}
        arrays = {name: _matrix(path, library, each) for name, each in parts.items()}
        if lost := [name for name, x in arrays.items() if x is None]:
            warnings.warn(f"{path}: left out {named(lost)}, neither a matrix nor a table of numbers", stacklevel=4)
        columns, index = _obs(path, library, file["obs"])
        return InFile({name: x for name, x in arrays.items() if x is not None}, columns, index)


def _matrix(path: Path, library: Any, part: Any) -> Any:
    """A dense matrix on disk, or a sparse one or a table of numbers in memory; None of anything else."""
    if isinstance(part, library.Dataset):
        return _value(path, part)
    kind = str(part.attrs.get("encoding-type", part.attrs.get("h5sparse_format", "")))
    kind = kind.removesuffix("_matrix")
    if kind == "dataframe":
        columns = [_column(path, library, part[name]) for name in part.attrs["column-order"]]
        numbers = [x for x in columns if isinstance(x, np.ndarray) and x.dtype.kind in "biuf"]
        return np.column_stack(numbers) if columns and len(numbers) == len(columns) else None
    if kind not in ("csr", "csc"):
        return None
    from scipy import sparse

    shape = tuple(int(size) for size in part.attrs["shape" if "shape" in part.attrs else "h5sparse_shape"])
    triple = tuple(_small(path, part[name]) for name in ("data", "indices", "indptr"))
    found = sparse.csr_matrix(triple, shape) if kind == "csr" else sparse.csc_matrix(triple, shape).tocsr()
    return Sparse(found)


def _obs(path: Path, library: Any, obs: Any) -> tuple[dict[str, Sequence[Any]], str | None]:
    """What is said of each sample; in files of early versions obs is one data set of records."""
    if isinstance(obs, library.Dataset):
        records = _small(path, obs)
        names = list(records.dtype.names or ())
        return {name: _words(records[name]) for name in names}, "index" if "index" in names else None
    index = str(obs.attrs.get("_index", "_index"))
    old = obs.get("__categories", {})
    columns = {}
    for name in obs:
        if name != "__categories":
            values = _column(path, library, obs[name], old.get(name))
            if values is not None:
                columns[name] = values
    return columns, index if index in columns else None


def _column(path: Path, library: Any, part: Any, categories: Any = None) -> Any:
    """A column of a table as AnnData writes it: plain, of categories, or with gaps."""
    if isinstance(part, library.Dataset):
        values = _words(_small(path, part))
        return values if categories is None else _of_codes(values, _words(_small(path, categories)))
    if "codes" in part:
        return _of_codes(_small(path, part["codes"]), _words(_small(path, part["categories"])))
    if "values" in part and "mask" in part:
        pairs = zip(_words(_small(path, part["values"])), _small(path, part["mask"]), strict=True)
        return [None if missing else value for value, missing in pairs]
    return None


def _of_codes(codes: Any, categories: Sequence[Any]) -> list[Any]:
    return [categories[code] if code >= 0 else None for code in codes]


def _words(values: np.ndarray) -> Any:
    if values.dtype.kind not in "OS":
        return values if values.dtype.kind in "biuf" else values.tolist()
    return [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values.tolist()]


def read_matlab_hdf5(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file of version 7.3: rows are rows again, fields of a struct ``s/field``."""
    library = require("h5py", "formats")
    with _reading(path):
        file = library.File(path, "r")
        return {name: _of_matlab(path, file, each) for name, each in _datasets(library, file).items()}


def _of_matlab(path: Path, file: Any, dataset: Any) -> Any:
    kind = _said(dataset.attrs, "MATLAB_class")
    if kind == "char":
        return np.array(_text(_small(path, dataset)))
    if kind == "cell" and dataset.dtype.kind == "O" and 1 in dataset.shape:
        cells = [file[reference] for reference in _small(path, dataset).ravel()]
        texts = [_text(_small(path, cell)) if _said(cell.attrs, "MATLAB_class") == "char" else None for cell in cells]
        return np.array(texts, dtype=object) if None not in texts else np.zeros(())
    if len(dataset.shape or ()) == 2 and 1 in dataset.shape:
        return _small(path, dataset).ravel()
    return OnDisk(path, dataset, turned=True) if len(dataset.shape or ()) > 1 else _small(path, dataset)


def _said(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def _text(codes: np.ndarray) -> str:
    """Characters as MATLAB keeps them: UTF-16; an empty text is two zeros."""
    return codes.T.astype("<u2").tobytes().decode("utf-16-le", errors="replace").strip("\0")
