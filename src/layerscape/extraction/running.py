"""Running: from a batch to the pooled vectors of the layers that are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from layerscape.extraction.cures import calm, in_order
from layerscape.extraction.failures import explained
from layerscape.extraction.hooks import Inputs, Taps
from layerscape.extraction.layers import INPUT, Place
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
) -> Iterator[Run]:
    """A function from a batch to its pooled vectors by layer, on the device of the model."""
    sites = {place.name: place.site for place in chosen if place.site is not None}
    places = {place.name: place for place in chosen}

    def pooled_batch(inputs: Inputs, tokens: Tokens | None) -> dict[str, torch.Tensor]:
        n_samples = len(inputs.tensors()[0])
        pooled, given = {}, inputs.floating()
        if len(sites) < len(chosen) and given is not None:
            pooled[INPUT] = given.reshape(n_samples, -1).to(torch.float32, copy=True)
        tokens = tokens and tokens.to(device)

        def take(name: str, seen: Seen) -> torch.Tensor:
            return found.pool(places[name], seen, pooling, tokens, n_samples)

        if whole:
            inputs = in_order(module, inputs)
        with explained(module, inputs, device):
            return pooled | run(inputs.to(device, dtype), take)

    with calm(module, whole=whole), Taps(module, sites) as run:
        yield pooled_batch
