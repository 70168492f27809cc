"""Columns of labels as other libraries hold them: a plain one of each, and its values in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from layerscape.core.conversion import Bfloat16, as_array
from layerscape.errors import InvalidValue


def plain_column(labels: Any) -> Any:
    """A column as an array or a list, whoever holds it: what is missing stays so, and whole numbers stay whole.

    Of pandas, polars, pyarrow and torch; what is no column (a graph, a function) stays as it is. Where numbers are
    missing, their own arrays are of float64, in which numbers beyond 2⁵³ become others.

    >>> plain_column(np.array([["a"], ["b"]])).tolist()
    ['a', 'b']
    """
    if hasattr(labels, "to_pylist"):  # pyarrow, whose own arrays may not be copied
        return labels.to_pylist()
    if hasattr(labels, "detach") and hasattr(labels, "layout"):  # a torch tensor
        values = as_array(labels, "the labels")
        labels = values[:] if isinstance(values, Bfloat16) else values
    elif hasattr(labels, "null_count") and hasattr(labels, "to_list"):  # a column of polars
        labels = labels.to_list() if labels.null_count() else labels.to_numpy()
    elif hasattr(labels, "columns"):
        return plain_column(one_column(labels)) if len(labels.columns) < 2 else labels.to_numpy()
    elif hasattr(labels, "to_numpy"):
        found = labels.to_numpy()
        gaps = found.dtype.kind == "f" and not str(labels.dtype).lower().startswith(("float", "double", "sparse"))
        labels = labels.astype(object).to_numpy() if gaps else found
    one = isinstance(labels, np.ndarray) and labels.ndim == 2 and labels.shape[1] == 1
    return labels[:, 0] if one else labels


def one_column(labels: Any) -> Any:
    """The column of a table of labels that has one; raises at one that has more, and leaves all else as it is."""
    if not (hasattr(labels, "to_numpy") and hasattr(labels, "columns")):
        return labels
    names = list(labels.columns)
    if len(names) == 1:
        return labels[names[0]]
    if not names:
        raise InvalidValue("labels are a table without a column; give one label per sample.")
    shown = ", ".join(map(repr, names))
    raise InvalidValue(
        f"labels are a table of the columns {shown}; choose one, labels[{names[0]!r}], or give labels.to_numpy() for "
        "paths from coarse to fine."
    )


def words_of(values: Iterable[Any]) -> np.ndarray:
    r"""Shape (N,): categories in words, of a path all its steps.

    >>> words_of([("animal", "cat"), ("animal/cat",), 3, b"owl"]).tolist()
    ['animal/cat', 'animal\\/cat', '3', 'owl']
    """
    return np.array(list(map(_word, values)), str)


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(_word(step).replace("/", "\\/") for step in value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
