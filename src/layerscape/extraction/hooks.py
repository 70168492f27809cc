"""Hooks: look at what modules put out while a network runs, and at nothing after the last one wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence
from torch.utils.hooks import RemovableHandle

from layerscape.errors import InvalidValue


@dataclass(frozen=True)
class Site:
    """A place in the network: the output (or input) of a module, the n-th time that it runs in one forward pass."""

    module: str
    call: int = 0
    side: Literal["output", "input"] = "output"


@dataclass(frozen=True)
class Firing:
    """What a dry run saw at a site: its shape, None if it is no floating-point tensor; whether it was packed."""

    site: Site
    shape: tuple[int, ...] | None
    packed: bool = False


@dataclass(frozen=True)
class Seen:
    """What a module takes or puts out: its tensor, and, of samples packed one after the other, how long each is."""

    tensor: torch.Tensor
    lengths: torch.Tensor | None = None


@dataclass(frozen=True)
class Inputs:
    """What is passed to forward."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None

    def tensors(self) -> list[torch.Tensor]:
        """The tensors among them, in order."""
        return list(_tensors([*self.args, *(self.kwargs or {}).values()]))

    def floating(self) -> torch.Tensor | None:
        """The first one of floating-point numbers, which is no index or mask."""
        return next((tensor for tensor in self.tensors() if tensor.is_floating_point()), None)

    def to(self, device: torch.device, dtype: torch.dtype) -> Inputs:
        """The same on another device, with floating-point tensors in another type."""

        def move(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            return value.detach().to(device, dtype if value.is_floating_point() else value.dtype, non_blocking=True)

        return Inputs(each_part(self.args, move), each_part(self.kwargs or {}, move))


def each_part(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with everything changed that is in it, however deep in tuples, lists and dicts."""
    if isinstance(value, Mapping):
        return {name: each_part(part, change) for name, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(each_part(part, change) for part in value)
    return change(value)


def bytes_of(tensor: torch.Tensor) -> bytes:
    """Its values, for a fingerprint."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def weights_of(module: torch.nn.Module) -> Iterator[bytes | str]:
    """Every tensor of a module by name, with its type, shape and values, for a fingerprint."""
    for name, tensor in sorted(module.state_dict().items()):
        yield f"{name} {tensor.dtype} {tuple(tensor.shape)}"
        yield bytes_of(tensor)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (Mapping, tuple, list)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(part)


class _Enough(Exception):
    """Raised in the hook of the last site wanted, to end the forward pass."""


def trace(module: torch.nn.Module, inputs: Inputs) -> list[Firing]:
    """Every module's inputs and outputs in the order in which they come, in one forward pass."""
    firings: list[Firing] = []
    calls: Counter[str] = Counter()

    def before(path: str) -> Callable[..., None]:
        def look(_module: torch.nn.Module, args: Any, kwargs: Any) -> None:
            firings.append(_firing(Site(path, calls[path], "input"), _entering(args, kwargs)))

        return look

    def after(path: str) -> Callable[..., None]:
        def look(_module: torch.nn.Module, _args: Any, output: Any) -> None:
            firings.append(_firing(Site(path, calls[path]), _leading(output)))
            calls[path] += 1

        return look

    handles = []
    try:
        for path, part in module.named_modules():
            handles.append(part.register_forward_pre_hook(before(path), with_kwargs=True))
            handles.append(part.register_forward_hook(after(path)))
        module(*inputs.args, **(inputs.kwargs or {}))
    finally:
        for handle in handles:
            handle.remove()
    return firings


class Taps:
    """Runs the network batch by batch and hands out what it sees at the sites; hooks are there only inside ``with``."""

    def __init__(self, module: torch.nn.Module, sites: Mapping[str, Site]) -> None:
        self._module, self._sites = module, sites
        self._names: dict[Site, list[str]] = {}
        for name, site in sites.items():
            self._names.setdefault(site, []).append(name)
        self._calls: Counter[Site] = Counter()
        self._found: dict[str, torch.Tensor] = {}
        self._take: Callable[[str, Seen], torch.Tensor] = lambda _name, seen: seen.tensor
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Taps:
        for site in {replace(site, call=0) for site in self._sites.values()}:
            part = self._module.get_submodule(site.module)
            if site.side == "input":
                hook = part.register_forward_pre_hook(partial(self._before, site), with_kwargs=True)
            else:
                hook = part.register_forward_hook(partial(self._after, site))
            self._handles.append(hook)
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def __call__(self, inputs: Inputs, take: Callable[[str, Seen], torch.Tensor]) -> dict[str, torch.Tensor]:
        """What ``take(name, seen)`` made of what was seen at every site, by name."""
        self._take, self._found = take, {}
        self._calls.clear()
        if self._sites:
            with suppress(_Enough):
                self._module(*inputs.args, **(inputs.kwargs or {}))
        if missing := [name for name in self._sites if name not in self._found]:
            raise InvalidValue(
                f"layer {missing[0]!r} gave no output for a batch, though it did in the dry run; choose other layers."
            )
        return self._found

    def _before(self, site: Site, _module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        self._reached(site, _entering(args, kwargs))

    def _after(self, site: Site, _module: torch.nn.Module, _args: Any, output: Any) -> None:
        self._reached(site, _leading(output))

    def _reached(self, site: Site, seen: Seen | None) -> None:
        names = self._names.get(replace(site, call=self._calls[site]))
        self._calls[site] += 1
        if names is not None and seen is not None:
            for name in names:
                self._found[name] = self._take(name, replace(seen, tensor=seen.tensor.detach()))
            if len(self._found) == len(self._sites):
                raise _Enough


def _leading(output: Any) -> Seen | None:
    """The tensor itself, or the first of a tuple or dict, as blocks return their hidden state."""
    if isinstance(output, PackedSequence):
        return Seen(*pad_packed_sequence(output, batch_first=True))
    if isinstance(output, torch.Tensor):
        return Seen(output)
    parts = list(output.values()) if isinstance(output, Mapping) else output
    return _leading(parts[0]) if isinstance(parts, (tuple, list)) and parts else None


def _entering(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Seen | None:
    values = [*args, *kwargs.values()]
    return next((_leading(value) for value in values if isinstance(value, (torch.Tensor, PackedSequence))), None)


def _firing(site: Site, seen: Seen | None) -> Firing:
    if seen is None or not seen.tensor.is_floating_point():
        return Firing(site, None)
    return Firing(site, tuple(seen.tensor.shape), seen.lengths is not None)
