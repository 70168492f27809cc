"""Layer × scale: the dimension of every layer at every point of a curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import heading, is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import chosen


def dimension_map(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The dimension of every layer at every scale as a color, the finest scale at the bottom."""
    for measure in measures:
        rows = [chosen(row) for row in run.rows(measure.name) if row["point"]]
        points = dict.fromkeys(row["point"] for row in sorted(rows, key=lambda row: -row["order"]))
        what = "samples that are kept" if any(point.startswith("N") for point in points) else "neighbors"
        yield Drawing(
            "map",
            f"{heading(measure)}: layer × scale",
            "Finest scale at the bottom, coarser ones above. An empty cell has no estimate.",
            rows,
            Axis("layer", names=run.layers),
            Axis("point", f"scale: number of {what}", names=list(points)),
            Axis("value", "dimension"),
            {"layer": "layer", "point": "at", "scale": "mean distance", "said": "dimension"},
            "Question",
            measure,
        )


FIGURE = Figure(draw=dimension_map, applies=is_dimension, place=20)
