"""Consecutive layers: how much of one stays in the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading
from layerscape.figures.profile import Profile
from layerscape.figures.rows import consecutive, with_baseline


def layer_steps(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """How alike every layer and the one before it are, with what chance gives."""
    for measure in measures:
        rows = with_baseline(*(consecutive(each.steps, each.rows(measure.name)) for each in (run, baseline)))
        yield Drawing(
            "line",
            f"{heading(measure)} of consecutive layers",
            f"{measure.says} Each point compares a layer with the one before it.".strip(),
            rows,
            Axis("layer", names=[later for _, later in run.steps]),
            Axis("value", f"{measure.title} with the layer before", domain=domain(measure, rows)),
            tips={"layer": "layer", "other_layer": "and the one before", **AGAINST},
            menu="Question",
            measure=measure,
        )


FIGURE = Figure(draw=layer_steps, applies=lambda measure: measure.compares and measure.symmetric, place=40)
