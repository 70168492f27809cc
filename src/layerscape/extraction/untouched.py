"""Untouched: a network runs as it is deployed, and afterwards everything of it is as it was."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import nn

_GONE = object()
_KINDS = ("cpu", "cuda", "mps", "xpu")  # of devices, which may each compute in lower precision by themselves


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """No dropout, no batch statistics and no gradients inside; afterwards the module is as it was.

    That is every part's mode, buffers and attributes, what the network keeps for its next call among them, and the
    state of the generators of random numbers. Inference mode would be faster by nothing that can be measured, and
    what a network computes in it can never enter a gradient: neither one that its forward takes, nor one of the next
    step of training.

    Nor torch's short cut for transformers, which calls no parts and packs samples that are padded. And whatever stands
    around the call, as automatic mixed precision or a compiled part, which calls no hooks, is of no account inside.
    """
    parts = list(module.modules())
    training = [part for part in parts if part.training]
    short_cut = torch.backends.mha.get_fastpath_enabled()
    with generators_kept(*parts), _by_itself(), _as_it_was(parts):
        try:
            module.eval()
            torch.backends.mha.set_fastpath_enabled(False)
            with torch.no_grad():
                yield
        finally:
            torch.backends.mha.set_fastpath_enabled(short_cut)
            for part in training:
                part.training = True


@contextmanager
def generators_kept(*holders: Any) -> Iterator[None]:
    """Python, NumPy and torch on all devices draw the same numbers afterwards, whatever was drawn inside.

    So do generators that are attributes of ``holders``, such as the parts of a network or a data set.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (a network may draw from it)
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    of_mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    own = [_put_back(value) for held in holders for value in getattr(held, "__dict__", {}).values()]
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
        if of_mps is not None:
            torch.mps.set_rng_state(of_mps)
        for put_back in filter(None, own):
            put_back()


def _put_back(value: Any) -> Callable[[], Any] | None:
    """What gives a generator the state that it has now; None of anything else."""
    keep = _keeping(type(value))
    return keep and keep(value)


@lru_cache(maxsize=4096)  # a network has thousands of attributes, of few kinds
def _keeping(kind: type) -> Callable[[Any], Callable[[], Any]] | None:
    if issubclass(kind, (torch.Generator, np.random.RandomState)):
        return lambda value: partial(value.set_state, value.get_state())
    if issubclass(kind, np.random.Generator):
        return lambda value: partial(setattr, value.bit_generator, "state", value.bit_generator.state)
    if issubclass(kind, random.Random):
        return lambda value: partial(value.setstate, value.getstate())
    return None


@contextmanager
def _by_itself() -> Iterator[None]:
    """No automatic precision, no inference mode, nothing compiled."""
    with ExitStack() as stack:
        for kind in _KINDS:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextmanager
def _as_it_was(parts: Sequence[nn.Module]) -> Iterator[None]:
    """Attributes, hooks and buffers of its parts that the network changes while it runs are put back."""
    attributes = [(vars(part), dict(vars(part))) for part in parts]
    attributes += [
        (held, dict(held) if held else {})  # of the thousands that hold none a copy would take ten times as long
        for part in parts
        for name, held in vars(part).items()
        if "_hooks" in name and isinstance(held, dict)
    ]
    buffers = [(part._buffers, {name: _kept(buffer) for name, buffer in part._buffers.items()}) for part in parts]
    try:
        yield
    finally:
        for now, before in attributes:
            if not (now or before) or (now.keys() == before.keys() and all(map(is_, now.values(), before.values()))):
                continue  # in their order too, as of nearly all
            for name in now.keys() - before.keys():
                del now[name]
            now.update({name: value for name, value in before.items() if now.get(name, _GONE) is not value})
        for now, before in buffers:
            now.clear()
            now.update({name: _restored(*kept) for name, kept in before.items()})


def _kept(buffer: torch.Tensor | None) -> tuple[Any, ...]:
    return (None,) if buffer is None else (buffer, buffer.detach().clone(), buffer._version)


def _restored(buffer: Any, values: torch.Tensor | None = None, version: int = 0) -> Any:
    if values is not None and buffer._version != version:
        with torch.no_grad():
            buffer.copy_(values)
    return buffer
