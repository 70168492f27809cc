"""Dimension against depth: every estimate of it, at every scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, with_baseline

USUAL = "dimensions"  # a unit that need not be said


def dimension_depth(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The dimension of every layer with its interval, by one estimator at one scale, and what controls read there."""
    measures = [each for each in measures if any(row["value"] is not None for row in run.rows(each.name))]
    thin = {measure.name for measure in measures if measure.standard} or {measure.name for measure in measures}

    def read(profile: Profile) -> list[Row]:
        rows = [{**row, "name": _name(measure, row)} for measure in measures for row in profile.rows(measure.name)]
        return [{**row, "thin": row["measure"] in thin} for row in rows]

    rows = with_baseline(read(run), read(baseline))
    yield Drawing(
        "line",
        "Dimension against depth",
        "Line and band: value and 95 % interval of the chosen estimator; thin lines: those of the standard profile at "
        "every scale. A gap means that no dimension can be given.",
        [*rows, *_controls(run, measures, rows)],
        Axis("layer", names=run.layers),
        Axis("value", "dimension"),
        tips={"layer": "layer", **AGAINST},
        menu="Estimator",
    )


def _name(measure: Quantity, row: Row) -> str:
    unit = f" ({measure.unit})" if measure.unit != USUAL else ""
    return ", ".join(filter(None, [measure.title, row["point"]])) + unit


def _controls(run: Profile, measures: Sequence[Quantity], rows: Sequence[Row]) -> list[Row]:
    """What controls read, each under the choice that asks the same of the data."""
    asked = {_asked(row): row["choice"] for row in rows if not row["beside"] and not row["group"]}
    found = [row for measure in measures for row in run.controls(measure.name)]
    return [{**row, "choice": asked[_asked(row)], "beside": True} for row in found if _asked(row) in asked]


def _asked(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(key) for key in ("measure", "point", "metric", "standardize", "options"))


FIGURE = Figure(draw=dimension_depth, applies=is_dimension, place=10)
