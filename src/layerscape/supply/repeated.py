"""Conditions that were measured several times: values of their means, and the ceiling that noise sets to them.

With m(x, y) a comparison, h and g two halves of the repeats of every condition, and bars for means over repeats:

- reliability of a side: r = the mean of m(x̄_h, x̄_g) over splits, of all repeats R = 2r/(1 + r) (Spearman 1910, Brown
  1910; of an odd number of repeats one is in neither half, and the factor is their number over that of a half);
- ceiling: √(R_x·R_y), what m(x̄, ȳ) would be if both sides were the same but for noise;
- value over ceiling: the mean of m(x̄_h, ȳ_g) and m(x̄_g, ȳ_h) over √(r_x·r_y) (Spearman 1904, doi:10.2307/1412159).

The last is read from halves on both sides of the fraction, so that it needs no law of how noise falls with repeats, and
from different repeats, so that what both sides share in one repeat does not count. It is the agreement without noise
wherever noise only divides m by the length of what it is added to, as for debiased CKA.

- single repeats: the mean of m(x_i, y_j) over i ≠ j, between the bounds of Nili et al. 2014
  (doi:10.1371/journal.pcbi.1003553): a repeat with the mean of the others (too low), and with the mean of all (too
  high); of two noisy sides the product.

Intervals are over conditions: the jackknife that leaves out one of up to 20 blocks of them, with Student's law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from math import isfinite, sqrt
from typing import Any

import numpy as np

from layerscape.core.estimate import Ceiling, Estimate
from layerscape.core.interval import GROUPS, margin_of_left_out
from layerscape.core.keywords import Search
from layerscape.core.measure import ALWAYS, EVEN
from layerscape.core.repeats import PAIRS, Halves, Repeats, spearman_brown
from layerscape.core.representation import Representation
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.supply.graphs import Graphs
from layerscape.supply.means import Means, mean_over
from layerscape.supply.supplier import Supplier

FEWEST, MOST = 20, 500  # conditions without which there is no ceiling, and of which it is at the most
UNEVEN = 0.2  # coefficient of variation over conditions of the variance of noise, up to which it is even
Side = tuple[Source, str]  # a layer of single samples


class Repeated(Supplier):
    """The data of tasks, each sample the mean over the repeats of a condition."""

    def __init__(self, source: Source, search: Search, repeats: Repeats, other: Graphs | None = None):
        second = None if other is None else Graphs(Means(other.source, repeats.rows), other.search)
        super().__init__(Means(source, repeats.rows), search, second)
        self.repeats = repeats
        self._single = source, source if other is None else other.source
        self._found_before: dict[tuple[Any, ...], np.ndarray] = {}

    def among(self, rows: np.ndarray) -> Repeated:
        second = self.provision.other
        other = None if second is self.graphs else Graphs(self._single[1], second.search)
        return Repeated(self._single[0], self.search, self.repeats.take(rows), other)

    def groups_words(self, task: Task) -> str:
        return self.repeats.words

    def attempt(self, task: Task) -> Estimate:
        found = super().attempt(task)
        if self.home(task) is not self:
            return found
        found = replace(found, groups=self.repeats.words)
        if not task.measure.compares or not isfinite(found.value):
            return found
        try:
            ceiling, words = self.ceiling(self.provision.fitted(task)[0])
        except LayerscapeError as error:
            ceiling, words = None, (str(error),)
        return replace(found, ceiling=ceiling, warnings=(*found.warnings, *words))

    def ceiling(self, task: Task) -> tuple[Ceiling, tuple[str, ...]]:
        """How far noise lets a comparison reach, and what is to be said of it; raises where that is not known."""
        if (by := task.measure.ceiling_by(task.options)) not in (ALWAYS, EVEN):
            raise InvalidValue(f"no ceiling: {by}")
        if len(self.repeats.rows) < FEWEST:
            raise InvalidValue(f"no ceiling of {len(self.repeats.rows)} conditions; give {FEWEST} or more")
        of_x, of_y = (self._single[0], task.layer), (self._single[1], task.other_layer)
        if by == EVEN:
            self._check_even(task, of_x, of_y)
        x, y = self._reliability(task, of_x), self._reliability(task, of_y)
        for (_, layer), own in ((of_x, x), (of_y, y)):
            if not own[0] > margin_of_left_out(own[1:]):
                named = f"layer {layer!r}" if layer else "a side"
                raise InvalidValue(f"no ceiling: halves of the repeats of {named} agree no more than by chance")
        repeats, of_half = self.repeats.number, self.repeats.number // 2
        ceiling = np.sqrt(np.prod([spearman_brown(np.maximum(r, 0), repeats / of_half) for r in (x, y)], axis=0))
        halves = self._mean(
            task, of_x, of_y, [both for one, two in self.repeats.halves() for both in ((one, two), (two, one))]
        )
        over = halves / np.sqrt(np.maximum(x * y, np.finfo(float).tiny))
        single = self._of_one(task, of_x, of_y)
        value, low, high = _with_ends(ceiling)
        return Ceiling(value, max(0.0, low), high, *_with_ends(over), *single), self._words()

    def _reliability(self, task: Task, side: Side) -> np.ndarray:
        """How halves of the repeats of one side agree, and without each block of conditions."""
        key = task.measure, repr(sorted(task.options.items())), side[0] is self._single[0], side[1]
        if key not in self._found_before:
            self._found_before[key] = self._mean(task, side, side, self.repeats.halves())
        return self._found_before[key]

    def _mean(self, task: Task, one: Side, other: Side, halves: Sequence[Halves]) -> np.ndarray:
        """The mean over halves, one on each side, of all conditions and without each block of them; shape (1 + B,)."""
        n = len(self._taken)
        member = np.random.default_rng(0).permutation(n) % min(GROUPS, n)
        without = (np.flatnonzero(member != block) for block in range(member.max() + 1))
        return self._of_parts(task, one, other, halves, [np.arange(n), *without])

    def _of_one(self, task: Task, x: Side, y: Side) -> tuple[float, float, float]:
        """The value of single repeats of both sides, and the bounds that leaving one out gives for it."""
        ones, every = self.repeats.without_one(), self.repeats.rows
        bounds = np.ones(2)
        for side in (x, y):
            low = self._whole(task, side, side, ones)
            high = self._whole(task, side, side, [(one, every) for one, _ in ones])
            bounds *= max(low, 0.0), max(high, 0.0)
        return self._whole(task, x, y, self.repeats.of_two()), float(bounds[0]), float(bounds[1])

    def _whole(self, task: Task, one: Side, other: Side, halves: Sequence[Halves]) -> float:
        """The mean of all conditions alone."""
        return float(self._of_parts(task, one, other, halves, [np.arange(len(self._taken))])[0])

    def _of_parts(
        self, task: Task, one: Side, other: Side, halves: Sequence[Halves], parts: Sequence[np.ndarray]
    ) -> np.ndarray:
        """The mean over halves, one on each side, of each part of the conditions."""
        x, y = (source.vectors(layer) for source, layer in (one, other))
        found = []
        for first, second in halves:
            means = mean_over(x, first[self._taken]), mean_over(y, second[self._taken])
            found.append([value_of(task, *(mean.take(rows) for mean in means)) for rows in parts])
        return np.mean(found, axis=0)

    @cached_property
    def _taken(self) -> np.ndarray:
        """The conditions that the ceiling is of."""
        n = len(self.repeats.rows)
        return np.arange(n) if n <= MOST else np.sort(np.random.default_rng(0).permutation(n)[:MOST])

    def _check_even(self, task: Task, *sides: Side) -> None:
        """Raise where some conditions are much noisier than others, which is read as distances that repeat."""
        for source, layer in sides:
            if uneven_noise(source.vectors(layer), self.repeats.rows[self._taken]) > UNEVEN:
                where = f" in layer {layer!r}" if layer else ""
                raise InvalidValue(
                    f"no ceiling: some conditions are much noisier than others{where}, "
                    f"which {task.measure.name} reads as distances that repeat; the linear kernel of cka does not"
                )

    def _words(self) -> tuple[str, ...]:
        """What is to be said of a ceiling."""
        n, pairs = len(self.repeats.rows), self.repeats.number * (self.repeats.number - 1)
        words = (f"the ceiling is of {MOST} of {n} conditions",) if n > MOST else ()
        return words if pairs <= PAIRS else (*words, f"single repeats are compared in {PAIRS} of {pairs} pairs")


def value_of(task: Task, x: Representation, y: Representation) -> float:
    """The value alone, without the interval and the chance that it has."""
    if task.measure.score is None:
        return float(task.measure.bare(x, y, **task.options).value)
    return float(task.measure.score_of(x, y, **task.options)([np.arange(x.n_samples)])[0])


def uneven_noise(x: Representation, rows: np.ndarray) -> float:
    """Coefficient of variation over conditions of the variance within them, less what chance gives it at the most.

    A variance of R repeats in D units has one of √(2/((R − 1)·D_e)), D_e = (tr Σ)²/tr Σ² directions of noise.
    """
    apart = np.stack([x.read(each) for each in rows.T], axis=1)  # (C, R, D)
    apart -= apart.mean(axis=1, keepdims=True)
    sums = np.einsum("crd,crd->c", apart, apart)
    if not sums.mean() > 0:
        return 0.0
    flat = apart.reshape(-1, apart.shape[2]) / sqrt(sums.mean())
    square = flat.T @ flat if flat.shape[1] <= len(flat) else flat @ flat.T
    directions = np.trace(square) ** 2 / (square**2).sum()
    by_chance = 2 / ((rows.shape[1] - 1) * directions)
    unsure = 2 * by_chance * sqrt((2 + 6 * by_chance) / len(sums))
    return sqrt(max(0.0, float(sums.var() / sums.mean() ** 2) - by_chance - unsure))


def _with_ends(found: np.ndarray) -> tuple[float, float, float]:
    """A value and its interval, from what it is of all conditions and without each block of them."""
    margin = margin_of_left_out(found[1:])
    return float(found[0]), float(found[0]) - margin, float(found[0]) + margin
