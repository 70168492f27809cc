"""Additions: what a block adds to the residual stream, shown by the sums and told apart by what each of them reads.

Between what enters a block and what it puts out lie sums: what was there, and something that a module has put out.
Where a norm follows a sum (BERT), the next one begins with the normed. Of what is added, *attention* is what mixes
positions: it changes at the others where what it reads is changed at the first. *Cross-attention* mixes none of its own
and changes with what else the block is given, and an *mlp* does neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import torch
from torch import nn

from layerscape.extraction.axes import Axes
from layerscape.extraction.parts import Key
from layerscape.extraction.replay import Change, Replay, Replayed

Kind = Literal["attention", "cross_attention", "mlp", "mixer"]
FEWEST = 6  # rows of which one factor is told
ROUNDINGS = 16  # units in the last place, within which two values are one
CALLED = "att"  # what mixes positions is attention where its module is called so


class Unproven(Exception):
    """Why something of a block could not be shown, in words that follow its name."""


@dataclass(frozen=True)
class Addition:
    """What is added to the residual stream.

    Attributes
    ----------
    kind
        ``attention``, ``cross_attention``, ``mlp``, or ``mixer``: what mixes positions and is no attention.
    seen
        Where it is seen.
    before
        The residual stream that it reads; it was there from ``since`` on, in the time of the block.
    off
        How far the sum is off at most, as a share of what was added there.
    """

    kind: Kind
    seen: Replayed
    before: Replayed
    since: int
    off: float


@dataclass(frozen=True)
class _Sum:
    terms: tuple[Replayed, ...]
    before: Replayed
    since: int
    after: Replayed
    off: float


@dataclass(frozen=True)
class Added:
    """All that a block adds, in order; what was seen while it ran; and the shape of what entered it."""

    parts: list[Addition]
    seen: list[Replayed]
    shape: torch.Size


def additions_of(block: Replay, key: Key | None, put: Key | None, axes: Axes) -> Added:
    """All that a block adds.

    Parameters
    ----------
    block
        One call of it.
    key, put
        Where the residual stream enters it and where it leaves; None for the leading tensor.
    axes
        Of what enters.

    Raises
    ------
    Unproven
        If what it puts out is not what enters and such terms.
    """
    seen = block()
    ends = [each for each in seen if each.path == "" and each.call == 0]
    start = next((e for e in ends if e.side == "input" and (e.leading if key is None else e.key == key)), None)
    end = next((e for e in ends if e.side == "output" and (e.leading if put is None else e.key == put)), None)
    if start is None or end is None or start.tensor.shape != end.tensor.shape:
        raise Unproven("is in a block that puts out another shape than enters it")
    if not axes.plain(start.tensor.ndim):
        raise Unproven("is in a block whose state has several axes of units, or several rows of each sample")
    found = []
    for each in _sums(seen, start, end, block.module):
        pinned = _Pinned(seen, each, start.tensor.shape)
        for term in each.terms:
            kind = _kind(block, term, pinned, axes, [s for s in seen if each.since <= s.time <= term.time])
            found.append(Addition(kind, term, each.before, each.since, each.off))
    return Added(found, seen, start.tensor.shape)


def same(a: Replayed, b: Replayed) -> bool:
    """Whether two tensors have the same values up to rounding, whatever their shapes."""
    if a.values.numel() != b.values.numel():
        return False
    return all(_apart(*each) <= tolerance(a.tensor) for each in ((a.few, b.few), (a.values, b.values)))


def _apart(whole: torch.Tensor, *terms: torch.Tensor) -> float:
    """The greatest difference between a sum and its terms, each as a share of what was added there."""
    sizes = sum((term.abs() for term in terms), start=whole.abs())
    return float(((whole - sum(terms)).abs() / sizes.clamp(min=1e-300)).max())


def off(a: torch.Tensor, b: torch.Tensor) -> float:
    """The greatest difference as a share of the largest value of the first."""
    a, b = a.double().reshape(-1), b.double().reshape(-1)
    return float((a - b).abs().max() / a.abs().max().clamp(min=1e-30))


def tolerance(tensor: torch.Tensor) -> float:
    """What is rounding where it was computed in this type."""
    return ROUNDINGS * torch.finfo(tensor.dtype).eps


def _sums(seen: Sequence[Replayed], start: Replayed, end: Replayed, module: nn.Module) -> Iterator[_Sum]:
    """From what enters to what is put out, sum by sum."""
    now, since = [start], start.time
    while not any(same(end, state) for state in now):
        found = next(_next_sums(seen, now, since, end), None)
        if found is None:
            raise Unproven("is in a block of which it is not known what its modules add to what enters it")
        yield found
        normed = [
            other
            for entered in seen
            if entered.side == "input" and _is_norm(module, entered.path) and same(entered, found.after)
            for other in seen
            if other.side == "output" and (other.path, other.call) == (entered.path, entered.call)
        ]
        now, since = [found.after, *normed], found.after.time


def _next_sums(seen: Sequence[Replayed], now: Sequence[Replayed], since: int, end: Replayed) -> Iterator[_Sum]:
    """Those of one term first."""
    size = end.values.numel()
    later = [each for each in seen if each.time >= since and each.values.numel() == size]
    for n_terms in (1, 2):
        for after in later:
            terms = _terms([each for each in later if each.side == "output" and each.time <= after.time], now, after)
            for some in combinations(terms, n_terms):
                for state in now:
                    if _apart(after.few, state.few, *(each.few for each in some)) > tolerance(after.tensor):
                        continue
                    error = _apart(after.values, state.values, *(each.values for each in some))
                    if error <= tolerance(after.tensor):
                        yield _Sum(some, state, since, after, error)


def _terms(made: Sequence[Replayed], now: Sequence[Replayed], after: Replayed) -> list[Replayed]:
    """What may be a term, each value once: of several modules that put it out the latest that does something."""
    terms: list[Replayed] = []
    for each in made:
        if bool((each.values == 0).all()) or each is after or any(same(each, s) for s in (*now, after)):
            continue
        known = next((i for i, other in enumerate(terms) if same(each, other)), None)
        if known is None:
            terms.append(each)
        elif each.tensor.shape == after.tensor.shape:
            terms[known] = each
    return terms


class _Pinned:
    """The calls that take the residual stream where something is read from it, so that it can be changed for them."""

    def __init__(self, seen: Sequence[Replayed], found: _Sum, shape: torch.Size) -> None:
        self._before, self.shape = found.before.tensor.reshape(shape), shape
        self._places = [
            (each.path, each.call, each.key)
            for each in seen
            if each.side == "input" and len(each.key) == 1 and same(each, found.before)
        ]

    def __call__(self, change: Change) -> dict[tuple[str, int, Key], Change]:
        if not self._places:
            raise Unproven("reads the residual stream where no module takes it")
        changed = change(self._before.clone())
        return dict.fromkeys(self._places, lambda given: changed.reshape(given.shape).to(given.dtype))


def _kind(block: Replay, term: Replayed, pinned: _Pinned, axes: Axes, seen: Sequence[Replayed]) -> Kind:
    """``seen`` is all since the residual stream was as the term reads it."""
    shape = pinned.shape
    if len(shape) < 3:
        raise Unproven("is in a block whose tensors have no positions, so that there is no telling what mixes them")

    def at_first(tensor: torch.Tensor) -> torch.Tensor:
        view = axes(tensor, tensor.shape[axes.rows.axis])  # samples first, units last of three axes and second of more
        return view[:, :1] if view.ndim == 3 else view[(slice(None), slice(None), *[slice(1)] * (view.ndim - 2))]

    if torch.empty(shape, device="meta").numel() == at_first(torch.empty(shape, device="meta")).numel():
        raise Unproven("is not told from others by samples of one position; put a longer one first")

    def first_changed(tensor: torch.Tensor) -> torch.Tensor:
        at_first(tensor).mul_(-1.5).add_(1)
        return tensor

    if _moved(block(pinned(first_changed)), term, shape, at_first):
        return "attention" if _is_attention(block.module, term, seen) else "mixer"
    others = {
        ("", 0, each.key): _other
        for each in block()
        if each.path == "" and each.side == "input" and len(each.key) == 1 and each.tensor.ndim == 3
    }
    kept = pinned(lambda tensor: tensor)
    return "cross_attention" if _moved(block(others | kept), term, shape, None) else "mlp"


def _moved(
    seen: Sequence[Replayed], term: Replayed, shape: torch.Size, at_first: Callable[[torch.Tensor], torch.Tensor] | None
) -> bool:
    """Whether a term is another than it was, at other places than the first if these are not to count."""
    now = next(s for s in seen if (s.path, s.call, s.side, s.key) == (term.path, term.call, term.side, term.key))
    change = (now.tensor - term.tensor).reshape(shape)
    if at_first is not None:
        at_first(change).zero_()
    return float(change.abs().max()) > tolerance(term.tensor) * float(term.tensor.abs().max())


def _other(tensor: torch.Tensor) -> torch.Tensor:
    return tensor * -1.5 + 1


def leads_to(put: Replayed, added: Replayed, seen: Sequence[Replayed]) -> bool:
    """Whether it is what is added, up to a factor of every unit, or becomes it through modules one after the other."""
    if same(put, added) or _scaled(put, added):
        return True
    for entered in seen:
        if entered.side == "input" and entered.leading and entered.time > put.time and same(entered, put):
            others = [o for o in seen if o.side == "output" and o.leading and o.start == entered.start]
            if any(not same(o, put) and leads_to(o, added, seen) for o in others if put.time < o.time <= added.time):
                return True
    return False


def _scaled(put: Replayed, added: Replayed) -> bool:
    """Whether each unit has a factor of its own, where there are many more samples and positions than that one."""
    if put.tensor.shape != added.tensor.shape or put.tensor.shape[:-1].numel() < FEWEST:
        return False
    a, b = (each.tensor.double().reshape(-1, each.tensor.shape[-1]) for each in (put, added))
    factors = (a * b).sum(0) / (a * a).sum(0).clamp(min=1e-300)
    return _apart(b, a * factors) <= 4 * tolerance(added.tensor)


def _is_attention(module: nn.Module, term: Replayed, seen: Sequence[Replayed]) -> bool:
    """Whether a module that is called attention, or is within one, puts out what is added, or what becomes it."""
    for put in seen:
        if put.side == "output" and put.leading and put.time <= term.time and leads_to(put, term, seen):
            steps = put.path.split(".") if put.path else []
            above = [module.get_submodule(".".join(steps[:end])) for end in range(1, len(steps) + 1)]
            if any(CALLED in name.lower() for name in (put.path, *(type(part).__name__ for part in above))):
                return True
    return False


def _is_norm(module: nn.Module, path: str) -> bool:
    part = module.get_submodule(path)
    return re.search(r"norm(\dd)?$", type(part).__name__.lower()) is not None and not list(part.children())
