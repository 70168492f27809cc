"""Layers: what a network's layers are called, in which order they come, and which of them the user wants."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import nn

from layerscape.errors import InvalidValue, unknown_name
from layerscape.extraction.hooks import Firing, Site

INPUT = "input"
OUTPUT = "output"  # the network's own output, which has no path


@dataclass(frozen=True)
class Place:
    """A layer before pooling: its name, where it is seen (None: the input itself), and whether it is a default."""

    name: str
    site: Site | None
    depth: float | None
    shape: tuple[int, ...]
    default: bool
    head: Callable[[Any, Any], Any] | None = None  # what makes a vector of it, where no pooling does

    @property
    def path(self) -> str:
        """The path of the module whose output it is, with a suffix from the second time on that it runs in one pass."""
        return _path(self.site) if self.site and self.site.side == "output" else self.name


def name_layers(module: nn.Module, firings: Sequence[Firing], n_blocks: int | None) -> list[Place]:
    """All layers that can be pooled, in the order in which they come.

    Parameters
    ----------
    module
        The network.
    firings
        From a dry run: those that have a row per sample.
    n_blocks
        How many blocks its configuration states, if it has one.
    """
    outputs = [firing for firing in firings if firing.site.side == "output"]
    blocks = _find_blocks(module, outputs, n_blocks)
    if not blocks:
        return _without_blocks(module, outputs)
    number = {path: i for i, path in enumerate(blocks, start=1)}
    norm = _final_norm(module, outputs, blocks[-1])
    taken = {"embedding", "final_norm", *(f"block_{block}" for block in number.values())}
    places = []
    for firing in firings:
        site, shape = firing.site, firing.shape or ()
        if site == Site(blocks[0], 0, "input"):
            places.append(Place("embedding", site, 0.0, shape, True))
        elif site.side == "output" and site.module in number:
            block = number[site.module]
            places.append(Place(f"block_{block}", site, block / len(blocks), shape, True))
        elif site == norm:
            places.append(Place("final_norm", site, None, shape, True))
        elif site.side == "output" and site.module:
            inside = next((block for path, block in number.items() if site.module.startswith(f"{path}.")), None)
            name = _path(site)
            # A module may be called as the layers of the axis are.
            name = f"{name}_{OUTPUT}" if name in taken else name
            places.append(Place(name, site, inside and inside / len(blocks), shape, False))
    return places


def silent_modules(module: nn.Module, seen: Sequence[Firing], usable: Sequence[Firing]) -> dict[str, str]:
    """Why a module is no layer, by its path."""
    ran, layers = ({each.site.module for each in some if each.site.side == "output"} for some in (seen, usable))
    said = {
        path: "is a module that does not run in a forward pass of the network" for path, _ in module.named_modules()
    }
    said |= dict.fromkeys(ran, "puts out no floating-point tensor with one row per sample")
    return {path: why for path, why in said.items() if path not in layers}


def choose(
    places: Sequence[Place], select: str | Sequence[str] | None, silent: Mapping[str, str] = MappingProxyType({})
) -> list[Place]:
    """The places whose name, or where no name does, path fits a pattern, in their order; the defaults for None.

    ``silent`` says of modules that are no layers why they are none.
    """
    if select is None:
        return [place for place in places if place.default]
    wanted = select.split(",") if isinstance(select, str) else list(select)
    wanted = [pattern.strip() for pattern in wanted if pattern.strip()]
    chosen: set[str] = set()
    for pattern in wanted:
        fits = re.compile(_expression(pattern)).fullmatch
        found = [place.name for place in places if fits(place.name)]
        found = found or [place.name for place in places if fits(place.path)]
        if not found and pattern in silent:
            raise InvalidValue(f"{pattern!r} {silent[pattern]}; choose other layers.")
        if not found:
            raise unknown_name("layer", pattern, [place.name for place in places])
        chosen.update(found)
    if not chosen:
        raise InvalidValue("no layer is chosen; name some, such as 'block_*', or leave the choice out.")
    return [place for place in places if place.name in chosen]


def _find_blocks(module: nn.Module, outputs: Sequence[Firing], n_blocks: int | None) -> list[str]:
    """Paths of the blocks in order: the most numerous children of one kind that run once each, one after the other.

    Lists of one kind of block count as one (the stages of a ResNet), and lists within blocks do not count.
    """
    runs = Counter(firing.site.module for firing in outputs)
    order = {firing.site.module: i for i, firing in enumerate(outputs) if runs[firing.site.module] == 1}
    groups: dict[Any, list[str]] = {}
    for path, container in module.named_modules():
        if not isinstance(container, (nn.ModuleList, nn.Sequential)):
            continue
        children = [f"{path}.{name}".lstrip(".") for name, _ in container.named_children()]
        inside = any(path.startswith(f"{block}.") for group in groups.values() for block in group)
        if inside or not children or any(child not in order for child in children):
            continue
        kinds = {type(child) for child in container.children()}
        if len(kinds) == 1:
            groups.setdefault(kinds.pop(), []).extend(children)
        elif len(children) == n_blocks:  # blocks of several kinds, as attention and state-space layers in turn
            groups[path] = children
    for group in groups.values():
        group.sort(key=order.__getitem__)
    if stated := [group for group in groups.values() if len(group) == n_blocks]:
        return stated[0]
    longest = sorted(groups.values(), key=len, reverse=True)[:2]
    if not longest or len(longest[0]) < 2 or (len(longest) == 2 and len(longest[0]) == len(longest[1])):
        return []
    return longest[0]


def _final_norm(module: nn.Module, outputs: Sequence[Firing], last: str) -> Site | None:
    """Where the norm after the last block is: a layer off the axis of blocks, since none of them is normalized."""
    at = next(i for i, firing in enumerate(outputs) if firing.site.module == last)
    for firing in outputs[at + 1 :]:
        kind = type(module.get_submodule(firing.site.module)).__name__.lower()
        if "norm" in kind and firing.shape == outputs[at].shape:
            return firing.site
    return None


def _without_blocks(module: nn.Module, outputs: Sequence[Firing]) -> list[Place]:
    """By raw path: of default are the leaves, from depth 0 to 1."""

    def counts(firing: Firing) -> bool:
        part = module.get_submodule(firing.site.module)
        # In evaluation these put out what comes in.
        return not list(part.children()) and not isinstance(part, (nn.Dropout, nn.Identity))

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
