"""Any other value of one layer against depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import heading, in_units, is_alone, is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, with_baseline


def value_depth(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """A value of every layer with its interval: all that is no dimension, and your own measures."""
    for measure in measures:
        rows = with_baseline(*(_by_point(profile.rows(measure.name)) for profile in (run, baseline)))
        curved = any(row["point"] for row in rows)
        over = " It is a curve over scale: the menu chooses the point, the others are thin." if curved else ""
        yield Drawing(
            "line",
            f"{heading(measure)} against depth",
            f"{measure.says}{over}".strip(),
            rows,
            Axis("layer", names=run.layers),
            Axis("value", measure.title if curved else in_units(measure)),
            tips={"layer": "layer", **AGAINST},
            menu="Scale" if curved else "Question",
            measure=measure,
        )


def _by_point(rows: Sequence[Row]) -> list[Row]:
    return [{**row, "name": row["point"], "thin": bool(row["point"])} for row in rows]


FIGURE = Figure(draw=value_depth, applies=lambda m: is_alone(m) and not is_dimension(m), place=90)
