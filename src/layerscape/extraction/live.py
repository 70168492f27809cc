"""Live: a module that is being trained, looked at between two steps."""

from __future__ import annotations

import os
from copy import copy
from types import ModuleType
from typing import Any

import torch
from torch import nn

from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.network import Network

_SHARDED = ("FullyShardedDataParallel", "FSDPModule", "DeepSpeedEngine")
_HOLDERS = 1000  # looked at, at most


def anew(network: Network) -> Network:
    """The same network with the weights that its module has now, of which all is known that was known of it."""
    found = copy(network)
    found.__dict__.pop("fingerprint", None)
    return found


def looks_here() -> bool:
    """Whether this process is the one that looks: the first of those that train together, or the only one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank() == 0
    return os.environ.get("RANK", "0") == "0"


def check_whole(module: Any) -> None:
    """Raise at a model of which this process has no more than a part of each weight."""
    if not isinstance(module, nn.Module):
        return
    kinds = {base.__name__ for part in module.modules() for base in type(part).__mro__}
    split = any(type(each).__name__ == "DTensor" or hasattr(each, "ds_id") for each in module.parameters())
    if split or kinds & set(_SHARDED):
        raise InvalidType(
            f"{type(module).__name__} is split over processes, so that one alone cannot run it; save checkpoints, and "
            "make the series of them: layerscape series 'checkpoints/*' INPUTS --out DIR."
        )


def hooked(module: nn.Module) -> list[str]:
    """Parts with hooks that are none of torch's own, which nobody can tell from parts of the network."""
    return [
        name or type(module).__name__
        for name, part in module.named_modules()
        if any(
            not str(getattr(hook, "__module__", "")).startswith("torch.")
            for hook in (*part._forward_hooks.values(), *part._forward_pre_hooks.values())
        )
    ]


def versions_of(module: nn.Module) -> dict[str, int]:
    """How often each weight has been changed in place."""
    return {name: each._version for name, each in module.named_parameters() if not each.is_inference()}


def check_untouched(module: nn.Module, before: dict[str, int]) -> None:
    """Raise at a network that changes its own weights when it is called, which no look could put back."""
    for name, version in versions_of(module).items():
        if before.get(name, version) != version:
            raise InvalidValue(
                f"{type(module).__name__} changes its weight {name!r} whenever it is called, also in evaluation, as it "
                "has been now, so that a monitor would change the training; keep in a buffer what is no weight."
            )


def holders_of(probe: Any) -> list[Any]:
    """A data set or loader and what it is made of, which may draw from generators of their own."""
    found, left = dict[int, Any](), [probe]
    while left and len(found) < _HOLDERS:
        one = left.pop(0)
        if isinstance(one, (list, tuple)) and len(one) <= _HOLDERS:
            left += one
        elif hasattr(one, "__dict__") and not isinstance(one, (type, ModuleType)) and id(one) not in found:
            found[id(one)] = one
            left += vars(one).values()
    return list(found.values())


def settle() -> None:
    """Wait until devices have done what they were told, so that a clock tells whose time it is."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
