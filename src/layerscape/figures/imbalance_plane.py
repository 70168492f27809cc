"""One way against the other: a point per pair of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import Axis, Drawing, Figure
from layerscape.figures.measured import domain, heading
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, chosen

TELLS = {"low": "below", "high": "above"}  # the diagonal, where the earlier layer tells more of the later one


def imbalance_plane(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """A measure that has a direction, one way against the other: a point per pair of layers, named by them.

    On the diagonal two layers tell equally much of one another. To its side lie pairs of which the first layer holds
    what the second does, and more: of information imbalance below, of what is high where layers are alike above.
    """
    for measure in measures:
        found = run.rows(measure.name)
        name, ends = measure.title, domain(measure, found)
        side = TELLS.get(measure.closer, "off")
        yield Drawing(
            "plane",
            f"{heading(measure)}, one way against the other",
            f"A point per pair of layers. On the diagonal both tell equally much of one another; {side} it, the "
            "earlier layer tells more of the later one.",
            _pairs(run, found),
            back := Axis("back", f"{name}, later → earlier layer", domain=ends),
            replace(back, field="value", title=f"{name}, earlier → later layer"),
            tips={"pair": "layers", "said": "there", "said_back": "back"},
            menu="Question",
            measure=measure,
        )


def _pairs(run: Profile, rows: Sequence[Row]) -> list[Row]:
    """The rows from an earlier to a later layer, each with what the way back gives; both must be known."""
    found = {
        (row["layer"], row["other_layer"], row["variant"]): chosen(row) for row in rows if row["value"] is not None
    }
    place = list(run.layers).index
    pairs = []
    for (a, b, variant), row in found.items():
        back = found.get((b, a, variant))
        if back and place(a) < place(b):
            own = {"pair": f"{a} → {b}", "back": back["value"], "said_back": back["said"]}
            pairs.append({**row, **own})
    return pairs


FIGURE = Figure(draw=imbalance_plane, applies=lambda measure: measure.compares and not measure.symmetric, place=60)
