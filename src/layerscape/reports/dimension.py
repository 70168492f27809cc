"""The sentence on the dimension: the one to believe, as `dimension_report` chooses it, or that there is none.

Beside it the shape of its profile over the layers, and whether that survives the scale.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from layerscape.core.quantity import Quantity
from layerscape.core.words import listed, number, said
from layerscape.figures.measured import is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, first_variant
from layerscape.measures.dimension.gride import MEASURE as GRIDE
from layerscape.reports.cautions import Finding
from layerscape.reports.shape import Shape
from layerscape.reports.telling import MANY, asked, highest, known, lowest, named


@dataclass(frozen=True)
class DimensionProfile:
    """The dimension that speaks for all: at its finest scale, and by point the scales of the first that has some.

    ``to_choose`` are the rows from which one may be chosen; empty where there are none.
    """

    name: str = ""
    finest: list[Row] = field(default_factory=list)
    curve: str = ""
    scales: Mapping[str, list[Row]] = field(default_factory=dict)
    to_choose: Sequence[Row] = ()

    @classmethod
    def of(cls, run: Profile, measures: Sequence[Quantity]) -> DimensionProfile:
        """Of those that read how far near samples are, to which copies mean nothing: others are not intrinsic."""
        measures = [measure for measure in measures if is_dimension(measure) and measure.distinct]
        curve, scales, finest, to_choose = "", {}, [], []
        for measure in measures[::-1]:
            finest = first_variant(run.rows(measure.name))
            points = list(dict.fromkeys(row["point"] for row in finest))
            if points != [""]:
                curve, to_choose = measure.title, finest if measure.name == GRIDE.name else []
                scales = {point: [row for row in finest if row["point"] == point] for point in points}
        if not measures:
            return cls()
        name, point = measures[0].title, finest[0]["point"]
        if point:
            name, finest = f"{name}, {point}", scales.pop(point)
        return cls(name, finest, curve, scales, to_choose)

    def along(self) -> list[DimensionProfile]:
        """One for every depth that layers lie along, since two towers have no shape in common."""

        def of(rows: Sequence[Row], branch: int) -> list[Row]:
            return [row for row in rows if row["branch"] == branch]

        return [
            replace(self, finest=of(self.finest, one), scales={at: of(rows, one) for at, rows in self.scales.items()})
            for one in dict.fromkeys(row["branch"] for row in self.finest)
        ]

    def shape(self, thin: Collection[str]) -> Shape | None:
        """That of its finest scale."""
        rows = _several(self.finest, thin)
        return Shape.of(rows) if rows else None

    def sentences(self, thin: Collection[str], choices: Mapping[str, Row | str]) -> list[Finding]:
        """One for every depth that layers lie along; why none has a dimension is said once."""
        found, told, every = [], "", self.along()
        for each in every:
            if len(every) > 1 and not _several(each.finest, thin):
                continue  # as what towers are given, which lies along the depth of none
            of_own = each.sentence(thin, choices)
            start = each._none(each._chosen(thin, choices))
            found.append(replace(of_own, text=of_own.text.removeprefix(start)) if start == told else of_own)
            told = start
        return found

    def _chosen(self, thin: Collection[str], choices: Mapping[str, Row | str]) -> dict[str, Row | str]:
        """What is chosen at its layers, or why nothing is."""
        return {row["layer"]: choices[row["layer"]] for row in _several(self.finest, thin) if row["layer"] in choices}

    def sentence(self, thin: Collection[str], choices: Mapping[str, Row | str]) -> Finding:
        """The dimension to believe, or that there is none; the shape of its profile, and of that at other scales."""
        rows, scales = _several(self.finest, thin), {at: _several(rows, thin) for at, rows in self.scales.items()}
        if not rows:
            return self._of_one(thin, choices)
        chosen = self._chosen(thin, choices)
        found = [row for row in chosen.values() if not isinstance(row, str)]
        if len(found) == len(rows):
            rows = found
            start = f"The intrinsic dimension (that of {self.curve}'s plateau{asked(rows)})"
        else:
            start = f"{self._none(chosen)}The intrinsic dimension ({self.name}{asked(rows)})"
        shape, shapes = Shape.of(rows), {at: Shape.of(others) for at, others in scales.items() if others}
        survives = all(other.name == shape.name for other in shapes.values())
        return Finding(f"{start} {shape.in_words(survives)}.{_scales(shape.name, self.curve, shapes)}", rows, rows)

    def _of_one(self, thin: Collection[str], choices: Mapping[str, Row | str]) -> Finding:
        """What is known of the one layer that has a value, which has no shape."""
        rows = [row for row in known(self.finest) if row["layer"] not in thin]
        if not rows:
            return Finding("")
        at = named(rows[0])
        choice = choices.get(rows[0]["layer"])
        if choice and not isinstance(choice, str):
            start, rows = f"The intrinsic dimension (that of {self.curve}'s plateau{asked(rows)})", [choice]
        else:
            start = f"No dimension is chosen at {at}: {choice}. " if choice else ""
            start += f"The intrinsic dimension ({self.name}{asked(rows)})"
        value = said(rows[0]["value"], rows[0]["low"], rows[0]["high"]).replace("[", "[95 % interval ", 1)
        return Finding(f"{start} is {value} at {at}.", rows)

    def _none(self, chosen: Mapping[str, Row | str]) -> str:
        """Where no dimension is chosen and why, and what is chosen elsewhere, before layers are compared at a scale."""
        why: dict[str, list[str]] = {}
        for layer, row in chosen.items():
            if isinstance(row, str):
                why.setdefault(row, []).append(repr(layer))
        if not why:
            return ""
        found = [row for row in chosen.values() if not isinstance(row, str)]
        alone = len(why) == 1 and not found
        reasons = [
            f"at {'any layer' if alone else where_of(names, len(chosen))}: {text}" for text, names in why.items()
        ]
        values = [f"{said(row['value'], row['low'], row['high'])} at {named(row)}" for row in found]
        if len(found) > MANY:
            ends = (number(end(found)["value"]) for end in (lowest, highest))
            values = [f"{' to '.join(ends)} at the {len(found)} others"]
        others = f" It is {listed(values)}." if found else ""
        return f"No dimension is chosen {'; nor '.join(reasons)}.{others} Layers are compared at one scale. "


def where_of(names: Sequence[str], of: int) -> str:
    """So many of all layers, or which, if they are few.

    >>> where_of(["'a'", "'b'"], 9), where_of(["'a'"] * 7, 9)
    ("'a' and 'b'", '7 of 9 layers')
    """
    return listed(names) if len(names) <= MANY else f"{len(names)} of {of} layers"


def _several(rows: Sequence[Row], without: Collection[str]) -> list[Row]:
    """What is known of other layers; nothing if that is one layer only."""
    found = [row for row in known(rows) if row["layer"] not in without]
    return found if len(found) > 1 else []


def _scales(shape: str, curve: str, others: Mapping[str, Shape]) -> str:
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
