"""Columns of labels as other libraries hold them: a plain one of each, and its values in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

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
        labels = labels.detach().cpu().numpy()
    elif hasattr(labels, "null_count") and hasattr(labels, "to_list"):  # a column of polars
        labels = labels.to_list() if labels.null_count() else labels.to_numpy()
    elif hasattr(labels, "columns"):
        return labels.to_numpy() if len(labels.columns) > 1 else plain_column(labels[labels.columns[0]])
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
    shown = ", ".join(map(repr, names))
    raise InvalidValue(
        f"labels are a table of the columns {shown}; choose one, labels[{names[0]!r}], or give labels.to_numpy() for "
        "paths from coarse to fine."
    )


def words_of(values: Iterable[Any]) -> np.ndarray:
    """Shape (N,): categories in words, of a path all its steps.

    >>> words_of([("animal", "cat"), 3]).tolist()
    ['animal/cat', '3']
    """
    return np.array(["/".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in values], str)
