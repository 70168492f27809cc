"""Early warnings while a network trains: those of a series, told as soon as its looks show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layerscape.core.measure import Measure
from layerscape.pipeline.through import between_steps
from layerscape.run import Run
from layerscape.runs import Series
from layerscape.supply.alarms import DRIFT_BY, alarms_in, dead_share, in_words


class Early:
    """What the looks of one training have shown so far.

    Parameters
    ----------
    measures, k
        What is measured at every look; what moves between looks is compared if it is among them.
    """

    def __init__(self, measures: Sequence[Measure], k: int | None) -> None:
        self._between, self._k = [m for m in measures if m.name == DRIFT_BY.name], k
        self._rows: list[dict[str, Any]] = []
        self._dead: dict[str, dict[int, float]] = {}
        self._known: dict[int, Mapping[str, float]] = {}
        self._last: tuple[int, Run] | None = None
        self._told: set[tuple[str, str]] = set()

    def tell(self, step: int, scalars: Mapping[str, float]) -> None:
        """Numbers of a step."""
        self._known[step] = {**self._known.get(step, {}), **scalars}

    def look(self, step: int, run: Run, table: Any, scalars: Mapping[str, float]) -> list[str]:
        """What is to be said after a look that was not said before; ``table`` is what was measured, None if nothing."""
        self.tell(step, scalars)
        for layer in run.layers:
            self._dead.setdefault(layer, {})[step] = dead_share(run.vectors(layer))
        if table is not None:
            self._rows += table.assign(step=step).to_dict("records")
        if self._between and self._last is not None and self._last[0] < step:
            pair = Series([self._last[1], run], [self._last[0], step])
            self._rows += between_steps(pair, self._between, k=self._k, save=False, progress=False).to_dict("records")
        self._last = step, run
        found = [a for a in alarms_in(self._rows, self._known, self._dead) if (a.kind, a.layer) not in self._told]
        self._told |= {(alarm.kind, alarm.layer) for alarm in found}
        return in_words(found)
