"""A check of every run: what a sample gets must not depend on the batch that it was in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from layerscape.core.samples import Samples
from layerscape.extraction.network import Network

N_CHECKED = 8


def check_batches(network: Network, samples: Samples, layers: Sequence[str], pooling: str) -> dict[str, float]:
    """How far results depend on the batch: 8 samples in one batch against each alone.

    Per layer the greatest ‖together − alone‖ / ‖alone‖ of a sample; rounding is about 1e-6 in float32, and above 1e-3
    something is wrong (padding that leaks in, a layer that mixes samples).
    """
    rows = np.unique(np.linspace(0, len(samples) - 1, N_CHECKED).astype(int)).tolist()
    few = replace(
        samples,
        ids=tuple(samples.ids[row] for row in rows),
        read=lambda chosen: samples.read([rows[i] for i in chosen]),
        labels={},
    )
    counts, few_rows = network.truncated, len(rows)
    ((_, together),) = network.blocks(few, layers, pooling, block_rows=few_rows, batch_size=few_rows)
    ((_, alone),) = network.blocks(few, layers, pooling, block_rows=few_rows, batch_size=1)
    network.truncated = counts

    def difference(a: np.ndarray, b: np.ndarray) -> float:
        change, size = np.linalg.norm(a - b, axis=1), np.linalg.norm(b, axis=1)
        return float(np.max(np.where(change == 0, 0, change / np.maximum(size, np.finfo(np.float32).tiny))))

    return {name: difference(together[name], alone[name]) for name in together}
