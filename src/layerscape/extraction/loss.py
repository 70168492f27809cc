"""Loss: how well a causal language model predicts each text, from the last hidden state of the same pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

import torch
from torch.nn import functional

from layerscape.errors import InvalidValue
from layerscape.extraction.hooks import Inputs, where
from layerscape.extraction.pooling import Tokens

LOSS = "loss"  # among the layers of a block, and the label column
RULE = "mean cross-entropy in nats of all tokens but the first, those that the tokenizer adds included"
AT_ONCE = 2**26  # bytes of logits
MOST = 1e-3  # by which it may differ from the model's own before it is refused, or twice what the precision rounds


class Loss:
    """The head of a causal language model, which puts out what it expects at the next position.

    Parameters
    ----------
    whole
        The model with its head; its last hidden state comes of ``whole.base_model``.

    Attributes
    ----------
    column, reads_state
        As in `masked.MaskedLoss`, which the same is asked of.
    """

    column = LOSS
    reads_state = True

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self._vocabulary = whole.get_output_embeddings().weight.shape[0]

    def __call__(self, hidden: torch.Tensor, tokens: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """The loss of each text, float32 of shape (B,); NaN of one token, which nothing is before.

        Parameters
        ----------
        hidden
            The last hidden state, shape (B, T, D).
        tokens, real
            What the network was shown, and which of it is no padding, on whichever side; shape (B, T).
        """
        told = real[:, 1:] & real[:, :-1]
        total = torch.zeros(len(hidden), dtype=torch.float64, device="cpu")
        if told.any():
            rows = torch.nonzero(told)[:, 0].cpu()
            total.index_add_(0, rows, self.costs(hidden[:, :-1][told], tokens[:, 1:][told]))
        return (total / told.sum(1).cpu()).float()

    def of(self, hidden: torch.Tensor | None, inputs: Inputs, tokens: Tokens) -> torch.Tensor:
        """Of a batch, by the last hidden state that its pass gave, shape (B, 1)."""
        assert hidden is not None
        return self(hidden, (inputs.kwargs or {})["input_ids"].to(hidden.device), tokens.real)[:, None]

    def costs(self, states: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Cross-entropies of the tokens that are wanted at n states, shape (n, D), float64 of shape (n,)."""
        size = max(1, AT_ONCE // (4 * self._vocabulary))
        each = [
            functional.cross_entropy(logits[0].float(), wanted[start : start + size], reduction="none")
            for start in range(0, len(states), size)
            for logits in [self._logits(states[None, start : start + size])]
        ]
        return torch.cat(each).double().cpu()

    @property
    def rounding(self) -> float:
        """A relative difference that may be no more than rounding, in the precision that the model has."""
        return max(MOST, 2 * torch.finfo(where(self._whole)[1]).eps)

    def to(self, device: torch.device) -> Loss:
        """The same on another device."""
        self._whole.to(device)
        return self

    def own(self, inputs: Inputs, _tokens: Tokens | None = None) -> float:
        """What the model itself says of one text whose tokens are its labels."""
        kwargs = {**(inputs.kwargs or {}), "use_cache": False}
        return float(self._whole(**kwargs, labels=kwargs["input_ids"]).loss)

    def check(self, name: str, ours: torch.Tensor, own: list[float]) -> float:
        """The greatest relative difference from the model's own; raise if that is no rounding."""
        pairs = [(a, b) for a, b in zip(ours.tolist(), own, strict=True) if isfinite(b)]
        off = max((abs(a - b) / max(abs(b), 1e-6) for a, b in pairs), default=0.0)
        if not off <= self.rounding:
            raise InvalidValue(
                f"the loss of a text by {name} differs by {off:.1g} of its size from the one that the model gives "
                "itself; leave --loss (loss=True) out."
            )
        return off

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the head makes of hidden states: the whole model runs, and all before the head is skipped."""
        with _putting_out(self._whole.base_model, hidden):
            blank = torch.zeros(hidden.shape[:2], dtype=torch.long, device=hidden.device)
            return self._whole(input_ids=blank, use_cache=False).logits


class _Put(tuple):
    """What a model puts out: the last hidden state, and nothing else."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[0] if name == "last_hidden_state" else None


@contextmanager
def _putting_out(base: torch.nn.Module, hidden: torch.Tensor) -> Iterator[None]:
    vars(base)["forward"] = lambda *_, **__: _Put((hidden,))
    try:
        yield
    finally:
        del vars(base)["forward"]
