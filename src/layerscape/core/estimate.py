"""Estimate: a number that knows its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


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
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan


@dataclass(frozen=True)
class Point:
    """One point of a curve: the value at one scale or one number of neighbors."""

    value: float
    low: float
    high: float
    scale: float = math.nan
    k: int | None = None

    def __post_init__(self) -> None:
        _as_floats(self)


@dataclass(frozen=True)
class Estimate:
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
        One value per sample, whose mean or sum the value is; None if there is no such thing.
    warnings
        In words: where an assumption of the method fails on these data.
    measure, options
        The name of the measure and its options, filled in by whoever calls it by name.
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
    warnings: tuple[str, ...] = ()
    measure: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _as_floats(self)

    def __float__(self) -> float:
        return float(self.value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: NaN and infinities become None, and keys that do not apply are None."""
        chance = self.chance and {name: _plain(getattr(self.chance, name)) for name in ("value", "low", "high", "p")}
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
        if self.curve:
            names = ("scale", "k", "value", "low", "high")
            record["curve"] = [{name: _plain(getattr(point, name)) for name in names} for point in self.curve]
        return record


def _as_floats(estimate: Estimate | Point) -> None:
    for name in ("value", "low", "high"):
        object.__setattr__(estimate, name, float(getattr(estimate, name)))


def _plain(value: float | int | None) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
