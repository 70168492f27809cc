"""Subsets: graphs of random subsets of the samples, for quantities that are read from how they change with N."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from layerscape.core.neighbors import Neighbors
from layerscape.core.shown import Card, Shown
from layerscape.errors import InvalidValue

WIDE = 64  # neighbors of the whole graph from which subsets are cut: a subset of N/8 finds 8 of its own among them


@dataclass(frozen=True, eq=False, repr=False)
class Subsets(Shown):
    """The graphs of all samples and of random subsets, each of N/2, N/4, … samples; those of one size are disjoint.

    Attributes
    ----------
    graphs
        One graph per subset, the largest subsets first; the first is of all samples.
    """

    graphs: tuple[Neighbors, ...] = field(repr=False)

    def _card(self) -> Card:
        units = f" × {self.n_units} units" if self.n_units else ""
        sizes = [
            (f"{size} samples", f"{len(of_size)} graphs of {of_size[0].k} neighbors")
            for size, of_size in self.by_size.items()
        ]
        return Card(f"Subsets: {len(self.graphs)} of {self.n_samples} samples{units}", sizes)

    @property
    def n_samples(self) -> int:
        """N, how many samples there are in all."""
        return self.graphs[0].n_samples

    @property
    def n_units(self) -> int | None:
        return self.graphs[0].n_units

    @property
    def by_size(self) -> dict[int, list[Neighbors]]:
        """Size of the subsets → their graphs."""
        sizes: dict[int, list[Neighbors]] = {}
        for graph in self.graphs:
            sizes.setdefault(graph.n_samples, []).append(graph)
        return sizes


def draw_subsets(n_samples: int, *, smallest: int, repetitions: int, seed: int) -> list[np.ndarray]:
    """Increasing row numbers of the subsets: all, then up to ``repetitions`` disjoint ones of N/2, N/4, … ≥ smallest.

    >>> [len(rows) for rows in draw_subsets(1000, smallest=200, repetitions=3, seed=0)]
    [1000, 500, 500, 250, 250, 250]
    """
    for name, value, least in (("smallest", smallest, 3), ("repetitions", repetitions, 1)):
        if value < least:
            raise InvalidValue(f"{name}={value}; give at least {least}.")
    order = np.random.default_rng(seed).permutation(n_samples)
    subsets, size, parts = [np.arange(n_samples)], n_samples // 2, 2
    while size >= smallest:
        subsets += [np.sort(order[part * size : (part + 1) * size]) for part in range(min(parts, repetitions))]
        size, parts = size // 2, 2 * parts
    return subsets
