"""Samples from whatever the user holds: a path, a list, an array, or samples already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array
from layerscape.core.labels import as_columns
from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind, Samples
from layerscape.errors import InvalidType, InvalidValue
from layerscape.inputs import Selection, choose_inputs

GIVE = "give a path, an array with one sample per row, or a list of texts, of arrays or of dicts of arrays"
ARRAYS = (
    "__array__",
    "detach",
    "to_numpy",
    "toarray",
    "keys",
)  # what has one of these is an array, or is refused as one


def as_samples(inputs: Any, *, labels: Any = None, kind: Kind | None = None, **options: Any) -> Samples:
    """Samples from a path, a list of texts, arrays or dicts of arrays, or an array; a `Samples` is returned as it is.

    Examples
    --------
    >>> as_samples(["to be", "or not"], labels={"half": ["first", "second"]}).ids
    ('0', '1')
    >>> as_samples([np.zeros((3, 2)), np.zeros((5, 2))]).kind
    'array'
    """
    chosen = choose_samples(inputs, labels=labels, kind=kind, **options)
    return chosen if isinstance(chosen, Samples) else chosen.samples()


def choose_samples(inputs: Any, *, labels: Any = None, kind: Kind | None = None, **options: Any) -> Samples | Selection:
    """As `as_samples`, but of a path only what needs no content: which samples there are, and their labels."""
    if isinstance(inputs, Samples):
        return inputs
    if isinstance(inputs, (str, Path)):
        return choose_inputs(inputs, kind=kind, labels=labels, **options)
    given = [name for name, value in options.items() if value]
    if given:
        raise InvalidValue(f"{given[0]}={options[given[0]]!r} is for files; select the samples in memory yourself.")
    columns = as_columns(labels)
    contents, found, source = _held(inputs)
    digest = fingerprint(contents if found == "text" else _parts(contents))
    ids = tuple(map(str, range(len(contents))))
    return Samples(ids, kind or found, lambda rows: [contents[row] for row in rows], digest, columns, source)


def _held(inputs: Any) -> tuple[Sequence[Any] | np.ndarray, Kind, str]:
    """The contents of all samples, what they are, and what they came in."""
    texts = _texts(inputs)
    if texts is not None:
        return texts, "text", "a list"
    if isinstance(inputs, (list, tuple)):
        inputs = _of_list(inputs)
        if not isinstance(inputs, np.ndarray):
            return inputs, "array", "a list"
    if not any(hasattr(inputs, name) for name in ARRAYS):  # numpy would make one of a data set, labels and all
        raise InvalidType(f"inputs of type {type(inputs).__name__}; {GIVE}.")
    array = np.asarray(as_array(inputs, "the input")[...])
    if array.ndim < 2:
        raise InvalidType(f"inputs of type {type(inputs).__name__} and shape {array.shape}; {GIVE}.")
    return array, "array", "an array"


def _texts(inputs: Any) -> list[str] | None:
    """The texts of a list or of a column of words; None where there are none."""
    if not isinstance(inputs, (list, tuple)) and getattr(inputs, "ndim", 0) != 1:
        return None
    items = list(inputs)
    texts = [str(item) for item in items if isinstance(item, str)]
    if texts and len(texts) < len(items):
        place, other = next((place, item) for place, item in enumerate(items) if not isinstance(item, str))
        raise InvalidType(f"input {place} is {other!r} among texts, of type {type(other).__name__}; give texts only.")
    return texts or None


def _of_list(inputs: Sequence[Any]) -> tuple[Any, ...] | np.ndarray:
    """One array of arrays that are alike; else arrays, and whatever holds such, for the network's inputs to read."""
    if not inputs:
        raise InvalidValue(f"an empty list; {GIVE}.")
    contents = tuple(_plain(item, f"sample {number} of the list") for number, item in enumerate(inputs))
    kinds = {(item.shape, item.dtype) if isinstance(item, np.ndarray) else None for item in contents}
    if all(kind is not None and not kind[0] for kind in kinds):
        raise InvalidType(f"a list of numbers; {GIVE}.")
    return np.stack(contents) if len(kinds) == 1 and None not in kinds else contents


def _plain(item: Any, name: str) -> Any:
    """A sample with arrays in place of tensors and of lists of numbers."""
    if isinstance(item, str) or item is None:
        return item
    if isinstance(item, Mapping):
        return {key: _plain(part, name) for key, part in item.items()}
    if isinstance(item, (list, tuple)):
        parts = [_plain(part, name) for part in item]
        numbers = bool(parts) and all(isinstance(part, np.ndarray) and part.ndim == 0 for part in parts)
        return np.array(parts) if numbers else tuple(parts)
    return np.asarray(as_array(item, name)[...])


def _parts(item: Any) -> Iterator[bytes | str]:
    """What tells a sample from another."""
    if isinstance(item, np.ndarray):
        yield from (str(item.dtype), str(item.shape), item.tobytes())
    elif isinstance(item, Mapping):
        for key, part in item.items():
            yield f"{key}:"
            yield from _parts(part)
    elif isinstance(item, tuple):
        yield f"{len(item)} parts"
        for part in item:
            yield from _parts(part)
    else:
        yield repr(item)
