"""The samples that several runs have in common, matched by id."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterable, Sequence

import numpy as np

from layerscape.core.words import listed
from layerscape.errors import InvalidValue
from layerscape.row_numbers import by_row_number, differ
from layerscape.run import Run
from layerscape.supply.sources import Part


def matched(*runs: Run) -> tuple[Part, ...]:
    """The samples that all of two runs or more have, in the order of the first, which has the labels.

    Raises
    ------
    InvalidValue
        If they have no sample in common.
    """
    ids = [run.samples.ids for run in runs]
    places = [{name: row for row, name in enumerate(own)} for own in ids]
    shared = [name for name in ids[0] if all(name in place for place in places[1:])]
    every, names = "both" if len(runs) == 2 else "all", listed([repr(run.name) for run in runs])
    if not shared:
        raise InvalidValue(
            f"{names} have no sample in common: ids like {listed([repr(own[0]) for own in ids])}; extract {every} from "
            "the same inputs, or name the id column."
        )
    unsure = by_row_number(runs)
    alone = [len(own) - len(shared) for own in ids]
    if any(alone):
        left = listed([f"{count} of {run.name!r}" for count, run in zip(alone, runs, strict=True)])
        python_warnings.warn(f"{len(shared)} samples are in {every} runs; {left} are left out", stacklevel=4)
    rows = [np.array([place[name] for name in shared], int) for place in places]
    first = Part(runs[0], _some(runs[0], rows[0]))
    others = [Part(run, _some(run, own), labeled=first) for run, own in zip(runs[1:], rows[1:], strict=True)]
    if unsure:
        check_same_labels((first, *others), runs[0].samples.labels)
        python_warnings.warn(unsure, stacklevel=4)
    return first, *others


def check_same_labels(parts: Sequence[Part], columns: Iterable[str]) -> None:
    """Raise where a later run has other labels of the samples than the first: then they may be other samples."""
    first = parts[0]
    for part, column in ((part, column) for part in parts[1:] for column in columns):
        known = [each.whole.samples.labels for each in (first, part)]
        if column not in known[0] or column not in known[1]:
            continue
        one, other = (
            own[column] if each.rows is None else own[column][each.rows]
            for own, each in zip(known, (first, part), strict=True)
        )
        if (count := differ(one, other)) > 0:
            raise InvalidValue(
                f"{first.whole.name!r} and {part.whole.name!r} have other values of {column!r} for {count} of "
                f"{len(one)} samples of the same ids, so that they may be other samples: extract both from the same "
                f"inputs, or give one of them its labels anew (layerscape labels)."
            )


def _some(run: Run, rows: np.ndarray) -> np.ndarray | None:
    """The rows, or None if they are all, in order."""
    return None if len(rows) == len(run.samples.ids) and (np.diff(rows) == 1).all() else rows
