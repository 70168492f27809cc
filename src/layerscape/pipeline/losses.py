"""Losses: how well a language model predicts each text, gathered while a run is filled, and added to its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.samples import Samples
from layerscape.errors import InvalidValue
from layerscape.run import Run

if TYPE_CHECKING:
    from layerscape.extraction import Network

LOSS = "loss"


@dataclass
class Losses:
    """One loss per sample, as far as it is known, and by how much it differs from the model's own."""

    network: Network
    samples: Samples
    values: np.ndarray
    known: np.ndarray
    off: float

    @classmethod
    def of(cls, network: Network, samples: Samples) -> Losses:
        """Of samples of which none is known; raises if they have such a column, or the model gives another loss."""
        if network.loss is None:
            raise InvalidValue(f"{network.name} was not opened with its head; give loss to open_model.")
        if (name := network.loss.column) in samples.labels:
            raise InvalidValue(f"the loss has the name of a label column, {name!r}; rename that, or leave --loss out.")
        n, off = len(samples), network.loss_off(network.loss, samples)
        return cls(network, samples, np.full(n, np.nan), np.zeros(n, dtype=bool), off)

    def take(self, rows: slice, vectors: dict[str, Any]) -> None:
        """Keep the loss of a block, which is no layer of the run."""
        self.values[rows], self.known[rows] = vectors.pop(LOSS)[:, 0], True

    def add_to(self, run: Run, pooling: str) -> None:
        """The label column, if the run has none; blocks of an earlier call go through the network again."""
        name = self.network.loss.column if self.network.loss else LOSS
        if name in run.samples.labels:
            return
        layout, rule = run.folder.layout, run.folder.plan["batching"]
        there = {number for number in range(layout.n_blocks) if self.known[layout.rows(number)].all()}
        blocks = self.network.blocks(
            self.samples, [], pooling, block_rows=layout.block_rows, batch_size=rule, skip=there, with_loss=True
        )
        for number, vectors in blocks:
            self.take(layout.rows(number), vectors)
        run.add_labels({name: self.values})
