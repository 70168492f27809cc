"""Settling: from which step on a layer is as near to its end as it is just before it, by a test of the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.influence import Moved
from layerscape.core.measure import Measure
from layerscape.core.paired import difference, holm
from layerscape.core.tasks import Task
from layerscape.errors import LayerscapeError
from layerscape.supply.supplier import Supplier

if TYPE_CHECKING:
    import pandas as pd


class Settling:
    """The tests of a series, which it is told in the order of its steps, the last before the end first.

    How near a layer is to its end at a step, by a measure such as overlap, is held against how near it is at the last
    step before the end. Both are of the same samples, so that the difference is known from how each of them, or each
    group, moves both. If nothing but noise that is new at every step has changed since, the two are as near.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Moved | None] = {}
        self._found: dict[tuple[str, str], dict[Any, float]] = {}

    @staticmethod
    def of(measures: Sequence[Measure]) -> list[Measure]:
        """The measures by which it can be tested: one of each question, symmetric, of which more is nearer."""
        return [
            m
            for m in measures
            if m.headline and m.symmetric and m.closer == "high" and not isinstance(m.influence, str)
        ]

    def look(self, supplier: Supplier, plan: Sequence[Task], step: Any) -> None:
        """Test a step: the supplier has its layers and those of the end, prepared with one neighbor more."""
        for task in plan:
            key = task.measure.name, task.layer
            try:
                moved = supplier.moved(task)
            except LayerscapeError:  # a row without a value says why
                moved = None
            if key not in self._last:
                self._last[key] = moved
                continue
            last, own = self._last[key], self._found.setdefault(key, {})
            own[step] = nan if last is None or moved is None else difference(last, moved).p

    def column(self, table: pd.DataFrame, end: Any) -> list[float]:
        """The p-values of rows of a step and the end, corrected for the steps of its layer (Holm 1979); else NaN."""
        corrected = {
            key: dict(zip(own, holm(np.array(list(own.values()))), strict=True)) for key, own in self._found.items()
        }
        named = zip(table["measure"], table["layer"], table["step"], table["other_step"], strict=True)
        return [float(corrected.get((name, layer), {}).get(a, nan)) if b == end else nan for name, layer, a, b in named]
