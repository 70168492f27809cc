"""Parts: the tensors in what a module takes and puts out, however deep in tuples, lists, dicts and dataclasses."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

Key = tuple[Any, ...]  # names and numbers that lead to a part


@dataclass(frozen=True)
class Seen:
    """What a module takes or puts out: its tensor, and, of samples packed one after the other, how long each is."""

    tensor: torch.Tensor
    lengths: torch.Tensor | None = None

    def detached(self) -> Seen:
        """The same outside of any gradient, into which it enters where the network takes one in its forward."""
        return Seen(self.tensor.detach(), self.lengths) if self.tensor.requires_grad else self


def parts_of(value: Any, key: Key = ()) -> Iterator[tuple[Key, Seen]]:
    """Every tensor in it, with the key that leads there."""
    if isinstance(value, PackedSequence):
        yield key, Seen(*pad_packed_sequence(value, batch_first=True))
    elif isinstance(value, torch.Tensor):
        yield key, _evened(value)
    else:
        for name, part in _items(value):
            yield from parts_of(part, (*key, name))


def entering(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[tuple[Key, Seen]]:
    """What of floating-point numbers a module takes, arguments of their own before those in tuples and dicts."""
    found = floating(parts_of({**dict(enumerate(args)), **kwargs}))
    return sorted(found, key=lambda each: len(each[0]) > 1)


def floating(parts: Iterable[tuple[Key, Seen]]) -> Iterator[tuple[Key, Seen]]:
    """Those that are no indices or masks, and can be read; looked for one by one, as a hook mostly wants the first."""
    return ((key, seen) for key, seen in parts if seen.tensor.is_floating_point() and readable(seen.tensor))


def readable(tensor: torch.Tensor) -> bool:
    """Whether it has a value at every place, as sparse ones have not, nor those that stand for many inside of vmap."""
    if tensor.layout is not torch.strided:
        return False
    try:
        tensor.untyped_storage()
    except NotImplementedError:  # torch has no storage for what stands for many
        return False
    return True


def each_part(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with everything changed that is in it, however deep in tuples, lists and dicts."""
    if isinstance(value, Mapping):
        return {name: each_part(part, change) for name, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(each_part(part, change) for part in value)
    return change(value)


def with_part(value: Any, key: Key, part: torch.Tensor) -> Any:
    """The same with another tensor where the key leads; what was given stays as it is."""
    if not key:
        return part
    name, rest = key[0], key[1:]
    if type(value) in (tuple, list):
        return type(value)(with_part(each, rest, part) if place == name else each for place, each in enumerate(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        named: Any = value
        return named._replace(**{named._fields[name]: with_part(named[name], rest, part)})
    other: Any = copy.copy(value)
    if isinstance(value, Mapping):
        other[name] = with_part(value[name], rest, part)
    else:
        object.__setattr__(other, name, with_part(getattr(value, name), rest, part))
    return other


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, (tuple, list)):
        return enumerate(value)
    if is_dataclass(value) and not isinstance(value, type):
        return ((field.name, getattr(value, field.name)) for field in fields(value))
    return ()


def _evened(tensor: torch.Tensor) -> Seen:
    """Samples of unlike length in a nested tensor are padded, and how long they are is kept."""
    if not tensor.is_nested:
        return Seen(tensor)
    lengths = torch.tensor([len(part) for part in tensor.unbind()], device=tensor.device)
    return Seen(torch.nested.to_padded_tensor(tensor, 0.0), lengths)
