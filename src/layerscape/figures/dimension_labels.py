"""Dimension and labels over one depth axis: whether a label is encoded where dimension is low."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.dimension_scale import DIMENSION
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import domain, is_dimension, measured, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, columns_of_labels, first_variant

OTHER = {"other": "value", "other_low": "low", "other_high": "high", "other_said": "said"}


def dimension_labels(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The dimension of every layer and what it holds of a label, over one axis of depth.

    Each has an axis of its own, so that crossings mean nothing: look at which layers one is low and the other high.
    """
    dimension = next((each for each in measured(run) if is_dimension(each) and each.distinct), None)
    for measure in measures[:1]:
        if dimension is None:
            return
        rows = [row for column in _columns(run, measure) for row in _together(run, dimension, measure, column)]
        held = first_variant(run.rows(measure.name))
        yield Drawing(
            "twin",
            f"{dimension.title} and {measure.title} against depth",
            f"Circles, left: dimension by {dimension.title}. Squares, right: {measure.title}. Where they cross means "
            "nothing, since each has its own axis; whether one is high where the other is low does.",
            rows,
            Axis("layer", names=run.layers),
            Axis("value", f"{DIMENSION.title} ({dimension.title})"),
            tips={"layer": "layer", "said": "dimension", "other_said": measure.title},
            menu="Label",
            measure=measure,
            second=Axis("other", measure.title, domain=domain(measure, held)),
        )


def _columns(run: Profile, measure: Quantity) -> list[str]:
    return columns_of_labels(run.rows(measure.name))


def _together(run: Profile, dimension: Quantity, measure: Quantity, column: str) -> list[Row]:
    """By layer the dimension at its finest scale, with what the measure finds of the column."""
    of_column = first_variant([row for row in run.rows(measure.name) if row["label"] == column])
    held = {row["layer"]: row for row in of_column}
    finest = {row["layer"]: row for row in first_variant(run.rows(dimension.name))[::-1]}
    found = []
    for layer in run.layers:
        if layer in finest and layer in held:
            other = {name: held[layer][field] for name, field in OTHER.items()}
            found.append({**finest[layer], **other, "choice": column, "beside": False})
    return found


FIGURE = Figure(draw=dimension_labels, applies=reads_labels, place=81)
