"""Tables: CSV, JSON lines and Parquet as named columns."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import FileProblem, require
from layerscape.inputs.files import (
    check_samples_held,
    check_unpacked,
    existing_file,
    format_of,
    held,
    open_text,
    reason_of,
)

Table = dict[str, Sequence[Any]]
CSV, JSON_LINES = (".csv", ".tsv"), (".jsonl", ".ndjson")
TABLES = (*CSV, *JSON_LINES, ".parquet")
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*(,\d+)?([eE][+-]?\d+)?\s*")
_PLAIN = ("BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE")  # what numpy holds, as Parquet calls it
_LONGEST_CELL = 2**31 - 1
INDEX = "index"  # what pandas calls a column made of it
PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def read_table(path: Path, *, index: bool = False) -> Table:
    """Column name to N ≥ 1 values: ``str`` from CSV, what JSON says, numpy arrays for numbers in Parquet.

    The columns of a CSV file that starts with numbers are called 0, 1, 2, … A column without a name, or named as
    pandas names the index, numbers the rows and is left out; with ``index`` it is called so.
    """
    kind = format_of(path)
    if kind in CSV:
        columns = _read_csv(path)
    else:
        columns = _read_json_lines(path) if kind in JSON_LINES else _read_parquet(path)
    unnamed = [name for name in columns if not name.strip() or PANDAS_INDEX.fullmatch(name)]
    found = {name: values for name, values in columns.items() if name not in unnamed}
    if index and len(unnamed) == 1 and INDEX not in found:
        found[INDEX] = columns[unnamed[0]]
    return found


def _read_csv(path: Path) -> Table:
    with open_text(path) as file:
        delimiter = _delimiter(path, file)
        rows = list(_csv_rows(path, file, delimiter))
    has_header = bool(rows) and _has_header(path, [_with_point(rows[0], delimiter), *rows[1:2]])
    header = rows.pop(0) if has_header else [str(number) for number in range(len(rows[0]) if rows else 0)]
    if not rows:
        raise FileProblem(f"{path} has no rows below its header; give a file with at least one sample.")
    _check_names(path, header)
    columns = zip(*rows, strict=True)
    return dict(zip(header, columns if delimiter == "," else map(_with_points, columns), strict=True))


def _check_names(path: Path, names: Sequence[str]) -> None:
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise FileProblem(f"{path} has {times} columns named {name!r}; rename all but one.")


def _delimiter(path: Path, file: Any) -> str:
    """What parts the cells, by the ending and the first line: of .csv a semicolon or a tab where it holds no comma."""
    if format_of(path) == ".tsv":
        return "\t"
    line = re.sub(r'"[^"]*"', "", next((line for line in file if line.strip()), ""))
    file.seek(0)
    if ";" in line and ("," not in line or re.fullmatch(r"[\d\s.,;eE+-]*", line)):  # numbers with decimal commas
        return ";"
    return "\t" if "\t" in line and "," not in line else ","


def _with_point(cells: list[str], delimiter: str) -> list[str]:
    return [cell.replace(",", ".") if delimiter != "," and DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]


def _with_points(cells: Sequence[str]) -> Sequence[str]:
    """A column of numbers with decimal commas as one with points, where no comma can part thousands."""
    if not all(not cell or DECIMAL_COMMA.fullmatch(cell) for cell in cells):
        return cells
    parts = [cell.partition(",")[2] for cell in cells if "," in cell]
    return cells if all(len(part) == 3 for part in parts) else [cell.replace(",", ".") for cell in cells]


def _csv_rows(path: Path, file: Any, delimiter: str) -> Iterator[list[str]]:
    n_cells = 0
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    limit = csv.field_size_limit(_LONGEST_CELL)  # a text may be a book
    try:
        for place, row in enumerate(held(path, reader, len)):
            if not row:
                continue  # a blank line
            n_cells = n_cells or len(row)
            if len(row) != n_cells:
                line = _line_of(path, place, delimiter)
                raise FileProblem(
                    f"{path} has {len(row)} cells in line {line} and {n_cells} in the first; "
                    "give every row as many, and put cells that hold commas in quotes."
                )
            yield row
    except csv.Error as error:
        raise FileProblem(f"{path} is no valid CSV near line {reader.line_num} ({error}); repair that line.") from None
    finally:
        csv.field_size_limit(limit)


def _line_of(path: Path, place: int, delimiter: str) -> int:
    """In which line a row ends, whose cells may hold line breaks."""
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        next(islice(reader, place, None))
        return reader.line_num


def _has_header(path: Path, rows: Sequence[Sequence[str]]) -> bool:
    if as_numbers(rows[0]) is None:
        values = [cell for cell in rows[0] if "." in cell and as_numbers([cell]) is not None]
        if values:
            raise FileProblem(
                f"{path} starts with {values[0]} beside words, which looks like a sample; give the columns names."
            )
        return True
    # pandas names the columns of a plain array 0, 1, 2, …, and so may a sample begin.
    if not rows[0][0] and rows[0][1:] == [str(number) for number in range(len(rows[0]) - 1)]:
        return True  # beside its index, which has no name
    if len(rows) == 1 or list(rows[0]) != [str(number) for number in range(len(rows[0]))]:
        return False
    is_header = any("." in cell for cell in rows[1])
    if not is_header and len(rows[0]) > 2:
        raise FileProblem(
            f"{path} starts with 0, 1, 2, …, which may be names or a sample; give the columns names such as x0, x1."
        )
    return is_header


def _read_json_lines(path: Path) -> Table:
    records: list[dict[str, Any]] = []
    with open_text(path) as file:
        for number, line in enumerate(held(path, file, lambda line: line.count(",")), 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line, object_pairs_hook=_named_once)
            except (ValueError, RecursionError) as error:
                reason = getattr(error, "msg", error)
                raise FileProblem(f"{path} has broken JSON in line {number} ({reason}); repair or remove it.") from None
            if not isinstance(record, dict):
                raise FileProblem(f'{path} has no object in line {number}; give lines like {{"text": "…"}}.')
            records.append(record)
    if not records:
        raise FileProblem(f"{path} has no rows; give a file with at least one sample.")
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a name that stands in it twice, Python would keep the last value in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"an object has the name {name!r} twice")
    return found


def _read_parquet(path: Path) -> Table:
    table = read_arrow(path)
    return {name: _values(table[name]) for name in table.column_names}


def read_arrow(path: Path) -> Any:
    """A Parquet file as a ``pyarrow.Table`` with at least one row."""
    arrow = require("pyarrow", "runs")
    parquet = require("pyarrow.parquet", "runs")
    existing_file(path)
    try:
        with parquet.ParquetFile(path) as file:
            _check_names(path, file.schema_arrow.names)
            check_samples_held(path, file.metadata.num_rows)
            check_unpacked(path, _claimed(file))
            table = file.read()
    except FileProblem:
        raise
    except (arrow.ArrowException, OSError) as error:
        raise FileProblem(f"{path} is no valid Parquet ({reason_of(error)}); check it, or make it again.") from None
    if table.num_rows == 0:
        raise FileProblem(f"{path} has no rows; give a file with at least one sample.")
    return table


def _claimed(file: Any) -> int:
    """Bytes that the columns of a Parquet file take at least, as its footer says: words are objects of Python."""
    found = file.metadata
    cells = [8 if column.physical_type in _PLAIN else 50 for column in map(file.schema.column, range(len(file.schema)))]
    unpacked = sum(found.row_group(group).total_byte_size for group in range(found.num_row_groups))
    return max(found.num_rows * sum(cells), unpacked)


def _values(column: Any) -> Sequence[Any]:
    if column.null_count:  # which would make float64 of whole numbers
        return column.to_pylist()
    values = column.to_numpy()
    return values if values.dtype.kind in "iuf" else column.to_pylist()


def as_numbers(values: Sequence[Any]) -> np.ndarray | None:
    """The column as numbers, missing ones as NaN; None if one of them is no number, or all are missing."""
    if isinstance(values, np.ndarray):
        return values
    n_missing = values.count(None) + values.count("")
    if n_missing == len(values) or bool in set(map(type, values)):
        return None
    if n_missing:
        values = [math.nan if value is None or value == "" else value for value in values]
    try:
        return np.fromiter(map(float, values), float, len(values))
    except (TypeError, ValueError, OverflowError):
        return None


def as_words(values: Sequence[Any] | np.ndarray) -> list[str]:
    """The column as words: a whole number without its point, a missing value as ``""``."""
    return [_word(value) for value in (values.tolist() if isinstance(values, np.ndarray) else values)]


def _word(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
