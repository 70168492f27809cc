"""Quantity: what is measured, as tables, figures and sentences know it, whoever computes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Data = Literal["graph", "graphs", "subsets", "ranking", "ends", "vectors", "labels", "pairs"]
Closer = Literal["", "high", "low"]


@dataclass(frozen=True, eq=False)
class Quantity:
    """What is said of a number; the fields are those of `Measure`, under which it stands."""

    name: str
    data: tuple[Data, ...]
    title: str
    says: str = ""
    unit: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    distinct: bool = False
    standard: bool = False
    headline: bool = False
    symmetric: bool = True
    closer: Closer = ""
    sentence: str = ""

    @property
    def compares(self) -> bool:
        """Whether it compares two representations."""
        return len(self.data) == 2 and self.data[1] not in ("labels", "graphs", "pairs")
