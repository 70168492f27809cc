"""Series: runs of the same samples in an order, as the checkpoints of a training, revisions, or models by size."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, nan
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from layerscape.core.names import as_names, paths_like
from layerscape.core.shown import Card, Shown
from layerscape.core.step_names import Step, steps_in
from layerscape.core.words import firsts, listed
from layerscape.errors import FileProblem, InvalidType, InvalidValue, require
from layerscape.row_numbers import by_row_number, differ
from layerscape.run import Run, check_run, open_run
from layerscape.storage import RunFolder, finished_at, holds_run, runs_inside, scalars_in
from layerscape.storage.between import load_between, save_between

if TYPE_CHECKING:
    import pandas as pd


class Series(Shown, Sequence[Run]):
    """Runs of the same samples in an order; made by `series`.

    Attributes
    ----------
    runs
        In order.
    steps
        What each is called: numbers that rise, or names.
    layers
        Names of the layers that all runs have, in the order of the first.
    """

    def __init__(self, runs: Sequence[Run], steps: Sequence[Step]):
        self.runs, self.steps = tuple(runs), tuple(steps)
        self.layers = tuple(layer for layer in runs[0].layers if all(layer in run for run in runs))
        self._unkept: pd.DataFrame | None = None  # what was compared between steps, where no folder can keep it
        _check_alike(self.runs)

    def _card(self) -> Card:
        shown = [(str(step), run.name) for step, run in zip(self.steps, self.runs, strict=True)]
        title = f"Series of {len(self)} runs: {len(self.layers)} layers × {self.n_samples} samples"
        return Card(title, shown)

    @property
    def n_samples(self) -> int:
        """N, the same in every run."""
        return self.runs[0].n_samples

    @property
    def path(self) -> Path | None:
        """The folder in which all runs lie, where what is found between them is kept; None if there is none."""
        folders = {run.path.absolute().parent for run in self.runs}
        return folders.pop() if len(folders) == 1 and not any(run.temporary for run in self.runs) else None

    @property
    def table(self) -> pd.DataFrame:
        """What `measure` found last: the tables of the runs with their ``step``, and what it compared between steps."""
        tables = [self.with_step(step, run.table) for step, run in zip(self.steps, self.runs, strict=True)]
        return self.with_scalars(joined([*tables, *self._kept()]))

    @property
    def scalars(self) -> dict[str, dict[Step, float]]:
        """What the trainer's own log said at its steps: name, as ``loss``, to step to number; empty if nothing."""
        told = {step: scalars_in(run.record) for step, run in zip(self.steps, self.runs, strict=True)}
        names = dict.fromkeys(name for each in told.values() for name in each)
        return {name: {step: each[name] for step, each in told.items() if name in each} for name in names}

    def with_scalars(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with a ``step``, and what the trainer's log said at it as columns."""
        columns = {name: [known.get(step, nan) for step in table["step"]] for name, known in self.scalars.items()}
        return table.assign(**columns)

    @property
    def folders(self) -> dict[str, RunFolder]:
        """Of the runs, by their names."""
        return {run.name: run.folder for run in self.runs}

    def keep(self, between: pd.DataFrame) -> None:
        """Keep what was compared between steps, in the folder of the runs or, where they have none, in memory."""
        self._unkept = between
        if self.path is not None:
            save_between(self.path, self.folders, between.drop(columns=["step", "other_step"]))
            self._unkept = None

    def _kept(self) -> list[pd.DataFrame]:
        """What was compared between steps."""
        if self._unkept is not None:
            return [self._unkept]
        if self.path is None or (kept := load_between(self.path, self.folders)) is None:
            return []
        step = dict(zip((run.name for run in self.runs), self.steps, strict=True))
        found = self.with_step([step[name] for name in kept["run"]], kept)
        return [found.assign(other_step=[step[name] for name in kept["other_run"]])]

    def with_step(self, step: Any, table: pd.DataFrame) -> pd.DataFrame:
        """A table of one of its runs, or of several with the steps of its rows, as it stands in that of the series."""
        found = table.assign(step=step)
        return found.loc[:, ["step", *(name for name in found if name != "step")]]

    @overload
    def __getitem__(self, place: int) -> Run: ...
    @overload
    def __getitem__(self, place: slice) -> Series: ...
    def __getitem__(self, place: int | slice) -> Run | Series:
        return Series(self.runs[place], self.steps[place]) if isinstance(place, slice) else self.runs[place]

    def __len__(self) -> int:
        return len(self.runs)

    def pairs(self) -> list[tuple[int, int]]:
        """Places of the runs that are compared: every one with the one before it, with the first, and with the last."""
        last = len(self) - 1
        every = [pair for place in range(1, last + 1) for pair in ((place - 1, place), (0, place), (place, last))]
        return [pair for pair in dict.fromkeys(every) if pair[0] < pair[1]]


def series(source: Any, *, steps: Sequence[Step] | None = None) -> Series:
    """Runs of the same samples in an order.

    Parameters
    ----------
    source
        Runs or their folders, in a list or a dict of step to run; a folder that holds runs; or a pattern such as
        ``"runs/step_*"``. Of folders and patterns unfinished runs are left out, and said.
    steps
        What each is called, in the order of the runs: numbers, by which they are sorted, or names, in whose order they
        stay. When left out: the step that a run was made with, else the number in which the names of the runs differ,
        else, in a list, these names.

    Raises
    ------
    InvalidValue, InvalidType, FileProblem
        If there are fewer than two runs, their samples differ, two have one step, or their order cannot be known.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x, ids = np.random.default_rng(0).standard_normal((200, 4)), [f"sample {n}" for n in range(200)]
    >>> found = ls.series({0: ls.from_arrays({"a": x}, ids=ids), 100: ls.from_arrays({"a": x**3}, ids=ids)})
    >>> found.steps, found.layers
    ((0, 100), ('a',))
    >>> ls.measure(found, ["overlap"], k=10)[["step", "other_step", "layer", "other_layer"]].values.tolist()
    [[0, 100, 'a', 'a']]
    """
    if isinstance(source, Series):
        return source if steps is None else _ordered(source.runs, list(steps), given=True)
    if isinstance(source, Mapping) and not isinstance(source, Run):
        if steps is not None:
            raise InvalidValue("a dict of steps to runs and steps= at once; leave one out.")
        return _ordered([_opened(run) for run in source.values()], list(source), given=True)
    folders = isinstance(source, (str, Path))
    runs = [open_run(path) for path in _folders(source)] if folders else [_opened(run) for run in _listed(source)]
    if steps is not None:
        return _ordered(runs, as_names(steps), given=True)
    return _ordered(runs, _steps_of(runs, folders), given=False)


def open_run_or_series(path: str | Path) -> Run | Series:
    """The finished run in a folder, or the series of the runs that lie in it."""
    return series(path) if len(runs_inside(path)) > 1 else open_run(path)


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of a series as one; ``other_run`` and ``other_step`` are empty but for what was compared between steps."""
    found = require("pandas", "runs").concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    if "other_run" in found:
        found["other_run"] = found["other_run"].fillna("")
        if "other_step" in found and found["step"].dtype.kind == "i":
            found["other_step"] = found["other_step"].astype("Int64")
    return found


def _listed(source: Any) -> Iterable[Any]:
    if isinstance(source, Run) or not isinstance(source, Iterable):
        what = "one run" if isinstance(source, Run) else f"a {type(source).__name__}"
        raise InvalidType(f"{what} is no series; give a list of runs, a dict of step to run, or a folder of runs.")
    return list(source)


def _opened(given: Any) -> Run:
    if isinstance(given, (str, Path)):
        return open_run(given)
    check_run(given)
    return given


def _folders(source: str | Path) -> list[Path]:
    """The finished runs in a folder, or those that a pattern names."""
    named = paths_like(source)
    runs = runs_inside(source) if named is None else [path for path in named if holds_run(path)]
    whole = [path for path in runs if not (path / "run.json").is_file() or finished_at(path)]  # the former are refused
    if left := [path.name for path in runs if path not in whole]:
        python_warnings.warn(f"{listed(left)} in {source} is not finished and is left out", stacklevel=4)
    if not whole:
        raise FileProblem(
            f"no finished run is in {source}; make a series with: layerscape series MODEL INPUTS --out DIR."
        )
    return whole


def _steps_of(runs: Sequence[Run], folders: bool) -> list[Step]:
    """What the runs say, or their names; ``folders`` says that nobody gave their order."""
    known = [run.record["step"] for run in runs if run.record.get("step") is not None]
    if len(known) == len(runs):
        return known
    names = [run.name for run in runs]
    if (found := steps_in(names)) is not None:
        return list(found)
    if folders:
        raise InvalidValue(
            f"the order of {firsts(names)} is not known: their names do not differ in one number; name one of these "
            f"runs, as {runs[0].path}, or say in Python which step each is of: layerscape.series(…, steps=…)."
        )
    return list(names)


def _ordered(runs: Sequence[Run], steps: list[Any], *, given: bool) -> Series:
    if len(steps) != len(runs):
        raise InvalidValue(f"{len(steps)} steps of {len(runs)} runs; give one of each.")
    if len(runs) < 2:
        raise InvalidValue(f"a series of {len(runs)} run; give two or more.")
    paths = [run.path.resolve() for run in runs]
    if again := [run.name for place, run in enumerate(runs) if paths[place] in paths[:place]]:
        raise InvalidValue(f"run {again[0]!r} is given twice; a series is of runs that are not the same.")
    numbers = [isinstance(step, Real) and not isinstance(step, bool) for step in steps]
    if not all(numbers) and not all(isinstance(step, str) for step in steps):
        raise InvalidType(f"steps {firsts(steps)}; give a number for every run, or a name for every run.")
    if unfit := [step for step, number in zip(steps, numbers, strict=True) if number and not isfinite(step)]:
        raise InvalidValue(f"step {unfit[0]!r}; give finite numbers, or names.")
    twice = [step for place, step in enumerate(steps) if step in steps[:place]]
    if twice:
        names = [run.name for run, step in zip(runs, steps, strict=True) if step == twice[0]]
        cure = "" if given else "; say with steps= which step each is of"
        raise InvalidValue(f"step {twice[0]!r} is that of {listed(names)}{cure}.")
    plain = [int(step) if number and step == int(step) else step for step, number in zip(steps, numbers, strict=True)]
    order = sorted(range(len(runs)), key=plain.__getitem__) if all(numbers) else range(len(runs))
    return Series([runs[place] for place in order], [plain[place] for place in order])


def _check_alike(runs: Sequence[Run]) -> None:
    """Raise unless all are of the same samples; say so where some have other layers."""
    first = runs[0]
    for run in runs[1:]:
        if run.samples.ids != first.samples.ids:
            raise InvalidValue(
                f"{first.name!r} has {first.n_samples} samples and {run.name!r} {run.n_samples}, which are not the "
                "same in the same order: a series is of one set of samples; layerscape compare matches runs by id."
            )
    if unsure := by_row_number(runs):
        for run in runs[1:]:
            for column in first.samples.labels.keys() & run.samples.labels.keys():
                if count := differ(first.samples.labels[column], run.samples.labels[column]):
                    raise InvalidValue(
                        f"{first.name!r} and {run.name!r} have other values of {column!r} for {count} samples, which "
                        "are known by their row numbers only and so may be others: make both of the same inputs."
                    )
        python_warnings.warn(unsure, stacklevel=5)
    alone = dict.fromkeys(layer for run in runs for layer in run.layers if any(layer not in other for other in runs))
    if alone:
        shared = len([layer for layer in first.layers if all(layer in run for run in runs)])
        python_warnings.warn(
            f"layers {firsts(list(alone))} are not in all runs: {shared} layers are, and only these are compared "
            "between steps",
            stacklevel=5,
        )
