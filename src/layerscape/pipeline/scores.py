"""A number per run, as users give it: in the order of the runs, by step or name, or in a file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

from layerscape.core.step_names import Step
from layerscape.core.words import firsts
from layerscape.errors import InvalidType, InvalidValue, unknown_name
from layerscape.inputs.tables import read_table
from layerscape.run import Run
from layerscape.storage import scalars_in

Scores = Sequence[float] | Mapping[Any, float] | str | Path
BY = ("step", "run")  # columns of a file that say whose score a row is


def scores_of(given: Scores, runs: Sequence[Run], steps: Sequence[Step | None]) -> tuple[str, list[float]]:
    """What the score is called, and one number for each run.

    Raises
    ------
    InvalidValue, InvalidType, UnknownName, FileProblem
        If a run has none, or it is no finite number.
    """
    name = "score"
    logged = [scalars_in(run.record) for run in runs]
    if isinstance(given, str) and any(given in own for own in logged):
        name, given = given, _of_log(given, runs, logged)
    elif isinstance(given, (str, Path)):
        name, given = _read(given, dict.fromkeys(name for own in logged for name in own))
    if isinstance(given, Mapping):
        known = {_key(key): value for key, value in given.items()}
        named = zip(runs, steps, strict=True)
        asked = [run.name if step is None or run.name in known else _key(step) for run, step in named]
        if lacking := [key for key in asked if key not in known]:
            raise InvalidValue(f"no score of {firsts(lacking)}; there are scores of {firsts(list(known), 5)}.")
        values = [known[key] for key in asked]
    elif isinstance(given, Iterable):
        values = list(given)
    else:
        raise InvalidType(f"a score of type {type(given).__name__}; give a number per run, a dict, or a file.")
    if len(values) != len(runs):
        raise InvalidValue(f"{len(values)} scores of {len(runs)} runs; give one of each.")
    return name, [_number(value, run) for value, run in zip(values, runs, strict=True)]


def _of_log(name: str, runs: Sequence[Run], logged: Sequence[Mapping[str, float]]) -> list[float]:
    """What the trainer's own log said of every run."""
    if Path(name).exists():
        raise InvalidValue(f"{name} is a file, and a number that the runs hold; write ./{name} for the file.")
    if lacking := [run.name for run, own in zip(runs, logged, strict=True) if name not in own]:
        raise InvalidValue(f"{name} is not known of {firsts(lacking)}; leave these runs out.")
    return [own[name] for own in logged]


def logged_of(score: Any, runs: Sequence[Run]) -> list[bool]:
    """Of which runs a score is known: of all, unless it is what the trainer's own log said of some only."""
    logged = [scalars_in(run.record) for run in runs]
    if not isinstance(score, str) or not any(score in own for own in logged):
        return [True] * len(runs)
    return [isfinite(own.get(score, nan)) for own in logged]


def _key(value: Any) -> str:
    """A step or a name as it is written, whether 100, 100.0 or '100'."""
    try:
        number = float(value)
    except ValueError:
        return str(value)
    return str(int(number)) if number.is_integer() else str(number)


def _number(value: Any, run: Run) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not isfinite(number):
        raise InvalidValue(f"the score of {run.name!r} is {value!r}; give a finite number, or leave the run out.")
    return number


def _read(path: str | Path, logged: Collection[str]) -> tuple[str, Mapping[Any, float]]:
    """The name of the score, and the scores by step or run, of ``FILE`` or ``FILE:COLUMN``."""
    text, column = str(path), ""
    if not Path(text).exists() and ":" in text:
        text, _, column = text.rpartition(":")
    if not Path(text).exists():
        held = f", or one of what the runs hold: {firsts(list(logged), 8)}" if logged else ""
        raise InvalidValue(f"{path} does not exist; give a file of scores, with a column step or run{held}.")
    table = read_table(Path(text))
    columns = {str(name): list(values) for name, values in table.items()}
    by = next((name for name in BY if name in columns), None)
    if by is None:
        has = firsts(list(columns), 5)
        raise InvalidValue(f"{text} has no column step or run, which says whose score a row is; it has {has}.")
    rest = [name for name in columns if name not in BY]
    if column and column not in rest:
        raise unknown_name(f"column of {text}", column, rest)
    if not column and len(rest) != 1:
        one = rest[0] if rest else "COLUMN"
        raise InvalidValue(f"{text} has {len(rest)} columns beside {by}; name one: {text}:{one}.")
    name = column or rest[0]
    keys = [_key(value) for value in columns[by]]
    if twice := [key for place, key in enumerate(keys) if key in keys[:place]]:
        raise InvalidValue(f"{text} has several rows of {by} {twice[0]}; leave one of each.")
    return name, dict(zip(keys, columns[name], strict=True))
