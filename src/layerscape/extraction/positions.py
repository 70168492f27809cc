"""Positions: which axes are places in the sample, told by changing the sample at one place.

Where no place has seen another, as before the first block, what is changed at the first place of the input and what is
changed at its last change other places of what a module puts out, and the same units, silent ones apart. Then a quarter
of all places is changed at each end, since strides may leave out the last place.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from layerscape.extraction.axes import Fold, SampleAxis
from layerscape.extraction.hooks import Inputs, Site, Taps
from layerscape.extraction.untouched import evaluating

Profile = list[torch.Tensor]  # by axis, a number for each index that is another where anything at it is


def places_seen(
    module: nn.Module, inputs: Inputs, n_samples: int, rows: Mapping[Site, SampleAxis]
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
    changeable = _changeable(inputs)
    moved, unseen = set[Site](), set[Site]()  # that anything has changed; of which one of two ends is not seen
    for axis in range(1, max((value.ndim for value in changeable), default=0)):
        longest = max(value.shape[axis] for value in changeable if value.ndim > axis)
        for share in (0, 1 / 4) if longest >= 8 else (0,):
            if share and axis > 1 and not moved & unseen:  # what nothing has changed is not made of the sample
                break
            unseen = set()
            change = partial(_changed, inputs=inputs, axis=axis, share=share)
            ends = [
                _profiles(module, inputs.changed(partial(change, at_end=at_end)), n_samples, rows)
                for at_end in (False, True)
            ]
            for site, before in plain.items():
                after = [end[site] for end in ends if site in end]
                changes = [bool(_which(before, end)[0].any()) for end in after]
                moved |= {site} if any(changes) else set()
                unseen |= set() if all(changes) and len(changes) == 2 else {site}
                seen = _places(before, after)
                # The last axis of an array may be its units, and parts of these are no places.
                some[site] |= seen - {rows[site].parts} if _of_units(changeable, axis) else seen
    return {site: frozenset(axes) for site, axes in some.items()}


def order_of(module: nn.Module, inputs: Inputs, n_samples: int, folded: Mapping[Site, int]) -> dict[Site, Fold]:
    """In which order axes have the parts of samples, by what changes with the first sample; left out where unclear."""
    rows = {site: SampleAxis(axis) for site, axis in folded.items()}
    plain = _profiles(module, inputs, 1, rows)
    other = _profiles(module, inputs.changed(partial(_changed, inputs=inputs, axis=0)), 1, rows)
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


def _profiles(
    module: nn.Module, inputs: Inputs, n_samples: int, rows: Mapping[Site, SampleAxis]
) -> dict[Site, Profile]:
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


def _places(plain: Profile, ends: Sequence[Profile]) -> set[int]:
    if len(ends) < 2:
        return set()
    first, last = (_which(plain, end) for end in ends)
    return {along for along in range(1, len(plain)) if _apart(first[along], last[along])}


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


def _of_units(changeable: Sequence[torch.Tensor], axis: int) -> bool:
    """Whether what is along an axis of the sample may be units: of an array, whose last one it is."""
    return all(tensor.is_floating_point() and tensor.ndim in (axis + 1, 0) and tensor.ndim < 4 for tensor in changeable)


def _changed(value: Any, inputs: Inputs, axis: int, share: float = 0, *, at_end: bool = False) -> Any:
    """With other values at the first place of an axis, or the last one, or at a share of all that begins there."""
    if not isinstance(value, torch.Tensor) or value.ndim <= axis or not any(value is x for x in _changeable(inputs)):
        return value
    value = value.clone()
    n_places = max(1, int(share * value.shape[axis]))
    there = value.narrow(axis, value.shape[axis] - n_places if at_end else 0, n_places)
    if value.is_floating_point():
        there += 1 + value.abs().max()
    else:  # another one of those that the network knows
        least, most = value.min(), value.max()
        there += torch.where(there > least, -1, int(most > least))
    return value
