"""States: what a network itself gives as its hidden states, to hold the layers against them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from layerscape.extraction.hooks import Inputs
from layerscape.extraction.tracing import Mark


def hidden_states(module: torch.nn.Module, inputs: Inputs) -> dict[str, list[Mark]]:
    """Every list of hidden states that a network gives if it is asked as those of transformers are."""
    config = getattr(module, "config", None)
    known = inspect.signature(module.forward).parameters
    if not hasattr(config, "output_hidden_states") or not (
        "output_hidden_states" in known or any(each.kind is each.VAR_KEYWORD for each in known.values())
    ):
        return {}
    try:
        output = inputs.given_to(module, output_hidden_states=True, return_dict=True)
    except Exception:  # it was not made to be asked so
        return {}
    return {name: [Mark.of(state) for state in states] for name, states in _lists(output, "")}


def _lists(value: Any, path: str) -> Iterator[tuple[str, Sequence[torch.Tensor]]]:
    for name, part in value.items() if isinstance(value, Mapping) else ():
        if isinstance(part, Mapping):
            yield from _lists(part, f"{path}{name}.")
        elif str(name).endswith("hidden_states") and _are_tensors(part):
            yield path + name, part


def _are_tensors(part: Any) -> bool:
    return isinstance(part, (tuple, list)) and all(isinstance(state, torch.Tensor) for state in part)
