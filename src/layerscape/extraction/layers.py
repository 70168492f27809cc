"""Layers: what a network's layers are called, in which order they come, and which of them the user wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from torch import nn

from layerscape.errors import InvalidValue, unknown_name
from layerscape.extraction.hooks import Site
from layerscape.extraction.stacks import Stack
from layerscape.extraction.tracing import Firing

View = Callable[[Any, int], Any]  # from a tensor and the number of samples

INPUT = "input"
OUTPUT = "output"  # the network's own output, which has no path
FOLDED = (  # why a module is no layer of which nothing tells more
    "puts out parts of each sample along the axis of the samples, as windows or heads, and nothing tells whether these "
    "are places or units"
)

UNSEEN = "is a sum outside of its block that no module takes; let an nn.Identity() take it to see it"


@dataclass(frozen=True)
class Place:
    """A layer before pooling: its name, where it is seen (None: the input itself), and whether it is a default.

    ``stack`` is the axis that its depth is along, where the network has several.
    """

    name: str
    site: Site | None
    depth: float | None
    shape: tuple[int, ...]
    default: bool
    stack: str = ""
    head: Callable[[Any, Any], Any] | None = None  # what makes a vector of it, where no pooling does
    view: View | None = None  # puts samples first of what is seen there, and leaves units that are not of the layer

    @property
    def follows(self) -> bool:
        """Whether blocks of its stack have worked on it, so that no token of it is of one part of the sample alone."""
        return bool(self.depth) or (self.default and self.depth is None and self.site is not None)

    @property
    def path(self) -> str:
        """The path of the module whose output it is, with a suffix from the second time on that it runs in one pass."""
        return _path(self.site) if self.site and self.site.side == "output" else self.name


def name_layers(module: nn.Module, firings: Sequence[Firing], stacks: Sequence[Stack]) -> list[Place]:
    """All layers that can be pooled, in the order in which they come.

    Parameters
    ----------
    module
        The network.
    firings
        From a dry run: those that have a row per sample, with the shapes that the pooling gets.
    stacks
        Its axes of depth.
    """
    if not stacks:
        outputs = [firing for firing in firings if firing.site.side == "output"]
        return _apart(_without_blocks(module, outputs), by_path=True)
    named: dict[Site, list[tuple[str, float | None, Stack]]] = {}
    for stack in stacks:
        for number, site in enumerate(stack.states):
            if site is not None:
                name = f"block_{number}" if number else "embedding"
                named.setdefault(site, []).append((stack.layer(name), number / stack.n_blocks, stack))
        if stack.norm is not None:
            named.setdefault(stack.norm, []).append((stack.layer("final_norm"), None, stack))
    places = []
    for firing in firings:
        site, shape = firing.site, firing.shape or ()
        layers = named.get(site, [])
        places += [Place(name, site, depth, shape, True, stack.name) for name, depth, stack in layers]
        if not layers and site.side == "output" and site.part is None:
            depth, stack = _inside(site, stacks)
            places.append(Place(_path(site), site, depth, shape, False, stack))
    return _apart(places)


def _apart(places: Sequence[Place], *, by_path: bool = False) -> list[Place]:
    """With a name of its own for each, of which a module may be called as the layers of an axis are, or as the output.

    So may one be as another that runs again. Where all layers are called ``by_path``, a module that is called as the
    output keeps its name, and it is the output that gets another.
    """
    names, taken = {}, {INPUT}

    def rank(number: int) -> int:
        site = places[number].site
        if by_path and site is not None and not site.module:
            return 2
        if site is None or site.side == "input" or not site.module or places[number].name != _path(site):
            return 0
        return 1 + bool(site.call)

    for number in sorted(range(len(places)), key=rank):
        name = places[number].name
        while name in taken:
            name = f"{name}_{OUTPUT}"
        taken.add(name)
        names[number] = name
    return [replace(place, name=names[number]) for number, place in enumerate(places)]


def _inside(site: Site, stacks: Sequence[Stack]) -> tuple[float | None, str]:
    """The depth of the block that a module is a part of, and of which stack this is."""
    for stack in stacks:
        blocks = [number for number, call in enumerate(stack.blocks, 1) if site.module.startswith(f"{call.path}.")]
        if blocks:
            # A block that runs several times has parts that run as often.
            return blocks[min(site.call, len(blocks) - 1)] / stack.n_blocks, stack.name
    return None, ""


def silent_modules(
    module: nn.Module, seen: Sequence[Firing], usable: Sequence[Firing], stacks: Sequence[Stack]
) -> dict[str, str]:
    """Why a module is no layer, by its path, or what a block makes, by its name."""
    ran, layers = ({each.site.module for each in some if each.site.side == "output"} for some in (seen, usable))
    said = {
        path: "is a module that does not run in a forward pass of the network" for path, _ in module.named_modules()
    }
    said |= dict.fromkeys(ran, "puts out no floating-point tensor with one row per sample")
    found = {path or OUTPUT: why for path, why in said.items() if path not in layers}
    return found | {name: UNSEEN for stack in stacks for name in stack.unseen}


def patterns_of(select: str | Sequence[str]) -> list[str]:
    """One after the other, as they are given or separated by commas."""
    wanted = select.split(",") if isinstance(select, str) else list(select)
    return [pattern.strip() for pattern in wanted if pattern.strip()]


@cache
def fitting(pattern: str) -> Callable[[str], object]:
    """Whether a name fits a pattern: a star stops at a dot, two stars do not."""
    return re.compile(_expression(pattern)).fullmatch


def choose(
    places: Sequence[Place],
    select: str | Sequence[str] | None,
    silent: Mapping[str, str] = MappingProxyType({}),
    others: Iterable[str] = (),
) -> list[Place]:
    """The places whose name, or where no name does, path fits a pattern, in their order; the defaults for None.

    ``silent`` says of modules that are no layers why they are none; ``others`` are names that may have been meant.
    """
    if select is None:
        return [place for place in places if place.default]
    chosen: set[str] = set()
    for pattern in patterns_of(select):
        fits = fitting(pattern)
        found = [place.name for place in places if place.name == pattern]  # which may hold a star itself
        found = found or [place.name for place in places if fits(place.name)]
        found = found or [place.name for place in places if fits(place.path)]
        found = found or [place.name for place in places if place.stack and fits(place.name[len(place.stack) + 1 :])]
        if not found:
            check_folded(silent, pattern)
            raise unknown_name("layer", pattern, [*(place.name for place in places), *others])
        chosen.update(found)
    if not chosen:
        raise InvalidValue("no layer is chosen; name some, such as 'block_*', or leave the choice out.")
    return [place for place in places if place.name in chosen]


def check_folded(silent: Mapping[str, str], pattern: str) -> None:
    """Raise where a pattern fits a module that is no layer, or none, where some hide what they put out."""
    fits = fitting(pattern)
    for path, why in silent.items():
        if path == pattern or (why == FOLDED and fits(path)):
            raise InvalidValue(f"{path!r} {why}; choose other layers.")
    if folded := [path for path, why in silent.items() if why == FOLDED]:
        raise InvalidValue(f"{pattern!r} fits no layer: {folded[0]!r} {FOLDED}; choose other layers.")


def _without_blocks(module: nn.Module, outputs: Sequence[Firing]) -> list[Place]:
    """By raw path: of default are the leaves, from depth 0 to 1."""

    def counts(firing: Firing) -> bool:
        part = module.get_submodule(firing.site.module)
        parts = part._modules.keys() - {"parametrizations"}  # which make its weights
        # In evaluation these put out what comes in.
        return not parts and not isinstance(part, (nn.Dropout, nn.Identity))

    n_default = sum(map(counts, outputs))
    places, position = [], 0
    for firing in outputs:
        default = counts(firing)
        depth = (position / (n_default - 1) if n_default > 1 else 1.0) if default else None
        position += default
        places.append(Place(_path(firing.site), firing.site, depth, firing.shape or (), default))
    return places


def _path(site: Site) -> str:
    return (site.module or OUTPUT) + (f"_{site.call}" if site.call else "")


def _expression(pattern: str) -> str:
    """A glob as a regular expression: a star stops at a dot, two stars do not."""
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    meaning = {"**": ".*", "*": r"[^.]*", "?": r"[^.]"}
    return "".join(meaning.get(part) or re.escape(part) for part in parts)
