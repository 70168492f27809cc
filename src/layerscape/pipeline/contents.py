"""What one sample that a person holds in memory is: a picture, a text, a pair of texts, an array or what holds such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array
from layerscape.core.samples import Captioned, Kind, TextPair
from layerscape.errors import InvalidType, InvalidValue
from layerscape.inputs import as_picture, read_picture

TEXT = "a text is a string"


def as_content(item: Any, place: int) -> tuple[Kind, Any]:
    """What one item is, and its content as a network is shown it; arrays and what holds them as they are."""
    if is_picture(item):
        try:
            return "image", as_picture(item)
        except InvalidValue as error:
            raise InvalidValue(f"sample {place} cannot be used: {str(error).rstrip('.')}.") from None
    if isinstance(item, Path):
        return "image", read_picture(item)
    if is_captioned(item):
        return "image", Captioned(as_content(item[0], place)[1], item[1])
    if isinstance(item, str):
        return "text", item
    return ("text", TextPair(*item)) if is_pair(item) else ("array", item)


def is_pair(item: Any) -> bool:
    """Whether it is two texts."""
    return isinstance(item, (tuple, list)) and len(item) == 2 and all(isinstance(part, str) for part in item)


def shows_picture(item: Any) -> bool:
    """Whether it is a picture, or the path of one, alone or with a text."""
    return is_picture(item) or isinstance(item, Path) or is_captioned(item)


def is_captioned(item: Any) -> bool:
    """Whether it is a picture, or the path of one, and a text."""
    pair = isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[1], str)
    return pair and (is_picture(item[0]) or isinstance(item[0], Path))


def is_picture(item: Any) -> bool:
    """Whether it is a picture of PIL, which is met without importing it."""
    return hasattr(item, "getbands") and hasattr(item, "convert")


def is_missing(value: Any) -> bool:
    """Whether a cell is empty, as pandas and Python have it.

    >>> is_missing(None), is_missing(float("nan")), is_missing("")
    (True, True, False)
    """
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas' NA is neither
        return type(value).__name__ == "NAType"


def check_asked(kind: Kind | None, found: Kind, items: Iterable[Any]) -> None:
    """Raise where samples are to be of a kind of which they are not, so that what is read from them would be no fact.

    Anything may be taken for an array, and a text for a protein. Arrays are pictures where these are as files are read.
    """
    if kind in (None, found, "array") or {kind, found} == {"text", "protein"}:
        return
    for place, item in enumerate(items):
        shape, dtype = getattr(item, "shape", ()), getattr(item, "dtype", None)
        if kind != "image" or dtype != np.uint8 or len(shape) != 2 + (shape[2:] == (3,)):
            told = type(item).__name__ if dtype is None else f"{dtype} of shape {tuple(shape)}"
            wanted = "a picture is uint8 of shape (height, width) or (height, width, 3)" if kind == "image" else TEXT
            cure = _cure(tuple(shape), dtype) if kind == "image" and dtype is not None else "leave kind out"
            raise InvalidType(f"kind={kind!r} for samples of which {place} is {told}; {wanted}: {cure}.")


def _cure(shape: tuple[int, ...], dtype: Any) -> str:
    """What makes a picture of an array that is none; not done unasked, since nothing tells which numbers are white."""
    if len(shape) not in (2, 3) or (len(shape) == 3 and not {1, 3} & {shape[0], shape[2]}):
        return "leave kind out"
    if dtype != np.uint8:
        return "scale it to 0 to 255 and make it uint8, or leave kind out"
    if 1 in (shape[0], shape[2]):
        return "leave out the axis of its one channel, or leave kind out"
    return "put its channels last, as x.transpose(1, 2, 0) does, or leave kind out"


def plain(item: Any, name: str) -> Any:
    """A sample with arrays in place of tensors and of lists of numbers."""
    if isinstance(item, str) or item is None:
        return item
    if isinstance(item, Mapping):
        return {key: plain(part, name) for key, part in item.items()}
    if isinstance(item, (list, tuple)):
        parts = [plain(part, name) for part in item]
        numbers = bool(parts) and all(isinstance(part, np.ndarray) and part.ndim == 0 for part in parts)
        return np.array(parts) if numbers else tuple(parts)
    return np.asarray(as_array(item, name)[...])
