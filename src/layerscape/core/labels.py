"""Labels as they are given: as columns, and which samples have none.

None, NaN, NaT, pandas' NA, a masked value and the empty string stand for no label, in memory and in files alike: an
empty cell of a table is read as ``""``. Of samples with several labels or with a path, one that is missing will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Set, ValuesView
from decimal import Decimal
from enum import Enum
from numbers import Real
from typing import Any

import numpy as np

from layerscape.core.columns import one_column, plain_column, words_of
from layerscape.core.conversion import is_nothing
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue

MANY = (list, tuple, set, frozenset, np.ndarray)
FORMS = {
    "word": (str, bytes, Enum),
    "number": (Real, Decimal, np.bool_),
    "date": (np.datetime64, np.timedelta64),
    "path": (tuple,),
    "set": (list, set, frozenset),
}

CONTROL = "control"  # what the table calls the groups of controls


def group_name(column: str, value: str) -> str:
    """What the table calls the samples that have this value; raises where that could be read as another group's name.

    >>> group_name("species", "owl")
    'species=owl'
    """
    if column == CONTROL or "=" in column:
        raise InvalidValue(
            f"by={column!r}: groups are named COLUMN=VALUE, and controls {CONTROL}=NAME; give the column another name."
        )
    return f"{column}={value}"


def queries_name(n_queries: int) -> str:
    """What the table calls rows of some samples that were asked for their neighbors among all.

    >>> queries_name(300)
    '300 queries'
    """
    return f"{n_queries} queries"


def is_missing(value: Any) -> bool:
    """Whether a value stands for no label.

    >>> [is_missing(value) for value in (None, "", float("nan"), ("cat", None), 0, False, "none", set())]
    [True, True, True, True, False, False, False, False]
    """
    if is_nothing(value) or (isinstance(value, (str, bytes)) and not value):
        return True
    return any(map(is_missing, value)) if isinstance(value, MANY) else bool(value != value)


def missing(labels: Any) -> np.ndarray | None:
    """Shape (N,): which samples have no label; None for labels that are not listed by sample: a graph, a function.

    >>> missing([0.5, None, 2]).tolist(), missing(np.array([[1.0, 2.0], [np.nan, 0.0]])).tolist()
    ([False, True, False], [False, True])
    """
    if isinstance(labels, Representation):
        labels = labels.matrix
    if isinstance(labels, np.ma.MaskedArray):
        return _by_sample(np.ma.getmaskarray(labels)) | _of_array(labels.data)
    labels = plain_column(labels)
    if isinstance(labels, np.ndarray) and labels.ndim:
        return _of_array(labels)
    return np.array([is_missing(label) for label in labels], bool) if isinstance(labels, (list, tuple)) else None


def _of_array(labels: np.ndarray) -> np.ndarray:
    kind = labels.dtype.kind
    if kind == "O":
        return np.array([is_missing(label) for label in labels], bool)
    if kind in "US":
        return _by_sample(np.asarray(labels == np.zeros((), labels.dtype)))
    return _by_sample(np.asarray(labels != labels))  # NaN and NaT alone differ from themselves


def _by_sample(found: np.ndarray) -> np.ndarray:
    return np.asarray(found.any(axis=tuple(range(1, found.ndim))))


def form_of(labels: Any) -> str:
    """What one label is: ``"word"``, ``"number"``, ``"date"``, ``"path"`` (a tuple), ``"set"`` (a list or set).

    Raises
    ------
    InvalidType
        If labels are of several forms, such as 1 and "1", or of one that is read nowhere.

    >>> form_of(["cat", None]), form_of(np.arange(3)), form_of([{1, 2}, [3]]), form_of([("a", "b")])
    ('word', 'number', 'set', 'path')
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind != "O":
        form = {"U": "word", "S": "word", "M": "date", "m": "date"}.get(labels.dtype.kind, "number")
        return _readable(form if labels.dtype.kind not in "cV" else "", labels.dtype)
    first: dict[str, Any] = {}
    for label in labels:
        if isinstance(label, MANY) or not is_missing(label):
            form = next((name for name, kinds in FORMS.items() if isinstance(label, kinds)), "")
            form = form or ("date" if hasattr(label, "isoformat") else "")
            first.setdefault(_readable(form, type(label).__name__), label)
    if len(first) > 1:
        one, other = list(first.values())[:2]
        raise InvalidType(f"labels of several forms, {one!r} and {other!r}; give all of them as words, or as numbers.")
    return next(iter(first), "word")


def _readable(form: str, kind: object) -> str:
    if not form:
        raise InvalidType(f"labels of type {kind}; give words, numbers, dates, tuples (paths) or sets.")
    return form


def labels_at(labels: Any, rows: np.ndarray) -> Any:
    """The labels of some samples, of which none is missing, in the type that they have without gaps.

    Raises
    ------
    InvalidType
        If they are not listed by sample: a graph, a function.

    >>> labels_at([0.5, None, 2.0], np.array([0, 2]))
    [0.5, 2.0]
    """
    if isinstance(labels, Representation):
        return labels.take(rows)
    labels = plain_column(labels)
    if not isinstance(labels, (np.ndarray, list, tuple)):
        raise InvalidType("labels that are a graph or a function are not told apart by groups; give one per sample.")
    if isinstance(labels, np.ndarray) and not (labels.dtype.kind == "O" and labels.ndim == 1):
        return np.asarray(labels[rows])
    return [labels[row] for row in rows]


