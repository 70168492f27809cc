"""Other label columns for the samples of a finished run; ids and previews stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from layerscape.errors import require
from layerscape.storage.files import file_problems, written_aside
from layerscape.storage.folder import SAMPLES, RunFolder
from layerscape.storage.ledger import Entry
from layerscape.storage.samples import make_table


def replace_labels(run: RunFolder, labels: Mapping[str, np.ndarray]) -> None:
    """Give the samples these label columns and no others, with one block of previews in memory at a time."""
    table = make_table(run.samples.ids, labels, run.samples.kind)
    parquet, path = require("pyarrow.parquet", "runs"), run.path / SAMPLES
    run.ledger.prove(SAMPLES)
    with file_problems(run.path), run.writing():
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
