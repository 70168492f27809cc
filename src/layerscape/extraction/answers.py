"""Answers: what the user says of layers whose axes nothing tells, and the question that asks for it. Loads no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from layerscape.errors import InvalidType, InvalidValue

Answers = Mapping[str, tuple[int, ...]]
FORM = "LAYER=AXIS, as in block_*=2, or block_*=1+3 where two hold units; commas between several"


def answers_of(units_axis: Any) -> dict[str, tuple[int, ...]]:
    """From how it is written: by pattern of layers the axes that hold units, counted in what the layer puts out from 0.

    Parameters
    ----------
    units_axis
        None; ``"block_*=2,head=1+3"``; or a dict of pattern to a whole number or several.

    Raises
    ------
    InvalidValue, InvalidType
        If it is not so written.

    Examples
    --------
    >>> answers_of("block_*=2,head=1+3") == answers_of({"block_*": 2, "head": (1, 3)})
    True
    """
    if units_axis is None:
        return {}
    if isinstance(units_axis, str):
        pairs = [text.strip().rpartition("=") for text in units_axis.split(",") if text.strip()]
        for pattern, _, axes in pairs:
            if not pattern or not re.fullmatch(r"-?\d+(\+-?\d+)*", axes):
                raise InvalidValue(f"units axis {units_axis!r}; write {FORM}.")
        return {pattern: tuple(int(axis) for axis in axes.split("+")) for pattern, _, axes in pairs}
    if not isinstance(units_axis, Mapping):
        raise InvalidType(f"units_axis of type {type(units_axis).__name__}; give a dict of layer to axis, or {FORM}.")
    found = {}
    for pattern, axes in units_axis.items():
        several = (axes,) if isinstance(axes, int) else tuple(axes) if isinstance(axes, Sequence) else ()
        if not isinstance(pattern, str) or not several or any(type(axis) is not int for axis in several):
            raise InvalidType(f"units_axis {{{pattern!r}: {axes!r}}}; give a layer and a whole number, or several.")
        found[pattern] = several
    return found


def units_axes(axes: Sequence[int], shape: Sequence[int], samples: int, name: str) -> tuple[int, ...]:
    """The axes of units that the user names, from 0 on; raise if the layer, of this shape, cannot have them there."""
    found = tuple(axis + len(shape) if axis < 0 else axis for axis in axes)
    allowed = [axis for axis in range(len(shape)) if axis != samples]
    if len(set(found)) != len(found) or not set(found) <= set(allowed):
        given = "+".join(map(str, axes))
        raise InvalidValue(
            f"units axis {name}={given}; the layer puts out {told(shape, samples)}: choose of axes "
            f"{', '.join(map(str, allowed))}, counted from 0."
        )
    return found


def told(shape: Sequence[int], samples: int) -> str:
    """A shape in words."""
    return f"({', '.join('samples' if axis == samples else str(size) for axis, size in enumerate(shape))})"


def question(layers: Mapping[str, tuple[str, str, int]]) -> InvalidValue:
    """What asks for the axis of units of layers, of each of which are given shape, doubt and an axis that it may be."""
    name, (shape, doubt, _) = next(iter(layers.items()))
    likely = {re.sub(r"\d+", "*", each): axis for each, (_, _, axis) in layers.items()}
    if len(likely) > 3 or len(layers) == 1:
        likely = {name: layers[name][2]}
    written = ",".join(f"{pattern}={axis}" for pattern, axis in likely.items())
    return InvalidValue(
        f"layer {name!r} puts out {shape}, {doubt}; say which axis holds its units, counted from 0, as in "
        f"--units-axis {written!r} (units_axis={likely!r}) or with 1+2 for two of them, or choose other layers."
    )
