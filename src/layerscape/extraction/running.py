"""Running: from a batch to the pooled vectors of the layers that are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from layerscape.extraction.averages import Averages
from layerscape.extraction.cures import calm, in_order
from layerscape.extraction.failures import check_finite, explained, of_which
from layerscape.extraction.hooks import Inputs, Site, Taps, where
from layerscape.extraction.kept import keep_freed
from layerscape.extraction.layers import INPUT, Place
from layerscape.extraction.loss import LOSS, Loss
from layerscape.extraction.masked import MaskedLoss
from layerscape.extraction.parts import Seen
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.readers import Encoded
from layerscape.extraction.survey import Survey

Costs = Loss | MaskedLoss
Run = Callable[[Inputs, Tokens | None], dict[str, torch.Tensor]]


@contextmanager
def running(
    module: torch.nn.Module,
    found: Survey,
    chosen: Sequence[Place],
    pooling: str,
    autocast: bool = False,
    *,
    whole: bool,
    loss: Costs | None = None,
) -> Iterator[Run]:
    """A function from a batch to its pooled vectors by layer, on the device of the model; with a loss if asked."""
    keep_freed()
    device, dtype = where(module)
    sites = {place.name: place.site for place in chosen if place.site is not None}
    n_given = len(chosen) - len(sites)
    if loss is not None and loss.reads_state:
        sites[LOSS] = Site("")
    places = {place.name: place for place in chosen}
    # Autocast would round the sums; on a GPU nothing is waited for.
    averages = Averages(found, chosen, pooling, possible=device.type == "cpu" and not autocast)

    def pooled_batch(inputs: Inputs, tokens: Tokens | None) -> dict[str, torch.Tensor]:
        n_samples = len(inputs.tensors()[0])
        pooled, given = {}, inputs.floating()
        if n_given and given is not None:
            pooled[INPUT] = given.reshape(n_samples, -1).to(torch.float32, copy=True)
        tokens = tokens and tokens.to(device)

        def take(name: str, seen: Seen) -> torch.Tensor:
            if name == LOSS:
                return seen.tensor
            sums = averages.take(places[name], seen, tokens, n_samples)
            return found.pool(places[name], seen, pooling, tokens, n_samples) if sums is None else sums

        if whole:
            inputs = in_order(module, inputs)
        with explained(module, inputs, device):
            there = inputs.to(device, dtype)
            averages.begin()
            pooled |= run(there, take)
            if not averages.finish(pooled):
                pooled |= run(there, take)
            if loss is not None and tokens is not None:  # passes of its own meet no hook, as all calls were seen
                pooled[LOSS] = loss.of(pooled.get(LOSS), there, tokens)
            return pooled

    fast = torch.autocast(device.type, torch.bfloat16, enabled=autocast)
    with calm(module, whole=whole), fast, Taps(module, sites) as run:
        yield pooled_batch


def gathered(
    run: Callable[[Sequence[Encoded]], Mapping[str, torch.Tensor]],
    batches: Iterable[tuple[Sequence[int], list[Encoded]]],
    ids: Sequence[str],
    dtype: torch.dtype,
    progress: Callable[[int], None] | None,
) -> tuple[dict[str, np.ndarray], int]:
    """The vectors of a block by layer, in the order of its samples, and how many of these were cut."""
    table: dict[str, np.ndarray] = {}
    n_cut = 0
    for batch, encoded in batches:
        n_cut += sum(one.truncated for one in encoded)
        names, at = [ids[i] for i in batch], np.asarray(batch)
        with of_which(run, encoded, names):
            found = run(encoded)
        for name, vectors in found.items():
            values = vectors.cpu().numpy()
            if name not in table:
                table[name] = np.empty((len(ids), values.shape[1]), dtype=np.float32)
            if name != LOSS:  # of which a text of one token has none
                check_finite(dtype, name, values, names, table[name].shape[1], encoded, run)
            table[name][at] = values
        if progress is not None:
            progress(len(batch))
    return table, n_cut
