"""Labels: which columns are labels, and labels from a file of their own."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import FileProblem, InvalidType, InvalidValue, unknown_name
from layerscape.inputs.by_id import labels_given, rows_of
from layerscape.inputs.contents import Contents
from layerscape.inputs.files import existing_file, format_of, format_said, held, open_text
from layerscape.inputs.holding import IDS, Holding
from layerscape.inputs.idx import read_idx
from layerscape.inputs.matrix import read_npy
from layerscape.inputs.tables import TABLES, Table, as_numbers, as_words, read_table
from layerscape.inputs.vectors import named

LONGEST = 200  # characters; what is longer is a text
ID_COLUMNS = IDS  # the same as in files of vectors


def as_labels(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """A column as labels: whole numbers and words are categories (``str``), other numbers real (float64).

    A missing value becomes ``""`` among categories and NaN among real numbers.

    >>> as_labels([3, 1.0, None])
    array(['3', '1', ''], dtype='<U1')
    >>> as_labels(["0.5", "", "2"])
    array([0.5, nan, 2. ])
    """
    numbers = as_numbers(values.tolist() if isinstance(values, np.ndarray) else values)
    if numbers is not None and not (np.isnan(numbers) | (np.isfinite(numbers) & (numbers == np.round(numbers)))).all():
        return numbers.astype(np.float64)
    return np.array(as_words(values), dtype=str)


def own_labels(source: Contents | Holding, wanted: Sequence[str] | None) -> dict[str, np.ndarray]:
    """The labels that come with the samples: the columns that are wanted, or those that look like labels."""
    certain = source.labels if isinstance(source, Contents) else {}
    if wanted is None:
        likely = {name: as_labels(values) for name, values in source.columns.items() if _may_be_labels(values)}
        return {**certain, **{name: values for name, values in likely.items() if _label_like(values)}}
    found: dict[str, np.ndarray] = {}
    for name in wanted:
        if name in certain:
            found[name] = certain[name]
            continue
        if name not in source.columns:
            raise unknown_name("label column", name, [*certain, *source.columns])
        if not _may_be_labels(source.columns[name]):
            raise InvalidType(
                f"label column {name!r} holds lists, objects or long texts; choose one of short words or numbers."
            )
        found[name] = as_labels(source.columns[name])
    return found


def _may_be_labels(values: Sequence[Any]) -> bool:
    """Whether it holds no lists, no objects and no long texts."""
    if isinstance(values, np.ndarray):
        return True
    return not any(
        isinstance(value, (list, dict)) or (isinstance(value, str) and len(value) > LONGEST) for value in values
    )


def _label_like(values: np.ndarray) -> bool:
    """Whether they are real numbers, or categories that on average occur at least twice."""
    if values.dtype.kind == "f":
        return True
    return 2 <= len(set(values.tolist())) <= len(values) / 2


def read_labels(path: str | Path) -> dict[str, np.ndarray]:
    """Column name to one label per sample.

    Parameters
    ----------
    path
        A table (CSV, TSV, JSON lines, Parquet), whose columns of words or numbers are taken; or one label per row
        under the name ``label``: a ``.npy`` of one axis, the lines of a ``.txt``, or an IDX file.

    Returns
    -------
    dict
        Arrays of ``str`` for categories and of float64 for real numbers, as `as_labels` makes them.

    Raises
    ------
    FileProblem
        If the file is missing, empty, broken, or of another format.
    InvalidValue
        If an array has more than one axis.
    """
    path = existing_file(path)
    if format_of(path) in TABLES:
        return {name: as_labels(values) for name, values in read_table(path).items() if _may_be_labels(values)}
    return {"label": as_labels(_read_column(path))}


def is_labels_file(given: str) -> bool:
    """Whether a text is a file of labels, there or missing, and no names of columns.

    >>> is_labels_file("labels.csv"), is_labels_file("kind,speaker")
    (True, False)
    """
    return Path(given).exists() or format_of(Path(given)) in (*TABLES, ".npy", ".txt", ".idx")


def _read_column(path: Path) -> Sequence[Any] | np.ndarray:
    kind = format_of(path)
    if kind == ".txt":
        with open_text(path) as file:
            return [line.strip() for line in held(path, file, lambda line: 1)]
    if kind not in (".npy", ".idx"):
        raise FileProblem(f"{path} holds no labels ({format_said(kind)}); give .csv, .parquet, .jsonl, .npy or .txt.")
    values = read_idx(path) if kind == ".idx" else read_npy(path)
    if values.ndim != 1:
        raise InvalidValue(f"{path} has shape {values.shape}; give one label per row, as an array of one axis.")
    return values


def labels_from(
    path: str | Path, ids: Sequence[str], rows: Sequence[int], id_columns: Sequence[str]
) -> dict[str, np.ndarray]:
    """Labels of the selected rows from a file: joined by id from a table, by row from anything else.

    The ids are in the first of ``id_columns`` that the table has. Where nobody named one, it has none, and ids are but
    the numbers of the samples, it is taken by row too, which is said.
    """
    path = existing_file(path)
    if format_of(path) in TABLES:
        table = read_table(path, index=True)
        if not _in_order(path, table, ids, id_columns):
            _say_more(path, table, ids, id_columns)
            return _join(path, table, [ids[row] for row in rows], id_columns)
        warnings.warn(f"{path} has no column of ids: its row i is taken to be sample i", stacklevel=4)
        return {name: as_labels(values)[rows] for name, values in table.items() if _may_be_labels(values)}
    found = read_labels(path)
    n_values = len(found["label"])
    if n_values != len(ids):
        raise InvalidValue(f"{path} has {n_values} labels for {len(ids)} samples; give one per sample, in their order.")
    return {name: values[rows] for name, values in found.items()}


def ids_beside(path: str | Path, n_samples: int, id_columns: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The column of ids, and the ids, in a table of labels with a row for each of N samples without ids.

    Empty where there is none, or where they number the rows.
    """
    path = Path(path)
    if format_of(path) not in TABLES:
        return "", ()
    table = read_table(existing_file(path), index=True)
    if _in_order(path, table, _numbers(n_samples), id_columns):
        return "", ()
    key = _key(path, table, id_columns)
    words = as_words(table[key])
    numbers_rows = set(words) == set(_numbers(n_samples))
    return key, () if numbers_rows or len(words) != n_samples else words


