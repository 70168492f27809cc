"""Other label columns for the samples of a finished run; ids and previews stay as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from layerscape.core.labels import CONTROL
from layerscape.errors import require
from layerscape.storage.files import written_aside
from layerscape.storage.folder import SAMPLES, RunFolder
from layerscape.storage.ledger import Entry
from layerscape.storage.samples import LABEL, SampleTable, equal, make_table

if TYPE_CHECKING:
    import pandas as pd


@contextlib.contextmanager
def alone(run: RunFolder) -> Iterator[SampleTable]:
    """The samples as they are now; while this is open no other process or thread writes anything in the run.

    Whoever changes what is there must read it within, or what another has added meanwhile is lost.
    """
    with run.writing():
        vars(run).pop("samples", None)
        yield run.samples


@contextlib.contextmanager
def gone(run: RunFolder, labels: Mapping[str, np.ndarray]) -> Iterator[list[str]]:
    """Which of the label columns that something was found with are no more, or hold other values by now.

    While this is open nobody else writes, so that what was found may be kept, or not, by that.
    """
    with alone(run) as now:
        yield [name for name in labels if name not in now.labels or not alike(now.labels[name], labels[name])]


def others_than(table: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """The rows of a table that were measured with none of these label columns, alone or in a path, or in its groups."""

    def tells(label: str, group: str) -> bool:
        column = group.partition("=")[0]
        return not {label, *label.split("+"), "" if column == CONTROL else column}.isdisjoint(names)

    asked = zip(table["label"].fillna(""), table["group"].fillna(""), strict=True)
    return table.loc[[not tells(*each) for each in asked]].reset_index(drop=True)


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two label columns would be stored as the same values."""
    if one.dtype == other.dtype and one.dtype.kind in "biuU":  # of which the same values are stored alike
        return np.array_equal(one, other)
    first, second = (make_table([str(row) for row in range(len(each))], {"it": each}, "") for each in (one, other))
    return equal(first[f"{LABEL}it"], second[f"{LABEL}it"])


def replace_labels(run: RunFolder, labels: Mapping[str, np.ndarray]) -> None:
    """Give the samples these label columns and no others, with one block of previews in memory at a time."""
    parquet, path = require("pyarrow.parquet", "runs"), run.path / SAMPLES
    with alone(run) as there:
        table = make_table(there.ids, labels, there.kind)
        run.ledger.prove(SAMPLES)
        with written_aside(path) as aside:
            with parquet.ParquetFile(path) as old:
                column = old.schema_arrow.field("preview")
                with parquet.ParquetWriter(aside, table.schema.append(column)) as writer:
                    start = 0
                    for group in range(old.num_row_groups):
                        previews = old.read_row_group(group, columns=["preview"])["preview"]
                        writer.write_table(table.slice(start, len(previews)).append_column(column, previews))
                        start += len(previews)
            run.ledger.announce(SAMPLES, Entry.of(aside))
        run.ledger.settle(SAMPLES)
    del run.samples
