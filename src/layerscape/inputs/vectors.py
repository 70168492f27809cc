"""Vectors: which columns of a table are the units of its samples, and which are something else."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import InvalidType, InvalidValue, require, unknown_name
from layerscape.inputs.tables import DECIMAL_COMMA, PANDAS_INDEX, as_numbers


class Broken(str):
    """Why a column that is meant to hold numbers cannot be taken; it is never left out in silence."""


# Numbers (N,), or vectors (N, m); or, in words, why a column is neither.
Column = np.ndarray | str

TABLE = "the table"  # what one in memory is called

_KEY = re.compile(r"(.*[_ .-])?(id|ids|idx|index)|row|unnamed: ?\d+|level_\d+", re.IGNORECASE)
_LABEL = re.compile(r"(.*[_ .-])?(label|labels|class|target|category|cluster|split|fold)", re.IGNORECASE)
_APART = "numbers or labels the samples"
_NUMBERED = re.compile(r"(.*?)[_ .:-]?\d+")


def vectors_of(path: str | Path, columns: Mapping[str, Column], wanted: str | None = None) -> np.ndarray:
    """The units of a table, shape (N, D): the columns that `units_of` names."""
    return np.column_stack([np.asarray(columns[name]) for name in units_of(path, columns, wanted)])


def units_of(path: str | Path, columns: Mapping[str, Column], wanted: str | None = None) -> list[str]:
    """The names of the columns that are the units; a warning names those that are left out unasked.

    Parameters
    ----------
    path
        Of the table, for messages.
    columns
        All its columns, as `columns_of_arrow` and `column_of_values` give them.
    wanted
        One name, or several and patterns, comma-separated: ``dim_*``. When left out, what is plain: the one column of
        vectors; or else all columns of numbers, but those that by their name number the samples (``id``, ``index``, in
        whole numbers) or label them (``label``, ``class``, …).

    Raises
    ------
    UnknownName
        If there is no such column.
    InvalidType
        If a column that is wanted holds no numbers, or none does.
    InvalidValue
        If it is not plain which columns are meant.
    """
    names = _plain(path, columns) if wanted is None else _wanted(path, columns, wanted)
    for name in names:
        if isinstance(found := columns[name], str):
            raise InvalidType(f"{path}:{name} {found}; choose another column.")
    chosen = set(names)
    left = [name for name in columns if name not in chosen]
    if left and wanted is None:
        cure = "give their columns alone" if path == TABLE else f"{path}:NAME,…"
        warnings.warn(
            f"{path}: the units are {named(names)}; left out: {named(left)}. To choose others: {cure}.", stacklevel=4
        )
    return names


def check_gaps(path: str | Path, columns: Mapping[str, Column], units: Iterable[str]) -> None:
    """Raise, and say in which columns and rows, where a sample lacks one of its units."""
    values = {name: column for name in units if isinstance(column := columns[name], np.ndarray)}
    gaps = {name: np.isnan(x.reshape(len(x), -1)).any(axis=1) for name, x in values.items() if x.dtype.kind == "f"}
    gaps = {name: gone for name, gone in gaps.items() if gone.any()}
    if gaps:
        every = np.logical_or.reduce(list(gaps.values()))
        shown = named([f"{name} ({int(gone.sum())})" for name, gone in gaps.items()])
        raise InvalidValue(
            f"{path} lacks numbers in {int(every.sum())} of {len(every)} rows, row {int(every.argmax())} first (0 is "
            f"the first sample), of the columns {shown}; fill them in, leave out these rows, or choose the columns of "
            f"units: {path}:NAME,…, or those of labels (--labels, labels=)."
        )


def _wanted(path: str | Path, columns: Mapping[str, Column], wanted: str) -> list[str]:
    if wanted in columns:
        return [wanted]
    names: list[str] = []
    for pattern in wanted.split(","):
        found = [pattern] if pattern in columns else [name for name in columns if fnmatchcase(name, pattern)]
        if not found:
            raise unknown_name(f"array in {path}", pattern, columns)
        names += found
    return list(dict.fromkeys(names))


def _plain(path: str | Path, columns: Mapping[str, Column]) -> list[str]:
    """The columns that are the units beyond doubt."""
    vectors = [name for name, found in columns.items() if not isinstance(found, str) and found.ndim == 2]
    if len(vectors) > 1:
        raise InvalidValue(f"{path} has several columns of vectors: {named(vectors)}; choose: {path}:{vectors[0]}.")
    if vectors:
        return vectors
    for name, found in columns.items():
        if isinstance(found, Broken):
            raise InvalidType(f"{path}:{name} {found}; repair it, or name the columns to take: {path}:NAME,….")
    numbers = {name: found for name, found in columns.items() if not isinstance(found, str)}
    units = [name for name, found in numbers.items() if not is_apart(name, found)]
    if not units:
        why = [f"{name!r} {found if isinstance(found, str) else _APART}" for name, found in columns.items()]
        more = f", … ({len(why)} columns)" if len(why) > 4 else ""
        raise InvalidType(f"{path} has no column of numbers for its units: {', '.join(why[:4])}{more}.")
    stems = {name: _stem(name) for name in units}
    times = Counter(stems.values())
    series = [name for name in units if stems[name] is not None and times[stems[name]] > 1]
    alone = [name for name in units if stems[name] is None or times[stems[name]] < 2]
    if alone and len({stems[name] for name in series}) == 1:
        cure = f"say which are the units: {path}:'{stems[series[0]]}*' or {path}:'*'"
        if path == TABLE:
            cure = "give the columns of units alone, and others as labels"
        raise InvalidValue(f"{path} has the columns {named(series)} and beside them {named(alone)}; {cure}.")
    return units


def is_apart(name: str, values: np.ndarray) -> bool:
    """Whether a column of numbers says which sample it is, or of which class."""
    whole = bool((values == np.round(values)).all())
    return bool(_LABEL.fullmatch(name.strip())) or (whole and bool(_KEY.fullmatch(name.strip())))


def _stem(name: str) -> str | None:
    """What a numbered name begins with: of ``dim_12`` it is ``dim``."""
    found = _NUMBERED.fullmatch(name)
    return found[1] if found else None


def named(names: Sequence[str]) -> str:
    """Names in a message, of which many are told by the first and the last.

    >>> named(["a", "b"])
    "'a', 'b'"
    """
    if len(names) > 6:
        return f"{names[0]!r}, {names[1]!r}, … {names[-1]!r} ({len(names)} in all)"
    return ", ".join(map(repr, names))


def column_of_values(values: Sequence[Any]) -> Column:
    """A column as CSV and JSON lines hold it."""
    numbers = as_numbers(values)
    if numbers is not None:
        return numbers
    if all(isinstance(value, list) for value in values):
        return _of_lists(values)
    return _of_texts([value for value in values if isinstance(value, str) and value], len(values))


def _of_texts(texts: Sequence[str], n_samples: int) -> Column:
    """Vectors written as texts, ``[0.1, 2]``; or why these texts are no numbers."""
    bad = [text for text in texts if as_numbers([text]) is None]
    if texts and 2 * len(bad) < len(texts):
        return Broken(f"holds numbers, but also {bad[0]!r}")
    if bad and all(DECIMAL_COMMA.fullmatch(text) for text in bad):
        return Broken(f"holds {bad[0]!r}, whose comma may part decimals or thousands")
    if not texts or not all(text.startswith("[") and text.endswith("]") for text in texts):
        return "holds no numbers"
    try:
        lists = [json.loads(text) for text in texts]
    except (ValueError, RecursionError):
        return Broken("holds texts in brackets that are no lists with commas")
    return _of_lists(lists) if len(lists) == n_samples else Broken(f"holds {len(lists)} lists for {n_samples} samples")


def _of_lists(values: Sequence[Sequence[Any]]) -> Column:
    lengths = {len(value) for value in values}
    if len(lengths) > 1:
        return Broken(f"holds lists of {min(lengths)} to {max(lengths)} values")
    flat = as_numbers([part for value in values for part in value]) if lengths != {0} else None
    return "holds lists of no numbers" if flat is None else flat.reshape(len(values), -1)


def columns_of_arrow(table: Any) -> dict[str, Column]:
    """The columns of a Parquet file; that in which pandas keeps its index is none."""
    names = [name for name in table.column_names if not PANDAS_INDEX.fullmatch(name)]
    return {name: _of_arrow(table[name].combine_chunks()) for name in names}


def _of_arrow(column: Any) -> Column:
    arrow = require("pyarrow", "runs")
    types = arrow.types
    if isinstance(column, arrow.ChunkedArray):  # of several chunks that are too large for one
        column = arrow.concat_arrays(column.chunks)
    if isinstance(column.type, arrow.BaseExtensionType):  # such as tensors of a fixed shape
        column = column.storage
    kind = column.type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _of_arrow_lists(column)
    if types.is_decimal(kind):
        column = column.cast(arrow.float64())
    elif not (types.is_integer(kind) or types.is_floating(kind)):
        return f"holds values of type {kind}, which are no numbers"
    return column.to_numpy(zero_copy_only=False)


def _of_arrow_lists(column: Any) -> Column:
    types = require("pyarrow", "runs").types
    part = column.type.value_type
    if not (types.is_nested(part) or types.is_floating(part) or types.is_integer(part) or types.is_decimal(part)):
        return "holds lists of no numbers"
    if column.null_count:
        return Broken(f"holds lists, of which {column.null_count} are missing")
    lengths = np.unique(require("pyarrow.compute", "runs").list_value_length(column).to_numpy(zero_copy_only=False))
    if len(lengths) > 1:
        return Broken(f"holds lists of {lengths[0]} to {lengths[-1]} values")
    flat = _of_arrow(column.flatten())
    if isinstance(flat, str):
        return "holds lists of no numbers"
    return (
        flat.reshape(len(column), -1) if flat.ndim == 1 and len(flat) else Broken("holds lists of lists, or empty ones")
    )
