"""Through training: every layer compared with itself at another step, and with the layer before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, chosen, consecutive, within_chance
from layerscape.figures.step_map import RAW

NEXT, LAST, FIRST = "with the next step", "with the last step", "with the first step"
BEFORE = "with the layer before, at the same step"


def step_pairs(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """Of a series: how alike every layer is to itself at the next step, at the last, at the first, and to the layer
    before it; a ring where chance could give as much.
    """
    for measure in measures:
        named = (row for row in _named(run, measure) if row["layer"] != RAW)
        rows = [chosen({**row, "unclear": within_chance(row, measure.closer)}) for row in named]
        yield Drawing(
            "map",
            f"{heading(measure)} between steps: step × layer",
            "The menu chooses with what: the next step shows when a layer moves, the last how far it is from its end.",
            rows,
            Axis("when", "step", names=run.times),
            Axis("layer", names=[layer for layer in run.layers if layer != RAW]),
            Axis("value", measure.title, domain=domain(measure, rows), reverse=measure.closer == "low"),
            {"when": "step", "other_when": "and", "layer": "layer", "said": measure.title, "chance": "chance"},
            "Compared",
            measure,
        )


def _named(run: Profile, measure: Quantity) -> Iterator[Row]:
    """The rows by what they compare; one pair of steps may be several of these."""
    place = {when: number for number, when in enumerate(run.times)}
    last = run.times[-1]
    rows = run.between(measure.name)
    for name in (NEXT, LAST, FIRST):
        for row in rows:
            one, other = row["when"], row["other_when"]
            if (name == NEXT and place[other] == place[one] + 1) or (name == LAST and other == last):
                yield {**row, "name": name}
            elif name == FIRST and place[one] == 0:
                yield {**row, "name": name, "when": other, "other_when": one}
    if measure.symmetric:
        for when in run.times:
            own = [row for row in run.rows(measure.name) if row["when"] == when]
            yield from ({**row, "name": BEFORE, "other_when": when} for row in consecutive(run.steps, own))


FIGURE = Figure(draw=step_pairs, applies=lambda measure: measure.compares, place=30, of_series=True)
