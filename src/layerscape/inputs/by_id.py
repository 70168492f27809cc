"""Labels in memory for samples that have ids: what knows the ids is matched by them, and all else has their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from layerscape.core.labels import as_columns, labels_at
from layerscape.core.words import firsts
from layerscape.errors import InvalidType, InvalidValue, unknown_name
from layerscape.inputs.tables import as_words


def labels_given(labels: Any, ids: Sequence[str], id_column: str | None = None) -> dict[str, np.ndarray]:
    """Column name to N labels in the order of the ids.

    Parameters
    ----------
    labels
        A DataFrame, matched by its column of ids or its index; a Series, matched by its index; or a dict of columns,
        each of which is N values in the order of the ids, a dict of id to label, or a Series. Of a Series in a dict an
        index 0, 1, 2, … numbers the rows.
    ids
        N distinct names of samples; what labels know of others is left out.
    id_column
        The column of ids of a DataFrame; ``id`` when left out, or the index where there is no such column.

    Raises
    ------
    InvalidValue, InvalidType, UnknownName
        If a sample has no label (None is one), an id has two, or the columns have no names.

    >>> labels_given({"vowel": {"b": "no", "a": "yes"}, "size": [1.5, 2.5]}, ["a", "b"])
    {'vowel': array(['yes', 'no'], dtype='<U3'), 'size': array([1.5, 2.5])}
    """
    if hasattr(labels, "to_numpy") and hasattr(labels, "columns"):
        return _of_table(labels, ids, id_column)
    if id_column is not None:
        raise InvalidValue(
            f"id_column={id_column!r} is for a DataFrame or a file; labels of type {type(labels).__name__} have no "
            "column of ids: leave it out."
        )
    if _is_indexed(labels):
        named = f"{{{str(labels.name or 'label')!r}: labels.to_numpy()}}"
        cure = f"give one per sample with its id in the index or, in the order of the samples, {named}"
        return as_columns(labels.iloc[rows_of("the labels have", labels.index, ids, cure)])
    if isinstance(labels, Mapping):
        _check_columns(labels, ids)
        return as_columns({name: _in_order(str(name), values, ids) for name, values in labels.items()})
    raise InvalidType(f"labels of type {type(labels).__name__}; give a dict of columns, a DataFrame or a file.")


def _is_indexed(values: Any) -> bool:
    return hasattr(values, "to_numpy") and hasattr(values, "index")


def _of_table(table: Any, ids: Sequence[str], id_column: str | None) -> dict[str, np.ndarray]:
    names = list(table.columns)
    name, times = Counter(map(str, names)).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise InvalidValue(f"the labels have {times} columns named {name!r}; rename all but one.")
    index = getattr(table, "index", None)
    key = id_column or ("id" if "id" in names else None)
    if key is not None and key not in names and key != getattr(index, "name", None):
        raise unknown_name("column of the labels", str(key), map(str, names))
    if key is None and index is None:
        raise InvalidValue("the labels have no column of ids; name it with id_column.")
    cure = (
        "give one row per sample, with its id in the index or in id_column, or columns in the order of the samples, "
        "{name: labels[name].to_numpy() for name in labels}"
    )
    rows = rows_of("the labels have", table[key] if key in names else index, ids, cure)
    return as_columns({name: labels_at(table[name], np.asarray(rows)) for name in names if name != key})


def _check_columns(labels: Mapping[Any, Any], ids: Sequence[str]) -> None:
    """Raise where a dict goes from ids to labels, and so does not say what its column is called."""
    keys = set(map(str, labels))
    single = any(isinstance(values, (str, bytes)) or not np.iterable(values) for values in labels.values())
    if keys.issuperset(ids) or (single and not keys.isdisjoint(ids)):
        name, value = next((name, value) for name, value in labels.items() if str(name) in set(ids))
        raise InvalidType(
            f"labels by id, {{{name!r}: {value!r}, …}}, without a name for their column; give {{'label': labels}}."
        )


def _in_order(name: str, values: Any, ids: Sequence[str]) -> Any:
    """The values of one column in the order of the ids."""
    what, cure = f"label column {name!r} has", "give one per sample, None where it has none"
    if isinstance(values, Mapping):
        given = list(values.values())
        return [given[row] for row in rows_of(what, values, ids, cure)]
    if not _is_indexed(values) or _numbers_rows(what, values.index, ids):
        return values
    cure = f"{cure}, with its id in the index; or, in the order of the samples, {{{name!r}: values.to_numpy()}}"
    return labels_at(values, np.asarray(rows_of(what, values.index, ids, cure)))


def _numbers_rows(what: str, index: Any, ids: Sequence[str]) -> bool:
    """Whether an index is 0, 1, 2, … of as many rows as there are samples; raises where those may be ids too."""
    if list(index) != list(range(len(ids))):
        return False
    words = list(map(str, index))
    if words != list(ids) and set(words) == set(ids):
        raise InvalidValue(
            f"{what} the index 0, 1, 2, …, which may be ids or number the rows, and the samples have these ids in "
            "another order; give values.to_numpy() for their order, or values.to_dict() by id."
        )
    return True


def rows_of(what: str, keys: Any, ids: Sequence[str], cure: str) -> list[int]:
    """Where each id stands among keys, which may be numbers: 3.0 is the id 3, as it is in files.

    Parameters
    ----------
    what, cure
        For error messages: what has these keys, as in "the labels have", and what to do where an id is not among them.

    Raises
    ------
    InvalidValue
        If an id is not among the keys, or two of them are equal.

    >>> rows_of("the labels have", [1.0, 3.0], ["3", "1"], "add them")
    [1, 0]
    """
    keys = list(keys)
    words = list(map(str, keys))
    if not set(words).issuperset(ids):
        words = as_words(keys)
    place = {word: row for row, word in enumerate(words)}
    missing = [name for name in ids if name not in place]
    if missing:
        raise InvalidValue(f"{what} no row for {len(missing)} of {len(ids)} samples: {firsts(missing)}; {cure}.")
    if len(place) < len(words):
        name, times = Counter(words).most_common(1)[0]
        raise InvalidValue(f"{what} {times} rows for the id {name!r}; leave one.")
    return [place[name] for name in ids]
