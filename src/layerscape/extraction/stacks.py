"""Stacks: the axes of depth of a network. Most have one; encoder and decoder, or two towers, have one each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from torch import nn

from layerscape.extraction.chains import Chain, Follows, chains_of
from layerscape.extraction.hooks import Site
from layerscape.extraction.influence import Perturbation
from layerscape.extraction.parts import Key
from layerscape.extraction.tracing import Call, Firing, Mark, Trace


@dataclass(frozen=True)
class Stack:
    """Blocks that follow each other.

    Attributes
    ----------
    name
        What its layers are called by where there are several: ``encoder``, ``vision``; empty where it is the only one.
    states
        Where the embedding and what each block puts out are seen; None where no module sees it.
    blocks
        The calls of the blocks.
    norm
        Where the norm after the last block is seen, if there is one.
    handed_on
        After how many of its blocks but the last the next one takes exactly what it put out.
    hidden_states
        What the network's own hidden states say of it: "" where it gives none to compare, else the layer that its last
        one is.
    doubt
        Why its layers are not those that the network calls its hidden states; empty where they are.
    """

    name: str
    states: tuple[Site | None, ...]
    blocks: tuple[Call, ...]
    norm: Site | None
    handed_on: int
    hidden_states: str = ""
    doubt: str = ""

    @property
    def n_blocks(self) -> int:
        return len(self.blocks)

    def told(self) -> dict[str, object]:
        """What is known of it, as plain values for JSON."""
        return {
            "name": self.name,
            "blocks": self.n_blocks,
            "handed_on": self.handed_on,
            "last_hidden_state": self.hidden_states or None,
            **({"unseen": self.unseen} if self.unseen else {}),
        }

    @property
    def unseen(self) -> list[str]:
        """Its layers that are no layers, since what comes of the block is a sum that no module takes."""
        return [self.layer(f"block_{number}") for number, site in enumerate(self.states) if site is None]

    def layer(self, name: str) -> str:
        """The name of one of its layers among those of all stacks."""
        return f"{self.name}.{name}" if self.name else name


def stacks_of(
    module: nn.Module, trace: Trace, n_blocks: int | None, of_parts: Collection[int], follows: Perturbation
) -> list[Stack]:
    """The axes of depth, in the order in which they begin; none where no blocks are told from other modules."""
    stated = {*of_parts, *([n_blocks] if n_blocks else [])}
    chains = [c for c in chains_of(module, trace, stated, follows) if len(c.calls) > 1 or len(c.calls) in stated]
    chosen = sorted(_chosen(chains, n_blocks, of_parts, follows), key=lambda chain: chain.calls[0].start)
    for chain in chosen:
        chain.settle(follows.matters, follows.goes_on)
    names = _names([chain.calls for chain in chosen])
    return [_stack(module, trace, chain, name) for chain, name in zip(chosen, names, strict=True)]


def compared(stack: Stack, trace: Trace, given: Mapping[str, Sequence[Mark]]) -> Stack:
    """The stack after a comparison with the network's own hidden states, of which L + 1 are of it.

    Where they are not what its blocks put out but what other modules do, these are its layers: a block may be more
    than one module of a list.
    """
    best, least = None, -1
    for marks in given.values():
        if len(marks) == stack.n_blocks + 1:
            equal = sum(_is(trace, site, mark) for site, mark in zip(stack.states[:-1], marks, strict=False))
            if equal > least:
                best, least = marks, equal
    if best is None:
        return stack
    if least == stack.n_blocks:
        return replace(stack, hidden_states=_last(stack, trace, best[-1]))
    if all(_is(trace, site, mark) for site, mark in zip(stack.states[1:], best[:-1], strict=True)):
        return replace(stack, hidden_states=_last(stack, trace, best[-1]))  # it hands out no embedding, as Mamba's
    others = [_seen(trace, mark) for mark in best]
    if all(others[:-1]):
        last = others[-1] or stack.states[-1]
        return replace(stack, states=(*others[:-1], last), hidden_states="block_" + str(stack.n_blocks), norm=None)
    if least == 0:  # of another part of the network, which has as many blocks
        return stack
    number = next(i for i, mark in enumerate(best[:-1]) if not _is(trace, stack.states[i], mark))
    layer = "embedding" if number == 0 else f"block_{number}"
    return replace(stack, doubt=f"layer {stack.layer(layer)!r} is not what the network gives as its hidden state")


def _chosen(chains: list[Chain], n_blocks: int | None, of_parts: Collection[int], follows: Follows) -> list[Chain]:
    if not chains:
        return []
    stated = [chain for chain in chains if len(chain.calls) == n_blocks]
    stated = stated or [chain for chain in chains if len(chain.calls) in of_parts]
    longest = max(chains, key=lambda chain: len(chain.calls))
    main = stated[0] if stated else longest
    chosen = [main]
    for chain in chains:
        if chain is main:
            continue
        if not any(_one_after_the_other(chain, other, follows) for other in chosen) or len(chain.calls) in of_parts:
            chosen.append(chain)
        elif not stated and len(chain.calls) == len(main.calls):
            return []  # there is no telling which of the two is the axis
    return chosen


def _one_after_the_other(a: Chain, b: Chain, follows: Follows) -> bool:
    """Whether one begins with what comes of the other, so that they are no two axes."""
    first, second = sorted((a, b), key=lambda chain: chain.calls[0].start)
    head = second.calls[0]
    key = second.keys[1] or (head.entering[0].key if head.entering else None)
    return key in follows(first.calls[0], head)


def _stack(module: nn.Module, trace: Trace, chain: Chain, name: str) -> Stack:
    leaving, entering = chain.keys
    first = chain.calls[0]
    inputs = [Site(call.path, call.number, "input", _unless_leading(entering, call.entering)) for call in chain.calls]
    outputs = [Site(call.path, call.number, "output", _unless_leading(leaving, call.leaving)) for call in chain.calls]
    if chain.residual:
        outputs = [*inputs[1:], _sum(trace, inputs[-1], outputs[-1])]
    elif (added := _added(trace, chain.calls)) is not None:
        later = [Site(call.path, call.number, "output", added) for call in chain.calls]
        outputs = [*later[1:], _sum(trace, outputs[-1], later[-1])]
    handed_on = len(chain.calls) - 1 if chain.residual else chain.n_handed_on
    states = (Site(first.path, first.number, "input", inputs[0].part), *outputs)
    return Stack(name, states, tuple(chain.calls), _norm(module, trace, states[-1], chain.last), handed_on)


def _added(trace: Trace, calls: Sequence[Call]) -> Key | None:
    """Where every block puts out the sum of two tensors that it was handed, and begins with it: the state before it.

    So do blocks that leave the sum of what they add and what they were given to the next, to norm it in one step.
    """
    found: list[set[Key]] = []
    for earlier, later in pairwise(calls):
        taken = [part.mark for part in later.entering]
        handed = [part.mark for part in earlier.leaving or () if any(part.mark.equals(mark) for mark in taken)]
        pairs = [pair for pair in combinations(handed, 2) if not any(mark.constant for mark in pair)]
        within = [part.mark for call in trace.calls if call.within(later) for part in call.entering]
        sums = [part for part in later.leaving or () if any(part.mark.is_sum(*pair) for pair in pairs)]
        found.append({part.key for part in sums if any(part.mark.equals(mark) for mark in within)})
    return min(set.intersection(*found), key=str, default=None) if found else None


def _sum(trace: Trace, before: Site, after: Site) -> Site | None:
    """Where what enters a block and what it puts out are seen as one tensor."""
    entered, made = trace.part(before), trace.part(after)
    if entered is None or made is None:
        return None
    return next((f.site for f in trace.firings if f.mark and f.mark.is_sum(entered.mark, made.mark)), None)


def _unless_leading(key: tuple | None, parts: Sequence | None) -> tuple | None:
    return None if key is None or (parts and parts[0].key == key) else key


def _norm(module: nn.Module, trace: Trace, last: Site | None, block: Call) -> Site | None:
    """The norm after the last block: a layer off the axis of blocks, since none of them is normalized."""
    state = trace.part(last) if last else None
    for call in trace.calls:
        kind = type(module.get_submodule(call.path)).__name__.lower()
        if call.start < block.start or call.within(block) or "norm" not in kind or not call.leaving or not state:
            continue
        if call.leaving[0].shape == state.shape and any(part.mark.equals(state.mark) for part in call.entering):
            return Site(call.path, call.number)
    return None


def _is(trace: Trace, site: Site | None, mark: Mark) -> bool:
    part = trace.part(site) if site else None
    return part is not None and part.mark.holds_what(mark)


def _last(stack: Stack, trace: Trace, mark: Mark) -> str:
    if _is(trace, stack.states[-1], mark):
        return stack.layer(f"block_{stack.n_blocks}")
    return stack.layer("final_norm") if _is(trace, stack.norm, mark) else "none of the layers"


def _seen(trace: Trace, mark: Mark) -> Site | None:
    """Where a tensor is first put out, or else taken in."""

    def equal(firing: Firing, side: str) -> bool:
        return firing.site.side == side and firing.mark is not None and firing.mark.equals(mark)

    sides = ("output", "input")
    return next((each.site for side in sides for each in trace.firings if each.site.module and equal(each, side)), None)


def _names(stacks: Sequence[Sequence[Call]]) -> list[str]:
    """What tells the stacks apart in the paths of their blocks; a module that runs again gets a number."""
    if len(stacks) < 2:
        return [""] * len(stacks)
    paths = [_shared([call.path.split(".") for call in calls]) or calls[0].path.split(".")[:1] for calls in stacks]
    common = len(_shared(paths))
    names = []
    for path in paths:
        steps = path[common:] or path[-1:]
        name = steps[0] if not steps[0].isdigit() or common == 0 else f"{path[common - 1]}_{steps[0]}"
        names.append(name.removesuffix("_model").removesuffix("_tower") or name)
    return [name + (f"_{names[:i].count(name)}" if name in names[:i] else "") for i, name in enumerate(names)]


def _shared(paths: Sequence[Sequence[str]]) -> list[str]:
    """The steps that all paths begin with."""
    steps = []
    for each in zip(*paths, strict=False):
        if len(set(each)) > 1:
            break
        steps.append(each[0])
    return steps
