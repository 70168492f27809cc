"""Samples from whatever the user holds: a path, a list of texts, an array, or samples already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array
from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind, Samples, as_column
from layerscape.errors import InvalidType, InvalidValue
from layerscape.inputs import open_inputs


def as_samples(inputs: Any, *, labels: Any = None, kind: Kind | None = None, **options: Any) -> Samples:
    """Samples from a path, a list of texts or an array; a `Samples` is returned as it is.

    Examples
    --------
    >>> as_samples(["to be", "or not"], labels={"half": ["first", "second"]}).ids
    ('0', '1')
    """
    if isinstance(inputs, Samples):
        return inputs
    if isinstance(inputs, (str, Path)):
        return open_inputs(inputs, kind=kind, labels=labels, **options)
    if not (labels is None or isinstance(labels, Mapping)):
        raise InvalidType(f"labels of type {type(labels).__name__}; for data in memory give a dict of name to values.")
    given = [name for name, value in options.items() if value]
    if given:
        raise InvalidValue(f"{given[0]}={options[given[0]]!r} is for files; select the samples in memory yourself.")
    columns = {name: as_column(values) for name, values in (labels or {}).items()}
    texts = _texts(inputs)
    if texts is not None:
        return Samples(
            tuple(map(str, range(len(texts)))),
            kind or "text",
            lambda rows: [texts[row] for row in rows],
            fingerprint(texts),
            columns,
            "a list",
        )
    array = np.asarray(as_array(inputs, "the input")[...])
    if array.ndim < 2:
        raise InvalidType(
            f"inputs of type {type(inputs).__name__} and shape {array.shape}; give a path, a list of texts or an array "
            "with one sample per row."
        )
    return Samples(
        tuple(map(str, range(len(array)))),
        kind or "array",
        lambda rows: [array[row] for row in rows],
        fingerprint([str(array.dtype), str(array.shape), array.tobytes()]),
        columns,
        "an array",
    )


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
