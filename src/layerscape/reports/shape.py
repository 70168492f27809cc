"""The sentence on the dimension: the shape of its profile over the layers, and whether it survives the scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from layerscape.core.quantity import Quantity
from layerscape.core.words import listed, number, said
from layerscape.figures.measured import is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, first_variant
from layerscape.reports.telling import above, asked, below, highest, known, lowest, margin, named, not_told_apart
from layerscape.reports.turning import Turns, turns


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
            f"The intrinsic dimension ({self.name}{asked(rows)}) {shape.in_words(survives)}."
            f"{_scales(shape.name, self.curve, shapes)}"
        )


@dataclass(frozen=True)
class _Shape:
    """What the intervals allow to say of a profile: its turns, and the rows that they are places of."""

    rows: Sequence[Row]
    turns: Turns

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Shape:
        return cls(rows, turns(rows))

    @property
    def name(self) -> str:
        """Peak, dip, rise, fall, nothing, or every way that it goes."""
        ways = "".join("rise " if way > 0 else "fall " for way in self.turns.ways).strip()
        return {"": "nothing", "rise fall": "peak", "fall rise": "dip"}.get(ways, ways)

    @property
    def extreme(self) -> str:
        """The layer of a peak or a dip."""
        return named(self.rows[self.turns.points[1]])

    def in_words(self, survives: bool) -> str:
        rows, points = self.rows, self.turns.points
        first, last = _value(rows[0], "95 % interval "), _value(rows[-1])
        if not points:
            most = max(a["value"] - b["value"] + margin(b, a, len(rows)) for a in rows for b in rows)
            bound = f"; if there is any, it is below {number(most, most / 10)}" if 0 < most < inf else ""
            no = "no two layers are told apart, so that no change with depth can be claimed"
            return f"is {first} and {last}; {no}{bound}"
        start = f"from {self._place(0, '95 % interval ')} "
        moves = [
            f"{'rises' if way > 0 else 'falls'} {'' if at else start}to {self._point(at + 1, survives)}"
            for at, way in enumerate(self.turns.ways)
        ]
        return f"{listed(moves)}{self._more()}"

    def _point(self, at: int, survives: bool) -> str:
        """A turn or the end: a plateau that it lies in, or its value and who shares it."""
        points, ways = self.turns.points, self.turns.ways
        if at == len(points) - 1 or self.turns.plateau(points[at]):
            return self._place(at)
        between = self.rows[points[at - 1] + 1 : points[at + 1]]
        best, beats = self.rows[points[at]], above if ways[at - 1] > 0 else below
        peak = "a peak of " if ways[at - 1] > 0 and survives else ""
        return f"{peak}{_value(best)}{not_told_apart(between, best, beats, of=len(self.rows))}"

    def _place(self, at: int, name: str = "") -> str:
        place = self.turns.points[at]
        ends = self.turns.plateau(place)
        return self._stretch(ends) if ends else _value(self.rows[place], name)

    def _stretch(self, ends: tuple[int, int]) -> str:
        stretch = self.rows[ends[0] : ends[1] + 1]
        step = min(row["high"] - row["low"] for row in stretch) / 2
        low, high = (number(end(stretch)["value"], step) for end in (lowest, highest))
        return (
            f"a plateau of {low if low == high else f'{low} to {high}'} ({named(stretch[0])} to {named(stretch[-1])})"
        )

    def _more(self) -> str:
        """Plateaus between turns, ends that are told apart from no turn, and what these intervals leave open."""
        points, rows = self.turns.points, self.rows
        at = {self.turns.plateau(place) for place in points}
        words = [f"on its way there is {self._stretch(each)}" for each in self.turns.plateaus if each not in at]
        ends = [f"starts at {_value(rows[0])}"] if points[0] and not self.turns.plateau(0) else []
        if points[-1] < len(rows) - 1 and not self.turns.plateau(len(rows) - 1):
            ends.append(f"ends at {_value(rows[-1])}")
        words += [f"it {listed(ends)}"] if ends else []
        if self.turns.doubt is not None:
            where = " and ".join(named(rows[place]) for place in self.turns.doubt)
            words.append(f"whether it turns back between {where}, these intervals do not tell")
        return "".join(f"; {each}" for each in words)


def _value(row: Row, name: str = "") -> str:
    return f"{said(row['value'], row['low'], row['high'], name)} at {named(row)}"


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
