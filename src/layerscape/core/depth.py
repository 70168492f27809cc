"""Depth: which layers lie along one axis of it.

A network of two towers, or of encoder and decoder, has two; and what attention and mlps add to the residual stream lies
along axes of its own, beside that of the stream itself. What several towers are given is a layer of none of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf

INPUT = "input"
SITE = re.compile(r"(?:.*\.)?block_\d+\.(attention|cross_attention|mlp|heads|head_\d+)")


def site_of(layer: str) -> str:
    """Which site of a block a layer is by its name; empty for the residual stream and all other layers.

    >>> site_of("encoder.block_3.head_7"), site_of("block_3")
    ('head_7', '')
    """
    found = SITE.fullmatch(layer)
    return found[1] if found else ""


def axes_of_depth(layers: Sequence[str], depths: Mapping[str, float | None]) -> dict[str, int]:
    """By layer, in order, the number of its axis: another one where depth begins anew, and for each kind of site.

    A layer without depth goes with the one before it. Heads of different blocks have nothing in common, so that each
    has an axis to itself, and so has the input where there are several towers or stacks.

    >>> axes_of_depth(["a", "b", "norm", "c"], {"a": 0.0, "b": 1.0, "norm": None, "c": 0.0})
    {'a': 0, 'b': 0, 'norm': 0, 'c': 1}
    >>> axes_of_depth(["embedding", "block_1.mlp", "block_1"], {"embedding": 0.0, "block_1.mlp": 1.0, "block_1": 1.0})
    {'embedding': 0, 'block_1.mlp': 1, 'block_1': 0}
    >>> axes_of_depth(["input", "l.block_1", "r.embedding"], {"l.block_1": 1.0, "r.embedding": 0.0})
    {'input': 0, 'l.block_1': 1, 'r.embedding': 2}
    """
    numbers: dict[tuple[str, int], int] = {}
    begun: dict[str, int] = {}
    last: dict[str, float] = {}
    found = {}
    several = _begins_anew(layers, depths)
    for layer in layers:
        site = site_of(layer)
        kind = layer if site.startswith("head_") or (layer == INPUT and several) else site
        before = last.get(kind, -inf)
        depth = depths.get(layer)
        depth = before if depth is None else depth
        begun[kind] = begun.get(kind, 0) + (depth < before)
        last[kind] = depth
        found[layer] = numbers.setdefault((kind, begun[kind]), len(numbers))
    return found


def _begins_anew(layers: Sequence[str], depths: Mapping[str, float | None]) -> bool:
    stream = [depth for layer in layers if (depth := depths.get(layer)) is not None and not site_of(layer)]
    return any(b < a for a, b in pairwise(stream))


def steps(layers: Sequence[str], depths: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Every layer and the next one along its axis.

    >>> steps(["a", "b", "c", "d"], {"a": 0.0, "b": 1.0, "c": 0.0, "d": 1.0})
    [('a', 'b'), ('c', 'd')]
    """
    found, before = [], {}
    for layer, axis in axes_of_depth(layers, depths).items():
        if axis in before:
            found.append((before[axis], layer))
        before[axis] = layer
    return found


def beside(layer: str, layers: Sequence[str], depths: Mapping[str, float | None]) -> list[str]:
    """The layers that one would take in place of one: those along its axis, itself among them.

    In place of a site of a block the residual stream of its stack, and where that is not there all sites of its kind;
    in place of the input of several towers, which is what the first of them is given, the layers of that.

    >>> depths = {"block_1.head_1": 0.5, "block_1": 0.5, "block_2.head_1": 1.0, "block_2": 1.0}
    >>> beside("block_1.head_1", list(depths), depths)
    ['block_1', 'block_2']
    """
    site = site_of(layer)
    along = axes_of_depth(layers, depths)
    if layer == INPUT:
        first = next((along[other] for other in layers if other != INPUT and not site_of(other)), along[INPUT])
        return [other for other in layers if other == INPUT or along[other] == first]
    if not site:
        return [other for other in layers if along[other] == along[layer]]
    stack = layer.removesuffix(f".{site}").rpartition("block_")[0]
    stream = [other for other in layers if not site_of(other) and other.startswith(stack)]
    kind = site.partition("_")[0]
    return stream or [other for other in layers if site_of(other).partition("_")[0] == kind and other.startswith(stack)]
