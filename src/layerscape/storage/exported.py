"""A run as a Parquet file: ids, labels and one column of vectors per layer, which any other tool reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from layerscape.errors import InvalidValue, require
from layerscape.storage.files import written_aside
from layerscape.storage.folder import RunFolder
from layerscape.storage.samples import LABEL, make_table

DEPTH = "depth"  # what the place of a layer is called beside its vectors


def write_parquet(folder: RunFolder, path: Path) -> None:
    """Write all layers block by block, so that one block of all layers is in memory at a time."""
    pa, parquet = require("pyarrow", "runs"), require("pyarrow.parquet", "runs")
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a folder" if path.is_dir() else f"{path.parent} is no folder"
        raise InvalidValue(f"cannot write {path}: {why}; give the name of a file, NAME.parquet.")
    about = make_table(folder.samples.ids, folder.samples.labels, folder.samples.kind)
    about = about.rename_columns([_name(name, folder) for name in about.column_names])
    layers = {layer: folder.vectors(layer.name) for layer in folder.given.others(folder.layers)}
    with written_aside(path) as aside:
        writer = None
        for number in range(folder.layout.n_blocks):
            rows = folder.layout.rows(number)
            table = about.slice(rows.start, rows.stop - rows.start)
            for layer, vectors in layers.items():
                column = _lists(pa, np.asarray(vectors[rows]))
                depth = None if layer.depth is None else {DEPTH: repr(layer.depth)}
                table = table.append_column(pa.field(layer.name, column.type, metadata=depth), column)
            writer = writer or parquet.ParquetWriter(aside, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()


def _name(column: str, folder: RunFolder) -> str:
    """What a column of samples is called, beside those of the layers."""
    name = column.removeprefix(LABEL)
    taken = {layer.name for layer in folder.layers} | {"id"}
    return f"{name} (label)" if name in taken and column != "id" else name


def _lists(pa: Any, block: np.ndarray) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), block.shape[1])
