"""The measures that a table has rows of, in the order in which they are shown, and what their values may be."""

from __future__ import annotations

import math
from collections.abc import Iterable

from layerscape.core.quantity import Data, Quantity
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row
from layerscape.measures import catalog, question

SLACK = 0.02  # so far below its axis a value may lie before the axis is made longer


def measured(run: Profile) -> list[Quantity]:
    """Those with rows: first what stands for its question, then the standard ones, last those of the user."""
    names = run.measures
    ours = catalog()
    known = (measure.quantity for name, measure in ours.items() if name in names)
    own = (_own(name, run.rows(name)) for name in names if name not in ours)
    return [*sorted(known, key=lambda m: (not m.headline, not m.standard)), *own]


def _own(name: str, rows: Iterable[Row]) -> Quantity:
    """What can be known of a measure that only the table names: what it was asked of."""
    pairs, labels = (any(row.get(column) for row in rows) for column in ("other_layer", "label"))
    data: tuple[Data, ...] = ("vectors", "vectors") if pairs else ("vectors", "labels") if labels else ("vectors",)
    return Quantity(name, data, title=name.replace("_", " "))


def question_of(measure: Quantity) -> str:
    """The question that a measure of ours answers; empty for a user's own."""
    known = catalog().get(measure.name)
    return question(known) if known else ""


def is_dimension(measure: Quantity) -> bool:
    """Whether it says how many dimensions one layer has."""
    return question_of(measure) == "dimension"


def is_alone(measure: Quantity) -> bool:
    """Whether it is of one layer and nothing else."""
    return len(measure.data) == 1


def reads_labels(measure: Quantity) -> bool:
    """Whether it is of one layer and a label, or pairs, which are one of a kind."""
    return measure.data[1:] in (("labels",), ("pairs",))


def follows(measure: Quantity) -> bool:
    """Whether it is of a layer and all layers from there up to another."""
    return measure.data[1:] == ("graphs",)


def of_itself(measure: Quantity) -> float | None:
    """The value of two things that are the same; None where nothing is compared or there is no such bound."""
    end = {"high": measure.bounds[1], "low": measure.bounds[0]}.get(measure.closer, math.inf)
    return end if math.isfinite(end) else None


def domain(measure: Quantity, rows: Iterable[Row]) -> tuple[float, float] | None:
    """From 0, or from what lies below, to the value of the same thing; None where its values have no such end."""
    if of_itself(measure) is None:
        return None
    fields = ("value", "low", "high", "chance", "chance_low", "chance_high")
    found = [row[field] for row in rows for field in fields if row.get(field) is not None]
    least = min(found, default=0.0)
    bottom = 0.0 if least >= -SLACK else math.floor(least * 10) / 10
    return bottom, measure.bounds[1] if measure.closer == "high" else max([1.0, *found])


def heading(measure: Quantity) -> str:
    """Its title where a sentence begins; ``k-NN`` stays as it is."""
    title = measure.title
    return title[0].upper() + title[1:] if title[1:2].isalpha() else title


def in_units(measure: Quantity) -> str:
    """Its title, and what it counts where that is not in the title."""
    return f"{measure.title} ({measure.unit})" if measure.unit and measure.unit != measure.title else measure.title
