"""When a training is looked at: at which steps, and how much of its time that may take."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from layerscape.errors import InvalidType, InvalidValue

Every = int | Iterable[int]


class Due:
    """Which steps are looked at: multiples of a number, or those of a list.

    A multiple that the caller leaps over is made up for at the next step.

    >>> due = Due(10)
    >>> [step for step in (0, 1, 9, 12, 13, 20) if due(step)]
    [0, 12, 20]
    >>> due = Due([1, 2, 4, 8])
    >>> [step for step in range(10) if due(step)]
    [1, 2, 4, 8]
    """

    def __init__(self, every: Any) -> None:
        self._last: int | None = None
        if isinstance(every, Iterable) and not isinstance(every, str):
            self.steps, self.every = frozenset(as_step(step) for step in every), 0
            if not self.steps:
                raise InvalidValue("every=[]; give a number of steps, or the steps themselves.")
            return
        if isinstance(every, bool) or not isinstance(every, Integral):
            raise InvalidType(f"every={every!r}; give a whole number of steps, or the steps themselves.")
        if every < 1:
            raise InvalidValue(f"every={every}; it must be 1 or more.")
        self.steps, self.every = frozenset(), int(every)

    def __call__(self, step: int) -> bool:
        """Whether it is; the same step again is not.

        Raises
        ------
        InvalidValue
            If it comes after a later one.
        """
        last, self._last = self._last, step
        if last is not None and step < last:
            raise InvalidValue(
                f"step {step} comes after step {last}, and steps rise through a whole training; count over epochs, or "
                "make a new monitor where a training goes back"
            )
        if step == last:
            return False
        if self.every:
            return step % self.every == 0 or (last is not None and step // self.every > last // self.every)
        return step in self.steps or (last is not None and any(last < each < step for each in self.steps))


def as_step(step: Any) -> int:
    """A step as a whole number; a tensor or an array that holds one is one."""
    if getattr(step, "ndim", None) == 0 and hasattr(step, "item"):
        step = step.item()
    if isinstance(step, bool) or not isinstance(step, Real) or not float(step).is_integer():
        raise InvalidType(f"step {step!r}; give the number of optimizer steps so far, a whole number.")
    if step < 0:
        raise InvalidValue(f"step {step}; give the number of optimizer steps so far, 0 or more.")
    return int(float(step)) if not isinstance(step, Integral) else int(step)


class Pace:
    """How much of the time of a training its looks take, all after the first two.

    The first loads libraries and compiles what measures; only the second tells what a look takes.

    >>> pace = Pace(0.1)
    >>> pace.looked(9.0, now=1.0), pace.allows(now=2.0)
    (None, True)
    >>> pace.looked(1.0, now=5.0), pace.allows(now=8.0), pace.allows(now=15.5)
    (None, False, True)
    """

    def __init__(self, most: float | None) -> None:
        if most is not None and (isinstance(most, bool) or not isinstance(most, Real)):
            raise InvalidType(f"max_overhead={most!r}; give a share of the training's time, as 0.05, or None.")
        if most is not None and not 0 < most <= 1:
            raise InvalidValue(f"max_overhead={most}; give a share of the training's time, above 0 to 1, or None.")
        self.most, self.left_out = most, 0
        self.usual = 0.0  # seconds of a look
        self._n_looks, self._spent, self._start = 0, 0.0, 0.0

    def allows(self, now: float) -> bool:
        """Whether one more look takes no more than its share; of the time since the second one ended."""
        if self.most is None or self._n_looks < 2:
            return True
        trained = now - self._start - self._spent
        fits = self._spent + self.usual <= self.most * trained
        self.left_out += not fits
        return fits

    def looked(self, seconds: float, now: float) -> None:
        """Count a look that has just ended."""
        self._n_looks += 1
        if self._n_looks == 2:
            self.usual, self._start = seconds, now
        elif self._n_looks > 2:
            self._spent += seconds
            self.usual = 0.5 * (self.usual + seconds)
