"""Tracing: every call of every module in one forward pass, with what went in and what came out."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import torch

from layerscape.extraction.hooks import Inputs, Site
from layerscape.extraction.parts import Key, Seen, entering, floating, parts_of

PLACES = 16  # of a tensor, whose values tell it from others
LARGEST = 1e30  # of masks no more is told, which hold the least number there is and would add up to infinity


@dataclass(frozen=True)
class Mark:
    """What tells a tensor from others: its shape, extremes, sum, and values at some places.

    The first three are the same in whatever order the values come, so that what was turned or reshaped on its way is
    known again. Where two tensors agree in all three, they are taken for the same values.
    """

    shape: tuple[int, ...]
    low: float
    high: float
    total: float
    values: tuple[float, ...]

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Mark:
        flat = tensor.detach().reshape(-1)
        flat = flat.double() if flat.dtype.itemsize < 2 else flat  # of those of 8 bits nothing else is computed
        if not len(flat):
            return cls(tuple(tensor.shape), 0.0, 0.0, 0.0, ())
        low, high = (float(each) for each in torch.aminmax(flat))
        if not (low >= -LARGEST and high <= LARGEST):  # or one is NaN
            flat = torch.nan_to_num(flat.double()).clamp(-LARGEST, LARGEST)
            low, high = (float(each) for each in torch.aminmax(flat))
        places = torch.linspace(0, len(flat) - 1, min(PLACES, len(flat)), device=flat.device).long()
        total = float(flat.sum(dtype=torch.float64))
        return cls(tuple(tensor.shape), low, high, total, tuple(flat[places].tolist()))

    @classmethod
    def of_shape(cls, tensor: torch.Tensor) -> Mark:
        """Of which nothing else is looked at, for passes of which nothing else is asked."""
        return cls(tuple(tensor.shape), 0.0, 0.0, 0.0, ())

    @property
    def constant(self) -> bool:
        """Whether all values are one, so that nothing is told from it."""
        return self.low == self.high

    def holds_what(self, other: Mark) -> bool:
        """Whether it has the values of the other, in whatever order."""
        size = max(abs(self.low), abs(self.high), 1e-30)
        near = all(abs(a - b) <= 1e-6 * size for a, b in ((self.low, other.low), (self.high, other.high)))
        return near and _count(self) == _count(other) and abs(self.total - other.total) <= 1e-5 * size * _count(self)

    def equals(self, other: Mark) -> bool:
        """Whether it is the other, in its order too."""
        size = max(abs(self.low), abs(self.high), 1e-30)
        same = all(abs(a - b) <= 1e-5 * size for a, b in zip(self.values, other.values, strict=False))
        return self.shape == other.shape and self.holds_what(other) and same

    def is_sum(self, a: Mark, b: Mark) -> bool:
        """Whether it is the sum of two tensors, as a residual connection makes it."""
        if not self.shape == a.shape == b.shape:
            return False
        size = max(abs(self.low), abs(self.high), 1e-30)
        sums = zip(self.values, a.values, b.values, strict=True)
        return all(abs(c - x - y) <= 1e-5 * size for c, x, y in sums)


@dataclass(frozen=True)
class Traced:
    """One tensor that a call takes or puts out."""

    key: Key
    shape: tuple[int, ...]
    mark: Mark
    packed: bool = False


@dataclass
class Call:
    """The n-th time that a module runs in a pass; ``start`` and ``end`` count all that begins and ends in it."""

    path: str
    number: int
    start: int
    entering: list[Traced]
    end: int = -1
    leaving: list[Traced] | None = None

    def within(self, other: Call) -> bool:
        """Whether it runs inside the other."""
        return other.start < self.start and (self.end < other.end or other.end < 0)


@dataclass(frozen=True)
class Firing:
    """What was seen at a site: its shape, None if it is no floating-point tensor; whether it was packed."""

    site: Site
    shape: tuple[int, ...] | None
    packed: bool = False
    mark: Mark | None = None


@dataclass(frozen=True)
class Trace:
    """All calls of one pass, in the order in which they begin."""

    calls: Sequence[Call]

    @cached_property
    def firings(self) -> list[Firing]:
        """The leading part of what every call takes and puts out, in the order in which it comes."""
        seen = []
        for call in self.calls:
            seen.append((call.start, _firing(Site(call.path, call.number, "input"), call.entering)))
            if call.leaving is not None:
                seen.append((call.end, _firing(Site(call.path, call.number), call.leaving)))
        return [firing for _, firing in sorted(seen, key=lambda each: each[0])]

    def part(self, site: Site) -> Traced | None:
        """What is at a site."""
        call = self._by_name.get((site.module, site.call))
        parts = (call.entering if site.side == "input" else call.leaving or []) if call else []
        if site.part is None:
            return parts[0] if parts else None
        return next((part for part in parts if part.key == site.part), None)

    def call(self, site: Site) -> Call | None:
        """The call that a site belongs to."""
        return self._by_name.get((site.module, site.call))

    def shapes(self, after: int = -1) -> dict[Site, tuple[int, ...]]:
        """By site the shape of every part of what calls take and put out, where that happens after a time."""
        found = {}
        for call in self.calls:
            for enters, parts, time in ((True, call.entering, call.start), (False, call.leaving or (), call.end)):
                for number, part in enumerate(parts if time >= after else ()):
                    site = Site(call.path, call.number, "input" if enters else "output", part.key)
                    found[site] = part.shape
                    if number == 0:
                        found[replace(site, part=None)] = part.shape
        return found

    @cached_property
    def _by_name(self) -> dict[tuple[str, int], Call]:
        return {(call.path, call.number): call for call in self.calls}


def trace(
    module: torch.nn.Module,
    inputs: Inputs,
    *,
    whole: bool = True,
    mark: Callable[[torch.Tensor], Mark] = Mark.of,
) -> Trace:
    """One pass, in which every module is looked at; where it need not be ``whole`` it may fail on its way."""
    calls: list[Call] = []
    running: dict[str, list[Call]] = {}
    numbers: Counter[str] = Counter()
    clock = count()
    mark = _remembered(mark)

    def before(path: str) -> Callable[..., None]:
        def look(_module: torch.nn.Module, args: Any, kwargs: Any) -> None:
            call = Call(path, numbers[path], next(clock), _looked_at(entering(args, kwargs), mark))
            numbers[path] += 1
            running.setdefault(path, []).append(call)
            calls.append(call)

        return look

    def after(path: str) -> Callable[..., None]:
        def look(_module: torch.nn.Module, _args: Any, output: Any) -> None:
            call = running[path].pop()
            call.leaving, call.end = _looked_at(floating(parts_of(output)), mark), next(clock)

        return look

    handles = []
    try:
        for path, part in module.named_modules():
            handles.append(part.register_forward_pre_hook(before(path), with_kwargs=True))
            handles.append(part.register_forward_hook(after(path)))
        with suppress(*() if whole else (Exception,)):
            inputs.given_to(module)
    finally:
        for handle in handles:
            handle.remove()
    return Trace(calls)


def _remembered(mark: Callable[[torch.Tensor], Mark]) -> Callable[[torch.Tensor], Mark]:
    """What one module puts out and the next takes is one tensor, and need not be read twice unless it was changed."""
    known: dict[int, tuple[Callable[[], Any], int, Mark]] = {}

    def look(tensor: torch.Tensor) -> Mark:
        if tensor.is_inference():  # it has no version
            return mark(tensor)
        same, version, found = known.get(id(tensor), (lambda: None, 0, None))
        if found is None or same() is not tensor or version != tensor._version:
            found = mark(tensor)
            known[id(tensor)] = weakref.ref(tensor), tensor._version, found
        return found

    return look


def _looked_at(parts: Iterable[tuple[Key, Seen]], mark: Callable[[torch.Tensor], Mark]) -> list[Traced]:
    return [Traced(key, tuple(seen.tensor.shape), mark(seen.tensor), seen.lengths is not None) for key, seen in parts]


def _firing(site: Site, parts: Sequence[Traced]) -> Firing:
    if not parts:
        return Firing(site, None)
    return Firing(site, parts[0].shape, parts[0].packed, parts[0].mark)


def _count(mark: Mark) -> int:
    size = 1
    for length in mark.shape:
        size *= length
    return size
