"""Pairs as they are given: a list of a query, its partner and perhaps a grade, in whatever holds these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.errors import InvalidType, InvalidValue

# What the columns of a table may be called, as those of the files of BEIR and TREC are too.
QUERY = ("query", "query_id", "query-id", "qid")
RELEVANT = ("relevant", "partner", "corpus-id", "corpus_id", "docid")
GRADE = ("grade", "score", "relevance")


@dataclass(frozen=True)
class Listed:
    """P pairs by whatever names their samples.

    Attributes
    ----------
    queries, partners
        P names or row numbers each.
    grades
        Shape (P,), float: 1 where none were given.
    """

    queries: Sequence[Any]
    partners: Sequence[Any]
    grades: np.ndarray


def listing_of(given: Any) -> Listed | None:
    """The pairs of a table, a dict or a list; None for a column of one value per sample.

    Raises
    ------
    InvalidValue, InvalidType
        If there are none, columns have other names, or a grade is negative, not finite or no number.

    Examples
    --------
    >>> listing_of({"q1": ["p1", "p2"], "q2": {"p3": 2}})
    Listed(queries=['q1', 'q1', 'q2'], partners=['p1', 'p2', 'p3'], grades=array([1., 1., 2.]))
    >>> listing_of([("q1", "p1"), ("q2", "p3")]).partners
    ['p1', 'p3']
    """
    if isinstance(given, Mapping):
        return _of_dict(given)
    if hasattr(given, "to_numpy") and hasattr(given, "columns"):
        return of_table({str(name): given[name].tolist() for name in given.columns}, "pairs")
    if isinstance(given, (list, tuple)):
        if not len(given):
            raise _empty("pairs")
        if not all(isinstance(each, (list, tuple, np.ndarray)) for each in given):
            return None
        if {len(each) for each in given} - {2, 3} or len({len(each) for each in given}) > 1:
            raise InvalidValue(
                "pairs of different lengths, or of others than 2 and 3; give a query and its partner, or these and a "
                "grade, of each."
            )
        return _of_columns([list(each) for each in zip(*given, strict=True)])
    values = given.to_numpy() if hasattr(given, "to_numpy") else np.asarray(given)
    if values.ndim == 1:
        return None
    if values.ndim != 2 or values.shape[1] not in (2, 3):
        raise InvalidValue(
            f"pairs of shape {values.shape}; give (P, 2), a query and its partner, (P, 3) with a grade, or one value "
            "per sample that partners share."
        )
    return _of_columns([values[:, place].tolist() for place in range(values.shape[1])])


def of_table(table: Mapping[str, Sequence[Any]], what: str) -> Listed:
    """The pairs of the columns of a table, which ``what`` names in messages."""
    query, relevant, grade = (_column(table, names, what) for names in (QUERY, RELEVANT, GRADE))
    if query is None or relevant is None:
        raise InvalidValue(
            f"{what} has the columns {', '.join(map(repr, table)) or 'none'}; name two of them query and relevant, "
            "and one of grades, if any, grade."
        )
    return _made(table[query], table[relevant], None if grade is None else table[grade], what)


def _column(table: Mapping[str, Sequence[Any]], names: Sequence[str], what: str) -> str | None:
    found = [name for name in table if name.strip().lower() in names]
    if len(found) > 1:
        raise InvalidValue(f"{what} has the columns {found[0]!r} and {found[1]!r}, of which one is meant; leave one.")
    return found[0] if found else None


def _of_dict(given: Mapping[Any, Any]) -> Listed:
    rows: list[tuple[Any, Any, Any]] = []
    for query, partners in given.items():
        if isinstance(partners, Mapping):
            rows += [(query, partner, grade) for partner, grade in partners.items()]
        elif np.iterable(partners) and not isinstance(partners, (str, bytes)):
            rows += [(query, partner, 1.0) for partner in partners]
        else:
            rows.append((query, partners, 1.0))
    return _of_columns([[row[place] for row in rows] for place in range(3)])


def _of_columns(columns: Sequence[Sequence[Any]]) -> Listed:
    queries, partners, *grades = columns
    return _made(queries, partners, grades[0] if grades else None)


def _made(queries: Sequence[Any], partners: Sequence[Any], grades: Any = None, what: str = "pairs") -> Listed:
    if not len(queries):
        raise _empty(what)
    try:
        found = np.ones(len(queries)) if grades is None else np.array([float(each) for each in grades])
    except (TypeError, ValueError):
        raise InvalidType(
            f"{what} with grades that are no numbers; give 0 for no partner, and more for better ones."
        ) from None
    if len(bad := np.flatnonzero(~(np.isfinite(found) & (found >= 0)))):
        raise InvalidValue(
            f"pair {int(bad[0])} has the grade {float(found[bad[0]])!r}; grades must be finite numbers of 0 or more."
        )
    return Listed(list(queries), list(partners), found)


def _empty(what: str) -> InvalidValue:
    return InvalidValue(f"{what} without any pair; give at least one: a query and its partner.")
