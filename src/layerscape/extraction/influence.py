"""Influence: what of a network changes when the output of one of its modules does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch

from layerscape.extraction.hooks import Inputs
from layerscape.extraction.parts import Key
from layerscape.extraction.tracing import Call, Trace, trace


class Perturbation:
    """Asks which inputs of a call follow the output of an earlier one, by changing that; each is changed once."""

    def __init__(self, module: torch.nn.Module, inputs: Inputs, plain: Trace) -> None:
        self._module, self._inputs, self._plain = module, inputs, plain
        self._changed: dict[tuple[str, int], Trace] = {}

    def __call__(self, earlier: Call, later: Call) -> set[Key]:
        """Keys of what enters the later call and is another when the earlier one puts out something else."""
        at = (earlier.path, earlier.number)
        if at not in self._changed:
            self._changed[at] = self._run(*at)
        now = {
            part.key: part.mark
            for call in self._changed[at].calls
            if (call.path, call.number) == (later.path, later.number)
            for part in call.entering
        }
        return {part.key for part in later.entering if part.key in now and not part.mark.equals(now[part.key])}

    def _run(self, path: str, number: int) -> Trace:
        calls = 0

        def change(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
            nonlocal calls
            calls += 1
            return _another(output) if calls == number + 1 else output

        handle = self._module.get_submodule(path).register_forward_hook(change)
        try:
            return trace(self._module, self._inputs, whole=False)
        finally:
            handle.remove()


def _another(value: Any) -> Any:
    """The same structure with every floating-point tensor changed; what there is stays as it is."""
    if isinstance(value, torch.Tensor):
        if not value.is_floating_point() or value.is_nested:
            return value
        wave = torch.cos(torch.arange(value.numel(), device=value.device, dtype=torch.float32)).reshape(value.shape)
        return value * 1.1 + (0.1 * wave).to(value.dtype)
    if type(value) in (tuple, list):
        return type(value)(_another(part) for part in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_another(part) for part in value))
    return _with_parts(value, dict(value), _item) if isinstance(value, Mapping) else _of_object(value)


def _of_object(value: Any) -> Any:
    held = vars(value) if hasattr(value, "__dataclass_fields__") else {}
    return _with_parts(value, held, object.__setattr__) if held else value


def _item(value: Any, name: Any, part: Any) -> None:
    value[name] = part


def _with_parts(value: Any, held: Mapping[Any, Any], put: Callable[[Any, Any, Any], None]) -> Any:
    other = copy.copy(value)
    for name, part in held.items():
        put(other, name, _another(part))
    return other