def known_labels(path: str | Path, ids: Sequence[str], id_columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Labels from a file of all samples of which it has some, whether they were selected or not."""
    path = existing_file(path)
    if format_of(path) not in TABLES:
        return read_labels(path)
    table = read_table(path, index=True)
    if _in_order(path, table, ids, id_columns):
        return {name: as_labels(values) for name, values in table.items() if _may_be_labels(values)}
    keys = set(as_words(table[_key(path, table, id_columns)]))
    return _join(path, table, [name for name in ids if name in keys], id_columns)


def _say_more(path: Path, table: Table, ids: Sequence[str], id_columns: Sequence[str]) -> None:
    """Samples that are but numbered may be others than those of a longer table that is numbered too."""
    key = next((name for name in id_columns if name in table), None)
    words = as_words(table[key]) if key else []
    more = len(words) - len(ids)
    if more > 0 and list(ids) == _numbers(len(ids)) and set(words) == set(_numbers(len(words))):
        warnings.warn(
            f"{path} has {more} rows more than there are samples; sample i is taken to be its id i", stacklevel=4
        )


def _numbers(n: int) -> list[str]:
    return list(map(str, range(n)))


def _in_order(path: Path, table: Table, ids: Sequence[str], id_columns: Sequence[str]) -> bool:
    """Whether row i can only be of sample i: the table names no ids, and those of the samples number them."""
    unnamed = tuple(id_columns) == ID_COLUMNS and not any(name in table for name in ID_COLUMNS)
    if not unnamed or list(ids) != _numbers(len(ids)):
        return False
    n_rows = len(next(iter(table.values()), ()))
    if n_rows != len(ids):
        first = " (its first line is read as names of columns)" if n_rows == len(ids) - 1 else ""
        raise InvalidValue(
            f"{path} has no column of ids, and {n_rows} rows{first} for {len(ids)} samples; give one row per sample, "
            "in their order, or name with id_column (--id) the column of ids."
        )
    for name, values in table.items():
        words = as_words(values) if _may_be_labels(values) else []
        if set(words) == set(ids) and list(words) != list(ids):
            raise InvalidValue(
                f"{path} has no column called id, and its column {name!r} numbers the samples in another order; name "
                "it with id_column (--id) if these are their ids, or take it out."
            )
    return True


def _key(path: Path, table: Table, id_columns: Sequence[str]) -> str:
    key = next((name for name in id_columns if name in table), None)
    if key is None:
        raise unknown_name(f"id column in {path}", id_columns[0], table)
    return key


def _join(path: Path, table: Table, ids: Sequence[str], id_columns: Sequence[str]) -> dict[str, np.ndarray]:
    key = _key(path, table, id_columns)
    cure = f"add them, or name with id_column (--id) another column of ids than {key!r}"
    rows = rows_of(f"{path} has", table[key], ids, cure)
    others = {column: values for column, values in table.items() if column != key and _may_be_labels(values)}
    return {column: as_labels(values)[rows] for column, values in others.items()}


def columns_of_files(
    held: Sequence[tuple[str, Holding]], labels: Any, ids: Sequence[str], id_column: str | None
) -> dict[str, np.ndarray]:
    """Column name to N labels of files of the same samples.

    Parameters
    ----------
    held
        Path and what it holds, all in the order of the ids.
    labels
        Names of columns in these files; a file of labels; labels in memory; what looks like labels when None.
    ids
        N names; empty where there are none but row numbers.
    id_column
        As in `read_labels` of a table and in `labels_given`.
    """
    n = held[0][1].n_samples
    names = ids or _numbers(n)
    if isinstance(labels, (str, Path)):
        return labels_from(labels, names, range(n), ID_COLUMNS if id_column is None else (id_column, *ID_COLUMNS))
    if labels is not None and not isinstance(labels, (list, tuple)):
        return labels_given(labels, names, id_column)
    known = [name for _, each in held for name in each.columns]
    if unknown := [name for name in labels or () if name not in known]:
        raise unknown_name("label column", unknown[0], known)
    found: dict[str, np.ndarray] = {}
    for path, each in held:
        own = own_labels(each, None if labels is None else [name for name in labels if name in each.columns])
        for name, values in own.items():
            if name in found and not np.array_equal(found[name], values, equal_nan=values.dtype.kind == "f"):
                raise InvalidValue(
                    f"{path} has other values in column {name!r} than a file before; rename one of them."
                )
            found[name] = values
    left = dict.fromkeys(name for name in known if name not in found)
    if left and labels is None:
        warnings.warn(
            f"no labels by their values: {named(list(left))}; --labels NAME takes them all the same", stacklevel=3
        )
    return found
