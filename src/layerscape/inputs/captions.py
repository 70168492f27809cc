"""Pictures that a column of a table names or holds, alone or with the text of another column that belongs to each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Captioned
from layerscape.inputs.contents import Bad, Contents
from layerscape.inputs.images import decode, digest_of, open_files, tried
from layerscape.inputs.text import text_source

NONE = "has no picture"


def picture_source(
    column: Sequence[Any],
    folder: Path,
    texts: Sequence[Any] | None,
    ids: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
) -> Contents:
    """One sample per row.

    Parameters
    ----------
    column
        Paths of pictures, from the folder on; or pictures, as arrays that are read one by one.
    folder
        Where the table lies.
    texts
        Of each picture, if the two are shown together.
    ids, columns
        As in `Contents`.
    """
    named = [row for row, value in enumerate(column) if isinstance(value, (str, Path)) and str(value).strip()]
    pictures = _in_files(column, named, folder) if named else _in_memory(column)
    ids = ids or [str(row) for row in range(len(column))]
    if texts is None:
        return Contents(ids, "image", pictures.read, pictures.inspect, columns=columns)
    said = text_source(texts, "text")

    def read(rows: Sequence[int]) -> list[Captioned]:
        return [Captioned(*both) for both in zip(pictures.read(rows), said.read(rows), strict=True)]

    def inspect(rows: Sequence[int]) -> Iterator[bytes | str | Bad]:
        for picture, text in zip(pictures.inspect(rows), said.inspect(rows), strict=True):
            bad = next((each for each in (picture, text) if isinstance(each, Bad)), None)
            yield bad or f"{picture!s} {text!s}"

    return Contents(ids, "image", read, inspect, columns=columns)


def _in_files(column: Sequence[Any], named: Sequence[int], folder: Path) -> Contents:
    place = {row: number for number, row in enumerate(named)}
    files = open_files([folder / Path(str(column[row]).strip()).expanduser() for row in named])

    def read(rows: Sequence[int]) -> list[np.ndarray]:
        return files.read([place[row] for row in rows])

    def inspect(rows: Sequence[int]) -> Iterator[bytes | str | Bad]:
        found = iter(files.inspect([place[row] for row in rows if row in place]))
        return (next(found) if row in place else Bad(NONE) for row in rows)

    return Contents([str(row) for row in range(len(column))], "image", read, inspect)


def _in_memory(column: Sequence[Any]) -> Contents:
    def read(rows: Sequence[int]) -> list[Any]:
        held = (_held(column[row]) for row in rows)
        return [decode(each) if isinstance(each, bytes) else each for each in held]

    def inspect(rows: Sequence[int]) -> Iterator[str | Bad]:
        for row in rows:
            held = _held(column[row])
            if isinstance(held, np.ndarray):
                yield fingerprint([str(held.shape), held.tobytes()])
            else:
                yield held if isinstance(held, Bad) else tried(partial(digest_of, held))

    return Contents([str(row) for row in range(len(column))], "image", read, inspect)


def _held(cell: Any) -> np.ndarray | bytes | Bad:
    """The picture of a cell: an array of pixels, or the bytes of a file, alone or as data sets of the hub hold them."""
    held = cell.get("bytes") if isinstance(cell, Mapping) else cell
    if isinstance(held, (np.ndarray, bytes)) and len(held):
        return held
    none = held is None or held == b""
    return Bad(NONE if none else f"has in place of a picture or its path a {type(held).__name__}")
