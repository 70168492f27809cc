"""Pooling: from what a layer puts out for a batch to one vector per sample, in float32 and where the tensor lives.

Three sets of tokens matter. *All* positions, padding included; the *real* ones, which attention sees; and among those
the *content*, without what stands for no part of the sample: `[CLS]`, `[SEP]`, `<eos>`, `<s>` that the tokenizer adds,
and the class and register tokens of a vision transformer.

- ``mean``, ``max``: over the content.
- ``first``: the first token of the content. ``last``: the last real token, whatever it is, since in a causal network it
  is the one that has seen the whole sample.
- ``cls``: the first real token, for models that have a class token there.
- ``flatten``: all positions, one after the other, for samples of one length.

A vector per sample, shape (B, D), passes as it is. A map, shape (B, C, H, W) or with more axes of space, has positions
in place of tokens: ``mean``, ``max`` and ``flatten`` apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from layerscape.errors import InvalidValue

Pooling = Literal["mean", "last", "first", "cls", "max", "flatten"]
POOLINGS: tuple[str, ...] = get_args(Pooling)


@dataclass(frozen=True)
class Tokens:
    """Which positions of a batch are real and which are content; both bool of shape (B, T)."""

    real: torch.Tensor
    content: torch.Tensor

    @classmethod
    def of(cls, lengths: torch.Tensor, n_positions: int) -> Tokens:
        """Of samples that are so long each, the rest of them padding."""
        real = torch.arange(n_positions, device=lengths.device) < lengths[:, None]
        return cls(real, real)

    def to(self, device: torch.device) -> Tokens:
        """The same on another device."""
        return Tokens(self.real.to(device), self.content.to(device))


def pool(hidden: torch.Tensor, pooling: str, tokens: Tokens | None = None) -> torch.Tensor:
    """One float32 vector per sample, shape (B, D); never a view, since the network may go on to change ``hidden``.

    Parameters
    ----------
    hidden
        Shape (B, D), (B, T, D) or (B, C, …).
    pooling
        One of `POOLINGS`.
    tokens
        For shape (B, T, D): the real and content tokens; every position is both when left out.

    Raises
    ------
    InvalidValue
        If the pooling has no meaning for such an output.

    Examples
    --------
    >>> hidden = torch.tensor([[[1.0], [2.0], [6.0]]])
    >>> tokens = Tokens(torch.tensor([[True, True, True]]), torch.tensor([[False, True, True]]))
    >>> pool(hidden, "mean").item(), pool(hidden, "mean", tokens).item()
    (3.0, 4.0)
    """
    if hidden.ndim <= 2:
        return hidden.reshape(len(hidden), -1).to(torch.float32, copy=True)
    if pooling == "flatten":
        if tokens is not None and not bool(tokens.real.all()):
            raise InvalidValue("pooling 'flatten' of samples that differ in length; choose mean, last, first or max.")
        return hidden.flatten(1).to(torch.float32, copy=True)
    if hidden.ndim > 3:
        return _pool_map(hidden, pooling)
    return _pool_tokens(hidden, pooling, tokens) if tokens else _pool_all(hidden, pooling)


def _pool_map(hidden: torch.Tensor, pooling: str) -> torch.Tensor:
    positions = hidden.flatten(2).float()
    if pooling == "mean":
        return positions.mean(2)
    if pooling == "max":
        return positions.amax(2)
    raise InvalidValue(
        f"pooling {pooling!r} of a map of shape {tuple(hidden.shape[1:])}, which has no tokens; "
        "choose mean, max or flatten."
    )


def _pool_all(hidden: torch.Tensor, pooling: str) -> torch.Tensor:
    if pooling == "mean":
        return hidden.mean(1, dtype=torch.float32)
    if pooling == "max":
        return hidden.amax(1).float()
    return hidden[:, -1 if pooling == "last" else 0].to(torch.float32, copy=True)


def _pool_tokens(hidden: torch.Tensor, pooling: str, tokens: Tokens) -> torch.Tensor:
    if pooling in ("first", "last", "cls"):
        among = tokens.content if pooling == "first" else tokens.real
        position = among.long().argmax(1) if pooling != "last" else _last(among)
        return hidden[torch.arange(len(hidden), device=hidden.device), position].float()
    outside = ~tokens.content[..., None]
    if pooling == "max":
        return hidden.masked_fill(outside, -torch.inf).amax(1).float()
    count = tokens.content.sum(1, keepdim=True)
    if hidden.device.type == "cpu":  # here a copy costs ten times the sum, and to look at the result costs nothing
        mean = torch.einsum("bt,btd->bd", tokens.content.float(), hidden.float()) / count
        if bool(mean.isfinite().all()):
            return mean
    # Padding may hold NaN, which a product with zero would spread.
    return hidden.masked_fill(outside, 0).sum(1, dtype=torch.float32) / count


def _last(among: torch.Tensor) -> torch.Tensor:
    """Per row, the position of the last True."""
    return among.shape[1] - 1 - among.flip(1).long().argmax(1)
