"""Exchange: which orders of the samples are as likely as the one that there is, where samples belong together.

- Two representations: whole groups change places, their members in any order. Where sizes differ, groups change places
  with such as are of about their size (`strata`), of which each has as many members as the smallest: exact for the
  samples that are kept.
- Labels that are the same for all of a group: they are dealt to the groups anew, whatever their sizes.
- Labels that vary within groups: members of a group change places, so that what is asked goes beyond the group.
- Samples in time: one side is shifted along the other, in a circle, by at least the lag.

An order that says with sample ``order[i]`` of the other side sample i is paired need not be a permutation for labels.
See Winkler et al. 2014, doi:10.1016/j.neuroimage.2014.01.060.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise, permutations, product
from math import isfinite, lgamma, nan

import numpy as np

from layerscape.core.estimate import Chance
from layerscape.core.folds import Folds
from layerscape.core.groups import TO_SAY, Groups
from layerscape.core.permutation import p_beyond
from layerscape.core.strata import FEWEST, arrangements, count, strata_of
from layerscape.core.words import number

PERMUTATIONS = 999
CUT = "of groups cut to equal sizes"
MANY = 1000  # arrangements below which the smallest possible p is said
NO_LESS = "p cannot fall below"
NO_FINDING = "a large p does not say that there is nothing"
AT_ONCE = 2**22  # row numbers of orders that are held

Score = Callable[[Sequence[np.ndarray]], np.ndarray]  # a value for each of some orders


@dataclass(frozen=True, eq=False)
class Exchange:
    """Orders of samples that are equally likely where two sides have nothing to do with each other.

    Attributes
    ----------
    groups
        Of the samples that take part; None for a series in time.
    n_samples
        How many take part.
    rows
        Which samples take part, by increasing number; None for all.
    arrangements
        How many different ones there are, the one that was found among them.
    words
        What changes places; empty where who belongs together has said so already, as a lag does.
    _there
        Where all arrangements are counted, the one that there is, since chance may give it too: as it might be drawn.
    """

    groups: Groups | None
    n_samples: int
    rows: np.ndarray | None
    arrangements: float
    words: str
    _orders: Callable[[int, int], Iterator[np.ndarray]]
    _there: np.ndarray | None = None

    def orders(self, number: int, seed: int) -> list[np.ndarray]:
        """So many orders, drawn, or all others where they are fewer."""
        return list(islice(self._orders(number, seed), number))

    def chance(self, score: Score, *, low: bool, mean: float = nan) -> tuple[Chance, np.ndarray]:
        """What is scored by chance, and the scores of other arrangements than the one that there is.

        Parameters
        ----------
        score
            The values with the samples of one side in some orders.
        low
            Whether it is the small values that say that both sides agree.
        mean
            Over all arrangements, where it is known exactly.
        """
        n = self.n_samples
        few = [self._held] if PERMUTATIONS * n <= AT_ONCE else _some(self._orders(PERMUTATIONS, 0), AT_ONCE // n)
        null = np.concatenate([[], *map(score, few)])
        every = null if self._there is None else np.append(null, score([self._there]))
        ends = np.quantile(every, [0.025, 0.975]) if len(null) >= FEWEST - 1 else (nan, nan)
        held, sign = float(score([np.arange(n)])[0]), -1 if low else 1
        p = p_beyond(sign * null, sign * held, self.least) if self.arrangements >= FEWEST else nan
        mean = mean if isfinite(mean) else float(every.mean()) if len(null) else nan
        return Chance(mean, float(ends[0]), float(ends[1]), p, nan if self.rows is None else held), null

    @property
    def least(self) -> float:
        """The smallest p that there can be: one over the arrangements, or over the shifts that are tried."""
        return 1 / (self.arrangements if self.groups is not None else min(self.arrangements, 1 + PERMUTATIONS))

    @cached_property
    def _held(self) -> list[np.ndarray]:
        """The orders of chance, which take longer to draw than to score, and are the same for every task."""
        return self.orders(PERMUTATIONS, 0)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What few groups mean for chance."""
        words: tuple[str, ...] = ()
        number, what = (0, "series") if self.groups is None else (self.groups.number, "groups")
        if self.arrangements < FEWEST:
            words += (f"{number or 'the'} {what} can be arranged in {self.arrangements:.0f} ways: too few for a p",)
        elif self.arrangements < MANY:
            words += (f"{NO_LESS} {1 / self.arrangements:.2g}: so few are the ways to arrange the {what}",)
        if self.arrangements >= FEWEST and 0 < number < TO_SAY:
            words += (f"with {number} groups {NO_FINDING}",)
        return words

    def warnings_among(self, n_samples: int, held: float) -> tuple[str, ...]:
        """The same, and of how many of N samples chance is where it is not of all, and what these score."""
        if self.rows is None:
            return self.warnings
        cut = f"chance and p are of {len(self.rows)} of {n_samples} samples, {CUT}"
        return (*self.warnings, f"{cut}: hold their value, {number(held)}, against that chance")


