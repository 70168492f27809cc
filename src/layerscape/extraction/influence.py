"""Influence: what of a network changes when the output of one of its modules does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from layerscape.extraction.hooks import Inputs
from layerscape.extraction.parts import Key, floating, parts_of, with_part
from layerscape.extraction.tracing import Call, Trace, Traced, trace


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

    def matters(self, call: Call, key: Key) -> bool:
        """Whether a call puts out something else when one of the tensors that enter it is another."""
        calls = 0

        def change(_module: torch.nn.Module, args: Any, kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls != call.number + 1:
                return args, kwargs
            given = _with_another({**dict(enumerate(args)), **kwargs}, key)
            return tuple(given[place] for place in range(len(args))), {name: given[name] for name in kwargs}

        part = self._module.get_submodule(call.path)
        now = self._traced(part.register_forward_pre_hook(change, with_kwargs=True))
        again = next((each for each in now.calls if (each.path, each.number) == (call.path, call.number)), None)
        return again is None or _differ(call.leaving, again.leaving)

    def goes_on(self, call: Call, key: Key) -> bool:
        """Whether a module that begins when a call has ended takes something else when this part of its output is."""
        calls = 0

        def change(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
            nonlocal calls
            calls += 1
            return _with_another(output, key) if calls == call.number + 1 else output

        now = self._traced(self._module.get_submodule(call.path).register_forward_hook(change))
        known = {(each.path, each.number): each for each in now.calls}
        later = [each for each in self._plain.calls if each.start > call.end]
        return any(
            (again := known.get((each.path, each.number))) is None or _differ(each.entering, again.entering)
            for each in later
        )

    def _run(self, path: str, number: int) -> Trace:
        calls = 0

        def change(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
            nonlocal calls
            calls += 1
            return _another(output) if calls == number + 1 else output

        return self._traced(self._module.get_submodule(path).register_forward_hook(change))

    def _traced(self, handle: RemovableHandle) -> Trace:
        try:
            return trace(self._module, self._inputs, whole=False)
        finally:
            handle.remove()


def _with_another(value: Any, key: Key) -> Any:
    """The same with the tensor to which the key leads changed."""
    tensor = next((seen.tensor for at, seen in floating(parts_of(value)) if at == key), None)
    return value if tensor is None else with_part(value, key, _another(tensor))


def _differ(ones: Sequence[Traced] | None, others: Sequence[Traced] | None) -> bool:
    before, after = ({part.key: part.mark for part in each or ()} for each in (ones, others))
    return before.keys() != after.keys() or not all(before[at].equals(after[at]) for at in before)


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
