"""Depth: which layers lie along one axis of it. A network of two towers, or of encoder and decoder, has two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf


def axes_of_depth(layers: Sequence[str], depths: Mapping[str, float | None]) -> dict[str, int]:
    """By layer, in order, how often depth has begun anew before it; one without depth goes with the one before it.

    >>> axes_of_depth(["a", "b", "norm", "c"], {"a": 0.0, "b": 1.0, "norm": None, "c": 0.0})
    {'a': 0, 'b': 0, 'norm': 0, 'c': 1}
    """
    found, number, last = {}, 0, -inf
    for layer in layers:
        depth = depths.get(layer)
        depth = last if depth is None else depth
        number += depth < last
        found[layer], last = number, depth
    return found


def steps(layers: Sequence[str], depths: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Every layer and the next one along its axis.

    >>> steps(["a", "b", "c", "d"], {"a": 0.0, "b": 1.0, "c": 0.0, "d": 1.0})
    [('a', 'b'), ('c', 'd')]
    """
    axis = axes_of_depth(layers, depths)
    return [(a, b) for a, b in pairwise(layers) if axis[a] == axis[b]]
