"""Sites of a block beside its output: what its attention and its mlp add to the residual stream, and attention heads.

`block_3.attention`, `block_3.cross_attention` and `block_3.mlp` are what these add (`additions`); `block_3.heads` is
what the output projection of attention takes, and `block_3.head_7` the part of it that is one head's, counted from 1
(`attention_heads`). Each is shown by its numbers when it is first asked for, or refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from layerscape.errors import InvalidValue
from layerscape.extraction.additions import Added, Addition, Unproven, additions_of
from layerscape.extraction.attention_heads import heads_of
from layerscape.extraction.axes import Axes
from layerscape.extraction.hooks import Site
from layerscape.extraction.layers import OUTPUT, Place, View, fitting, patterns_of
from layerscape.extraction.replay import Replay, Replayed, replays
from layerscape.extraction.stacks import Stack

ADDED = ("attention", "cross_attention", "mlp")
HEADS, HEAD = "heads", "head_1"
MIXER = "is not found: what mixes positions comes of no module that is called attention"
MOST_HEADS = 256  # whose names are known before anything is looked at


@dataclass
class Sites:
    """Those of all blocks.

    Attributes
    ----------
    places
        What is there, by the layer of the block.
    doubts
        Why what is asked for cannot be had, by name.
    absent
        Why it is not there, in blocks that do something else in its place.
    proofs
        What was shown, by name, as plain values.
    """

    places: dict[str, list[Place]] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    proofs: dict[str, dict[str, Any]] = field(default_factory=dict)


def sites_of(
    module: nn.Module,
    run: Callable[[], Any],
    stacks: Sequence[Stack],
    axes: Mapping[Site, Axes],
) -> Sites:
    """Look at every block of a network while it runs once.

    Parameters
    ----------
    module, run
        The network, and what runs it on a batch.
    stacks, axes
        Its axes of depth, and where samples and units lie.
    """
    found, known, looks = Sites(), {}, {}
    for stack in stacks:
        for number in range(1, stack.n_blocks + 1):
            layer, call = stack.layer(f"block_{number}"), stack.blocks[number - 1]
            said = next((axes[site] for site in stack.states if site and site in axes), None)
            block = _Block(stack, number, layer, said, known)
            why_not = block.why_not()
            if why_not:
                _doubt(found, layer, why_not)
            else:
                looks[call.path, call.number] = lambda replay, block=block: _look(found, block, replay)
    replays(module, run, looks)
    return found


@dataclass(frozen=True)
class _Block:
    stack: Stack
    number: int
    layer: str
    axes: Axes | None
    known: dict[Any, int]

    @property
    def path(self) -> str:
        return self.stack.blocks[self.number - 1].path

    def why_not(self) -> str:
        """Why nothing is known of it; empty if it may be looked at."""
        call, first, last = self.stack.blocks[self.number - 1], self.stack.states[0], self.stack.states[self.number]
        if self.axes is None or first is None or last is None:
            return "is in a block whose state no module sees, or of whose state nothing tells which axis holds units"
        if first.module != self.stack.blocks[0].path or (last.module, last.call) != (call.path, call.number):
            return "is in a block that is no module, or adds to the residual stream outside of it"
        return "" if last.side == "output" else "is in a block that adds to the residual stream outside of it"


def _look(found: Sites, block: _Block, replay: Replay) -> None:
    first, last = block.stack.states[0], block.stack.states[block.number]
    if first is None or last is None or block.axes is None:
        return
    try:
        added = additions_of(replay, first.part, last.part, block.axes)
    except Unproven as why_not:
        _doubt(found, block.layer, str(why_not))
        return
    except Exception as error:  # what a network does when a block of it runs by itself is its own affair
        _doubt(found, block.layer, f"is in a block that fails when it runs by itself ({type(error).__name__})")
        return
    kinds = Counter(each.kind for each in added.parts)
    for one in added.parts:
        name = f"{block.layer}.{one.kind}"
        if one.kind == "mixer":
            found.absent |= {f"{block.layer}.{kind}": MIXER for kind in ("attention", HEADS, HEAD)}
            continue
        if kinds[one.kind] > 1:
            why_not = f"is {kinds[one.kind]} parts, each of which adds to the residual stream"
            names = (HEADS, HEAD, one.kind) if one.kind == "attention" else (one.kind,)
            found.doubts |= {f"{block.layer}.{kind}": why_not for kind in names}
            continue
        if one.kind == "attention":
            _add_heads(found, block, replay, added, one)
        view = _added_view(block.axes, one.seen.tensor.shape, added.shape)
        _add(found, block, name, _site(block.path, replay, one.seen), added, view, one.seen.tensor)
        found.proofs[name] = {"sum": one.off}


def _add_heads(found: Sites, block: _Block, replay: Replay, added: Added, attention: Addition) -> None:
    layer, axes = block.layer, block.axes
    try:
        if axes is None or axes.units_of(3) != [2] or len(added.shape) != 3:
            raise Unproven("are of a map, of which heads are not told")
        heads = heads_of(replay, added.seen, attention, block.known)
    except Unproven as why_not:
        found.doubts |= dict.fromkeys((f"{layer}.{HEADS}", f"{layer}.{HEAD}"), str(why_not))
        return
    n_before = replay.before.get(heads.path, 0)
    site = Site(_joined(block.path, heads.path), n_before + heads.call, "heads" if heads.of_torch else "input")
    samples = axes.rows.axis
    names = {f"{layer}.{HEADS}": slice(None)}
    names |= {f"{layer}.head_{i + 1}": slice(i * heads.size, (i + 1) * heads.size) for i in range(heads.n_heads)}
    seen = torch.empty(*added.shape[:2], heads.n_heads * heads.size, device="meta")
    for name, units in names.items():
        _add(found, block, name, site, added, partial(_units, samples, units), seen)
        found.proofs[name] = {"heads": heads.n_heads, "projection": heads.off}


def _add(found: Sites, block: _Block, name: str, site: Site, added: Added, view: View, seen: torch.Tensor) -> None:
    n_samples = added.shape[block.axes.rows.axis if block.axes else 0]
    shape = tuple(view(seen, n_samples).shape)
    place = Place(name, site, block.number / block.stack.n_blocks, shape, False, block.stack.name, view=view)
    found.places.setdefault(block.layer, []).append(place)


def _added_view(axes: Axes, shape: torch.Size, whole: torch.Size) -> View:
    """What is added may have all positions along one axis, sample after sample."""
    if len(shape) == len(whole):
        return axes
    return lambda hidden, n_samples: hidden.reshape(n_samples, -1, hidden.shape[-1])


def _units(samples: int, units: slice, hidden: torch.Tensor, _: int) -> torch.Tensor:
    return hidden.movedim(samples, 0)[..., units]


def _site(path: str, replay: Replay, seen: Replayed) -> Site:
    part = None if seen.leading else seen.key
    return Site(_joined(path, seen.path), replay.before.get(seen.path, 0) + seen.call, seen.side, part)


def _joined(path: str, inside: str) -> str:
    return f"{path}.{inside}".strip(".")


def _doubt(found: Sites, layer: str, why_not: str) -> None:
    found.doubts |= {f"{layer}.{kind}": why_not for kind in (*ADDED, HEADS, HEAD)}


def wanted(select: str | Sequence[str] | None, stacks: Sequence[Stack]) -> bool:
    """Whether a choice of layers names sites of blocks, whether they are there or not; two stars at its end do not."""
    # Their names have a dot, at which a single star stops.
    able = [pattern for pattern in patterns_of(select or ()) if "." in pattern or "**" in pattern]
    patterns = [pattern for pattern in able if not pattern.endswith("**")]
    return any(_fits(pattern, name, stack.name) for pattern in patterns for stack in stacks for name in _names(stack))


def chosen(select: str | Sequence[str], found: Sites, places: Sequence[Place]) -> list[Place]:
    """All places with those of blocks ahead of what the block puts out.

    Raises
    ------
    InvalidValue
        If what is named cannot be shown.
    """
    stacks = {place.name: place.stack for each in found.places.values() for place in each}
    for pattern in patterns_of(select):
        some = any(_fits(pattern, each.name, each.stack) for own in found.places.values() for each in own)
        for name, why_not in (found.doubts if some else {**found.doubts, **found.absent}).items():
            if not pattern.endswith("**") and _fits(pattern, name, stacks.get(name, name.rpartition(".block_")[0])):
                raise InvalidValue(f"layer {name!r} {why_not}; choose other layers, by the paths of their modules.")
    taken = {place.name for each in found.places.values() for place in each}
    others = [replace(place, name=f"{place.name}_{OUTPUT}") if place.name in taken else place for place in places]
    return [each for place in others for each in (*found.places.get(place.name, ()), place)]


def common_names(stacks: Sequence[Stack]) -> list[str]:
    """Names of the sites that most blocks have, of all but single heads."""
    return [name for stack in stacks for name in _names(stack, n_heads=0)]


def _names(stack: Stack, n_heads: int = MOST_HEADS) -> Iterator[str]:
    for number in range(1, stack.n_blocks + 1):
        for kind in (*ADDED, HEADS, *(f"head_{i}" for i in range(1, n_heads + 1))):
            yield stack.layer(f"block_{number}.{kind}")


def _fits(pattern: str, name: str, stack: str) -> bool:
    fits = fitting(pattern)
    return bool(fits(name) or (stack and fits(name[len(stack) + 1 :])))
