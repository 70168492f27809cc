"""``samples.parquet``: what the network was shown: ids, labels, and a preview of each sample to look at."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.samples import check_ids
from layerscape.errors import FileProblem, InvalidValue, require
from layerscape.storage.files import replace_file, written_aside

LABEL = "label."  # before the name of a label column, so that a label may be called "id"
KIND = b"layerscape.kind"


@dataclass(frozen=True)
class SampleTable:
    """The samples of a run.

    Attributes
    ----------
    ids
        N distinct names, in the order of the rows of every layer.
    labels
        Column name to N values: numbers, or text where a missing value is None; or to a matrix (N, m) of numbers.
    kind
        What one sample is: ``"text"``, ``"image"``, ``"protein"``, ``"array"``.
    """

    ids: tuple[str, ...] = field(repr=False)
    labels: Mapping[str, np.ndarray] = field(repr=False)
    kind: str
    path: Path

    def previews(self, rows: Any = slice(None)) -> list[str | bytes]:
        """Text or picture (the bytes of a PNG or JPEG) of some samples, read by blocks; empty where none was given."""
        parquet = require("pyarrow.parquet", "runs")
        rows = np.arange(len(self.ids))[rows]
        found: list[str | bytes] = [""] * len(rows)
        with parquet.ParquetFile(self.path) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            starts = np.concatenate([[0], np.cumsum(sizes)])
            groups = np.searchsorted(starts, rows, side="right") - 1
            for group in np.unique(groups):
                column = file.read_row_group(int(group), columns=["preview"])["preview"]
                for place in np.flatnonzero(groups == group):
                    found[place] = column[int(rows[place] - starts[group])].as_py() or ""
        return found


def read_samples(path: Path) -> SampleTable:
    """The table of a finished run, without its previews."""
    table = _read(path)
    labels = {name[len(LABEL) :]: _to_numpy(table[name]) for name in table.column_names if name.startswith(LABEL)}
    kind = table.schema.metadata[KIND].decode()
    return SampleTable(tuple(table["id"].to_pylist()), labels, kind, path)


def make_table(ids: Sequence[str], labels: Mapping[str, np.ndarray], kind: str) -> Any:
    """Ids and labels as an Arrow table."""
    pa = require("pyarrow", "runs")
    check_ids(ids)
    columns = {"id": _to_arrow("the ids", np.asarray(ids, dtype=object))}
    for name, values in labels.items():
        if len(values) != len(ids):
            raise InvalidValue(
                f"label column {name!r} has {len(values)} values for {len(ids)} samples; give one value per sample."
            )
        columns[LABEL + name] = _to_arrow(f"label column {name!r}", np.asarray(values))
    return pa.table(columns).replace_schema_metadata({KIND: kind.encode()})


def must_equal(path: Path, table: Any) -> None:
    """Raise, naming the column, unless the file holds these ids and labels."""
    there = _read(path)
    for name in dict.fromkeys([*there.column_names, *table.column_names]):
        in_both = name in there.column_names and name in table.column_names
        if not in_both or not _equal(there[name], table[name]):
            what = f"label column {name[len(LABEL) :]!r}" if name.startswith(LABEL) else "ids"
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

    def add(self, number: int, previews: Any) -> None:
        """Mark a block as whole."""
        write_table(self.part(number), previews)

    def join(self, path: Path) -> None:
        """Write ids, labels and the previews of all blocks as one file, with one block in memory at a time."""
        pa, parquet = require("pyarrow", "runs"), require("pyarrow.parquet", "runs")
        table = parquet.read_table(self.samples)
        parts = [self.part(number) for number in sorted(self.blocks())]
        types = {parquet.read_schema(part).field("preview").type for part in parts} - {pa.null()}
        if len(types) > 1:
            raise InvalidValue("some previews are text and others are bytes; give one kind for all blocks.")
        column = pa.field("preview", types.pop() if types else pa.string())
        start = 0
        with written_aside(path) as aside, parquet.ParquetWriter(aside, table.schema.append(column)) as writer:
            for part in parts:
                previews = parquet.read_table(part)["preview"].cast(column.type)
                writer.write_table(table.slice(start, len(previews)).append_column(column, previews))
                start += len(previews)

    def remove(self) -> None:
        """Take it away, once the run is finished."""
        if self.folder.exists():
            shutil.rmtree(self.folder)


def previews_table(previews: Sequence[str | bytes] | None, n_rows: int) -> Any:
    """The previews of one block as an Arrow table of one column, which is null if there are none."""
    pa = require("pyarrow", "runs")
    if previews is None:
        return pa.table({"preview": pa.nulls(n_rows)})
    if len(previews) != n_rows:
        raise InvalidValue(f"{len(previews)} previews for a block of {n_rows} rows; give one per row.")
    return pa.table({"preview": _to_arrow("the previews", np.fromiter(previews, object, n_rows))})


def _read(path: Path) -> Any:
    parquet = require("pyarrow.parquet", "runs")
    try:
        names = [name for name in parquet.read_schema(path).names if name != "preview"]
        return parquet.read_table(path, columns=names)
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path} cannot be read ({error}); make the run again with another --out") from None


def _equal(one: Any, other: Any) -> bool:
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
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise InvalidValue(
            f"{what} cannot be stored ({error}); give values of one type, text in valid Unicode."
        ) from None


def _to_numpy(column: Any) -> np.ndarray:
    pa = require("pyarrow", "runs")
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object if column.null_count else str)
    if pa.types.is_fixed_size_list(column.type):
        return column.combine_chunks().flatten().to_numpy().reshape(len(column), -1)
    return column.to_numpy()
