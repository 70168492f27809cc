"""Spool: samples that come one after another, kept in a file, so that none but those of a batch are in memory."""

from __future__ import annotations

import pickle
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.samples import Captioned, Kind
from layerscape.errors import InvalidType, InvalidValue, LayerscapeError, first_line
from layerscape.pipeline.contents import as_content, is_missing, is_picture, plain
from layerscape.storage import file_problems


class Spool:
    """N contents on disk, read by their row; the file goes with the spool, and nobody else can write it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="layerscape-")  # noqa: SIM115 - it lives as long as the spool
        weakref.finalize(self, _closed, self._file)
        self._starts: list[int] = []
        self._one = threading.Lock()

    def add(self, content: Any) -> None:
        with file_problems(Path(tempfile.gettempdir())):
            self._starts.append(self._file.tell())
            pickle.dump(content, self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, row: int) -> Any:
        with self._one:
            self._file.seek(self._starts[row])
            return pickle.load(self._file)

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))


def _closed(file: Any) -> None:
    """Close a file of which maybe not all could be written."""
    with suppress(OSError):
        file.close()


class Cells(Sequence[Any]):
    """A column of pictures, or of paths, of which the pictures are kept in a file."""

    def __init__(self, cells: Iterable[Any] = ()) -> None:
        self._spool, self._cells = Spool(), list[Any]()
        for cell in cells:
            self.append(cell)

    def append(self, cell: Any) -> None:
        if is_missing(cell) or isinstance(cell, (str, Path)):
            self._cells.append(None if is_missing(cell) else cell)
            return
        content = as_content(cell, len(self._cells))[1]
        self._cells.append(len(self._spool))
        self._spool.add(content)

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, row: Any) -> Any:
        cell = self._cells[row]
        return self._spool[cell] if isinstance(cell, int) else cell


def spooled(items: Iterable[Any], *, labeled: bool) -> tuple[Spool, Kind, list[Any]]:
    """What an iterable gives, once through: its contents on disk, what they are, and their labels.

    Parameters
    ----------
    items
        Pictures of PIL, paths of pictures, texts, arrays, tensors, or what holds such.
    labeled
        Whether an item is (content, label), as data sets of torch give it, where it has two parts of which the second
        is a word or a number.
    """
    spool, labels, kinds = Spool(), [], {}
    kind: Kind = "array"
    for place, item in enumerate(given_items(items)):
        if labeled and isinstance(item, (tuple, list)) and len(item) == 2 and _is_label(item[1]):
            labels.append(item[1].item() if hasattr(item[1], "item") else item[1])
            item = item[0]
        elif labeled and isinstance(item, (tuple, list)) and len(item) == 1:
            item = item[0]
        if isinstance(item, Mapping) and sum(map(is_picture, item.values())) == 1:
            labels += [item["label"]] if labeled and _is_label(item.get("label")) else []
            item = next(filter(is_picture, item.values()))
        kind, content = as_content(item, place)
        kinds.setdefault("image with text" if isinstance(content, Captioned) else kind, place)
        if kind == "array":
            content = plain(content, f"sample {place}")
        if isinstance(content, np.ndarray) and content.ndim == 0:
            raise InvalidType(f"sample {place} is one number, {content}; give arrays, texts or pictures.")
        spool.add(content)
    if not len(spool):
        raise InvalidValue("an iterable that gave no sample, maybe since it was used up before; make it again.")
    if len(kinds) > 1 or len(labels) not in (0, len(spool)):
        raise InvalidType(
            f"samples of several kinds: {', '.join(f'{kind} (sample {place})' for kind, place in kinds.items())}, "
            f"{len(labels)} of {len(spool)} with a label; give samples of one kind."
        )
    return spool, kind, labels


def one_by_one(inputs: Any) -> Iterable[Any] | None:
    """The items of a data set, an iterator or another iterable; None of what has none."""
    if hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__"):
        return _rows_of(inputs)
    return iter(inputs) if hasattr(inputs, "__iter__") and not isinstance(inputs, (bytes, set, frozenset)) else None


def _rows_of(inputs: Any) -> Iterator[Any]:
    n = len(inputs)
    for row in range(n):
        try:
            item = inputs[row]
        except IndexError as error:
            what = f"inputs of type {type(inputs).__name__} say that they are {n} and have none at {row}"
            raise InvalidValue(f"{what}; mend their len(), or give those that are there.") from error
        yield item


def given_items(items: Iterable[Any]) -> Iterator[Any]:
    """The items; what goes wrong in code of the user's that makes them is said of which."""
    place, there = 0, iter(items)
    while True:
        try:
            item = next(there)
        except StopIteration:
            return
        except (LayerscapeError, Warning):
            raise
        except Exception as error:
            why = first_line(error)
            raise InvalidValue(f"sample {place} cannot be had ({why}); mend what makes the samples.") from error
        yield item
        place += 1


def _is_label(value: Any) -> bool:
    if isinstance(value, (str, int, float, np.generic)):
        return True
    return getattr(value, "ndim", None) == 0 and hasattr(value, "item")
