"""The shape of a profile over the layers, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from layerscape.core.words import listed, number, said
from layerscape.figures.rows import Row
from layerscape.reports.telling import above, below, highest, lowest, margin, named, not_told_apart
from layerscape.reports.turning import Turns, turns


@dataclass(frozen=True)
class Shape:
    """What the intervals allow to say of a profile: its turns, and the rows that they are places of."""

    rows: Sequence[Row]
    turns: Turns
    along: str = "depth"

    @classmethod
    def of(cls, rows: Sequence[Row], along: str = "depth") -> Shape:
        """Of rows in the order of depth or, by the name of their steps, of training."""
        return cls(rows, turns(rows), along)

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
            what = "layers" if self.along == "depth" else "steps"
            no = f"no two {what} are told apart, so that no change with {self.along} can be claimed"
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
