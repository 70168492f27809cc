"""Arrays and arrays of pictures as a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.samples import Kind
from layerscape.errors import InvalidType
from layerscape.inputs.contents import Contents
from layerscape.inputs.files import check_samples_held
from layerscape.inputs.idx import labels_beside, read_idx
from layerscape.inputs.labels import as_labels
from layerscape.inputs.matrix import read_matrix
from layerscape.inputs.tables import Table
from layerscape.inputs.vectors import check_gaps, column_of_values, units_of


def array_source(
    array: np.ndarray,
    ids: Sequence[str] = (),
    labels: Mapping[str, np.ndarray] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
) -> Contents:
    """One sample per row of an array of any trailing shape; whole numbers, which may be of tokens, are read as such."""
    floats = np.result_type(array.dtype, np.float32)
    kept = array.dtype.newbyteorder("=") if array.dtype.kind in "iu" else floats

    def read(rows: Sequence[int]) -> list[np.ndarray]:
        return [np.array(array[row], dtype=kept) for row in rows]

    def inspect(rows: Sequence[int]) -> Iterator[bytes]:
        for row in rows:
            yield f"{floats.str}{array.shape[1:]}".encode() + np.array(array[row], dtype=floats).tobytes()

    return Contents(ids or [str(row) for row in range(len(array))], "array", read, inspect, labels or {}, columns or {})


def picture_source(
    pictures: np.ndarray, ids: Sequence[str] = (), labels: Mapping[str, np.ndarray] | None = None
) -> Contents:
    """One picture per row of a uint8 array of shape (N, height, width) or (N, height, width, 3)."""
    if pictures.dtype != np.uint8 or not (pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[3] == 3)):
        raise InvalidType(
            f"pictures of type {pictures.dtype} and shape {pictures.shape}; "
            "give uint8 of shape (N, height, width) or (N, height, width, 3)."
        )

    def read(rows: Sequence[int]) -> list[np.ndarray]:
        return [np.array(pictures[row]) for row in rows]

    def inspect(rows: Sequence[int]) -> Iterator[bytes]:
        for row in rows:
            yield f"{pictures.shape[1:]}".encode() + pictures[row].tobytes()

    return Contents(ids or [str(row) for row in range(len(pictures))], "image", read, inspect, labels or {})


def open_arrays(path: str | Path, kind: Kind) -> Contents:
    """The samples of an array that `read_matrix` can read."""
    array = read_matrix(path)
    return picture_source(array) if kind == "image" else array_source(array)


def open_idx(path: str | Path, kind: Kind) -> Contents:
    """The samples of an IDX file, with the labels that lie beside it."""
    pictures, beside = read_idx(path), labels_beside(Path(path))
    check_samples_held(Path(path), len(pictures))
    labels = {} if beside is None else {"label": as_labels(read_idx(beside))}
    return (picture_source if kind == "image" else array_source)(pictures, labels=labels)


def from_table(table: Table, ids: Sequence[str], picked: Sequence[str], given: str) -> Contents:
    """The columns that are units as one matrix; the others, and those that were picked as labels, as columns."""
    found = {name: column_of_values(values) for name, values in table.items() if name not in picked}
    units = dict.fromkeys(units_of(given, found))
    check_gaps(given, found, units)
    others = {name: values for name, values in table.items() if name not in units}
    return array_source(np.column_stack([np.asarray(found[name]) for name in units]), ids, columns=others)
