"""Hooks: look at what modules put out while a network runs, and at nothing after the last one wanted."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from torch.utils.hooks import RemovableHandle

from layerscape.errors import InvalidValue
from layerscape.extraction.parts import Key, Seen, each_part, entering, floating, parts_of


@dataclass(frozen=True)
class Site:
    """A place in the network: the output (or input) of a module, the n-th time that it runs in one forward pass.

    ``part`` leads to a tensor in what it puts out or takes; None means the first one of floating-point numbers.
    ``heads`` are those of torch's own attention, which no module takes.
    """

    module: str
    call: int = 0
    side: Literal["output", "input", "heads"] = "output"
    part: Key | None = None


@dataclass(frozen=True)
class Inputs:
    """What is passed to forward."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None

    def tensors(self) -> list[torch.Tensor]:
        """The tensors among them, in order."""
        return [seen.tensor for _, seen in parts_of([*self.args, *(self.kwargs or {}).values()])]

    @property
    def named(self) -> dict[Any, Any]:
        """All arguments, those without a name by their place."""
        return {**dict(enumerate(self.args)), **(self.kwargs or {})}

    def floating(self) -> torch.Tensor | None:
        """The first one of floating-point numbers, which is no index or mask."""
        return next((tensor for tensor in self.tensors() if tensor.is_floating_point()), None)

    def to(self, device: torch.device, dtype: torch.dtype) -> Inputs:
        """The same on another device, with floating-point tensors in another type."""

        def move(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            value = value.detach()
            if device.type == "cuda" and value.device.type == "cpu":
                value = value.pin_memory()  # or the copy would wait for the device
            return value.to(device, dtype if value.is_floating_point() else value.dtype, non_blocking=True)

        return self.changed(move)

    def given_to(self, module: torch.nn.Module, **more: Any) -> Any:
        """What a network puts out for a copy of them, since some change in place what they are given."""
        copied = self.changed(lambda value: value.clone() if isinstance(value, torch.Tensor) else value)
        return module(*copied.args, **{**(copied.kwargs or {}), **more})

    def changed(self, change: Callable[[Any], Any]) -> Inputs:
        """The same with everything changed that is in it."""
        return Inputs(each_part(self.args, change), each_part(self.kwargs or {}, change))


def bytes_of(tensor: torch.Tensor) -> bytes:
    """Its values, for a fingerprint; of quantised ones the whole numbers."""
    tensor = tensor.int_repr() if tensor.is_quantized else tensor
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def where(module: torch.nn.Module) -> tuple[torch.device, torch.dtype]:
    """On which device and in which precision a module computes."""
    parameter = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    return parameter.device, parameter.dtype


def weights_of(module: torch.nn.Module) -> Iterator[bytes | str]:
    """Every tensor of a module by name, with its type, shape and values, for a fingerprint.

    Quantised modules keep theirs in tuples, or in objects of C++ that hand out their state.
    """
    for name, value in sorted(module.state_dict().items()):
        yield from _told(name, value)


def _told(name: str, value: Any) -> Iterator[bytes | str]:
    if isinstance(value, torch.Tensor):
        yield f"{name} {value.dtype} {tuple(value.shape)}"
        if value.is_quantized:
            by_channel = value.qscheme() in (torch.per_channel_affine, torch.per_channel_affine_float_qparams)
            scales = (value.q_per_channel_scales(), value.q_per_channel_zero_points()) if by_channel else ()
            yield from _told(f"{name} by", scales or (value.q_scale(), value.q_zero_point()))
        yield bytes_of(value)
    elif isinstance(value, (tuple, list)):
        for number, part in enumerate(value):
            yield from _told(f"{name}.{number}", part)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _told(f"{name}.{key}", part)
    elif isinstance(value, torch.ScriptObject):
        yield from _told(name, value.__getstate__())
    elif isinstance(value, (str, bytes, int, float, torch.dtype, type(None))):
        yield f"{name} {value!r}"
    else:
        yield name
        yield pickle.dumps(value)


def unprojected(part: torch.nn.MultiheadAttention, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """What torch's own attention projects: what it puts out with a projection that changes nothing."""
    own = part.out_proj
    nothing = torch.nn.modules.linear.NonDynamicallyQuantizableLinear(
        own.in_features, own.out_features, bias=own.bias is not None, device=own.weight.device, dtype=own.weight.dtype
    )
    with torch.no_grad():
        nothing.weight.copy_(torch.eye(own.out_features))
        if nothing.bias is not None:
            nothing.bias.zero_()
    part.out_proj = nothing
    try:
        return part.forward(*args, **kwargs)[0]
    finally:
        part.out_proj = own


class _Enough(Exception):
    """Raised in the hook of the last site wanted, to end the forward pass."""


@dataclass
class _Watched:
    """What is wanted of one side of a module, by the number of the call, and how often it was called."""

    wanted: dict[int, list[tuple[str, Key | None]]] = field(default_factory=dict)
    calls: int = 0

    def now(self) -> Sequence[tuple[str, Key | None]]:
        self.calls += 1
        return self.wanted.get(self.calls - 1, ())


class Taps:
    """Runs the network batch by batch and hands out what it sees at the sites; hooks are there only inside ``with``.

    A hook runs between two layers, where code and data of ours are in no cache: it does as little as it can.
    """

    def __init__(self, module: torch.nn.Module, sites: Mapping[str, Site]) -> None:
        self._module, self._sites = module, sites
        self._watched: dict[Site, _Watched] = {}
        for name, site in sites.items():
            watched = self._watched.setdefault(replace(site, call=0, part=None), _Watched())
            watched.wanted.setdefault(site.call, []).append((name, site.part))
        self._found: dict[str, torch.Tensor] = {}
        self._take: Callable[[str, Seen], torch.Tensor] = lambda _name, seen: seen.tensor
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Taps:
        for site, watched in self._watched.items():
            part = self._module.get_submodule(site.module)
            if site.side == "input":
                hook = part.register_forward_pre_hook(partial(self._before, watched), with_kwargs=True)
            elif site.side == "heads":
                hook = part.register_forward_hook(partial(self._beside, watched), with_kwargs=True)
            else:
                hook = part.register_forward_hook(partial(self._after, watched))
            self._handles.append(hook)
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def __call__(self, inputs: Inputs, take: Callable[[str, Seen], torch.Tensor]) -> dict[str, torch.Tensor]:
        """What ``take(name, seen)`` made of what was seen at every site, by name."""
        self._take, self._found = take, {}
        for watched in self._watched.values():
            watched.calls = 0
        if self._sites:
            with suppress(_Enough):
                inputs.given_to(self._module)
        if missing := [name for name in self._sites if name not in self._found]:
            raise InvalidValue(
                f"layer {missing[0]!r} gave no output for a batch, though it did in the dry run; choose other layers."
            )
        return self._found

    def _before(self, watched: _Watched, _module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        if wanted := watched.now():
            self._reached(wanted, entering(args, kwargs))

    def _after(self, watched: _Watched, _module: torch.nn.Module, _args: Any, output: Any) -> None:
        if wanted := watched.now():
            self._reached(wanted, floating(parts_of(output)))

    def _beside(self, watched: _Watched, module: Any, args: Any, kwargs: Any, _output: Any) -> None:
        if wanted := watched.now():
            self._reached(wanted, floating(parts_of(unprojected(module, args, kwargs))))

    def _reached(self, wanted: Sequence[tuple[str, Key | None]], parts: Iterable[tuple[Key, Seen]]) -> None:
        parts = parts if len(wanted) == 1 else list(parts)
        for name, key in wanted:
            seen = next((seen for at, seen in parts if key in (None, at)), None)
            if seen is not None:
                self._found[name] = self._take(name, seen.detached())
        if len(self._found) == len(self._sites):
            raise _Enough
