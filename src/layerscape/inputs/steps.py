"""Steps: arrays of three axes, such as trials × neurons × time, as matrices by a rule that the user states."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array
from layerscape.errors import InvalidValue

RULES = "--time mean, --time flatten or the number of one step"


@dataclass(frozen=True)
class Steps:
    """What becomes of time.

    Attributes
    ----------
    time
        ``"mean"``, ``"flatten"`` or the number of a step, from the end if negative.
    axis
        Which axis is time; the last, with a warning, when None.
    """

    time: str | None = None
    axis: int | None = None

    def __post_init__(self) -> None:
        if self.time not in (None, "mean", "flatten") and not str(self.time).removeprefix("-").isdecimal():
            raise InvalidValue(f"time={self.time!r}; give mean, flatten, or the number of a step.")
        if self.axis not in (None, 1, 2):
            raise InvalidValue(f"time_axis={self.axis}; give 2, the last axis, or 1.")
        if self.axis is not None and self.time in (None, "flatten"):
            raise InvalidValue(f"time_axis={self.axis} is for --time mean or the number of a step; leave it out.")

    def matrix(self, x: Any, name: str) -> Any:
        """The array as samples × units, sliced by rows; ``name`` is for messages.

        >>> x = np.arange(12.0).reshape(2, 3, 2)
        >>> Steps("mean", 2).matrix(x, "x")[:].tolist()
        [[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]]
        """
        x = as_array(x, name)
        if x.ndim == 2:
            return x
        shape = " × ".join(map(str, x.shape))
        if x.ndim != 3:
            raise InvalidValue(f"{name} has {x.ndim} axes, {shape}; give samples × units: x.reshape(len(x), -1).")
        if self.time is None:
            raise InvalidValue(
                f"{name} has three axes, {shape}; a layer is samples × units: say what becomes of time or tokens, by "
                f"{RULES}, and which axis it is with --time-axis 1 or 2 (time=, time_axis=)."
            )
        if self.axis is None and self.time != "flatten":
            warnings.warn(
                f"{name}: the last axis of {shape} is taken as time; --time-axis 1 is the other", stacklevel=4
            )
        axis = self.axis or 2
        if self.time not in ("mean", "flatten") and not -x.shape[axis] <= int(self.time) < x.shape[axis]:
            raise InvalidValue(
                f"time={self.time} of {name}, which has {x.shape[axis]} steps; give 0..{x.shape[axis] - 1}."
            )
        return Read(x, self.time, axis)


@dataclass(frozen=True)
class Read:
    """An array of three axes, read as a matrix."""

    x: Any
    time: str
    axis: int
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        n, *sizes = self.x.shape
        return n, sizes[0] * sizes[1] if self.time == "flatten" else sizes[2 - self.axis]

    @property
    def dtype(self) -> np.dtype:
        kept = self.time != "mean" or self.x.dtype.kind == "f"
        return self.x.dtype if kept else np.dtype(np.float64)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        block = np.asarray(self.x[rows])
        if self.time == "flatten":
            return block.reshape(len(block), -1)
        if self.time == "mean":
            return block.mean(axis=self.axis, dtype=np.float64).astype(self.dtype)
        return block.take(int(self.time), axis=self.axis)
