"""Pairs from a file, and pairs by the ids of samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.listing import Listed, of_table
from layerscape.core.words import firsts
from layerscape.errors import FileProblem, InvalidValue
from layerscape.inputs.files import existing_file, format_of, format_said
from layerscape.inputs.tables import TABLES, as_words, read_table


def read_pairs(path: str | Path) -> Listed:
    """The pairs in a table: the columns ``query`` and ``relevant``, and ``grade`` where partners are graded.

    Raises
    ------
    FileProblem
        If the file is missing, empty, broken, or no table.
    InvalidValue, InvalidType
        If columns have other names, or a grade is negative, not finite or no number.
    """
    path = existing_file(path)
    if format_of(path) not in TABLES:
        raise FileProblem(
            f"{path} holds no pairs ({format_said(format_of(path))}); give .csv, .tsv, .jsonl or .parquet with the "
            "columns query and relevant, and grade if partners are graded."
        )
    return of_table(read_table(path), str(path))


def rows_by_id(given: Sequence[Any], ids: Sequence[str], what: str) -> np.ndarray:
    """Which samples these are, by their ids, which may be numbers: 3.0 is the id 3, as it is in files.

    Raises
    ------
    InvalidValue
        If an id is none of a sample; ``what`` says who has them, as in "the run".

    >>> rows_by_id([3.0, "a"], ["a", "3"], "the run")
    array([1, 0])
    """
    place = {name: row for row, name in enumerate(ids)}
    words = list(map(str, given))
    if not place.keys() >= set(words):
        words = as_words(list(given))
    if unknown := list(dict.fromkeys(word for word in words if word not in place)):
        raise InvalidValue(
            f"pairs name {len(unknown)} {'sample' if len(unknown) == 1 else 'samples'} that {what} has not: "
            f"{firsts(unknown)}; its ids are {firsts(ids)}."
        )
    return np.array([place[word] for word in words])
