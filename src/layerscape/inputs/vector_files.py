"""Vector files: layers, ids and columns of labels out of whatever vectors are kept in."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import FileProblem, InvalidValue, unknown_name
from layerscape.inputs.files import check_samples_held, existing_file, format_of, format_said
from layerscape.inputs.hdf5 import ANNDATA, HDF5, read_anndata, read_hdf5
from layerscape.inputs.holding import Holding, InFile, by_number, depth_said, sorted_out
from layerscape.inputs.idx import read_idx
from layerscape.inputs.labels import ID_COLUMNS
from layerscape.inputs.matlab import MATLAB, read_matlab
from layerscape.inputs.matrix import (
    ARRAYS,
    FOR_RUNS,
    Unreadable,
    npz_names,
    read_npy,
    read_npz,
    read_safetensors,
    safetensors_names,
    split_name,
)
from layerscape.inputs.tables import TABLES, as_words, read_arrow, read_table
from layerscape.inputs.vectors import check_gaps, column_of_values, columns_of_arrow, named, units_of

Reader = Callable[[Path], Mapping[str, Any]]
ENDINGS = (*ARRAYS, *TABLES, *FOR_RUNS)


def read_vectors(
    given: str | Path,
    *,
    id_column: str | None = None,
    labels: Sequence[str] = (),
    transposed: bool = False,
    others: Mapping[str, Reader] | None = None,
) -> Holding:
    """What a file of vectors holds; ``FILE:NAME,NAME`` chooses of its arrays or columns, by name or pattern.

    Parameters
    ----------
    given
        One of `ENDINGS`. Pickles are never loaded.
    id_column
        Where its ids are; ``id``, ``ids`` or ``index`` when left out.
    labels
        Columns of a table that are labels and no units, where it has them.
    transposed
        Whether matrices have a sample per column; of tables they have not.
    others
        Ending to who reads such files, for formats whose libraries have their door elsewhere.

    Raises
    ------
    LayerscapeError
        If the file is missing, broken, or holds no vectors of samples; or its library is not there.
    """
    path, wanted = _split(given)
    kind = ".zarr" if path.is_dir() else format_of(path)
    if kind in TABLES:
        if transposed:
            raise InvalidValue(f"{path} is a table, which has a sample per row; give its numbers in another format.")
        return _of_table(existing_file(path), wanted, id_column, labels)
    reader = {**_READERS, **(others or {})}.get(kind)
    if reader is None:
        existing_file(path)
        raise FileProblem(
            f"{path} is of no known format ({format_said(kind)}); give {', '.join(ENDINGS)} or IDX. "
            "Pickles are never loaded."
        )
    found = reader(path if kind == ".zarr" else existing_file(path))
    holding = sorted_out(path, found if isinstance(found, InFile) else InFile(found), wanted, id_column, transposed)
    if path.is_file():
        check_samples_held(path, holding.n_samples)
    return holding


def _split(given: str | Path) -> tuple[Path, str | None]:
    """As `split_name`, also of a folder."""
    head, _, name = str(given).rpartition(":")
    return (Path(head), name) if head and not Path(given).exists() and Path(head).is_dir() else split_name(given)


def _idx(path: Path) -> dict[str, Any]:
    array = read_idx(path)
    return {"": array.reshape(len(array), -1)}


def _npz(path: Path) -> dict[str, Any]:
    names = npz_names(path)
    if {"indptr", "indices", "format"} <= set(names):
        raise InvalidValue(
            f"{path} is a sparse matrix of scipy; save it dense: np.save(FILE, load_npz(FILE).toarray())."
        )
    return _readable(path, names, read_npz, "save texts as np.array(x, dtype=str)")


def _safetensors(path: Path) -> dict[str, Any]:
    return _readable(path, by_number(safetensors_names(path)), read_safetensors, "save it as float32")


def _readable(
    path: Path, names: Sequence[str], read: Callable[[Path, str], np.ndarray], cure: str
) -> dict[str, np.ndarray]:
    """Those of the arrays of a file that can be read, if there are any; others are named."""
    found, left = {}, {}
    for name in names:
        try:
            found[name] = read(path, name)
        except Unreadable as error:
            left[name] = error
    if left and not found:
        raise next(iter(left.values()))
    if left:
        warnings.warn(f"{path}: left out {named(list(left))}, of a type that is not read; {cure}", stacklevel=5)
    return found


_READERS: dict[str, Callable[[Path], Mapping[str, Any] | InFile]] = {
    ".npy": lambda path: {"": read_npy(path)},
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".idx": _idx,
    MATLAB: read_matlab,
    ANNDATA: read_anndata,
    **dict.fromkeys(HDF5, read_hdf5),
}


def _of_table(path: Path, wanted: str | None, id_column: str | None, labels: Sequence[str]) -> Holding:
    """Columns of vectors are layers of their own; plain numbers are the units of one."""
    table = read_table(path, index=True)
    key = id_column or next((name for name in ID_COLUMNS if name in table), None)
    if key is not None and key not in table:
        raise unknown_name(f"column of {path}", key, table)
    depths: dict[str, float] = {}
    if format_of(path) == ".parquet":
        arrow = read_arrow(path)
        columns, depths = columns_of_arrow(arrow), _depths(arrow.schema)
    else:
        columns = {name: column_of_values(values) for name, values in table.items()}
    columns = {name: values for name, values in columns.items() if name != key and name not in labels}
    vectors = [name for name, values in columns.items() if isinstance(values, np.ndarray) and values.ndim == 2]
    ids = as_words(table[key]) if key else ()
    if wanted is None and ids and set(ids) == _numbers(columns):  # as distances between all samples are kept
        units = list(ids)
        arrays = {"": np.column_stack([np.asarray(columns[name]) for name in units])}
    elif wanted is None and vectors:
        arrays, units = {name: np.asarray(columns[name]) for name in vectors}, vectors
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it names what is left out, which may be labels
            units = units_of(path, columns, wanted)
        arrays = {"": np.column_stack([np.asarray(columns[name]) for name in units])}
        if len(units) == 1 and units[0] in vectors:
            arrays = {units[0]: arrays[""]}
    check_gaps(path, columns, units)
    others = {name: values for name, values in table.items() if name != key and name not in units}
    return Holding(arrays, ids, key or "", others, depths)


def _numbers(columns: Mapping[str, Any]) -> set[str]:
    """The names of the columns of numbers."""
    return {
        name
        for name, values in columns.items()
        if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biuf"
    }


def _depths(schema: Any) -> dict[str, float]:
    """What `Run.to_parquet` has written beside the vectors of a layer."""
    said = {each.name: depth_said((each.metadata or {}).get(b"depth")) for each in schema}
    return {name: depth for name, depth in said.items() if depth is not None}
