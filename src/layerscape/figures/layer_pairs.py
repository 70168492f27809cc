"""Every two layers: a cell per pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.core.words import number
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading, of_itself
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, both_ways, chosen, with_ceiling, within_chance


def layer_pairs(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """How alike every two layers are, as a color; a ring where chance could give as much.

    Of a table of `layerscape.compare`, every layer of one run (across) against every layer of the other (down).
    """
    for measure in measures:
        found = run.rows(measure.name)
        found = [
            chosen(with_ceiling(row)) for row in (both_ways(found) if measure.symmetric and not run.others else found)
        ]
        rows = [{**row, "unclear": within_chance(row, measure.closer)} for row in found]
        if measure.symmetric:
            reading = "Each cell compares the layer of its column with that of its row."
        else:
            reading = f"{measure.says} Each cell goes from the layer of its column, a, to that of its row, b.".strip()
        yield Drawing(
            "map",
            f"{heading(measure)} of every two layers",
            reading,
            rows if run.others else [*rows, *_diagonal(run, measure, rows)],
            Axis("layer", names=run.layers),
            Axis("other_layer", _other_run(rows), names=run.others or run.layers),
            Axis("value", measure.title, domain=domain(measure, rows), reverse=measure.closer == "low"),
            {"layer": "layer", "other_layer": "and", "said": measure.title, "chance": "chance"} | _reached(rows),
            "Question",
            measure,
        )


def _other_run(rows: Sequence[Row]) -> str:
    """Whose layers stand at the side, where they are those of another run."""
    name = next((row["other_run"] for row in rows if row.get("other_run")), None)
    return f"layer of {name}" if name else ""


def _reached(rows: Sequence[Row]) -> dict[str, str]:
    """What is said of noise, where samples are means over repeats."""
    return {"reach": "ceiling", "over": "value over ceiling"} if any("reach" in row for row in rows) else {}


def _diagonal(run: Profile, measure: Quantity, rows: Sequence[Row]) -> list[Row]:
    value = of_itself(measure)
    if value is None or all(row["value"] is None for row in rows):
        return []
    itself = {"value": value, "said": f"{number(value)} (itself)"}
    return [
        {"layer": name, "other_layer": name, "choice": row["choice"], "group": row["group"], **itself}
        for row in {row["choice"]: row for row in rows}.values()
        for name in run.layers
    ]


FIGURE = Figure(draw=layer_pairs, applies=lambda measure: measure.compares, place=50, of_two=True)
