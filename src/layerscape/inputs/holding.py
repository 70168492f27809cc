"""Holding: what a file of vectors holds: matrices of the same samples, and perhaps their ids and label columns."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, unknown_name
from layerscape.inputs.tables import INDEX, as_words
from layerscape.inputs.vectors import named

_WEIGHT = re.compile(r"(^|[./])(weight|kernel(:0)?)$")
IDS = ("id", "ids", INDEX)  # what holds ids if nobody says


@dataclass(frozen=True)
class Holding:
    """N samples as one file has them.

    Attributes
    ----------
    arrays
        Name to an array of at least two axes, of which the first is the samples, in the order of the file; what is
        without a name is called ``""``. They are sliced as numpy's are, and may lie on disk. Or to a graph.
    ids, ids_in
        N names, and what they are called in the file; empty where it has none.
    columns
        Name to N values, which may be labels.
    depths
        Of the arrays of which it is said where between input and output they lie.
    """

    arrays: Mapping[str, Any]
    ids: Sequence[str] = ()
    ids_in: str = ""
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    depths: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_samples(self) -> int:
        first = next(iter(self.arrays.values()))
        return first.n_samples if isinstance(first, Neighbors) else first.shape[0]

    def at(self, rows: np.ndarray) -> Holding:
        """These samples, in this order, in memory."""
        arrays = {
            name: x.take(rows) if isinstance(x, Neighbors) else np.asarray(as_array(x, name)[:])[rows]
            for name, x in self.arrays.items()
        }
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        return replace(self, arrays=arrays, ids=[self.ids[row] for row in rows] if self.ids else (), columns=columns)


@dataclass(frozen=True)
class InFile:
    """What is in a file before it is told what of it are layers.

    Attributes
    ----------
    arrays
        Name to array of any shape, or to a list of values.
    columns
        What has one value per sample for sure.
    ids_in
        Which of them are the ids, where the format says it.
    depths
        As in `Holding`.
    """

    arrays: Mapping[str, Any]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    ids_in: str | None = None
    depths: Mapping[str, float] = field(default_factory=dict)


def sorted_out(
    path: str | Path,
    found: InFile,
    wanted: str | None = None,
    id_column: str | None = None,
    transposed: bool = False,
) -> Holding:
    """What the arrays of a file are: numbers on several axes are layers, and what has one axis says something of each.

    Parameters
    ----------
    path
        Of the file, for messages.
    found
        All that is in it.
    wanted
        Names or patterns, comma-separated; all arrays of at least two axes when left out.
    id_column
        The name of the ids; what the format says, or ``id``, ``ids`` or ``index``, when left out.
    transposed
        Whether matrices have a sample per column.

    Raises
    ------
    InvalidValue, UnknownName
        If there is no such array, none of two axes, or if they are not of the same samples.
    """
    arrays = {name: x for name, x in found.arrays.items() if not isinstance(x, list)}
    many = {name: x for name, x in arrays.items() if x.ndim > 1 and np.dtype(_numpy_of(x)).kind in "biufc"}
    if not many:
        shapes = (
            ", ".join(f"{name or 'an array'} of {_described(x)}" for name, x in list(arrays.items())[:6]) or "nothing"
        )
        raise InvalidValue(f"{path} holds no matrix of samples × units but {shapes}; give one that does.")
    weights = next((name for name in many if _WEIGHT.search(name)), None)
    if weights is not None and wanted is None:
        raise InvalidValue(
            f"{path} looks like the weights of a model, {weights!r} for one, whose rows are no samples; extract layers "
            f"from the model, or name what you mean all the same: {path}:{weights}."
        )
    names = list(many) if wanted is None else chosen_names(path, wanted, many)
    layers = {name: _turned(path, name, many[name]) if transposed else many[name] for name in names}
    n = _one_size(path, layers)
    one = {name: x for name, x in found.arrays.items() if isinstance(x, list) or x.ndim == 1} | dict(found.columns)
    kept = {name: _plain(values) for name, values in one.items() if _length(values) == n}
    asked = id_column or found.ids_in
    if asked is not None and asked not in kept:
        raise unknown_name(f"column of {n} ids in {path}", asked, kept)
    key = asked or next((name for name in IDS if name in kept), "")
    lost = [name for name in found.arrays if name not in kept and name not in names]
    if lost and wanted is None:
        warnings.warn(f"{path}: left out {named(lost)}, no matrix or column of its {n} samples", stacklevel=3)
    ids = as_words(kept[key]) if key else ()
    columns = {name: kept[name] for name in kept if name != key}
    return Holding(layers, ids, key, columns, found.depths)


def depth_said(value: Any) -> float | None:
    """The place of a layer that is written beside it; None for what others call a depth.

    >>> depth_said(0.5), depth_said(b"0.25"), depth_said("250 m"), depth_said(None)
    (0.5, 0.25, None, None)
    """
    try:
        depth = float(value)
    except (TypeError, ValueError):
        return None
    return depth if 0 <= depth <= 1 else None


def chosen_names(path: str | Path, wanted: str, names: Iterable[str]) -> list[str]:
    """The names that are asked for, one by one or by patterns, in the order in which they are asked for."""
    names, chosen = list(names), []
    if names == [""]:
        raise InvalidValue(f"{path}:{wanted} names an array, but the file holds only one; leave the name out.")
    for pattern in [wanted] if wanted in names else wanted.split(","):
        fitting = [pattern] if pattern in names else [name for name in names if fnmatchcase(name, pattern)]
        if not fitting:
            raise unknown_name(f"array in {path}", pattern, names)
        chosen += fitting
    return list(dict.fromkeys(chosen))


def by_number(names: Iterable[str]) -> list[str]:
    """Names in an order in which block_2 comes before block_10, for files that keep none but that of the alphabet.

    >>> by_number(["block_10", "block_2", "a"])
    ['a', 'block_2', 'block_10']
    """
    parts = {name: re.split(r"([0-9]+)", name) for name in names}
    return sorted(
        parts, key=lambda name: [(part.isdecimal(), part.zfill(20 * part.isdecimal())) for part in parts[name]]
    )


def _one_size(path: str | Path, arrays: Mapping[str, Any]) -> int:
    sizes = {x.shape[0] for x in arrays.values()}
    if len(sizes) == 1:
        return sizes.pop()
    shown = ", ".join(f"{name} ({_shape(x)})" for name, x in list(arrays.items())[:6])
    raise InvalidValue(
        f"{path} holds arrays of {len(sizes)} numbers of samples: {shown}; choose those of the same samples: "
        f"{path}:NAME,NAME."
    )


def _turned(path: str | Path, name: str, x: Any) -> Any:
    """A matrix with a sample per row of one with a sample per column; a memmap is one still."""
    if x.ndim > 2:
        raise InvalidValue(
            f"{path}:{name} has {x.ndim} axes; --transposed is of matrices: bring its samples to axis 0."
        )
    x = as_array(x, name)
    return (x if isinstance(x, np.ndarray) else np.asarray(x[:])).T


def _numpy_of(x: Any) -> Any:
    """The type of an array of any library; what numpy has no word for, as bfloat16, are numbers all the same."""
    return x.dtype if isinstance(x.dtype, np.dtype) else np.float32


def _length(values: Any) -> int:
    return values.shape[0] if hasattr(values, "shape") else len(values)


def _described(x: Any) -> str:
    """Its shape, and of what it is where that is no numbers."""
    kind = np.dtype(_numpy_of(x))
    words = {"U": "texts", "S": "texts", "T": "texts", "O": "objects", "M": "dates", "m": "durations", "V": "records"}
    return _shape(x) + (f" {words[kind.kind]}" if kind.kind in words else "")


def _shape(x: Any) -> str:
    return " × ".join(map(str, x.shape)) or "one value"


def _plain(values: Any) -> Any:
    """A column in memory, words as words."""
    if not hasattr(values, "dtype"):
        return values
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        return [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values.tolist()]
    return values
