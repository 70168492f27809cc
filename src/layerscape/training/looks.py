"""Looks: what a monitor does at a step, and to whom it says what."""

from __future__ import annotations

import logging
import warnings as python_warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from layerscape.core.words import listed
from layerscape.measures import find_measures
from layerscape.pipeline.measure import measure
from layerscape.pipeline.table import CEILING, COLUMNS
from layerscape.training.early import Early
from layerscape.training.logs import Sink, values_of
from layerscape.training.watch import Watch
from layerscape.training.when import Pace

TAKEN = {*COLUMNS, *CEILING, "step", "other_step", "other_run", "score"}  # columns of tables


class Looks:
    """Those of one training.

    Parameters
    ----------
    watch
        What is looked at.
    pace
        How much time that may take.
    sinks
        Who gets what is measured.
    measures, k
        What is measured of each run.
    """

    def __init__(self, watch: Watch, pace: Pace, sinks: Sequence[Sink], measures: Sequence[Any], k: int | None) -> None:
        self.watch, self._pace, self._sinks = watch, pace, list(sinks)
        self._measures, self._k, self._early = measures, k, Early(find_measures(measures), k)
        self._said: set[str] = set()
        self._held: list[str] | None = None  # what is said at the end of a look, in which warnings are heard

    def affordable(self, step: int) -> bool:
        """Whether a look now keeps within its share of the time; the first that does not is said."""
        if self._pace.allows(perf_counter()):
            return True
        if self._pace.left_out == 1:
            self.say(
                f"step {step} is not looked at, nor are others to come: a look takes {self._pace.usual:.2g} s, and "
                f"max_overhead={self._pace.most:g} allows that share of the time of training only; look more rarely "
                "(every), at fewer samples (limit), or give max_overhead=None"
            )
        return False

    def look(self, step: int, scalars: Mapping[str, Any]) -> None:
        """One look, with random numbers and clocks as if there had been none."""
        from layerscape.extraction.live import settle
        from layerscape.extraction.untouched import generators_kept

        settle()
        start = perf_counter()
        with generators_kept(), self._heard():
            run, aside = self.watch.look(step, self.numbers(scalars))
            if aside:
                self.say(
                    f"{listed([f'step {each}' for each in aside[:3]])}{' and more' * (len(aside) > 3)} of an earlier "
                    f"training moved to {self.watch.path / 'earlier'}: at step {step} this one has other weights"
                )
            table = measure(run, self._measures, k=self._k, progress=False) if self._measures else None
            self._log(step, {} if table is None else values_of(table))
            for text in self._early.look(step, run, table, self.numbers(scalars)):
                self.say(text)
        now = perf_counter()
        self._pace.looked(now - start, now)

    def tell(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Numbers of a step that has a run, which came to be known later."""
        numbers = self.numbers(scalars)
        self.watch.tell(step, numbers)
        self._early.tell(step, numbers)

    def numbers(self, scalars: Mapping[str, Any]) -> dict[str, float]:
        """What is given as floats, without what is none or is called like a column of every table."""
        found = {}
        for name, value in scalars.items():
            try:
                if name in TAKEN:
                    raise ValueError
                found[name] = float(value.detach() if hasattr(value, "detach") else value)
            except (TypeError, ValueError, RuntimeError):
                why = "is what a column of every table is called" if name in TAKEN else f"is a {type(value).__name__}"
                self.say(f"{name!r} {why} and is not kept with the steps; give one number, by another name")
        return found

    def say(self, text: str) -> None:
        """Once, by a warning; where warnings are errors, which must not end a training, in the log."""
        if self._held is not None:
            self._held.append(text)
            return
        if text in self._said:
            return
        self._said.add(text)
        try:
            python_warnings.warn(f"layerscape: {text}", stacklevel=5)
        except Warning:
            logging.getLogger("layerscape").warning(text)

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        """Tell whoever wants to know; one that fails is told no more, and the series goes on."""
        for sink in list(self._sinks):
            try:
                sink(step, values)
            except Exception as error:  # of whatever library or function that is
                self._sinks.remove(sink)
                self.say(f"a log fails and is written no more; the series goes on: {in_one_line(error)}")

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """What is warned of within is said once in a training."""
        self._held = texts = []
        try:
            with python_warnings.catch_warnings(record=True) as heard:
                python_warnings.simplefilter("always")
                yield
        finally:
            self._held = None
        for text in [*texts, *(str(each.message) for each in heard)]:
            self.say(text)


def in_one_line(error: BaseException) -> str:
    """What an error says, and what kind it is where it is none of ours."""
    text = " ".join(str(error).split())[:500]
    ours = type(error).__module__.startswith("layerscape.")
    return text if ours and text else f"{type(error).__name__}: {text}".rstrip(": ")
