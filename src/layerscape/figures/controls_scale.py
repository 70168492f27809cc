"""Dimension against scale beside that of simpler data, apart: a control may read ten times as many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layerscape.core.quantity import Quantity
from layerscape.figures.dimension_scale import DIMENSION, TIPS, axis_of, over_scale
from layerscape.figures.drawing import Drawing, Figure
from layerscape.figures.measured import heading, is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import above_zero, first_variant


def controls_scale(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The curve of one layer and those of its controls, where there are any."""
    for measure in measures:
        if controls := over_scale(run.controls(measure.name)):
            yield Drawing(
                "line",
                f"{heading(measure)}: beside controls",
                "How far the chosen layer is from data without its structure, on a logarithmic axis.",
                above_zero(
                    [
                        *({**row, "beside": False} for row in over_scale(first_variant(run.rows(measure.name)))),
                        *({**row, "beside": True} for row in controls),
                    ]
                ),
                axis_of(controls),
                replace(DIMENSION, log=True),
                tips=TIPS,
                menu="Layer",
                measure=measure,
            )


FIGURE = Figure(draw=controls_scale, applies=is_dimension, place=31)
