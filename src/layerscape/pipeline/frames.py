"""Tables that a person holds in memory: of pandas or polars, data sets of Hugging Face, rows that are dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.columns import plain_column
from layerscape.core.conversion import index_of
from layerscape.core.labels import as_columns
from layerscape.core.samples import Kind
from layerscape.errors import InvalidType, InvalidValue
from layerscape.inputs import Selection, Table, choose_inputs
from layerscape.inputs.vectors import is_apart
from layerscape.pipeline.contents import is_missing, is_picture
from layerscape.pipeline.handed import Stored, is_loader, samples_of
from layerscape.pipeline.spool import Cells, given_items, one_by_one

OF_TABLES = ("text_column", "image_column", "id_column")  # what is asked of nothing else


def as_table(inputs: Any, kind: Kind | None, labels: Any, options: Mapping[str, Any]) -> tuple[Any, Table | None]:
    """The inputs, of which nothing is used up, and what of them is a table of samples by column name; None if none is.

    A table of plain numbers is an array, unless its columns are named or one of them is no unit by its name. Rows that
    are dicts are a table where texts or columns are asked for; else they are samples, which a function of the user's
    takes.
    """
    images = options.get("image_column")
    if hasattr(inputs, "to_numpy") and hasattr(inputs, "columns"):
        return inputs, _of_frame(inputs, labels, options)
    if isinstance(inputs, Stored):
        pictures = images is None and any(map(is_picture, next(iter(inputs), {}).values()))
        return inputs, None if pictures else _of_rows(inputs, images)
    if not (kind in ("text", "protein") or any(options.get(name) for name in OF_TABLES)):
        return inputs, None
    return _rows(inputs, images)


def chosen_of_table(inputs: Any, table: Table, kind: Kind | None, labels: Any, options: dict[str, Any]) -> Selection:
    """A table in memory as one in a file; labels are names of its columns, or columns of their own."""
    names = labels is None or _are_names(labels)
    chosen = choose_inputs(table, kind=kind, labels=labels if names else [], **options)
    if not names:
        whole = {name: values[list(chosen.rows)] for name, values in as_columns(labels).items()}
        chosen = replace(chosen, labels=whole)
    index = None if options.get("id_column") else index_of(inputs)
    return replace(chosen, source=replace(chosen.source, ids=index)) if index else chosen


def _are_names(labels: Any) -> bool:
    return isinstance(labels, (str, Path, list, tuple))


def _of_frame(frame: Any, labels: Any, options: Mapping[str, Any]) -> Table | None:
    name, times = Counter(map(str, frame.columns)).most_common(1)[0] if len(frame.columns) else ("", 0)
    if times > 1:
        raise InvalidValue(f"the table has {times} columns named {name!r}; rename all but one.")
    columns = {str(name): frame[name] for name in frame.columns}
    images = options.get("image_column")
    held: Table = {str(images): Cells(columns.pop(images))} if images in columns else {}
    if all(getattr(values.dtype, "kind", "O") in "biuf" for values in columns.values()):
        numbers = {name: np.asarray(plain_column(values)) for name, values in columns.items()}
        if not (any(options.values()) or _are_names(labels) or any(is_apart(*each) for each in numbers.items())):
            return None
        plain = {name: _column(x.astype(np.uint8) if x.dtype.kind == "b" else x) for name, x in numbers.items()}
        return plain | held
    _refuse_samples_in_cells({name: next(iter(values), None) for name, values in columns.items()}, options)
    return {name: _column(np.asarray(plain_column(values))) for name, values in columns.items()} | held


def _rows(inputs: Any, images: str | None) -> tuple[Any, Table | None]:
    """A table of rows that are dicts, one after the other; what is none is given back as it was."""
    if isinstance(inputs, (Mapping, str)) or hasattr(inputs, "dtype"):
        return inputs, None
    items = samples_of(inputs) if is_loader(inputs) else one_by_one(inputs)
    rows = given_items(() if items is None else items)
    first = list(islice(rows, 1))
    if first and isinstance(first[0], Mapping):
        return inputs, _of_rows(chain(first, rows), images)
    return (chain(first, rows) if isinstance(inputs, Iterator) else inputs), None


def _of_rows(rows: Iterable[Any], images: str | None) -> Table:
    """A table of rows, of which the column of pictures that is named is kept in a file as they come."""
    found: dict[str, Any] = {} if images is None else {images: Cells()}
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidType(f"sample {place} is of type {type(row).__name__} among dicts; give a dict for each.")
        for name in row:
            found.setdefault(str(name), [None] * place)
        for name, values in found.items():
            value: Any = row.get(name)
            values.append(value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value)
    if not found:
        raise InvalidValue("a table without rows; give at least one sample.")
    return {**found}


def _refuse_samples_in_cells(firsts: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raise where a column holds whole samples, by what each column begins with; texts beside arrays are shown."""
    pictures = [name for name, first in firsts.items() if is_picture(first)]
    arrays = [name for name, first in firsts.items() if isinstance(first, (list, np.ndarray))]
    if pictures or (arrays and "text" not in firsts and not any(options.values())):
        name, what = (pictures + arrays)[0], "pictures" if pictures else "arrays"
        raise InvalidType(
            f"a table with {what} in its column {name!r}; give that, table[{name!r}], and others of its columns as "
            "labels."
        )


def _column(values: np.ndarray) -> Any:
    """Numbers as they are; of other cells missing ones as None, and vectors as lists, as a file has them."""
    if values.dtype.kind in "iuf":
        return values
    cells = (value.tolist() if isinstance(value, np.ndarray) else value for value in values.tolist())
    return [None if is_missing(value) else value for value in cells]
