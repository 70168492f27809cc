"""Through training: the profile of one step, with the first and the last behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading, in_units, is_alone, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, chosen, first_variant
from layerscape.figures.step_map import asked_of, few


def step_profiles(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """Of a series: a value against depth at one step, with those of the first and the last step thin behind it."""
    times, every = few(run.times)
    more = f" One step in {every} is drawn; the table has all." if every > 1 else ""
    for measure in measures:
        rows = _by_step(run, measure, times)
        yield Drawing(
            "line",
            f"{heading(measure)} against depth, step by step",
            f"The menu, or the slider for all, chooses the step; thin: the first and the last.{more}",
            rows,
            Axis("layer", names=run.layers),
            Axis("value", in_units(measure), domain=domain(measure, rows)),
            tips={"when": "step", "layer": "layer", **AGAINST},
            menu="Step",
            measure=measure,
            times=times,
        )


def _by_step(run: Profile, measure: Quantity, times: Sequence[str]) -> list[Row]:
    """The rows of steps, the last first, of the question that stands for the measure; by label and point."""
    found, rows = [], first_variant(run.rows(measure.name))
    asked = list(dict.fromkeys(map(asked_of, rows)))
    for one in asked:  # so that where a page cannot hold all, it holds all steps of the first
        for when in reversed(times):
            for row in rows:
                if row["when"] == when and asked_of(row) == one:
                    name = f"{when} · {one}" if len(asked) > 1 else when
                    thin = when in (run.times[0], run.times[-1]) and row["order"] == 0
                    found.append({**chosen({**row, "name": name, "variant": ""}), "beside": False, "thin": thin})
    return found


FIGURE = Figure(draw=step_profiles, applies=lambda m: is_alone(m) or reads_labels(m), place=20, of_series=True)