def as_columns(labels: Any, ids: list[str] | None = None) -> dict[str, np.ndarray]:
    """A dict or a table of label columns, or one Series, as columns by name.

    Where an index has the ``ids`` of the samples in another order than they have, it is refused: by place each label
    would go to another sample.

    >>> as_columns({"digit": [0.0, 1.0]})
    {'digit': array([0, 1])}
    """
    if labels is None:
        return {}
    if ids is not None:
        for one in labels.values() if isinstance(labels, Mapping) else [labels]:
            check_order(one, ids)
    if hasattr(labels, "to_numpy") and getattr(labels, "ndim", 2) == 1:
        labels = {getattr(labels, "name", None) or "label": labels}
    if isinstance(labels, Mapping):
        for name, values in labels.items():
            listed = hasattr(values, "__len__") and getattr(values, "ndim", 1)
            if isinstance(values, (str, bytes, Mapping, Set, ValuesView)) or not listed:
                raise InvalidType(
                    f"label column {str(name)!r} is of type {type(values).__name__}; give N values, one per sample."
                )
        return {str(name): _checked(str(name), values) for name, values in labels.items()}
    if hasattr(labels, "to_numpy") and hasattr(labels, "columns"):
        return {str(name): _checked(str(name), labels[name]) for name in labels.columns}
    raise InvalidType(
        f"labels of type {type(labels).__name__}; name the columns in a dict: labels={{'label': …}}, N values each."
    )


def _checked(name: str, values: Any) -> np.ndarray:
    """A column that was given by name; raises where its values are of several forms, which numpy would make words."""
    values, form = plain_column(values), ""
    if isinstance(values, (list, tuple)) or getattr(values, "dtype", np.dtype("O")).kind == "O":
        try:
            form = form_of(values)
        except InvalidType as error:
            raise InvalidType(f"label column {name!r}: {error}") from None
    if form == "set":
        raise InvalidType(
            f"label column {name!r} has several labels for a sample, and a run one; give a column of each, or give "
            "them to ls.estimate."
        )
    paths = [None if is_missing(each) else tuple(each) for each in values] if form == "path" else []
    if any(isinstance(step, (str, bytes)) for path in paths if path for step in path):
        column = np.full(len(paths), None, object)  # of which numpy would make a table of words
        column[:] = [path and tuple(words_of(path).tolist()) for path in paths]
        return column
    try:
        return plain_column(as_column(values))
    except (TypeError, ValueError) as error:
        raise InvalidValue(
            f"label column {name!r} cannot be read as one ({error}); give one label per sample."
        ) from None


def check_order(labels: Any, ids: list[str]) -> None:
    """Raise where the index of labels names the samples in another order."""
    if not (hasattr(labels, "to_numpy") and hasattr(labels, "index")):
        return
    given = list(map(str, labels.index))
    if given != ids and set(given) == set(ids):
        place = next(place for place, (one, other) in enumerate(zip(given, ids, strict=False)) if one != other)
        raise InvalidValue(
            f"the index of the labels has the ids of the samples in another order, {given[place]!r} where they have "
            f"{ids[place]!r}; give labels.loc[ids], or labels.to_numpy() if their order is that of the samples."
        )


def as_column(values: Any) -> np.ndarray:
    """N labels as a column: floats are real numbers, so that whole ones, which are categories, become integers.

    A missing label is None among categories and NaN among real numbers.

    >>> as_column([1.0, 2.0]), as_column([0.5, 2.0]), as_column(["a", None]), as_column([1, None, 2.5])
    (array([1, 2]), array([0.5, 2. ]), array(['a', None], dtype=object), array([1. , nan, 2.5]))
    """
    values = plain_column(values)
    gaps = missing(values)
    if gaps is None or not gaps.any() or gaps.all() or getattr(values, "ndim", 1) > 1:
        column = np.asarray(values)
        whole = column.dtype.kind == "f" and ((np.abs(column) < np.float64(2**63)) & (column == np.round(column))).all()
        return column.astype(np.int64) if whole else column
    column = np.full(len(gaps), None, object)
    known = as_column(labels_at(values, np.flatnonzero(~gaps)))
    if known.dtype.kind == "f":
        column = np.full(len(gaps), np.nan)
    column[~gaps] = known
    return column


def categories_of(labels: Any, n_samples: int, of: str) -> np.ndarray:
    """Which category each of N samples is of, numbered in the order in which they are met; ``of`` is what they are.

    Raises
    ------
    InvalidValue, InvalidType
        If there is not one category per sample, or one is missing.

    >>> categories_of(["b", "a", "b"], 3, "group")
    array([0, 1, 0])
    """
    if isinstance(labels, str):
        raise InvalidType(f"{of}s={labels!r} is a name, which a column of a run has; give one {of} per sample.")
    labels = plain_column(one_column(labels))
    gaps = missing(labels)
    shape = np.shape(labels) if not isinstance(labels, (list, tuple)) else (len(labels),)
    if shape != (n_samples,):
        raise InvalidValue(f"{of}s of shape {shape} for {n_samples} samples; give one label per sample.")
    if gaps is not None and gaps.any():
        raise InvalidValue(
            f"{int(gaps.sum())} of {n_samples} samples have no {of}; give each of them one, or leave them out."
        )
    labels = labels if isinstance(labels, (list, tuple)) else np.asarray(labels)
    if form_of(labels) == "set":
        raise InvalidType(f"{of}s of sets or lists; a sample is of one {of}: give one category per sample.")
    if isinstance(labels, np.ndarray):
        if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
            raise InvalidType(f"{of}s of real numbers that are not whole; give categories: whole numbers, or words.")
        labels = labels.tolist()
    met: dict[Any, int] = {}
    return np.array([met.setdefault(label, len(met)) for label in labels])
