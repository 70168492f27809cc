"""The measures that a table has rows of, in the order in which they are shown, and what their values may be."""

from __future__ import annotations

import math
from collections.abc import Iterable

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row
from layerscape.measures import catalog, question

SLACK = 0.02  # so far below its axis a value may lie before the axis is made longer


def measured(run: Profile) -> list[Measure]:
    """Those with rows: first what stands for its question, then the standard ones, last those of the user."""
    names = run.measures
    known = sorted((m for m in catalog().values() if m.name in names), key=lambda m: (not m.headline, not m.standard))
    return [*known, *(_own(name, run.rows(name)) for name in names if name not in catalog())]


def _own(name: str, rows: Iterable[Row]) -> Measure:
    """What can be known of a measure that only the table names: what it was asked of."""

    def alone(x: Representation, /) -> Estimate:
        raise NotImplementedError

    def labeled(x: Representation, labels: object, /) -> Estimate:
        raise NotImplementedError

    def compared(a: Representation, b: Representation, /) -> Estimate:
        raise NotImplementedError

    pairs, labels = (any(row.get(column) for row in rows) for column in ("other_layer", "label"))
    stand_in = compared if pairs else labeled if labels else alone
    stand_in.__name__ = name
    return Measure(compute=stand_in)


def is_dimension(measure: Measure) -> bool:
    """Whether it says how many dimensions one layer has."""
    return question(measure) == "dimension"


def is_alone(measure: Measure) -> bool:
    """Whether it is of one layer and nothing else."""
    return len(measure.data) == 1


def reads_labels(measure: Measure) -> bool:
    """Whether it is of one layer and a label."""
    return measure.data[1:] == ("labels",)


def follows(measure: Measure) -> bool:
    """Whether it is of a layer and all layers from there up to another."""
    return measure.data[1:] == ("graphs",)


def of_itself(measure: Measure) -> float | None:
    """The value of two things that are the same; None where nothing is compared or there is no such bound."""
    end = {"high": measure.bounds[1], "low": measure.bounds[0]}.get(measure.closer, math.inf)
    return end if math.isfinite(end) else None


def domain(measure: Measure, rows: Iterable[Row]) -> tuple[float, float] | None:
    """From 0, or from what lies below, to the value of the same thing; None where its values have no such end."""
    if of_itself(measure) is None:
        return None
    fields = ("value", "low", "high", "chance", "chance_low", "chance_high")
    found = [row[field] for row in rows for field in fields if row.get(field) is not None]
    least = min(found, default=0.0)
    bottom = 0.0 if least >= -SLACK else math.floor(least * 10) / 10
    return bottom, measure.bounds[1] if measure.closer == "high" else max(1.0, *found)


def heading(measure: Measure) -> str:
    """Its title where a sentence begins; ``k-NN`` stays as it is."""
    title = measure.title
    return title[0].upper() + title[1:] if title[1:2].isalpha() else title


def in_units(measure: Measure) -> str:
    """Its title, and what it counts where that is not in the title."""
    return f"{measure.title} ({measure.unit})" if measure.unit and measure.unit != measure.title else measure.title
