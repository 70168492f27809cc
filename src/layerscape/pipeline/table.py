"""The table: what was asked of one layer or two, the estimate that came of it, and its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.errors import require
from layerscape.pipeline.part import Part
from layerscape.run import Run

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "run", "layer", "depth", "other_layer", "label", "group", "measure", "options", "metric", "k", "scale", "value",
    "low", "high", "chance", "chance_low", "chance_high", "p", "n_samples", "n_units", "warnings",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One measure of one layer, two layers, or a layer and a label."""

    measure: Measure
    options: Mapping[str, Any]
    layer: str
    other_layer: str = ""
    label: str = ""


def own_options(measure: Measure, k: int | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Of the options of a call those that a measure has; its own number of neighbors where none is given."""
    asked = {"k": measure.options.get("k") if k is None else k, **options}
    return {name: value for name, value in asked.items() if name in measure.options and value is not None}


def as_rows(run: Run, part: Part, task: Task, estimate: Estimate) -> Iterator[dict[str, Any]]:
    """One row of the table per point of an estimate's curve, or one for the estimate."""
    chance = estimate.chance
    depth = run.depths[task.layer]
    shared = {
        "run": run.name,
        "layer": task.layer,
        "depth": nan if depth is None else depth,
        "other_layer": task.other_layer,
        "label": task.label,
        "group": part.group,
        "measure": estimate.measure,
        "options": json.dumps(dict(estimate.options), default=str),
        "metric": part.how["metric"] if task.measure.searches else "",
        "chance": chance.value if chance else nan,
        "chance_low": chance.low if chance else nan,
        "chance_high": chance.high if chance else nan,
        "p": chance.p if chance else nan,
        "n_units": run[task.layer].n_units,
        "warnings": "\n".join((*part.words(task), *estimate.warnings)),
    }
    for point in estimate.curve or (estimate,):
        scale = getattr(point, "scale", nan)
        n_samples = point.n_samples or estimate.n_samples
        own = {"k": point.k, "scale": scale, "n_samples": n_samples}
        yield shared | own | {"value": point.value, "low": point.low, "high": point.high}


def as_table(rows: list[dict[str, Any]], more: tuple[str, ...] = ()) -> pd.DataFrame:
    """The rows as a table with the columns of every table, and more of its own."""
    pandas = require("pandas", "runs")
    return pandas.DataFrame(rows, columns=[*COLUMNS, *more]).astype({"k": "Int64", "n_units": "Int64"})


def keep(run: Run, table: pd.DataFrame) -> None:
    """Add a table to that of the run, in place of rows of the same measures, metric and groups."""
    pandas = require("pandas", "runs")
    kept = run.folder.load_estimates()
    if kept is not None:
        key = ["measure", "metric", "group"]
        replaced = pandas.MultiIndex.from_frame(kept[key]).isin(pandas.MultiIndex.from_frame(table[key]))
        kept = kept[~replaced]
        table = pandas.concat([kept, table], ignore_index=True) if len(kept) else table
    run.folder.save_estimates(table)
