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
    if not sites:
        return {}

    def seen(given: Inputs) -> dict[str, torch.Tensor]:
        with Taps(module, sites) as run:
            return run(given, lambda name, each: turned(sites[name], each.tensor).clone())

    plain, other = seen(inputs), seen(inputs.changed(partial(_another, ids=ids)))
    follows = {name: (plain[name] != other[name]).any(-1).any(0) for name in plain if plain[name].ndim == 3}
    return {name: positions.cpu() for name, positions in follows.items() if bool(positions.any())}


def _another(value: Any, ids: bool) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if value.is_floating_point():
        return value + 1 + value.abs().max()
    return _others(value) if ids and value.ndim > 1 and value.dtype in (torch.int64, torch.int32) else value


def _others(value: torch.Tensor) -> torch.Tensor:
    """Every token another one of the same sample, which the network surely knows."""
    first = value[:, :1]
    unlike = value != first
    second = value.gather(1, unlike.long().argmax(1, keepdim=True))
    return torch.where(unlike, first, second)
