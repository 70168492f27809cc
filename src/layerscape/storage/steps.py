"""The folder of a training that is looked at: a run per step, and what becomes of them where it starts again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from layerscape.core.lock import Lock
from layerscape.errors import FileProblem, InvalidValue
from layerscape.storage.files import file_problems
from layerscape.storage.layout import LayerSpec, lay_out
from layerscape.storage.manifest import Manifest, plan_at

SCALARS = "scalars"  # in the record of a run: what the trainer's own log said at its step
_ASIDE, _OWN = "earlier", ".monitor"
_NAME = re.compile(r"step_(\d+)")


class StepFolder:
    """The right to write a run for every step into one folder; it ends with `close`, or with the process.

    Raises
    ------
    InvalidValue
        If another monitor writes there.
    FileProblem
        If the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        own = path / _OWN
        with file_problems(path):
            own.mkdir(parents=True, exist_ok=True)
            try:
                self._lock = Lock(own, wait=False)
            except FileProblem:
                raise InvalidValue(
                    f"another monitor writes to {path}; close it (monitor.close()), or give another out."
                ) from None
        found = self._found()
        # Nobody else writes here, so that what is there is known and need not be read at every step.
        self._finished = {step for step, finished in found.items() if finished}
        self._begun = found.keys() - self._finished

    def place(self, step: int) -> Path:
        """The folder of the run of a step."""
        return self.path / f"step_{step}"

    def there(self) -> list[int]:
        """Steps whose runs are finished."""
        return sorted(self._finished)

    def plan(self) -> Mapping[str, Any]:
        """The plan of the last run that is there; empty without any."""
        return plan_at(self.place(max(self._finished))) if self._finished else {}

    def begin(self, step: int) -> Path:
        """The folder for the run of a step, which is of no account unless `finish` is called."""
        self._begun.add(step)
        return self.place(step)

    def finish(self, step: int) -> None:
        self._begun.discard(step)
        self._finished.add(step)

    def check(self, plan: Mapping[str, Any], layers: Sequence[LayerSpec], n_samples: int, dtype: str) -> None:
        """Raise unless all that is there is of the same network and samples, whatever the weights."""
        for path in sorted(self.path.glob("*/run.json")):
            if not _NAME.fullmatch(path.parent.name):
                raise InvalidValue(
                    f"{self.path} holds the run {path.parent.name!r}, which no monitor made; give another out."
                )
        for step in self.there()[-1:]:
            found = Manifest.read(self.place(step))
            assert found is not None
            weights = {**plan["model"], "fingerprint": found.plan.get("model", {}).get("fingerprint")}
            layout = lay_out(layers, n_samples, dtype, compress=found.layout.compress)
            found.must_equal(Manifest({**plan, "model": weights}, tuple(layers), layout), self.place(step))

    def clear(self, step: int, weights: str) -> tuple[bool, list[int]]:
        """Make room for a step: whether it is there already, with these weights; and which steps were set aside.

        Steps that are there and come later, and this one if its weights are others, are of a training that went
        another way. They are moved into a folder of their own, where no series finds them.
        """
        for left in self._begun:
            shutil.rmtree(self.place(left), ignore_errors=True)  # a kill left it, or an interrupt
        self._begun.clear()
        manifest = Manifest.read(self.place(step)) if step in self._finished else None
        if manifest is not None and manifest.plan["model"]["fingerprint"] == weights:
            return True, []
        wrong = [other for other in self._finished if other >= step and self.place(other).exists()]
        self._finished -= {other for other in self._finished if other >= step}
        if wrong:
            aside = self.path / _ASIDE / str(1 + len(list((self.path / _ASIDE).glob("*"))))
            aside.mkdir(parents=True)
            for other in sorted(wrong, reverse=True):  # so that a kill between two leaves no gap
                self.place(other).rename(aside / self.place(other).name)
        return False, sorted(wrong)

    def close(self) -> None:
        self._lock.release()

    def _found(self) -> dict[int, bool]:
        """Steps that have a folder, and whether the run in it is finished."""
        found = {}
        for path in self.path.glob("step_*"):
            if (match := _NAME.fullmatch(path.name)) and path.is_dir():
                manifest = Manifest.read(path)
                found[int(match[1])] = manifest is not None and manifest.finished is not None
        return found


def tell_scalars(run: Path, scalars: Mapping[str, float]) -> None:
    """Add numbers of the trainer's own log to a finished run; a name that is there already gets the new number."""
    with file_problems(run):
        lock = Lock(run, wait=True)
        try:
            manifest = Manifest.read(run)
            assert manifest is not None
            record = {**manifest.record, SCALARS: {**manifest.record.get(SCALARS, {}), **as_json(scalars)}}
            if json.dumps(record) != json.dumps(manifest.record):
                replace(manifest, record=record).write(run)
        finally:
            lock.release()


def as_json(scalars: Mapping[str, float]) -> dict[str, float | str]:
    """Numbers as JSON has them, which knows no NaN: of a training that went astray the loss is one.

    >>> as_json({"loss": float("nan"), "lr": 0.1})
    {'loss': 'nan', 'lr': 0.1}
    """
    return {name: value if isfinite(value) else str(value) for name, value in scalars.items()}


def scalars_in(record: Mapping[str, Any]) -> dict[str, float]:
    """What the trainer's own log said at the step of a run, by its record."""
    return {str(name): float(value) for name, value in (record.get(SCALARS) or {}).items()}
