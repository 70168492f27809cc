"""The samples that several runs have in common, matched by id."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from layerscape.core.labels import missing
from layerscape.core.words import listed
from layerscape.errors import InvalidValue
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
    unsure = _by_row_number(runs)
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
        if (count := _differ(one, other)) > 0:
            raise InvalidValue(
                f"{first.whole.name!r} and {part.whole.name!r} have other values of {column!r} for {count} of "
                f"{len(one)} samples of the same ids, so that they may be other samples: extract both from the same "
                f"inputs, or give one of them its labels anew (layerscape labels)."
            )


def _differ(one: np.ndarray, other: np.ndarray) -> int:
    """For how many samples two columns differ; a number and the word for it are the same."""
    if one.shape != other.shape:
        return len(one)
    gaps = [missing(each) for each in (one, other)]
    if one.dtype.kind not in "iufb" or other.dtype.kind not in "iufb":
        one, other = one.astype(str), other.astype(str)
    apart = np.asarray(one != other).reshape(len(one), -1).any(axis=1)
    without = [np.zeros(len(one), bool) if each is None else each for each in gaps]
    return int((np.where(without[0] | without[1], without[0] != without[1], apart)).sum())


def _by_row_number(runs: Sequence[Run]) -> str:
    """What to say where nothing but numbers of rows tells which sample is which; raise where these cannot tell."""
    contents = {_content(run) for run in runs}
    numbered = [run for run in runs if _is_numbered(run)]
    if not numbered or (len(contents) == 1 and None not in contents):
        return ""
    names = listed([repr(run.name) for run in runs])
    sources = [(run.record.get("inputs") or {}).get("source") for run in runs]
    sizes = [run.n_samples for run in runs]
    cure = "give ids to the samples of each (ids=, id_column=, --id-column; of files of vectors --id)"
    if len(numbered) == len(runs) and len(set(sizes)) > 1 and (None in sources or len(set(sources)) > 1):
        raise InvalidValue(
            f"{names} have {listed(list(map(str, sizes)))} samples that are known by their row numbers only, which do "
            f"not tell which of one is which of another; {cure}."
        )
    known = f"were made of different inputs, {listed(list(map(repr, sources)))}" if None not in sources else ""
    return (
        f"{names} {known or 'do not say of which samples they are'}, and their samples are matched by row number: "
        f"if row i is not the same sample in {'both' if len(runs) == 2 else 'all'}, {cure}"
    )


def _content(run: Run) -> str | None:
    """What two runs of the very same samples share: the digest of what the network was shown, or of the vectors."""
    made = run.record.get("inputs")
    return made.get("fingerprint") if made else run.record.get("samples")


def _is_numbered(run: Run) -> bool:
    """Whether its ids are the numbers of rows, all of them or some in their order, and nobody gave them."""
    named = run.record.get("ids")
    if named is not None:
        return named == "rows"
    if (run.record.get("read_with") or {}).get("id_column"):
        return False
    ids = run.samples.ids
    numbers = [int(name) for name in ids if name.isdecimal()]
    return list(map(str, numbers)) == list(ids) and all(a < b for a, b in pairwise(numbers))


def _some(run: Run, rows: np.ndarray) -> np.ndarray | None:
    """The rows, or None if they are all, in order."""
    return None if len(rows) == len(run.samples.ids) and (np.diff(rows) == 1).all() else rows
