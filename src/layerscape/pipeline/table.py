"""The table: the rows of an estimate, and how rows are kept."""

from __future__ import annotations

import json
import warnings as python_warnings
from collections.abc import Mapping
from dataclasses import astuple
from itertools import repeat
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.nearness import Nearness
from layerscape.core.tasks import Task
from layerscape.errors import FileProblem, require
from layerscape.run import Run
from layerscape.storage.labels import gone, others_than

if TYPE_CHECKING:
    import pandas as pd

NEAR = {"metric": "", "standardize": "", "near_copies": nan}  # what stands there where nothing was searched
COLUMNS = (
    "run", "layer", "depth", "other_layer", "label", "group", "groups", "measure", "options", *NEAR, "k",
    "scale", "value", "low", "high", "chance", "chance_low", "chance_high", "p", "held", "n_samples", "n_units",
    "warnings",
)  # fmt: skip
CEILING = (
    "ceiling", "ceiling_low", "ceiling_high", "over_ceiling", "over_ceiling_low", "over_ceiling_high",
    "single", "single_low", "single_high",
)  # fmt: skip


def as_rows(
    run: Run, task: Task, estimate: Estimate, near: Nearness | None, group: str = "", groups: str = ""
) -> list[dict[str, Any]]:
    """One row of the table per point of an estimate's curve, or one for the estimate.

    ``group`` says which samples were measured, ``groups`` which of them belong together.
    """
    chance = estimate.chance
    depth = run.depths[task.layer]
    shared = {
        "run": run.name,
        "layer": task.layer,
        "depth": nan if depth is None else depth,
        "other_layer": task.other_layer,
        "label": task.label,
        "group": group,
        "groups": groups,
        "measure": estimate.measure,
        "options": json.dumps(dict(estimate.options), default=str),
        **_near(task, near),
        "chance": chance.value if chance else nan,
        "chance_low": chance.low if chance else nan,
        "chance_high": chance.high if chance else nan,
        "p": chance.p if chance else nan,
        "held": chance.held if chance else nan,
        "n_units": estimate.n_units,
        "warnings": "\n".join(estimate.warnings),
        **dict(zip(CEILING, astuple(estimate.ceiling) if estimate.ceiling else repeat(nan), strict=False)),
    }
    return [
        shared
        | {"k": point.k, "scale": getattr(point, "scale", nan), "n_samples": point.n_samples or estimate.n_samples}
        | {"value": point.value, "low": point.low, "high": point.high}
        for point in estimate.curve or (estimate,)
    ]


def _near(task: Task, near: Nearness | None) -> dict[str, Any]:
    """What was near, as far as the measure could tell."""
    if near is None or not task.measure.searches:
        return NEAR
    known = {name: NEAR[name] if value is None else value for name, value in near.record().items()}
    return known if task.measure.distinct else {**known, "near_copies": nan}


def as_table(rows: list[dict[str, Any]], more: tuple[str, ...] = ()) -> pd.DataFrame:
    """The rows as a table with the columns of every table, and more of its own."""
    pandas = require("pandas", "runs")
    return pandas.DataFrame(rows, columns=[*COLUMNS, *more]).astype({"k": "Int64", "n_units": "Int64"})


def check_saving(run: Run, save: bool) -> None:
    """Raise if a table is to be kept in a run that cannot be written, before it is made."""
    if not save:
        return
    try:
        run.folder.check_writable()
    except FileProblem as error:
        raise FileProblem(f"{error}, or measure without keeping anything: save=False (--no-save)") from None


def keep(run: Run, table: pd.DataFrame, labels: Mapping[str, np.ndarray], save: bool = True) -> pd.DataFrame:
    """The table, added to that of the run in place of rows of the same measures and questions.

    Rows of ``labels``, as they were when measuring began, that were removed or became others meanwhile are not kept.
    """
    if save:
        try:
            with gone(run.folder, labels) as names:  # what another process measures meanwhile must not be lost
                kept = others_than(table, names)
                run.folder.save_estimates(_joined(run.folder.load_estimates(), kept))
            if len(kept) < len(table):
                python_warnings.warn(
                    f"{len(table) - len(kept)} rows are not kept in the run: labels that they were measured with "
                    f"({', '.join(map(repr, names))}) were removed or replaced meanwhile",
                    stacklevel=4,
                )
        except FileProblem as error:  # which must not cost what was computed
            python_warnings.warn(f"the table is not kept in the run: {error}", stacklevel=4)
    return table


def keep_recommendation(run: Run, found: Mapping[str, Any], labels: Mapping[str, np.ndarray]) -> None:
    """Keep which layer was recommended by these labels, unless they were removed or became others meanwhile."""
    try:
        with gone(run.folder, labels) as names:
            if not names:
                run.folder.save_recommendation(found)
                return
    except FileProblem:  # a run that cannot be written, of which it is known in this process only
        run.folder.save_recommendation(found)
        return
    shown = ", ".join(map(repr, names))
    python_warnings.warn(
        f"the recommendation is not kept in the run: labels {shown} were removed or replaced meanwhile", stacklevel=4
    )


def _joined(kept: pd.DataFrame | None, table: pd.DataFrame) -> pd.DataFrame:
    if kept is None:
        return table
    pandas, key = require("pandas", "runs"), ["measure", "metric", "standardize", "group", "groups"]
    if "groups" not in kept:
        kept = kept.assign(groups="")  # of an earlier version
    old, new = (pandas.MultiIndex.from_frame(each[key]) for each in (kept, table))
    others = kept.loc[~old.isin(new)]
    return pandas.concat([others, table], ignore_index=True) if len(others) else table
