"""Labels against depth: what every layer knows of a label column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading, in_units, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, columns_of_labels, with_baseline


def label_depth(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """What every layer holds of a label, with what chance gives, and the raw input's value across all layers."""
    for measure in measures:
        rows = with_baseline(*(_by_column(profile.rows(measure.name)) for profile in (run, baseline)))
        for row in rows:
            if row["layer"] == "input" and row["value"] is not None and not row["beside"]:
                row["note"] = f"raw input: {row['said'].split(' [')[0]}"
        yield Drawing(
            "line",
            f"{heading(measure)} against depth",
            measure.says,
            rows,
            Axis("layer", names=run.layers),
            Axis("value", in_units(measure), domain=domain(measure, rows)),
            tips={"layer": "layer", **AGAINST},
            menu="Label",
            measure=measure,
        )


def _by_column(rows: Sequence[Row]) -> list[Row]:
    return [{**row, "name": name} for name in columns_of_labels(rows) for row in rows if row["label"] == name]


FIGURE = Figure(draw=label_depth, applies=reads_labels, place=80)