def of_each(value: Callable[[np.ndarray], float]) -> Score:
    """A score from the value of one order."""
    return lambda orders: np.array([value(order) for order in orders])


def _some(orders: Iterator[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    """The orders of chance, a few at a time."""
    few = islice(orders, PERMUTATIONS)
    while some := list(islice(few, max(1, size))):
        yield some


def whole_groups(groups: Groups) -> Exchange:
    """Whole groups change places, which says whether two representations have anything to do with each other.

    Where own members are left out, relations between groups are asked, and strata are larger.
    """
    strata = strata_of(groups.sizes, between=groups.own == "left_out")
    rows = _kept(groups, strata)
    kept = groups if rows is None else groups.take(rows)
    # By the number of the group, which is the same where some samples are left out; of one size in a stratum.
    members = [np.stack([kept.members[group] for group in stratum]) for stratum in strata]
    ways = arrangements(strata)
    place = np.empty(kept.number, int)  # of a group in its stratum
    for stratum in strata:
        place[stratum] = np.arange(len(stratum))

    def order(places: Sequence[Sequence[int] | np.ndarray], rng: np.random.Generator) -> np.ndarray:
        found = np.empty(len(kept.codes), int)
        for here, moved in zip(members, places, strict=True):
            found[here] = rng.permuted(here[place[np.asarray(moved)]], axis=1)
        return found

    def orders(number: int, seed: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(seed)
        if ways <= number + 1:
            every = product(*(permutations(each) for each in strata))
            yield from (order(places, rng) for places in islice(every, 1, None))
        while True:
            yield order([rng.permutation(each) for each in strata], rng)

    found = Exchange(kept, len(kept.codes), rows, ways, "whole groups change places", _all_or_drawn(orders, ways))
    return replace(found, _there=order(strata, np.random.default_rng(1))) if ways <= PERMUTATIONS + 1 else found


def labels_of_groups(
    groups: Groups, labels: Sequence[object], folds: Folds | None = None, *, plain: bool = False
) -> Exchange:
    """Labels that are the same for all of a group are dealt anew, within folds over which they were spread evenly.

    ``labels`` are those of the groups, comparable; of plain ones it matters alone which groups share one, so that
    arrangements in which two labels of as many groups change places are the same.
    """
    first, even = groups.first, folds is not None and folds.even
    part = folds.of[first] if folds is not None and even else np.zeros(groups.number, int)
    parts = [np.flatnonzero(part == each) for each in np.unique(part)]
    own = [[labels[group] for group in each.tolist()] for each in parts]
    logarithm = sum(map(_ways, own))

    def order(places: Sequence[np.ndarray]) -> np.ndarray:
        found = np.empty(groups.number, int)
        for each, moved in zip(parts, places, strict=True):
            found[each] = each[moved]
        return first[found][groups.codes]

    def orders(number: int, seed: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(seed)
        if count(logarithm) <= number + 1:
            yield from (order(places) for places in islice(product(*map(_dealt, own)), 1, None))
        while True:
            yield order([rng.permutation(len(each)) for each in parts])

    words, n = f"labels of groups are dealt anew{', within folds' if even else ''}", len(groups.codes)
    ways, every = count(logarithm - (_same(own) if plain else 0.0)), count(logarithm)
    there = np.arange(n) if every <= PERMUTATIONS + 1 else None
    return Exchange(groups, n, None, ways, words, _all_or_drawn(orders, every), there)


def within_groups(groups: Groups) -> Exchange:
    """Members of a group change places, which says whether a relation goes beyond the group."""
    ways = sum(lgamma(size + 1) for size in groups.sizes)
    ends = [0, *(1 + np.flatnonzero(np.diff(groups.sizes))).tolist(), groups.number]
    alike = [np.stack(groups.members[first:last]) for first, last in pairwise(ends)]  # groups of one size in a row

    def orders(_: int, seed: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(seed)
        while True:
            found = np.empty(len(groups.codes), int)
            for each in alike:
                found[each] = rng.permuted(each, axis=1)
            yield found

    return Exchange(groups, len(groups.codes), None, count(ways), "members of a group change places", orders)


def shifts(n_samples: int, lag: int) -> Exchange:
    """One side is shifted along the other by at least a lag, in a circle: series that are nothing to each other may be.

    All shifts, or so many, evenly spaced.
    """
    every = np.arange(max(1, lag), n_samples - max(1, lag) + 1)

    def orders(number: int, _: int) -> Iterator[np.ndarray]:
        some = every if len(every) <= number else every[np.linspace(0, len(every) - 1, number).astype(int)]
        return (np.roll(np.arange(n_samples), -shift) for shift in some)

    return Exchange(None, n_samples, None, 1.0 + len(every), "", orders)


def _all_or_drawn(
    orders: Callable[[int, int], Iterator[np.ndarray]], count: float
) -> Callable[[int, int], Iterator[np.ndarray]]:
    """All orders but the one that there is, where no more are asked for than these."""

    def found(number: int, seed: int) -> Iterator[np.ndarray]:
        every = orders(number, seed)
        return islice(every, round(count) - 1) if isfinite(count) and count <= number + 1 else every

    return found


def _ways(labels: Sequence[object]) -> float:
    """The logarithm of how many ways there are to deal labels."""
    return lgamma(len(labels) + 1) - sum(lgamma(many + 1) for many in Counter(labels).values())


def _same(labels: Sequence[Sequence[object]]) -> float:
    """The logarithm of how many ways to deal labels in each part differ by what these are called alone."""
    many = [Counter(part) for part in labels]
    each = {label: tuple(part[label] for part in many) for part in many for label in part}
    return sum(lgamma(alike + 1) for alike in Counter(each.values()).values())


def _dealt(labels: Sequence[object]) -> Iterator[np.ndarray]:
    """For every way to deal labels to groups, the group whose label each gets; first the way that there is."""
    known = {label: place for place, label in reversed(list(enumerate(labels)))}
    codes = [known[label] for label in labels]

    def deal(left: Counter[int], so_far: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(so_far) == len(codes):
            yield so_far
        for code in list(left):
            if left[code]:
                left[code] -= 1
                yield from deal(left, (*so_far, code))
                left[code] += 1

    yield np.array(codes)
    yield from (np.array(places) for places in deal(Counter(codes), ()) if list(places) != codes)


def _kept(groups: Groups, strata: list[list[int]]) -> np.ndarray | None:
    """The samples that are kept, None for all: of each stratum as many of a group as the smallest has."""
    rng, kept = np.random.default_rng(0), []
    for stratum in strata:
        fewest = int(groups.sizes[stratum].min())
        kept += [rng.permutation(groups.members[group])[:fewest] for group in stratum]
    rows = np.sort(np.concatenate(kept))
    return rows if len(rows) < len(groups.codes) else None
