"""Positions: which axes are places in the sample, told by changing the sample at one place.

Where no place has seen another, as before the first block, what is changed at the first place of the input and what is
changed at its last change other places of what a module puts out, and the same units, silent ones apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from layerscape.extraction.axes import Fold, Rows
from layerscape.extraction.hooks import Inputs, Site, Taps
from layerscape.extraction.untouched import evaluating

Profile = list[torch.Tensor]  # by axis, a number for each index that is another where anything at it is


def places_seen(
    module: nn.Module, inputs: Inputs, n_samples: int, rows: Mapping[Site, Rows]
) -> dict[Site, frozenset[int]]:
    """By site, which axes are places, counted with samples first; those of which it is not seen are left out.

    Parameters
    ----------
    module, inputs
        The network, and a batch.
    rows
        Where to look, and where its samples are.
    """
    plain = _profiles(module, inputs, n_samples, rows)
    some = {site: set[int]() for site in plain}
    for axis in range(1, max((value.ndim for value in _changeable(inputs)), default=0)):
        ends = [
            _profiles(module, inputs.changed(partial(_changed, inputs=inputs, axis=axis, place=place)), n_samples, rows)
            for place in (0, -1)
        ]
        for site, before in plain.items():
            if all(site in end for end in ends):
                first, last = (_which(before, end[site]) for end in ends)
                some[site] |= {along for along in range(1, len(before)) if _apart(first[along], last[along])}
    return {site: frozenset(axes) for site, axes in some.items()}


def order_of(module: nn.Module, inputs: Inputs, n_samples: int, folded: Mapping[Site, int]) -> dict[Site, Fold]:
    """In which order axes have the parts of samples, by what changes with the first sample; left out where unclear."""
    rows = {site: Rows(axis) for site, axis in folded.items()}
    plain = _profiles(module, inputs, 1, rows)
    other = _profiles(module, inputs.changed(partial(_changed, inputs=inputs, axis=0, place=0)), 1, rows)
    found: dict[Site, Fold] = {}
    for site in plain.keys() & other.keys():
        if len(plain[site][0]) != len(other[site][0]):  # as many as the values want, not as there are
            continue
        changed = set(_which(plain[site], other[site])[0].nonzero().flatten().tolist())
        n_parts = len(plain[site][0]) // n_samples
        within, across = (changed <= set(each) for each in (range(n_parts), range(0, len(plain[site][0]), n_samples)))
        if changed and within != across:
            found[site] = "within" if within else "across"
    return found


def _profiles(module: nn.Module, inputs: Inputs, n_samples: int, rows: Mapping[Site, Rows]) -> dict[Site, Profile]:
    """By site and axis; nothing where the network cannot be run so."""
    names = {f"{number}": site for number, site in enumerate(rows)}
    found: dict[Site, Profile] = {}

    def take(name: str, seen: Any) -> torch.Tensor:
        hidden = rows[names[name]](seen.tensor, n_samples)
        found[names[name]] = _profile(hidden)
        return hidden

    try:
        with evaluating(module), warnings.catch_warnings(), Taps(module, names) as run:
            warnings.simplefilter("ignore")
            run(inputs, take)
    except Exception:  # the network takes no sample with this change
        return {}
    return found


def _profile(hidden: torch.Tensor) -> Profile:
    values = torch.nan_to_num(hidden.detach().double())
    found = []
    for axis in range(values.ndim):
        flat = values.movedim(axis, 0).reshape(values.shape[axis], -1)
        wave = torch.cos(torch.arange(flat.shape[1], device=flat.device, dtype=flat.dtype))
        found.append((flat * wave).sum(1).cpu())
    return found


def _which(plain: Profile, other: Profile) -> list[torch.Tensor]:
    """By axis, at which indices two are unlike; everywhere where they are not of one size."""
    pairs = zip(plain, other, strict=True)
    return [a != b if len(a) == len(b) else torch.ones(len(a), dtype=torch.bool) for a, b in pairs]


def _apart(first: torch.Tensor, last: torch.Tensor) -> bool:
    """Whether two changes are seen, and none of one where the other is."""
    return bool(first.any() and last.any() and not (first & last).any())


def _changeable(inputs: Inputs) -> list[torch.Tensor]:
    """What carries the sample: numbers; of a network that gets none, its whole numbers."""
    tensors = inputs.tensors()
    floats = [tensor for tensor in tensors if tensor.is_floating_point()]
    return floats or [tensor for tensor in tensors if tensor.dtype in (torch.int64, torch.int32)]


def _changed(value: Any, inputs: Inputs, axis: int, place: int) -> Any:
    """With other values at one place of an axis."""
    if not isinstance(value, torch.Tensor) or value.ndim <= axis or not any(value is x for x in _changeable(inputs)):
        return value
    value = value.clone()
    there = value.select(axis, place)
    if value.is_floating_point():
        there += 1 + value.abs().max()
    else:  # another one of those that the network knows
        least, most = value.min(), value.max()
        there += torch.where(there > least, -1, int(most > least))
    return value
