"""Content: which tokens are of the sample, told by what changes at the embedding when the sample does.

Class, register, distillation and detection tokens are the same for every sample there, wherever they stand: before the
first block no position has seen another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from layerscape.extraction.hooks import Inputs, Site, Taps


def content_of(
    module: torch.nn.Module,
    inputs: Inputs,
    sites: Mapping[str, Site],
    turned: Callable[[Site, torch.Tensor], torch.Tensor],
    *,
    ids: bool,
) -> dict[str, torch.Tensor]:
    """By name of the site, which of its positions follow what the network is given.

    Parameters
    ----------
    module, inputs
        The network, and a batch.
    sites
        Where the embedding of each stack is seen.
    turned
        Puts samples first and units last.
    ids
        Whether whole numbers of each token count as such, which is so where no mask says which are real.

    Returns
    -------
    dict
        Bool of shape (T,); nothing of sites that are no (B, T, D) or that follow no such input.
    """
    if not sites or (not ids and inputs.floating() is None):
        return {}

    def seen(given: Inputs) -> dict[str, torch.Tensor]:
        with Taps(module, sites) as run:
            return run(given, lambda name, each: turned(sites[name], each.tensor).clone())

    plain, other = seen(inputs), seen(inputs.changed(partial(_another, ids=ids)))
    follows = {name: (plain[name] != other[name]).any(-1).any(0) for name in plain if plain[name].ndim == 3}
    return {name: positions.cpu() for name, positions in follows.items() if bool(positions.any())}


MAIN, DECODER, UNKNOWN = "main", "decoder", "unknown"


def masked_of(
    module: torch.nn.Module,
    inputs: Inputs,
    real: torch.Tensor,
    sites: Mapping[str, Site],
) -> dict[str, str]:
    """By name of the site, whose mask its tokens have: that of the first argument that is as wide as the mask.

    Or that of the arguments for a decoder; or there is no telling, as of what follows another argument, or none.

    Parameters
    ----------
    module, inputs
        The network, and a batch in which nothing is padded.
    real
        The mask, shape (B, T).
    sites
        Where the embedding of each stack is seen.
    """
    given = {
        name: value
        for name, value in (inputs.kwargs or {}).items()
        if isinstance(value, torch.Tensor) and value.ndim > 1 and not name.endswith("mask")
    }
    wide = [name for name, value in given.items() if value.shape[1] == real.shape[1]]
    if not wide or not sites:
        return {}

    def seen(changed: list[str]) -> dict[str, torch.Tensor]:
        more = {name: _another(given[name], ids=True) for name in changed}
        with Taps(module, sites) as run:
            return run(Inputs(inputs.args, {**(inputs.kwargs or {}), **more}), lambda _, each: each.tensor.clone())

    def follow(changed: list[str]) -> set[str]:
        other = seen(changed)
        return {name for name in plain if not torch.equal(plain[name], other[name])}

    plain, first = seen([]), given[wide[0]]
    if torch.equal(_another(first, ids=True), first):  # a sample that is one token all over
        return {}
    main = follow([name for name, value in given.items() if torch.equal(value, first)])
    of_decoder = [name for name in given if name.startswith("decoder_")]
    decoder = follow(of_decoder) if of_decoder and main != plain.keys() else set()
    return {name: MAIN if name in main else DECODER if name in decoder else UNKNOWN for name in plain}


def _another(value: Any, ids: bool) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if value.is_floating_point():
        return value + 1 + value.abs().max()
    return _others(value) if ids and value.ndim > 1 and value.dtype in (torch.int64, torch.int32) else value


def _others(value: torch.Tensor) -> torch.Tensor:
    """Every token another one that the network surely knows: one of the sample, or where it has none the one below."""
    first = value[:, :1]
    unlike = value != first
    second = value.gather(1, unlike.long().argmax(1, keepdim=True))
    second = torch.where(unlike.any(1, keepdim=True), second, (first - 1).clamp(min=0))
    return torch.where(unlike, first, second)


def changes(inputs: Inputs) -> bool:
    """Whether any token of a batch can be made another."""
    return any(not torch.equal(_another(each, ids=True), each) for each in inputs.tensors())
