"""Attention heads: what the output projection of attention takes, and which of its units belong to which head.

The projection is found by its numbers: what it puts out is what attention adds, or is normed or scaled to it, and is
computed again from its weights. Heads are found by theirs: a unit of the queries that is changed changes the units of
one head, all of them and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from layerscape.extraction.additions import Addition, Unproven, leads_to, off, tolerance
from layerscape.extraction.hooks import unprojected
from layerscape.extraction.replay import Replay, Replayed

STATED = ("num_heads", "num_attention_heads", "n_heads", "n_head")  # by modules and configurations, of queries


@dataclass(frozen=True)
class AttentionHeads:
    """The heads of one attention.

    Attributes
    ----------
    path, call
        The output projection, or attention of torch's own kind, which projects without a module that runs.
    of_torch
        Whether it is the latter.
    n_heads, size
        How many there are, and of how many units each.
    off
        By how much what they are projected to differs from what the attention puts out, as a share of its largest.
    """

    path: str
    call: int
    of_torch: bool
    n_heads: int
    size: int
    off: float


def heads_of(block: Replay, seen: Sequence[Replayed], attention: Addition, known: dict[Any, int]) -> AttentionHeads:
    """The heads of an attention whose numbers show them.

    Parameters
    ----------
    block, seen, attention
        From `additions_of`.
    known
        Sizes of heads that were shown of other blocks of the same kind, to which this one is added.

    Raises
    ------
    Unproven
        If no projection is found, or no heads.
    """
    between = [each for each in seen if attention.since <= each.time <= attention.seen.time]
    for each in between:
        part = block.module.get_submodule(each.path)
        if type(part) is nn.MultiheadAttention and each.side == "output" and each.leading:
            return _of_torch(block, part, each)
    into, error = _projection(block.module, between, attention.seen)
    width = into.tensor.shape[-1]
    stated = next(_stated(block.module, into.path), None)
    kind = (type(block.module), into.path, width, stated)
    if kind not in known:
        known[kind] = _size(block, between, into)
        if stated is not None and width != stated * known[kind]:
            n_shown = width // known.pop(kind)
            raise Unproven(f"are {stated} by what the network says and {n_shown} by its numbers")
    return AttentionHeads(into.path, into.call, False, width // known[kind], known[kind], error)


def _of_torch(block: Replay, part: nn.MultiheadAttention, put: Replayed) -> AttentionHeads:
    found = []

    def look(_module: nn.Module, args: Any, kwargs: Any, _output: Any) -> None:
        found.append(unprojected(part, args, kwargs))

    handle = part.register_forward_hook(look, with_kwargs=True)
    try:
        block()
    finally:
        handle.remove()
    made = nn.functional.linear(found[put.call], part.out_proj.weight, part.out_proj.bias)
    error = off(put.tensor, made)
    if error > 2 * tolerance(put.tensor) * part.embed_dim**0.5:
        raise Unproven("are projected to something else than what its attention puts out")
    return AttentionHeads(put.path, put.call, True, part.num_heads, part.head_dim, error)


def _projection(module: nn.Module, between: Sequence[Replayed], added: Replayed) -> tuple[Replayed, float]:
    """What enters the output projection, and how far what its weights make of it is off."""
    for put in reversed(between):
        if put.side != "output" or not put.leading or put.time > added.time or not leads_to(put, added, between):
            continue
        part = module.get_submodule(put.path)
        weight = getattr(part, "weight", None)
        into = next((e for e in between if e.side == "input" and e.leading and e.start == put.start), None)
        if into is None or weight is None or weight.ndim != 2 or not weight.is_floating_point():
            continue
        if (
            into.tensor.ndim == 3
            and into.tensor.shape[-1] in weight.shape
            and into.tensor.shape[:2] == put.tensor.shape[:2]
        ):
            bias = 0 if getattr(part, "bias", None) is None else part.bias.double()
            for turned in (weight.double().T, weight.double()):  # nn.Linear, and GPT-2's own kind
                if (into.tensor.shape[-1], put.tensor.shape[-1]) == tuple(turned.shape):
                    error = off(put.tensor, into.tensor.double() @ turned + bias)
                    if error <= 2 * tolerance(put.tensor) * len(turned) ** 0.5:
                        return into, error
    raise Unproven("are not seen: no module projects them to what attention adds")


def _size(block: Replay, between: Sequence[Replayed], into: Replayed) -> int:
    """How many units a head has: the fewest, and more than one, that a change of one unit before them reaches."""
    shape, width = into.tensor.shape[:2], into.tensor.shape[-1]
    before = [e for e in between if e.side == "output" and e.time < into.time and e.tensor.shape[:2] == shape]
    before = [e for e in before if e.tensor.ndim == 3 and e.key == ()]
    # One of the values reaches one unit, or as many apart as heads share it.
    firsts = [(_reached(block, each, 0, into), each) for each in before]
    reached = [(len(units), each) for units, each in firsts if len(units) > 1 and units == list(range(len(units)))]
    if not reached:
        raise Unproven("are not told apart: no module puts out its queries")
    size, queries = min(reached, key=lambda each: each[0])
    whole = {frozenset(range(start, start + size)) for start in range(0, width, size)} if width % size == 0 else set()
    found = {frozenset(_reached(block, queries, unit, into)) for unit in range(0, queries.tensor.shape[-1], size)}
    if not whole or not whole <= found:
        raise Unproven("are not told apart: what a query changes is not the units of one head")
    return size


def _reached(block: Replay, made: Replayed, unit: int, into: Replayed) -> list[int]:
    """Which units of what is projected change with one unit of what a module puts out."""

    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor[..., unit] = tensor[..., unit] * -1.5 + tensor.abs().max()
        return tensor

    again = block(made={(made.path, made.call): change})
    now = next(e for e in again if (e.path, e.call, e.side, e.key) == (into.path, into.call, into.side, into.key))
    moved = (now.tensor - into.tensor).abs().flatten(0, -2).amax(0)
    return torch.nonzero(moved > tolerance(into.tensor) * into.tensor.abs().max()).flatten().tolist()


def _stated(module: nn.Module, path: str) -> Iterator[int]:
    """What the modules that hold the projection say, the inmost first, and then their configurations."""
    steps = path.split(".")
    above = [module.get_submodule(".".join(steps[:end])) for end in range(len(steps) - 1, -1, -1)]
    for says in (*above, *(getattr(part, "config", None) for part in above)):
        for name in STATED:
            if isinstance(stated := getattr(says, name, None), int):
                yield stated
