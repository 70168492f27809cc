"""Dimension against scale: the curve of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import heading, is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import first_variant

SCALE = Axis("scale", "scale (distance to neighbors)", log=True)
DIMENSION = Axis("value", "intrinsic dimension")


def dimension_scale(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The dimension of one layer against the distance at which it is seen, the other layers thin, controls in grey."""
    for measure in measures:
        rows = [row for row in first_variant(run.rows(measure.name)) if row["scale"]]
        rows = [{**row, "choice": row["layer"], "beside": False, "thin": True} for row in rows]
        grey = [row for row in run.controls(measure.name) if row["scale"]]
        yield Drawing(
            "line",
            f"{heading(measure)}: dimension against scale",
            "The chosen layer with its intervals, the others thin. Noise lifts small scales, curvature large ones; a "
            "finite sample of a high dimension reads low at every scale.",
            [*rows, *({**row, "choice": row["layer"], "beside": True} for row in grey)],
            SCALE,
            DIMENSION,
            tips={"layer": "layer", "point": "at", "scale": "scale", "said": "value [95 %]"},
            menu="Layer",
            measure=measure,
        )


FIGURE = Figure(draw=dimension_scale, applies=is_dimension, place=30)
