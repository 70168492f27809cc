"""Proofs on the data itself: what a sample gets depends on nothing but the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layerscape.core.samples import Samples
from layerscape.errors import InvalidValue
from layerscape.extraction.network import Network

N_CHECKED = 8  # of which the greatest ‖together − alone‖ / ‖alone‖ is told, about 1e-6 where it is rounding
MOST = 1e-3  # results that depend on the batch by more than this are wrong, not rounded


def prove(
    network: Network, samples: Samples, layers: Sequence[str], pooling: str, batch_size: int | None = None
) -> dict[str, Any]:
    """Show on 8 samples, before a run starts, that a batch gives the same twice, and a sample the same alone.

    Where padding changes what a sample gets, only samples of one length go together from here on.

    Returns
    -------
    dict
        ``twice`` and ``batch``: per layer the greatest relative difference of a sample; and what `Network.proofs` says.

    Raises
    ------
    InvalidValue
        If one of them differs by more than 1e-3, whatever is done.
    """
    few, size = _few(samples), min(N_CHECKED, batch_size or N_CHECKED)
    together = _pass(network, few, layers, pooling, size)
    twice = _differences(together, _pass(network, few, layers, pooling, size))
    _refuse(twice, "is another each time that the network sees the same batch", "let it draw nothing in evaluation")
    alone = _pass(network, few, layers, pooling, 1)
    batch = _differences(together, alone)
    if max(batch.values(), default=0) > MOST:
        network.one_length = True
        batch = _differences(_pass(network, few, layers, pooling, size), alone)
    _refuse(batch, "depends on the batch, also where nothing is padded", "give --batch-size 1 (batch_size=1)")
    return {"twice": twice, "batch": batch, **network.proofs(layers)}


def _refuse(differences: Mapping[str, float], what: str, remedy: str) -> None:
    name = max(differences, key=differences.__getitem__, default="")
    if name and not differences[name] <= MOST:
        raise InvalidValue(
            f"layer {name!r} {what}: a sample's vector differs by {differences[name]:.1g} of its length; "
            f"{remedy}, or choose other layers."
        )


def _few(samples: Samples) -> Samples:
    rows = np.unique(np.linspace(0, len(samples) - 1, N_CHECKED).astype(int)).tolist()
    ids = tuple(samples.ids[row] for row in rows)
    return replace(samples, ids=ids, read=lambda chosen: samples.read([rows[i] for i in chosen]), labels={})


def _pass(network: Network, few: Samples, layers: Sequence[str], pooling: str, size: int) -> dict[str, np.ndarray]:
    counts = network.truncated
    ((_, table),) = network.blocks(few, layers, pooling, block_rows=len(few), batch_size=size)
    network.truncated = counts
    return table


def _differences(ones: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> dict[str, float]:
    def difference(a: np.ndarray, b: np.ndarray) -> float:
        change, size = np.linalg.norm(a - b, axis=1), np.linalg.norm(b, axis=1)
        return float(np.max(np.where(change == 0, 0, change / np.maximum(size, np.finfo(np.float32).tiny))))

    return {name: difference(ones[name], others[name]) for name in ones}
