"""Dimension against depth beside that of simpler data, apart: a control may read ten times as many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from layerscape.core.quantity import Quantity
from layerscape.figures.dimension_depth import DIMENSION, TIPS, of_estimators
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, above_zero


def controls_depth(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The dimension of every layer and what its controls read, where there are any."""
    rows = [{**row, "thin": False} for row in of_estimators(run, measures, Profile())]
    if controls := _controls(run, measures, rows):
        asked = {row["choice"] for row in controls}
        yield Drawing(
            "line",
            "Dimension beside controls",
            "How far every layer is from data without its structure, on a logarithmic axis.",
            above_zero([*(row for row in rows if row["choice"] in asked), *controls]),
            Axis("layer", names=run.layers),
            replace(DIMENSION, log=True),
            tips=TIPS,
            menu="Estimator",
        )


def _controls(run: Profile, measures: Sequence[Quantity], rows: Sequence[Row]) -> list[Row]:
    """What controls read, each under the choice that asks the same of the data."""
    asked = {_asked(row): row["choice"] for row in rows if not row["beside"] and not row["group"]}
    found = [row for measure in measures for row in run.controls(measure.name)]
    return [{**row, "choice": asked[_asked(row)], "beside": True} for row in found if _asked(row) in asked]


def _asked(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(key) for key in ("measure", "point", "metric", "standardize", "options"))


FIGURE = Figure(draw=controls_depth, applies=is_dimension, place=11)
