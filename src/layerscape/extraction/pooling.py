"""Pooling: from what a layer puts out for a batch to one vector per sample, in float32 and where the tensor lives.

Three sets of tokens matter. *All* positions, padding included; the *real* ones, which attention sees; and among those
the *content*, without what stands for no part of the sample: `[CLS]`, `[SEP]`, `<eos>`, `<s>` that the tokenizer adds,
and the class and register tokens of a vision transformer.

- ``mean``, ``max``: over the content; ``mean:all`` over the real tokens.
- ``first``: the first token of the content. ``last``: the last real token, whatever it is, since in a causal network it
  is the one that has seen the whole sample; ``last:4``: the mean of the last 4 of them, or of as many as there are.
- ``weighted``: the mean of the real tokens with weights i / Σ i, where i counts them from 1 (Muennighoff 2022, SGPT).
- ``cls``: the first real token, for models that have a class token there.
- ``flatten``: all positions, one after the other, for samples of one length; ``project:4096@0`` as many random
  combinations of them (`projection`), and all of them where there are no more.
- ``grid:4x4``: means over 4 × 4 cells of a map or of the patches of a picture, flattened; where the map has fewer rows
  or columns, it keeps its own.

A vector per sample, shape (B, D), passes as it is, if it is not projected. A map, shape (B, C, H, W) or with more axes
of space, has positions in place of tokens: ``mean``, ``max``, ``grid``, ``flatten`` and ``project`` apply.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import isfinite, prod

import torch
from torch.nn import functional

from layerscape.errors import InvalidValue
from layerscape.extraction.grammar import Pooling
from layerscape.extraction.projection import project


@dataclass(frozen=True)
class Tokens:
    """Which positions of a batch are real and which are content; both bool of shape (B, T).

    ``grid`` has how many rows and columns of patches the content of every sample is, row by row, if it is a picture;
    ``decoder`` those of what a decoder is given, if that has a mask of its own.
    """

    real: torch.Tensor
    content: torch.Tensor
    grid: tuple[int, ...] | None = None
    decoder: Tokens | None = None
    _shares: dict[Pooling, tuple[torch.Tensor, torch.Tensor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, lengths: torch.Tensor, n_positions: int) -> Tokens:
        """Of samples that are so long each, the rest of them padding."""
        real = torch.arange(n_positions, device=lengths.device) < lengths[:, None]
        return cls(real, real)

    @classmethod
    def after(cls, n_prefix: int, hidden: torch.Tensor, grid: tuple[int, ...] | None = None) -> Tokens:
        """Of a batch (B, T, D) in which every position is real, and content from the prefix on."""
        return _after(n_prefix, *hidden.shape[:2], hidden.device, grid)

    @classmethod
    def at(cls, content: torch.Tensor, hidden: torch.Tensor, grid: tuple[int, ...] | None = None) -> Tokens:
        """Of a batch (B, T, D) in which every position is real, and the same ones of each sample are content, (T,)."""
        return _at(content, len(hidden), hidden.device, grid)

    @cached_property
    def rank(self) -> torch.Tensor:
        """Of every real position how many of them there are up to it."""
        return self.real.cumsum(1)

    def shares(self, asked: Pooling) -> tuple[torch.Tensor, torch.Tensor]:
        """The weights of the positions in an average, (B, T), and their sum, (B, 1); computed once for all layers."""
        if asked not in self._shares:
            if asked.kind == "mean":
                weights = self.real if asked.every else self.content
            elif asked.kind == "weighted":
                weights = self.rank * self.real
            else:
                weights = self.real & (self.rank > self.rank[:, -1:] - asked.count)
            weights = weights.float()
            self._shares[asked] = weights, weights.sum(1, keepdim=True)
        return self._shares[asked]

    def among(self, shift: int, n_positions: int) -> Tokens:
        """The same where so many tokens come before them, and others after them up to so many in all."""
        more = (shift, n_positions - shift - self.real.shape[1])
        return replace(self, real=functional.pad(self.real, more), content=functional.pad(self.content, more))

    def to(self, device: torch.device) -> Tokens:
        """The same on another device."""
        decoder = self.decoder and self.decoder.to(device)
        return replace(self, real=self.real.to(device), content=self.content.to(device), decoder=decoder)


def pool(hidden: torch.Tensor, pooling: str, tokens: Tokens | None = None) -> torch.Tensor:
    """One float32 vector per sample, shape (B, D); never a view, since the network may go on to change ``hidden``.

    Parameters
    ----------
    hidden
        Shape (B, D), (B, T, D) or (B, C, …).
    pooling
        As `grammar` writes it.
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
    >>> [pool(hidden, pooling, tokens).item() for pooling in ("mean", "mean:all", "last:2", "max")]
    [4.0, 3.0, 4.0, 6.0]
    """
    asked = Pooling.of(pooling)
    if asked.whole and hidden.ndim == 3 and tokens is not None and not bool(tokens.real.all()):
        raise InvalidValue(f"pooling {pooling!r} of samples that differ in length; choose mean, last, first or max.")
    if asked.kind == "project":
        return project(hidden.reshape(len(hidden), -1), asked.n_units, asked.seed)
    if asked.kind == "flatten" or hidden.ndim <= 2:
        return hidden.reshape(len(hidden), -1).to(torch.float32, copy=True)
    if asked.kind == "grid":
        return _pool_cells(hidden, asked, pooling, tokens)
    if hidden.ndim > 3:
        return _pool_map(hidden, asked.kind)
    return _pool_tokens(hidden, asked, tokens or Tokens.after(0, hidden))


def _pool_map(hidden: torch.Tensor, kind: str) -> torch.Tensor:
    positions = hidden.flatten(2).float()
    if kind == "mean":
        return positions.mean(2)
    if kind == "max":
        return positions.amax(2)
    raise InvalidValue(
        f"pooling {kind!r} of a map of shape {tuple(hidden.shape[1:])}, which has no tokens; "
        "choose mean, max or flatten."
    )


def _pool_cells(hidden: torch.Tensor, asked: Pooling, pooling: str, tokens: Tokens | None) -> torch.Tensor:
    if hidden.ndim == 3:
        if tokens is None or tokens.grid is None:
            raise InvalidValue(
                f"pooling {pooling!r} of {hidden.shape[1]} tokens, which are no map; choose mean, last, first or max."
            )
        hidden = hidden[tokens.content].reshape(len(hidden), *tokens.grid, -1).movedim(-1, 1)
    sizes = hidden.shape[2:]
    if len(sizes) != len(asked.cells):
        raise InvalidValue(
            f"pooling {pooling!r} of a map of shape {tuple(hidden.shape[1:])}, which has {len(sizes)} axes of space; "
            "give one number for each of them, or choose mean, max or flatten."
        )
    cells = [min(wanted, size) for wanted, size in zip(asked.cells, sizes, strict=True)]
    average = getattr(functional, f"adaptive_avg_pool{len(cells)}d")
    return average(hidden.float(), cells).flatten(1).clone()


def _pool_tokens(hidden: torch.Tensor, asked: Pooling, tokens: Tokens) -> torch.Tensor:
    if asked.kind in ("first", "cls") or (asked.kind == "last" and asked.count == 1):
        wanted = tokens.rank[:, -1:] if asked.kind == "last" else 1
        at = tokens.content if asked.kind == "first" else tokens.real & (tokens.rank == wanted)
        return hidden[torch.arange(len(hidden), device=hidden.device), at.long().argmax(1)].float()
    if asked.kind == "max":
        return hidden.masked_fill(~tokens.content[..., None], -torch.inf).amax(1).float()
    return _averaged(hidden, *tokens.shares(asked))


@lru_cache(maxsize=16)
def _after(n_prefix: int, n_samples: int, n_tokens: int, device: torch.device, grid: tuple[int, ...] | None) -> Tokens:
    """The same for all layers, and for all batches of as many samples."""
    real = torch.ones((n_samples, n_tokens), dtype=torch.bool, device=device)
    return Tokens(real, real & (torch.arange(n_tokens, device=device) >= n_prefix), grid)


@lru_cache(maxsize=16)
def _at(content: torch.Tensor, n_samples: int, device: torch.device, grid: tuple[int, ...] | None) -> Tokens:
    real = torch.ones((n_samples, len(content)), dtype=torch.bool, device=device)
    return Tokens(real, real & content.to(device), grid if grid and prod(grid) == int(content.sum()) else None)


def _averaged(hidden: torch.Tensor, weights: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """The mean of the tokens with weights of shape (B, T), summed in float32."""
    # On a CPU a copy costs ten times the sum, and to look at the result costs nothing. Autocast would round the sum.
    if hidden.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        mean = torch.bmm(weights[:, None], hidden.float())[:, 0] / total
        if isfinite(float(mean.sum())):
            return mean
    # Padding may hold NaN, which a product with zero would spread.
    real = hidden.masked_fill((weights == 0)[..., None], 0).float()
    return (real * weights[..., None]).sum(1) / total
