"""Any other value of one layer against depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from layerscape.core.measure import Measure
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import heading, in_units, is_alone, is_dimension
from layerscape.figures.rows import Row, Tabled, rows_of, with_baseline


def value_depth(run: Tabled, measures: Sequence[Measure], baseline: Tabled | None) -> Iterator[Drawing]:
    """A value of every layer with its interval: all that is no dimension, and your own measures."""
    for measure in measures:
        rows = with_baseline(partial(_rows, measure=measure.name), run, baseline)
        yield Drawing(
            "line",
            f"{heading(measure)} against depth",
            measure.says,
            rows,
            Axis("layer", names=run.layers),
            Axis("value", in_units(measure)),
            tips={"layer": "layer", **AGAINST},
            menu="Scale" if any(row["point"] for row in rows) else "Question",
            measure=measure,
        )


def _rows(run: Tabled, measure: str) -> list[Row]:
    return [{**row, "name": row["point"], "thin": bool(row["point"])} for row in rows_of(run, measure)]


FIGURE = Figure(draw=value_depth, applies=lambda m: is_alone(m) and not is_dimension(m), place=90)
