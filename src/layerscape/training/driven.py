"""Driven: a monitor within somebody else's loop, whose callbacks say when it begins, goes on and ends."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from layerscape.errors import InvalidType
from layerscape.training.monitor import Monitor, asked


class Driven:
    """What callbacks have in common.

    Parameters
    ----------
    probe, out, options
        As in `Monitor`; of the options all that can be wrong without a model is raised at once.
    """

    def __init__(self, probe: Any, out: str | Path | None, options: Mapping[str, Any]) -> None:
        self.probe, self.out, self.options = probe, out, dict(options)
        self.monitor: Monitor | None = None
        known = inspect.signature(Monitor).parameters
        for name in options:
            if name not in known or name in ("model", "probe", "out"):
                raise InvalidType(f"{name}= is no option of a monitor; there are: {', '.join(list(known)[2:])}.")
        asked(*(options.get(name, known[name].default) for name in ("every", "max_overhead", "measures", "log")))

    def begin(self, model: Any, out: Path, step: int, **more: Any) -> None:
        """Make the monitor and look at the beginning, if it is time to; ``out`` is where nothing was said."""
        self.end()
        self.monitor = Monitor(model, self.probe, out=self.out or out, **{**more, **self.options})
        self.monitor.step(step)

    def at(self, step: int, *, last: bool = False) -> bool:
        """After a step: whether it was looked at just now; the last one always is."""
        if self.monitor is None:
            return False
        before = self.monitor.latest
        if last and before != step:
            self.monitor.look(step)
        else:
            self.monitor.step(step)
        return self.monitor.latest == step != before

    def told(self, step: int, log: Mapping[str, Any]) -> None:
        """Keep the numbers among what the trainer's log says at a step."""
        numbers = {}
        for name, value in log.items():
            one = value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
            if isinstance(one, Real):
                numbers[name] = one
        if self.monitor is not None and numbers:
            self.monitor.tell(step, **numbers)

    def end(self) -> None:
        if self.monitor is not None:
            self.monitor.close()
