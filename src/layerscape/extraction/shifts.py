"""Shifts: where the tokens that a network is given stand among those that its blocks work on.

Some networks put tokens of their own before them (the prompt of CPM-Ant), or fill up behind them to a multiple of a
window (Longformer), of which the mask that goes with the input knows nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from layerscape.extraction.axes import Axes
from layerscape.extraction.hooks import Inputs, Site, Taps
from layerscape.extraction.stacks import Stack
from layerscape.extraction.untouched import evaluating


def shifts_of(
    module: nn.Module, tries: Iterable[Inputs], n_samples: int, stacks: Sequence[Stack], axes: Mapping[Site, Axes]
) -> dict[Site, int]:
    """By layer along the axes of depth, how many tokens come before those of the input.

    A change of the first token changes one position of the embedding, and one of the last another, as far apart as they
    are; that is so, and the first is the same, at two lengths; and the layer has as many tokens as the embedding.

    Parameters
    ----------
    tries
        Inputs of several lengths, not all of which the network has to take.
    axes
        Of the layers.
    """
    found: dict[Site, set[int]] = {}
    lengths = set[int]()
    for inputs in tries:
        length = length_of(inputs)
        if length is None or length < 2 or length in lengths:
            continue
        seen = _seen(module, inputs, n_samples, length, stacks, axes)
        if seen is None:
            continue
        now = {site: {shift} for site, shift in seen.items()}
        found = {site: found[site] | now[site] for site in found.keys() & now.keys()} if lengths else now
        lengths.add(length)
        if len(lengths) == 2:
            return {site: shifts.pop() for site, shifts in found.items() if len(shifts) == 1}
    return {}


def _seen(
    module: nn.Module,
    inputs: Inputs,
    n_samples: int,
    length: int,
    stacks: Sequence[Stack],
    axes: Mapping[Site, Axes],
) -> dict[Site, int] | None:
    """By layer the shift at one length; None where the network does not take it."""
    sites = {site for stack in stacks for site in (*stack.states, stack.norm) if site is not None and site in axes}
    plain = _tokens(module, inputs, n_samples, sites, axes)
    firsts = {site for stack in stacks if (site := stack.states[0]) in sites and site is not None}
    ends = [
        _tokens(module, inputs.changed(partial(_changed, place=place)), n_samples, firsts, axes)
        for place in (0, length - 1)
    ]
    if plain is None or None in ends:
        return None
    found = {}
    for stack in stacks:
        first = stack.states[0]
        if first is None or not all(end is not None and first in end for end in (plain, *ends)):
            continue
        at = [(plain[first] != end[first]).nonzero().flatten().tolist() for end in ends if end is not None]
        if [len(each) for each in at] == [1, 1] and at[1][0] - at[0][0] == length - 1:
            alike = (site for site in (*stack.states, stack.norm) if site is not None and site in plain)
            found |= {site: at[0][0] for site in alike if len(plain[site]) == len(plain[first])}
    return found


def _tokens(
    module: nn.Module, inputs: Inputs, n_samples: int, sites: Iterable[Site], axes: Mapping[Site, Axes]
) -> dict[Site, torch.Tensor] | None:
    """By layer of shape (B, T, D) a number for each token, another one where anything of it is; None where it fails."""
    names = {f"{number}": site for number, site in enumerate(sites)}

    def take(name: str, seen: Any) -> torch.Tensor:
        hidden = torch.nan_to_num(axes[names[name]](seen.tensor, n_samples).double())
        if hidden.ndim != 3:
            return torch.empty(0)
        wave = torch.cos(torch.arange(hidden.shape[2], device=hidden.device, dtype=hidden.dtype))
        return (hidden * wave).sum((0, 2)).cpu()

    try:
        with evaluating(module), warnings.catch_warnings(), Taps(module, names) as run:
            warnings.simplefilter("ignore")
            found = run(inputs, take)
    except Exception:  # the network takes nothing so long
        return None
    return {names[name]: tokens for name, tokens in found.items() if len(tokens)}


def length_of(inputs: Inputs) -> int | None:
    """How many tokens a network is given that takes nothing but whole numbers."""
    tensors = inputs.tensors()
    if any(tensor.is_floating_point() for tensor in tensors):
        return None
    return next((tensor.shape[1] for tensor in tensors if tensor.ndim == 2), None)


def _changed(value: Any, place: int) -> Any:
    """With another token of the same sample at a place."""
    if not isinstance(value, torch.Tensor) or value.ndim != 2 or value.dtype not in (torch.int64, torch.int32):
        return value
    if value.shape[1] <= place:
        return value
    value = value.clone()
    others = value != value[:, place : place + 1]
    instead = others.long().cumsum(1).mul(others).eq((others.sum(1, keepdim=True) + 1) // 2) & others
    there = torch.where(others.any(1), value.gather(1, instead.long().argmax(1, keepdim=True))[:, 0], value[:, place])
    value[:, place] = there
    return value
