"""Lacking: weights that a checkpoint does not have, of which nothing may enter what is asked of a network.

They are random, and the same each time. Whether a layer needs one is shown and not looked up: where they are no numbers
at all it must be the same to the bit. They stay so while samples go through, so that one that reaches them after all,
as by an expert that no other has asked, is refused as not finite.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from math import nan
from typing import Any, NoReturn

import torch

from layerscape.core.words import counted
from layerscape.errors import InvalidValue
from layerscape.extraction.heads import Head
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.layers import Place
from layerscape.extraction.pooling import Tokens

Run = Callable[[Inputs, Tokens | None], dict[str, torch.Tensor]]


class Lacking:
    """The weights of a model that its checkpoint does not have.

    Parameters
    ----------
    model
        What the user calls it.
    module
        What has them.
    names
        What it calls them.
    """

    def __init__(self, model: str, module: torch.nn.Module, names: Sequence[str]) -> None:
        self.names = names
        self._model, self._module = model, module
        self._spared: set[str] = set()  # layers that are shown to need none of them

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def words(self) -> str:
        """Which model lacks how many, with the first of each part."""
        first = [next(name for name in self.names if _part(name) == part) for part in self._parts]
        more = ", …" if len(first) < len(self.names) else ""
        return f"{self._model!r} lacks {counted(len(self.names), 'weight')} ({', '.join(map(repr, first))}{more})"

    @property
    def _parts(self) -> list[str]:
        return list(dict.fromkeys(map(_part, self.names)))

    def by_part(self) -> Iterator[Lacking]:
        """Those of each part by themselves."""
        for part in self._parts:
            yield Lacking(self._model, self._module, [name for name in self.names if _part(name) == part])

    def refuse(self, what: str, cure: str) -> NoReturn:
        """Raise, since something that is asked for needs one of them."""
        raise InvalidValue(
            f"{self.words}, without which {what} would be random; give a complete model, {cure}, or ask for random "
            "weights."
        )

    @contextmanager
    def spared(
        self, running: Callable[[], AbstractContextManager[Run]], layers: Sequence[Place], given: Any
    ) -> Iterator[Run]:
        """``running`` where they are no numbers; raises if one of the layers needs one, by a batch that is given."""
        new = [place.name for place in layers if place.name not in self._spared]
        if not all(tensor.is_floating_point() for tensor in self._tensors().values()):
            self.refuse("the model", "fetch it again")  # whole numbers are always numbers
        random = {}
        if new:
            with running() as run:
                random = run(*given)
        with self.no_numbers(), running() as run:
            for name, found in (run(*given) if new else {}).items():
                if name in new and not torch.equal(found, random[name]):
                    self.refuse(f"layer {name!r}", "choose other layers")
            if new:
                warnings.warn(f"{self.words}, which the layers that are asked for do not need", stacklevel=4)
            self._spared.update(new)
            yield run

    @contextmanager
    def no_numbers(self) -> Iterator[None]:
        """Inside they are NaN."""
        tensors = [tensor for tensor in self._tensors().values() if tensor.is_floating_point()]
        kept = [tensor.data for tensor in tensors]
        try:
            for tensor in tensors:
                tensor.data = torch.full_like(tensor.data, nan)
            yield
        finally:
            for tensor, value in zip(tensors, kept, strict=True):
                tensor.data = value

    def _tensors(self) -> dict[str, torch.Tensor]:
        module = self._module
        there = dict(chain(module.named_parameters(remove_duplicate=False), module.named_buffers()))
        return {name: there[name] for name in self.names}


def _part(name: str) -> str:
    return name.partition(".")[0]


def head_without(lacking: Lacking, make: Callable[[], Head | str]) -> Head | str:
    """What makes the output of a part of a model; where it needs a weight that is lacking there is none, and why."""
    found = make()
    for part in lacking.by_part() if isinstance(found, Head) else ():
        with part.no_numbers():
            if not isinstance(make(), Head):
                return f"is what this part is deployed with, and {part.words}"
    return found
