"""Estimate: a number that knows its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.shown import Card, Shown, interval, warned
from layerscape.core.words import number, p_said

if TYPE_CHECKING:
    from layerscape.core.influence import Influence


@dataclass(frozen=True)
class Chance:
    """What unrelated data of the same size would score.

    Attributes
    ----------
    value
        Expectation under random pairing of the samples.
    low, high
        The central 95 % of that distribution.
    p
        Share of random pairings that score at least as much as was measured; NaN if not known.
    held
        The value of the samples that chance and p are of, where these are fewer than all: it, and not the value of all,
        is to be held against them. NaN elsewhere.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    held: float = math.nan


@dataclass(frozen=True)
class Ceiling:
    """How far the noise of repeats lets a comparison reach; formulas in docs/groups.md.

    Attributes
    ----------
    value, low, high
        What the means over repeats would score if both sides were the same but for noise, from split halves with the
        correction of Spearman and Brown.
    over, over_low, over_high
        The value over the ceiling: the agreement without noise.
    single, single_low, single_high
        What single repeats score, and the bounds between which it would lie if both sides were the same but for noise
        (leave one out).
    """

    value: float
    low: float
    high: float
    over: float
    over_low: float
    over_high: float
    single: float
    single_low: float
    single_high: float

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain values for JSON."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True)
class Point:
    """One point of a curve: the value at one scale, one number of neighbors or one number of samples."""

    value: float
    low: float
    high: float
    scale: float = math.nan
    k: int | None = None
    n_samples: int | None = None

    def __post_init__(self) -> None:
        _as_floats(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``n_samples`` only where the point has its own."""
        names = ("scale", "k", "value", "low", "high") + (("n_samples",) if self.n_samples else ())
        return {name: _plain(getattr(self, name)) for name in names}


@dataclass(frozen=True, repr=False)
class Estimate(Shown):
    """A value with its 95 % interval, and what is needed to judge it.

    Attributes
    ----------
    value, low, high
        The estimate and its 95 % interval.
    n_samples, n_units, k
        Size of the data, and the number of neighbors used; None where it does not apply.
    chance
        What unrelated data score; None for a quantity that compares nothing.
    curve
        The value at every scale or k, for measures that have one.
    per_sample
        One value per sample, of which the value is a sum or a mean of some kind; None if there is no such thing.
    details
        What lies behind the value, by name: numbers, and arrays that a plot or a closer look needs.
    warnings
        In words: where an assumption of the method fails on these data.
    measure, options
        The name of the measure and its options, filled in by whoever calls it by name.
    influence
        How each sample moves the value, where that was asked for.
    groups
        Where samples belong together, which do, whether members of a sample's own group may be its neighbors, and what
        changes places for chance; the interval is then over groups. Empty where samples are taken to be independent.
    ceiling
        Where samples are repeats of conditions, how far noise lets a comparison reach; None where that is not known.
    """

    value: float
    low: float
    high: float
    n_samples: int
    n_units: int | None = None
    k: int | None = None
    chance: Chance | None = None
    curve: tuple[Point, ...] = ()
    per_sample: np.ndarray | None = field(default=None, repr=False, compare=False)
    details: Mapping[str, float | np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    warnings: tuple[str, ...] = ()
    measure: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    influence: Influence | None = field(default=None, repr=False, compare=False)
    groups: str = ""
    ceiling: Ceiling | None = None

    def __post_init__(self) -> None:
        _as_floats(self)

    def _card(self) -> Card:
        units = f" × {self.n_units} units" if self.n_units else ""
        facts = [("data", f"{self.n_samples} samples{units}" + (f", k = {self.k}" if self.k else ""))]
        if self.chance:
            chance = self.chance
            p = f", {p_said(chance.p)}" if math.isfinite(chance.p) else ""
            held = f", of samples whose value is {number(chance.held)}" if math.isfinite(chance.held) else ""
            facts.append(("chance", interval(chance.value, chance.low, chance.high) + p + held))
        if self.groups:
            facts.append(("groups", self.groups))
        if self.ceiling:
            facts += ceiling_facts(self.ceiling)
        if self.options:
            facts.append(("options", ", ".join(f"{name}={value!r}" for name, value in self.options.items())))
        if self.curve:
            first, last = self.curve[0], self.curve[-1]
            facts.append(("curve", f"{len(self.curve)} points, {number(first.value)} … {number(last.value)}"))
        if self.per_sample is not None:
            facts.append(("per_sample", str(self.per_sample.shape)))
        if self.details:
            facts.append(("details", ", ".join(self.details)))
        title = f"Estimate{self.measure and ' of ' + self.measure}: {interval(self.value, self.low, self.high)}"
        return Card(title, facts, warned(self.warnings), [(each.value, each.low, each.high) for each in self.curve])

    def __float__(self) -> float:
        return float(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: NaN, infinities and keys that do not apply become None; arrays are left out."""
        names = ("value", "low", "high", "p") + (("held",) if self.chance and math.isfinite(self.chance.held) else ())
        chance = self.chance and {name: _plain(getattr(self.chance, name)) for name in names}
        record: dict[str, Any] = {
            "measure": self.measure,
            "value": _plain(self.value),
            "low": _plain(self.low),
            "high": _plain(self.high),
            "n_samples": self.n_samples,
            "n_units": self.n_units,
            "k": self.k,
            "chance": chance,
            "options": dict(self.options),
            "warnings": list(self.warnings),
        }
        if self.groups:
            record["groups"] = self.groups
        if self.ceiling:
            record["ceiling"] = self.ceiling.to_dict()
        if self.curve:
            record["curve"] = [point.to_dict() for point in self.curve]
        numbers = {name: value for name, value in self.details.items() if not isinstance(value, np.ndarray)}
        if numbers:
            record["details"] = {name: _plain(value) for name, value in numbers.items()}
        return record


def ceiling_facts(ceiling: Ceiling) -> list[tuple[str, str]]:
    """What is said of a ceiling, by name."""
    bounds = f"{number(ceiling.single_low)} and {number(ceiling.single_high)}"
    return [
        ("ceiling", interval(ceiling.value, ceiling.low, ceiling.high)),
        ("value over ceiling", interval(ceiling.over, ceiling.over_low, ceiling.over_high)),
        ("single repeats", f"{number(ceiling.single)}, with a ceiling between {bounds}"),
    ]


def _as_floats(estimate: Estimate | Point) -> None:
    for name in ("value", "low", "high"):
        object.__setattr__(estimate, name, float(getattr(estimate, name)))


def _plain(value: float | int | None) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
