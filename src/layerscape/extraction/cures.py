"""Cures: what makes a network give a sample the same vector every time, where its own settings do not."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch

from layerscape.extraction.hooks import Inputs
from layerscape.extraction.untouched import evaluating

HIDES_NOTHING = "mask_ratio=0, since the network hides patches at random, also in evaluation"
ONE_LENGTH = "batches of samples of one length, since padding changes what a sample gets"


def hides(module: torch.nn.Module) -> bool:
    """Whether it can hide a share of what it is given; where it hides none, it still puts it in random order."""
    return isinstance(getattr(getattr(module, "config", None), "mask_ratio", None), (int, float))


@contextmanager
def calm(module: torch.nn.Module, *, whole: bool) -> Iterator[None]:
    """Evaluation, in which nothing is hidden where ``whole``; afterwards everything is as it was."""
    with evaluating(module), _hiding_nothing(module) if whole else nullcontext():
        yield


def in_order(module: torch.nn.Module, inputs: Inputs) -> Inputs:
    """With numbers by which patches that are all kept are put in the order that they have in the picture."""
    pixels, patch = inputs.floating(), getattr(getattr(module, "config", None), "patch_size", None)
    if "noise" not in inspect.signature(module.forward).parameters or pixels is None or pixels.ndim != 4:
        return inputs
    rows, columns = (size // patch for size in pixels.shape[2:]) if isinstance(patch, int) else (0, 0)
    noise = torch.arange(rows * columns, dtype=pixels.dtype, device=pixels.device).expand(len(pixels), -1)
    return replace(inputs, kwargs={"noise": noise, **(inputs.kwargs or {})}) if rows else inputs


@contextmanager
def _hiding_nothing(module: torch.nn.Module) -> Iterator[None]:
    config: Any = module.config
    before = config.mask_ratio
    config.mask_ratio = 0.0
    try:
        yield
    finally:
        config.mask_ratio = before
