"""Through training: a value of every layer at every step, as a color."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading, in_units, is_alone, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, chosen

RAW = "input"  # which is the same at every step
MOST_STEPS = 100  # of which a profile is drawn


def step_map(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """Of a series: the value of every layer at every step."""
    for measure in measures:
        rows = [chosen({**row, "name": asked_of(row)}) for row in run.rows(measure.name) if row["layer"] != RAW]
        yield Drawing(
            "map",
            f"{heading(measure)}: step × layer",
            f"{measure.says} A column is a step, the first layer at the top; the raw input, which stays, is left "
            "out.".strip(),
            rows,
            Axis("when", "step", names=run.times),
            Axis("layer", names=[layer for layer in run.layers if layer != RAW]),
            Axis("value", in_units(measure), domain=domain(measure, rows), reverse=measure.closer == "low"),
            {"when": "step", "layer": "layer", "said": "value [95 %]", "chance": "chance"},
            "Label" if reads_labels(measure) else "Question",
            measure,
            times=few(run.times)[0],
        )


def asked_of(row: Row) -> str:
    """What tells the maps of one measure apart beside the question: the label, and the point of a curve."""
    return " · ".join(filter(None, [row["label"], row["point"]]))


def few(times: Sequence[str]) -> tuple[list[str], int]:
    """Steps spread evenly, the first and the last among them, and of how many each is one."""
    every = max(1, -(-len(times) // MOST_STEPS))
    return list(dict.fromkeys([times[0], *times[::-every][::-1]])), every


FIGURE = Figure(draw=step_map, applies=lambda m: is_alone(m) or reads_labels(m), place=10, of_series=True)
