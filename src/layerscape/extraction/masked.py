"""Masked: how well a model fills in the tokens of each text when they are hidden, in passes of their own.

What stands at a place is in the state of that place as long as it is shown, so that no loss of a masked language model
can be read from the pass that gives the layers. A seventh of a text is hidden at a time, as in training (BERT hides
15 %), until each of its tokens was hidden once: seven passes more.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch

from layerscape.errors import InvalidValue
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.loss import Loss
from layerscape.extraction.pooling import Tokens

PARTS = 7


class MaskedLoss:
    """The head of a masked language model around the network that is looked at.

    Parameters
    ----------
    whole
        The model with its head.
    mask
        The number of the token that hides another.

    Attributes
    ----------
    column
        The label column.
    reads_state
        Whether the last hidden state of the pass that gives the layers is read.
    """

    column = "masked_loss"
    reads_state = False

    def __init__(self, whole: Any, mask: int | None, name: str) -> None:
        if mask is None:
            raise InvalidValue(
                f"the loss of hidden tokens asked of {name!r}, whose tokenizer has no token that hides others; ask no "
                "loss of it (--loss, loss=True)."
            )
        self._whole, self._head, self._mask = whole, Loss(whole), mask

    def of(self, hidden: torch.Tensor | None, inputs: Inputs, tokens: Tokens) -> torch.Tensor:
        """The mean cross-entropy in nats of the tokens of each text, special ones left out; float32 of shape (B, 1)."""
        ids, content = self._ids(inputs), tokens.content
        parts = _parts(ids, content)
        total = torch.zeros(len(ids), dtype=torch.float64)
        for part in range(PARTS):
            where = parts == part
            if where.any():
                states = self._whole.base_model(**self._hiding(inputs, where))[0][where]
                total.index_add_(0, torch.nonzero(where)[:, 0].cpu(), self._head.costs(states, ids[where]))
        return (total / content.sum(1).cpu()).float()[:, None]

    def own(self, inputs: Inputs, tokens: Tokens | None) -> float:
        """The same of one text, by the losses that the model gives itself of what is hidden."""
        assert tokens is not None
        ids, total = self._ids(inputs), 0.0
        parts = _parts(ids, tokens.content)
        for part in range(PARTS):
            where = parts == part
            if where.any():
                told = self._whole(**self._hiding(inputs, where), labels=ids.masked_fill(~where, -100))
                total += float(told.loss) * int(where.sum())
        return total / int(tokens.content.sum())

    def check(self, name: str, ours: torch.Tensor, own: list[float]) -> float:
        """As `Loss.check`."""
        return self._head.check(name, ours, own)

    @property
    def rounding(self) -> float:
        """As `Loss.rounding`."""
        return self._head.rounding

    def to(self, device: torch.device) -> MaskedLoss:
        """The same on another device."""
        self._head.to(device)
        return self

    def _ids(self, inputs: Inputs) -> torch.Tensor:
        return (inputs.kwargs or {})["input_ids"]

    def _hiding(self, inputs: Inputs, where: torch.Tensor) -> dict[str, Any]:
        return {**(inputs.kwargs or {}), "input_ids": self._ids(inputs).masked_fill(where, self._mask)}


def _parts(ids: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
    """In which pass each token is hidden, at random but the same for a text in whichever batch it comes; −1 in none."""
    found = np.full(ids.shape, -1)
    for row, (numbers, counts) in enumerate(zip(ids.cpu().numpy(), content.cpu().numpy(), strict=True)):
        n_tokens = int(counts.sum())
        order = np.random.default_rng(zlib.crc32(numbers[counts].tobytes())).permutation(n_tokens)
        found[row, counts] = order % PARTS
    return torch.from_numpy(found).to(ids.device)
