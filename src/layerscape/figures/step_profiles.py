"""Through training: the profile of one step, with the first and the last behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading, in_units, is_alone, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, chosen, first_variant
from layerscape.figures.step_map import asked_of


def step_profiles(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """Of a series: a value against depth at one step, with those of the first and the last step thin behind it."""
    for measure in measures:
        rows = _by_step(run, measure)
        yield Drawing(
            "line",
            f"{heading(measure)} against depth, step by step",
            "The menu chooses the step; thin: the first and the last.",
            rows,
            Axis("layer", names=run.layers),
            Axis("value", in_units(measure), domain=domain(measure, rows)),
            tips={"when": "step", "layer": "layer", **AGAINST},
            menu="Step",
            measure=measure,
        )


def _by_step(run: Profile, measure: Quantity) -> list[Row]:
    """The rows of all steps, the last first, of the question that stands for the measure; by label and point."""
    ends, found = {run.times[0], run.times[-1]}, []
    rows = first_variant(run.rows(measure.name))
    for when in reversed(run.times):
        own = [row for row in rows if row["when"] == when]
        several = len({asked_of(row) for row in own}) > 1
        for row in own:
            name = f"{when} · {asked_of(row)}" if several else when
            thin = when in ends and row["order"] == 0
            found.append({**chosen({**row, "name": name, "variant": ""}), "beside": False, "thin": thin})
    return found


FIGURE = Figure(draw=step_profiles, applies=lambda m: is_alone(m) or reads_labels(m), place=20, of_series=True)
