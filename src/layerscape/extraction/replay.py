"""Replay: one call of a block, run again by itself, in which every tensor is kept and any of them can be replaced."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

import torch
from torch import nn

from layerscape.extraction.parts import Key, each_part, entering, floating, parts_of

FEW = 61
Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Replayed:
    """A tensor that a call within the block takes or puts out.

    ``path`` and ``call`` say which, counted within the block; ``key`` leads to it there, ``leading`` says that it is
    the first one; ``start`` and ``time`` are when the call began and when the tensor was seen.
    """

    path: str
    call: int
    side: Literal["input", "output"]
    key: Key
    leading: bool
    start: int
    time: int
    tensor: torch.Tensor

    @cached_property
    def values(self) -> torch.Tensor:
        """In float64, one after the other."""
        return self.tensor.double().reshape(-1)

    @cached_property
    def few(self) -> torch.Tensor:
        """Some of the values, which tell most tensors apart at once."""
        return self.values[:: max(1, len(self.values) // FEW)]


@dataclass
class Replay:
    """A block, what it was given in one pass, and how often each of its modules had run before."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    before: Mapping[str, int] = field(default_factory=dict)

    def __call__(
        self,
        taken: Mapping[tuple[str, int, Key], Change] | None = None,
        made: Mapping[tuple[str, int], Change] | None = None,
    ) -> list[Replayed]:
        """All tensors of floating-point numbers, in time; what calls take or put out is changed on its way."""
        run = _Run(taken or {}, made or {})
        handles = []
        try:
            for path, part in self.module.named_modules():
                before, after = partial(run.before, path), partial(run.after, path)
                handles.append(part.register_forward_pre_hook(before, with_kwargs=True))
                handles.append(part.register_forward_hook(after))
            self.module(*copy.deepcopy(self.args), **copy.deepcopy(dict(self.kwargs)))
        finally:
            for handle in handles:
                handle.remove()
        return run.seen


class _Run:
    def __init__(self, taken: Mapping[tuple[str, int, Key], Change], made: Mapping[tuple[str, int], Change]) -> None:
        self._taken, self._made = taken, made
        self.seen: list[Replayed] = []
        self._calls: Counter[str] = Counter()
        self._running: dict[str, list[tuple[int, int]]] = {}
        self._time = 0

    def before(self, path: str, _module: nn.Module, args: Any, kwargs: Any) -> Any:
        call = self._calls[path]
        self._calls[path] += 1
        self._time += 1
        self._running.setdefault(path, []).append((call, self._time))
        args, kwargs = list(args), dict(kwargs)
        for key, _ in entering(tuple(args), kwargs):
            change = self._taken.get((path, call, key))
            if change is not None:
                held: Any = args if isinstance(key[0], int) else kwargs
                held[key[0]] = change(held[key[0]])
        self._keep(path, call, "input", self._time, entering(tuple(args), kwargs))
        return tuple(args), kwargs

    def after(self, path: str, _module: nn.Module, _args: Any, output: Any) -> Any:
        call, start = self._running[path].pop()
        self._time += 1
        change = self._made.get((path, call))
        if change is not None and isinstance(output, torch.Tensor):
            output = change(output)
        self._keep(path, call, "output", start, floating(parts_of(output)))
        return output

    def _keep(self, path: str, call: int, side: Literal["input", "output"], start: int, parts: Any) -> None:
        for number, (key, part) in enumerate(parts):
            kept = part.tensor.detach().clone()
            self.seen.append(Replayed(path, call, side, key, number == 0, start, self._time, kept))


def replays(
    module: nn.Module, run: Callable[[], Any], blocks: Mapping[tuple[str, int], Callable[[Replay], None]]
) -> None:
    """Run a network once, and hand each block that is asked for, by path and number of its call, to a function."""
    counts: Counter[str] = Counter()
    given: dict[str, list[tuple[int, Any, Any, dict[str, int]]]] = {}
    paths = {path for path, _ in blocks}
    inside = {path for path, _ in module.named_modules() if any(_within(path, block) for block in paths)}
    busy = False

    def before(path: str, _module: nn.Module, args: Any, kwargs: Any) -> None:
        if busy:
            return
        number = counts[path]
        if path in paths:
            kept = copy.deepcopy((args, dict(kwargs))) if (path, number) in blocks else ((), {})
            own = {name.removeprefix(path).lstrip("."): n for name, n in counts.items() if _within(name, path)}
            given.setdefault(path, []).append((number, kept[0], kept[1], own))
        counts[path] += 1

    def after(path: str, part: nn.Module, _args: Any, _output: Any) -> None:
        nonlocal busy
        if busy:
            return
        number, args, kwargs, own = given[path].pop()
        if (path, number) in blocks:
            busy = True
            try:
                blocks[path, number](Replay(*_precise(part, args, kwargs), own))
            finally:
                busy = False

    handles = []
    try:
        for path in sorted(inside):
            part = module.get_submodule(path)
            handles.append(part.register_forward_pre_hook(partial(before, path), with_kwargs=True))
            if path in paths:
                handles.append(part.register_forward_hook(partial(after, path)))
        run()
    finally:
        for handle in handles:
            handle.remove()


def _precise(part: nn.Module, args: Any, kwargs: Any) -> tuple[nn.Module, Any, Any]:
    """In float32 where it computes in less, in which a small term of a sum would be rounding."""
    coarse = [p.dtype for p in part.parameters() if p.is_floating_point() and p.dtype.itemsize < 4]
    if not coarse:
        return part, args, kwargs

    def finer(value: Any) -> Any:
        floats = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.float() if floats else value

    return copy.deepcopy(part).float(), each_part(args, finer), each_part(kwargs, finer)


def _within(path: str, block: str) -> bool:
    return path == block or path.startswith(f"{block}.")
