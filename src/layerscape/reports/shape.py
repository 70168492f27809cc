"""The sentence on the dimension: the shape of its profile over the layers, and whether it survives the scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from layerscape.core.quantity import Quantity
from layerscape.core.words import said
from layerscape.figures.measured import is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, first_variant
from layerscape.reports.telling import above, asked, below, known, named, not_told_apart, told_apart


@dataclass(frozen=True)
class DimensionProfile:
    """The dimension that speaks for all: at its finest scale, and by point the scales of the first that has some."""

    name: str = ""
    finest: list[Row] = field(default_factory=list)
    curve: str = ""
    scales: Mapping[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Profile, measures: Sequence[Quantity]) -> DimensionProfile:
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
        shape, shapes = _Shape.of(rows), {at: _Shape.of(others) for at, others in scales.items() if others}
        survives = all(other.name == shape.name for other in shapes.values())
        return (
            f"The intrinsic dimension ({self.name}{asked(rows)}) {shape.in_words(rows, survives)}."
            f"{_scales(shape.name, self.curve, shapes)}"
        )


@dataclass(frozen=True)
class _Shape:
    """What the intervals allow to say of a profile: peak, dip, rise, fall, change, nothing; the rows that say it."""

    name: str
    first: Row
    top: Row
    bottom: Row
    last: Row

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Shape:
        return cls(*told_apart(rows))

    @property
    def extreme(self) -> str:
        """The layer of a peak or a dip."""
        return named(self.top if self.name == "peak" else self.bottom)

    def in_words(self, rows: Sequence[Row], survives: bool) -> str:
        first, top, bottom, last = self.first, self.top, self.bottom, self.last
        start = f"{said(first['value'], first['low'], first['high'], '95 % interval ')} at {named(first)}"
        end = f"{last['said']} at {named(last)}"
        high = f"{top['said']} at {named(top)}{not_told_apart(rows, top, above)}"
        low = f"{bottom['said']} at {named(bottom)}{not_told_apart(rows, bottom, below)}"
        if self.name == "peak":
            return f"rises from {start} to {'a peak of ' if survives else ''}{high} and falls to {end}"
        if self.name == "dip":
            return f"falls from {start} to {low} and rises to {end}"
        if self.name in ("rise", "fall"):
            return f"{self.name}s from {start} to {end}"
        if self.name == "change":
            return (
                f"is {start} and {end}, which the intervals do not tell apart; its lowest is {low}, its highest {high}"
            )
        return f"is {start} and {end}; the intervals of all layers touch, so that no change with depth can be claimed"


def _several(rows: Sequence[Row], without: Collection[str]) -> list[Row]:
    """What is known of other layers; nothing if that is one layer only."""
    found = [row for row in known(rows) if row["layer"] not in without]
    return found if len(found) > 1 else []


def _scales(shape: str, curve: str, others: Mapping[str, _Shape]) -> str:
    """Whether the shape survives the choice of scale."""
    if not others or shape == "nothing":
        return ""
    differing = [at for at, other in others.items() if other.name != shape]
    moves = ""
    if shape in ("peak", "dip"):
        at = dict.fromkeys(other.extreme for at, other in others.items() if at not in differing)
        moves = f", with the {shape} at {' or '.join(at)}" if at else ""
    if not differing:
        which = f"all {len(others)} scales" if len(others) > 1 else "the other scale"
        return f" The same shape holds at {which} of {curve}{moves}."
    claim = f" No {shape} is claimed: the" if shape in ("peak", "dip") else " The"
    return (
        f"{claim} shape holds at {len(others) - len(differing)} of {len(others)} scales of {curve}{moves}; it does "
        f"not at {', '.join(differing)}, so that it depends on the scale at which one looks."
    )
