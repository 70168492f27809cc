"""What stays of every layer in all that follow: one line per layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import domain, follows, heading, in_units, of_itself
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, chosen


def neighbor_survival(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """How many neighbors of each layer stay neighbors in all layers up to another: one line per layer, from 1 down.

    A steep line is a layer whose neighborhoods are soon rearranged, a flat one a layer from which on they stay.
    """
    for measure in measures:
        found = [chosen(row) for row in run.rows(measure.name)]
        starts = {(row["layer"], row["choice"]): row for row in found if row["value"] is not None}
        first = {"value": of_itself(measure), "low": None, "high": None, "said": "all, at the start"}
        rows: list[Row] = [{**row, **first, "start": row["layer"]} for row in starts.values()]
        rows += [{**row, "start": row["layer"], "layer": row["other_layer"]} for row in found]
        yield Drawing(
            "trails",
            f"{heading(measure)} from every layer on",
            f"{measure.says} One line per layer, from where it begins: a steep one is soon rearranged, from a flat one "
            "on neighborhoods stay.",
            rows,
            Axis("layer", names=run.layers),
            Axis("value", in_units(measure), domain=domain(measure, rows)),
            Axis("start", "from layer", names=run.layers[:-1]),
            {"start": "from layer", "layer": "to layer", "said": "value [95 %]", "chance": "chance"},
            "Question",
            measure,
        )


FIGURE = Figure(draw=neighbor_survival, applies=follows, place=70)
