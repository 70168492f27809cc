"""``samples.parquet``: what the network was shown: ids, labels, and a preview of each sample to look at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.samples import check_ids
from layerscape.errors import InvalidValue, require
from layerscape.storage.files import readable, replace_file, written_aside
from layerscape.storage.ledger import Entry
from layerscape.storage.manifest import CURE
from layerscape.storage.sealed import typed

LABEL = "label."  # before the name of a label column, so that a label may be called "id"
KIND = b"layerscape.kind"
ENTRIES = b"layerscape.entries"
PICTURES = 256  # that are read and written together, some 10 kB each
MIXED = "some previews are text and others are bytes; give one kind for all blocks."


@dataclass(frozen=True)
class SampleTable:
    """The samples of a run.

    Attributes
    ----------
    ids
        N distinct names, in the order of the rows of every layer.
    labels
        Column name to N values: numbers or text, where a missing value is NaN among real numbers and None, or ``""``
        from a file, among categories; tuples for paths; or to a matrix (N, m) of numbers.
    kind
        What one sample is: ``"text"``, ``"image"``, ``"protein"``, ``"array"``.
    """

    ids: tuple[str, ...] = field(repr=False)
    labels: Mapping[str, np.ndarray] = field(repr=False)
    kind: str
    path: Path
    prove: Callable[[int, int], object] = field(repr=False)

    def previews(self, rows: Any = slice(None)) -> list[str | bytes]:
        """Text or picture (the bytes of a PNG or JPEG) of some samples, read by blocks; empty where none was given."""
        parquet = require("pyarrow.parquet", "runs")
        rows = np.arange(len(self.ids))[rows]
        found: list[str | bytes] = [""] * len(rows)
        with readable(self.path, CURE), parquet.ParquetFile(self.path) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            starts = np.concatenate([[0], np.cumsum(sizes)])
            groups = np.searchsorted(starts, rows, side="right") - 1
            for group in np.unique(groups).tolist():
                self.prove(*_place(file.metadata.row_group(group), file.schema_arrow.get_field_index("preview")))
                column = file.read_row_group(group, columns=["preview"])["preview"]
                for place in np.flatnonzero(groups == group):
                    found[place] = column[int(rows[place] - starts[group])].as_py() or ""
        return found


def read_samples(path: Path, prove: Callable[[int, int], object]) -> SampleTable:
    """The table of a finished run, without its previews; ``prove(start, stop)`` proves the bytes that are read."""
    with readable(path, CURE):
        _prove_all_but_previews(path, prove)
        table = _read(path)
        labels = {name[len(LABEL) :]: _to_numpy(table[name]) for name in table.column_names if name.startswith(LABEL)}
        kind = table.schema.metadata[KIND].decode()
        return SampleTable(tuple(table["id"].to_pylist()), labels, kind, path, prove)


def _prove_all_but_previews(path: Path, prove: Callable[[int, int], object]) -> None:
    """The footer, which says where the columns lie, and then they."""
    size = path.stat().st_size
    prove(max(0, size - 8), size)
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        footer = int.from_bytes(file.read(4), "little") + 8
    prove(max(0, size - footer), size)
    parquet = require("pyarrow.parquet", "runs")
    found = parquet.read_metadata(path)
    for group in range(found.num_row_groups):
        for number, name in enumerate(found.schema.to_arrow_schema().names):
            if name != "preview":
                prove(*_place(found.row_group(group), number))


def _place(group: Any, number: int) -> tuple[int, int]:
    """From which byte to which a column lies within the file; all columns of a run have one leaf."""
    column = group.column(number)
    start = column.dictionary_page_offset or column.data_page_offset
    return start, start + column.total_compressed_size


def make_table(ids: Sequence[str], labels: Mapping[str, np.ndarray], kind: str) -> Any:
    """Ids and labels as an Arrow table."""
    pa = require("pyarrow", "runs")
    check_ids(ids)
    columns = {"id": _to_arrow("the ids", np.asarray(ids, dtype=object))}
    for name, values in labels.items():
        if not name:
            raise InvalidValue("a label column has no name, which the table of estimates could not tell; name it.")
        if len(values) != len(ids):
            raise InvalidValue(
                f"label column {name!r} has {len(values)} values for {len(ids)} samples; give one value per sample."
            )
        columns[LABEL + name] = _to_arrow(f"label column {name!r}", np.asarray(values))
    return pa.table(columns).replace_schema_metadata({KIND: kind.encode()})


def must_equal(path: Path, table: Any) -> None:
    """Raise, naming the column, unless the file holds these ids and labels; labels may have been added to it since."""
    there = _read(path)
    for name in table.column_names:
        what = f"label column {name[len(LABEL) :]!r}" if name.startswith(LABEL) else "ids"
        if name not in there.column_names:
            raise InvalidValue(
                f"the samples in {path} have no {what}; once the run is finished, add it with: "
                f"layerscape labels {path.parent} FILE"
            )
        if not equal(there[name], table[name]):
            raise InvalidValue(
                f"the samples in {path} have other values of {what} than now; give another --out, or the same input"
            )


def write_table(path: Path, table: Any) -> None:
    """A small Arrow table as a Parquet file, at once."""
    pa, parquet = require("pyarrow", "runs"), require("pyarrow.parquet", "runs")
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    replace_file(path, sink.getvalue().to_pybytes())


@dataclass(frozen=True)
class Unfinished:
    """The samples of a run that is being made: ids and labels, and one file of previews per block.

    That the file of a block is there also says that the block is whole in every layer.
    """

    folder: Path

    @property
    def samples(self) -> Path:
        return self.folder / "samples.parquet"

    def part(self, number: int) -> Path:
        """The file of a block."""
        return self.folder / "blocks" / f"{number:06d}.parquet"

    def blocks(self) -> set[int]:
        """Numbers of the blocks that are whole."""
        return {int(file.stem) for file in self.folder.glob("blocks/*.parquet")}

    def add(
        self, number: int, previews: Sequence[str | bytes] | None, n_rows: int, written: Mapping[str, Entry]
    ) -> None:
        """Mark a block as whole, with what the bytes of its files are; of its previews some are in memory at a time."""
        pa, parquet = require("pyarrow", "runs"), require("pyarrow.parquet", "runs")
        entries = json.dumps({name: asdict(entry) for name, entry in written.items()})
        told = {ENTRIES: entries.encode()}
        tables = _preview_tables(previews, n_rows)
        first = next(tables).replace_schema_metadata(told)
        with written_aside(self.part(number)) as aside, parquet.ParquetWriter(aside, first.schema) as writer:
            writer.write_table(first)
            for table in tables:
                if table.schema.types != first.schema.types:
                    raise InvalidValue(MIXED)
                writer.write_table(pa.table(table.columns, first.schema))
        pa.default_memory_pool().release_unused()  # of a block of pictures it would keep 50 MB

    def entries(self) -> dict[str, Entry]:
        """What the bytes of the files of all blocks are; blocks that earlier code wrote do not say it."""
        parquet = require("pyarrow.parquet", "runs")
        found: dict[str, Entry] = {}
        for number in sorted(self.blocks()):
            path = self.part(number)
            with readable(path, CURE):
                known = json.loads((parquet.read_schema(path).metadata or {}).get(ENTRIES, b"{}"))
                found |= typed(known, dict[str, Entry])
        return found

    def join(self, path: Path) -> None:
        """Write ids, labels and the previews of all blocks as one file, with no more in memory than `add` has."""
        pa, parquet = require("pyarrow", "runs"), require("pyarrow.parquet", "runs")
        table = parquet.read_table(self.samples)
        parts = [self.part(number) for number in sorted(self.blocks())]
        types = {parquet.read_schema(part).field("preview").type for part in parts} - {pa.null()}
        if len(types) > 1:
            raise InvalidValue(MIXED)
        column = pa.field("preview", types.pop() if types else pa.string())
        start = 0
        with written_aside(path) as aside, parquet.ParquetWriter(aside, table.schema.append(column)) as writer:
            for part in parts:
                with parquet.ParquetFile(part) as file:
                    for group in range(file.num_row_groups):
                        previews = file.read_row_group(group)["preview"].cast(column.type)
                        writer.write_table(table.slice(start, len(previews)).append_column(column, previews))
                        start += len(previews)
                        del previews
                pa.default_memory_pool().release_unused()

    def remove(self) -> None:
        """Take it away, once the run is finished."""
        if self.folder.exists():
            shutil.rmtree(self.folder)


def check_previews(previews: Sequence[str | bytes] | None, n_rows: int) -> None:
    """Raise unless there is one for each row of a block, or none at all."""
    if previews is not None and len(previews) != n_rows:
        raise InvalidValue(f"{len(previews)} previews for a block of {n_rows} rows; give one per row.")


def _preview_tables(previews: Sequence[str | bytes] | None, n_rows: int) -> Iterator[Any]:
    """The previews of one block as Arrow tables of one column, of pictures a few hundred each; null if none are."""
    pa = require("pyarrow", "runs")
    if previews is None:
        yield pa.table({"preview": pa.nulls(n_rows)})
        return
    step = PICTURES if isinstance(previews[0], bytes) else n_rows
    for start in range(0, n_rows, step):
        some = previews[start : start + step]
        yield pa.table({"preview": _to_arrow("the previews", np.fromiter(some, object, len(some)))})


def _read(path: Path) -> Any:
    parquet = require("pyarrow.parquet", "runs")
    with readable(path, CURE), parquet.ParquetFile(path) as file:  # opened once: another process may replace it
        return file.read(columns=[name for name in file.schema_arrow.names if name != "preview"])


def equal(one: Any, other: Any) -> bool:
    """Whether two columns hold the same values, NaN like NaN."""
    pa = require("pyarrow", "runs")
    if one.type != other.type:
        return False
    if pa.types.is_fixed_size_list(one.type):
        one, other = one.combine_chunks().flatten(), other.combine_chunks().flatten()
    return one.to_pandas().equals(other.to_pandas())


def _to_arrow(what: str, values: np.ndarray) -> Any:
    pa = require("pyarrow", "runs")
    try:
        if values.ndim == 2 and values.dtype.kind in "biuf":
            return pa.FixedSizeListArray.from_arrays(values.ravel(), values.shape[1])
        return pa.array(values if values.dtype.kind in "biufM" else values.tolist())
    except (pa.ArrowException, UnicodeEncodeError, OverflowError) as error:
        raise InvalidValue(
            f"{what} cannot be stored ({error}); give values of one type, text in valid Unicode."
        ) from None


def _to_numpy(column: Any) -> np.ndarray:
    pa = require("pyarrow", "runs")
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object if column.null_count else str)
    if column.null_count and not pa.types.is_floating(column.type) and not pa.types.is_list(column.type):
        return np.array(column.to_pylist(), dtype=object)  # as numbers, gaps would make real ones of categories
    if pa.types.is_fixed_size_list(column.type):
        return column.combine_chunks().flatten().to_numpy().reshape(len(column), -1)
    if pa.types.is_list(column.type):
        paths = np.empty(len(column), object)
        paths[:] = [each if each is None else tuple(each) for each in column.to_pylist()]
        return paths
    return column.to_numpy()
