"""Dimension against scale: the curve of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import heading, is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, first_variant

NEIGHBORS = Axis("k", "scale (number of neighbors)", log=True)
SAMPLES = Axis("n_samples", "scale (number of samples, of which all are the finest)", log=True)
DISTANCE = Axis("scale", "scale (distance to neighbors)", log=True)
DIMENSION = Axis("value", "intrinsic dimension")
TIPS = {"layer": "layer", "point": "at", "scale": "distance", "said": "value [95 %]"}


def dimension_scale(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The dimension of one layer against the scale at which it is seen, the other layers thin."""
    for measure in measures:
        rows = over_scale(first_variant(run.rows(measure.name)))
        yield Drawing(
            "line",
            f"{heading(measure)}: dimension against scale",
            "The chosen layer with its intervals, the others thin. Noise lifts small scales, curvature large ones; a "
            "finite sample of a high dimension reads low at every scale.",
            [{**row, "beside": False, "thin": True} for row in rows],
            axis_of(rows),
            DIMENSION,
            tips=TIPS,
            menu="Layer",
            measure=measure,
        )


def over_scale(rows: Sequence[Row]) -> list[Row]:
    """The rows that are points of a curve over scale, each the choice of its layer."""
    return [{**row, "choice": row["layer"]} for row in rows if row["scale"]]


def axis_of(rows: Sequence[Row]) -> Axis:
    """Scales that layers share, since distances of different layers do not compare."""
    return NEIGHBORS if all(row["point"].startswith("k") for row in rows) else SAMPLES


FIGURE = Figure(draw=dimension_scale, applies=is_dimension, place=30)
