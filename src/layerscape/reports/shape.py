"""The sentence on the dimension: the shape of its profile over the layers, and whether it survives the scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from layerscape.core.measure import Measure
from layerscape.figures.measured import is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, first_variant, said
from layerscape.reports.telling import above, asked, below, highest, known, lowest, named, not_told_apart


@dataclass(frozen=True)
class DimensionProfile:
    """The dimension that speaks for all: at its finest scale, and by point the scales of the first that has some."""

    name: str = ""
    finest: list[Row] = field(default_factory=list)
    curve: str = ""
    scales: Mapping[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Profile, measures: Sequence[Measure]) -> DimensionProfile:
        """Of those that read how far near samples are, to which copies mean nothing: others are not intrinsic."""
        measures = [measure for measure in measures if is_dimension(measure) and measure.distinct]
        curve, scales, finest = "", {}, []
        for measure in measures[::-1]:
            finest = first_variant(run.rows(measure.name))
            points = list(dict.fromkeys(row["point"] for row in finest))
            if points != [""]:
                curve = measure.title
                scales = {point: [row for row in finest if row["point"] == point] for point in points}
        if not measures:
            return cls()
        name, point = measures[0].title, finest[0]["point"]
        if point:
            name, finest = f"{name}, {point}", scales.pop(point)
        return cls(name, finest, curve, scales)

    def sentence(self, thin: Collection[str]) -> str:
        """The shape of its profile, and whether it is the same at other scales."""
        rows, scales = _several(self.finest, thin), {at: _several(rows, thin) for at, rows in self.scales.items()}
        if not rows:
            return ""
        scales = {at: others for at, others in scales.items() if others}
        shape = _shape(rows)
        survives = all(_shape(others) == shape for others in scales.values())
        words = _in_words(shape, rows, survives)
        return f"The intrinsic dimension ({self.name}{asked(rows)}) {words}.{_scales(shape, self.curve, scales)}"


def _several(rows: Sequence[Row], without: Collection[str]) -> list[Row]:
    """What is known of other layers; nothing if that is one layer only."""
    found = [row for row in known(rows) if row["layer"] not in without]
    return found if len(found) > 1 else []


def _in_words(shape: str, rows: Sequence[Row], survives: bool) -> str:
    first, top, bottom, last = rows[0], highest(rows), lowest(rows), rows[-1]
    start = f"{said(first, '95 % interval ')} at {named(first)}"
    end = f"{said(last)} at {named(last)}"
    high = f"{said(top)} at {named(top)}{not_told_apart(rows, top, above)}"
    low = f"{said(bottom)} at {named(bottom)}{not_told_apart(rows, bottom, below)}"
    if shape == "peak":
        return f"rises from {start} to {'a peak of ' if survives else ''}{high} and falls to {end}"
    if shape == "dip":
        return f"falls from {start} to {low} and rises to {end}"
    if shape in ("rise", "fall"):
        return f"{shape}s from {start} to {end}"
    if shape == "change":
        return f"is {start} and {end}, which the intervals do not tell apart; its lowest is {low}, its highest {high}"
    return f"is {start} and {end}; the intervals of all layers touch, so that no change with depth can be claimed"


def _shape(rows: Sequence[Row]) -> str:
    """What the intervals allow to say of a profile: peak, dip, rise, fall, change or nothing."""
    first, top, bottom, last = rows[0], highest(rows), lowest(rows), rows[-1]
    if above(top, first) and above(top, last):
        return "peak"
    if above(first, bottom) and above(last, bottom):
        return "dip"
    if above(last, first):
        return "rise"
    if above(first, last):
        return "fall"
    return "change" if above(top, bottom) else "nothing"


def _scales(shape: str, curve: str, others: Mapping[str, list[Row]]) -> str:
    """Whether the shape survives the choice of scale."""
    if not others or shape == "nothing":
        return ""
    differing = [at for at, rows in others.items() if _shape(rows) != shape]
    moves = ""
    if shape in ("peak", "dip"):
        extreme = highest if shape == "peak" else lowest
        at = dict.fromkeys(named(extreme(rows)) for at, rows in others.items() if at not in differing)
        moves = f", with the {shape} at {' or '.join(at)}" if at else ""
    if not differing:
        which = f"all {len(others)} scales" if len(others) > 1 else "the other scale"
        return f" The same shape holds at {which} of {curve}{moves}."
    claim = f" No {shape} is claimed: the" if shape in ("peak", "dip") else " The"
    return (
        f"{claim} shape holds at {len(others) - len(differing)} of {len(others)} scales of {curve}{moves}; it does "
        f"not at {', '.join(differing)}, so that it depends on the scale at which one looks."
    )
