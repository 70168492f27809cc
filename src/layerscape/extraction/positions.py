"""Positions: which axes of an embedding are places in the sample, told by changing the sample at one place.

Before the first block no position has seen another: what is changed at the first place of the input and what is changed
at its last change other positions, and the same units, silent ones apart. Where that tells one axis from all others, it
is the units'.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from layerscape.extraction.hooks import Inputs, Site, Taps

Where = Literal["second", "last"]


def units_seen(module: nn.Module, inputs: Inputs, samples: Mapping[Site, int]) -> dict[tuple[int, ...], Where]:
    """By shape of an embedding, without its samples, where its units are: right after the samples, or last.

    Nothing of embeddings of which no axis, or more than one, may be the units'.

    Parameters
    ----------
    module, inputs
        The network, and a batch.
    samples
        Where the embeddings are seen, and the axis that their samples are along.
    """
    widest = max((tensor.ndim for tensor in inputs.tensors() if tensor.is_floating_point()), default=0)
    if not samples or widest < 3:
        return {}
    sites = {f"{number}": site for number, site in enumerate(samples)}

    def seen(given: Inputs) -> dict[str, torch.Tensor]:
        with Taps(module, sites) as run:
            return run(given, lambda name, each: each.tensor.movedim(samples[sites[name]], 0).clone())

    plain, some = seen(inputs), {name: set[int]() for name in sites}
    for axis in range(1, widest):
        ends = []
        for place in (0, -1):
            ends.append(seen(inputs.changed(partial(_changed, axis=axis, place=place))))
        for name, hidden in plain.items():
            first, last = ((end[name] != hidden).any(0) for end in ends)
            some[name] |= {along for along in range(first.ndim) if _apart(first, last, along)}
    found: dict[tuple[int, ...], Where] = {}
    for name, positions in some.items():
        shape = tuple(plain[name].shape[1:])
        whole = set(range(len(shape))) - positions
        if len(shape) > 1 and whole in ({0}, {len(shape) - 1}):
            found[shape] = "second" if whole == {0} else "last"
    return found


def _apart(first: torch.Tensor, last: torch.Tensor, along: int) -> bool:
    """Whether two changes are seen, and none of one where the other is."""
    first, last = (change.movedim(along, 0).reshape(change.shape[along], -1).any(1) for change in (first, last))
    return bool(first.any() and last.any() and not (first & last).any())


def _changed(value: Any, axis: int, place: int) -> Any:
    """With other values at one place of an axis."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.ndim <= axis:
        return value
    value = value.clone()
    there = value.select(axis, place)
    there += 1 + value.abs().max()
    return value
