"""Files that a command is given beside the vectors: a column of labels, or pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layerscape.errors import InvalidValue, unknown_name


def labels_in(wanted: str, option: str = "--labels") -> Any:
    """One column of a file of labels, ``FILE`` or ``FILE:COLUMN``."""
    from layerscape.inputs import read_labels

    path, _, column = wanted.rpartition(":")
    if not path or Path(wanted).exists():
        path, column = wanted, ""
    columns = read_labels(path)
    if not column and len(columns) > 1:
        raise InvalidValue(f"{path} has the columns {', '.join(columns)}; choose one: {option} {path}:COLUMN.")
    if column and column not in columns:
        raise unknown_name(f"column of {path}", column, columns)
    return columns[column or next(iter(columns))]


def pairs_in(wanted: str) -> Any:
    """The pairs in a table, or the column of one value per sample, ``FILE:COLUMN``."""
    from layerscape.inputs.pairs import read_pairs

    path, _, column = wanted.rpartition(":")
    if path and column and not Path(wanted).exists():
        return labels_in(wanted, "--pairs")
    return read_pairs(wanted)
