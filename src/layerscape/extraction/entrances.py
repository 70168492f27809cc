"""Entrances: where what a network is given goes in, which for several arrays are several layers and not one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from layerscape.extraction.hooks import Inputs, Site
from layerscape.extraction.layers import INPUT, Place
from layerscape.extraction.stacks import Stack
from layerscape.extraction.tracing import Call, Mark, Trace

SEVERAL = "is several arrays, of which some are taken by no module as they are given"


@dataclass(frozen=True)
class Entrance:
    """Where one of several arrays is taken as it is given.

    Attributes
    ----------
    site
        What the module takes.
    name
        Of the axis of depth that begins there, or the path of the module.
    stack
        The name of that axis, if there is one.
    """

    site: Site
    name: str
    stack: str = ""


def entrances_of(inputs: Inputs, seen: Trace, stacks: Sequence[Stack]) -> list[Entrance] | None:
    """By array where a network takes it, of networks that are given several; None where one is not seen as it is.

    Masks are no arrays of the sample. Nothing is returned where there are fewer than two arrays.
    """
    given = _arrays(inputs)
    if len(given) < 2:
        return []
    found: list[Entrance] = []
    for tensor in given:
        mark = Mark.of(tensor)
        first = next(
            (
                _entrance(call, Site(call.path, call.number, "input", part.key if number else None), stacks)
                for call in seen.calls
                for number, part in enumerate(call.entering)
                if call.path and part.mark.equals(mark)
            ),
            None,
        )
        if first is None or mark.constant:
            return None
        found.append(first)
    return found if len({each.name for each in found}) == len(found) else None


def places_of(entrances: Sequence[Entrance], inputs: Inputs, most: int, taken: Sequence[Place]) -> list[Place]:
    """A layer for each, ``left.input``; of default where it has at most so many values."""
    names = {place.name for place in taken}
    places = []
    for each, tensor in zip(entrances, _arrays(inputs), strict=True):
        name, shape = f"{each.name}.{INPUT}", tuple(tensor.shape)
        name = f"{name}_given" if name in names else name  # a module may be called so
        places.append(Place(name, each.site, None, shape, prod(shape[1:]) <= most, each.stack, view=_flat))
    return places


def _arrays(inputs: Inputs) -> list[torch.Tensor]:
    kwargs = {name: value for name, value in (inputs.kwargs or {}).items() if "mask" not in name}
    tensors = Inputs(inputs.args, kwargs).tensors()
    return [tensor for tensor in tensors if tensor.is_floating_point() and tensor.ndim > 1]


def _entrance(call: Call, site: Site, stacks: Sequence[Stack]) -> Entrance:
    path = call.path + (f"_{call.number}" if call.number else "")
    begins = [s.name for s in stacks if s.name and (s.blocks[0] is call or s.blocks[0].within(call))]
    return Entrance(site, begins[0], begins[0]) if len(begins) == 1 else Entrance(site, path)


def _flat(hidden: Any, n_samples: int) -> Any:
    return hidden.reshape(n_samples, -1)
