"""Depth: which layers lie along one axis of it.

A network of two towers, or of encoder and decoder, has two; and what attention and mlps add to the residual stream lies
along axes of its own, beside that of the stream itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import inf

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
    has an axis to itself.

    >>> axes_of_depth(["a", "b", "norm", "c"], {"a": 0.0, "b": 1.0, "norm": None, "c": 0.0})
    {'a': 0, 'b': 0, 'norm': 0, 'c': 1}
    >>> axes_of_depth(["embedding", "block_1.mlp", "block_1"], {"embedding": 0.0, "block_1.mlp": 1.0, "block_1": 1.0})
    {'embedding': 0, 'block_1.mlp': 1, 'block_1': 0}
    """
    numbers: dict[tuple[str, int], int] = {}
    begun: dict[str, int] = {}
    last: dict[str, float] = {}
    found = {}
    for layer in layers:
        site = site_of(layer)
        kind = layer if site.startswith("head_") else site
        before = last.get(kind, -inf)
        depth = depths.get(layer)
        depth = before if depth is None else depth
        begun[kind] = begun.get(kind, 0) + (depth < before)
        last[kind] = depth
        found[layer] = numbers.setdefault((kind, begun[kind]), len(numbers))
    return found


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

    In place of a site of a block the residual stream of its stack, and where that is not there all sites of its kind.

    >>> depths = {"block_1.head_1": 0.5, "block_1": 0.5, "block_2.head_1": 1.0, "block_2": 1.0}
    >>> beside("block_1.head_1", list(depths), depths)
    ['block_1', 'block_2']
    """
    site = site_of(layer)
    along = axes_of_depth(layers, depths)
    if not site:
        return [other for other in layers if along[other] == along[layer]]
    stack = layer.removesuffix(f".{site}").rpartition("block_")[0]
    stream = [other for other in layers if not site_of(other) and other.startswith(stack)]
    kind = site.partition("_")[0]
    return stream or [other for other in layers if site_of(other).partition("_")[0] == kind and other.startswith(stack)]
