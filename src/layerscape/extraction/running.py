"""Running: from a batch to the pooled vectors of the layers that are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from layerscape.extraction.cures import calm, in_order
from layerscape.extraction.failures import explained
from layerscape.extraction.hooks import Inputs, Site, Taps
from layerscape.extraction.layers import INPUT, Place
from layerscape.extraction.loss import LOSS, Loss, loss_of
from layerscape.extraction.parts import Seen
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.survey import Survey

Run = Callable[[Inputs, Tokens | None], dict[str, torch.Tensor]]


@contextmanager
def running(
    module: torch.nn.Module,
    found: Survey,
    chosen: Sequence[Place],
    pooling: str,
    device: torch.device,
    dtype: torch.dtype,
    *,
    whole: bool,
    loss: Loss | None = None,
) -> Iterator[Run]:
    """A function from a batch to its pooled vectors by layer, on the device of the model; with a loss if asked."""
    sites = {place.name: place.site for place in chosen if place.site is not None}
    n_given = len(chosen) - len(sites)
    if loss is not None:
        sites[LOSS] = Site("")
    places = {place.name: place for place in chosen}

    def pooled_batch(inputs: Inputs, tokens: Tokens | None) -> dict[str, torch.Tensor]:
        n_samples = len(inputs.tensors()[0])
        pooled, given = {}, inputs.floating()
        if n_given and given is not None:
            pooled[INPUT] = given.reshape(n_samples, -1).to(torch.float32, copy=True)
        tokens = tokens and tokens.to(device)

        def take(name: str, seen: Seen) -> torch.Tensor:
            return seen.tensor if name == LOSS else found.pool(places[name], seen, pooling, tokens, n_samples)

        if whole:
            inputs = in_order(module, inputs)
        with explained(module, inputs, device):
            there = inputs.to(device, dtype)
            pooled |= run(there, take)
            if loss is not None and tokens is not None:
                pooled[LOSS] = loss_of(loss, pooled[LOSS], there, tokens)
            return pooled

    with calm(module, whole=whole), Taps(module, sites) as run:
        yield pooled_batch
