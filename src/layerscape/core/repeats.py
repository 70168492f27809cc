"""Repeats: samples that are one condition measured several times, which tells how far noise lets values reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice, permutations
from math import comb
from typing import Any

import numpy as np

from layerscape.core.columns import one_column, plain_column
from layerscape.core.labels import categories_of
from layerscape.errors import InvalidValue

SPLITS = 6  # into halves, over which is averaged
PAIRS = 240  # of different repeats, over which is averaged at the most: all of 16 repeats

Halves = tuple[np.ndarray, np.ndarray]  # rows of each condition, shape (C, h), in the one and in the other half


@dataclass(frozen=True, eq=False)
class Repeats:
    """C conditions (stimuli, words, pictures) of which each was measured R times (trials, sessions, subjects, crops).

    Attributes
    ----------
    rows
        Shape (C, R): the numbers of the samples of each condition, conditions in the order of their names. Where
        repeats have ids of their own, each column is one of them, in their order; else the order within a condition is
        that of the samples.
    numbered
        Whether repeats have ids.
    name
        Of the label column of the conditions; empty if it has none.
    """

    rows: np.ndarray
    numbered: bool = False
    name: str = ""

    @classmethod
    def of(cls, conditions: Any, repeats: Any, n_samples: int, name: str = "") -> Repeats:
        """From the condition of each sample and, or None, which repeat of it that is: a session, a subject, a trial.

        Raises
        ------
        InvalidValue, InvalidType
            If there is not one category per sample, one is missing, conditions do not all have as many repeats, at
            least two, or a repeat is not there once for every condition.

        >>> Repeats.of(["b", "a", "b", "a"], None, 4).rows.tolist()
        [[1, 3], [0, 2]]
        >>> Repeats.of(["b", "a", "b", "a"], [1, 0, 0, 1], 4).rows.tolist()
        [[1, 3], [2, 0]]
        """
        codes, named = _by_name(conditions, categories_of(conditions, n_samples, "condition"))
        sizes = np.bincount(codes)
        if len(sizes) == n_samples:
            raise InvalidValue(
                f"each of {n_samples} samples is a condition of its own; repeats= names what repeats of one condition "
                "have in common, as the stimulus of several trials."
            )
        if len(sizes) == 1:
            raise InvalidValue(
                f"all {n_samples} samples are of one condition; repeats= names what tells conditions apart, as a "
                "stimulus."
            )
        if sizes.min() < sizes.max():
            few, many = (int(place) for place in (sizes.argmin(), sizes.argmax()))
            raise InvalidValue(
                f"condition {named[few]!r} has {sizes[few]} repeat{'s' if sizes[few] > 1 else ''}, {named[many]!r} has "
                f"{sizes[many]}; give as many of each: leave out conditions, or repeats that are too many."
            )
        if repeats is None:
            return cls(np.argsort(codes, kind="stable").reshape(len(sizes), -1), False, name)
        ids, _ = _by_name(repeats, categories_of(repeats, n_samples, "repeat"))
        return cls(_numbered(codes, ids, sizes), True, name)

    @property
    def number(self) -> int:
        """R."""
        return self.rows.shape[1]

    @property
    def words(self) -> str:
        """How many of what.

        >>> Repeats(np.arange(6).reshape(3, 2), name="stimulus").words
        "3 conditions of 'stimulus' with 2 repeats"
        """
        return f"{len(self.rows)} conditions{f' of {self.name!r}' if self.name else ''} with {self.number} repeats"

    def take(self, conditions: np.ndarray) -> Repeats:
        """The same of some of the conditions."""
        return Repeats(self.rows[conditions], self.numbered, self.name)

    def halves(self) -> list[Halves]:
        """Up to 6 ways to put the same number of repeats, R/2 without a rest, into each of two halves.

        Of repeats with ids the halves have the same ones for all conditions, so that what a session or a subject adds
        to all of them is in one half only. Others are dealt anew for each condition.
        """
        number, half = self.number, self.number // 2
        rng = np.random.default_rng(0)
        if not self.numbered:
            dealt = [rng.permuted(self.rows, axis=1) for _ in range(SPLITS)]
            return [(rows[:, :half], rows[:, half : 2 * half]) for rows in dealt]
        if number % 2 == 0 and comb(number, half) // 2 <= SPLITS:
            firsts = islice(combinations(range(number), half), comb(number, half) // 2)
            return [(self.rows[:, list(one)], np.delete(self.rows, one, axis=1)) for one in firsts]
        orders = [rng.permutation(number) for _ in range(SPLITS)]
        return [(self.rows[:, order[:half]], self.rows[:, order[half : 2 * half]]) for order in orders]

    def without_one(self) -> list[Halves]:
        """One repeat and all others, for every repeat."""
        return [(self.rows[:, [one]], np.delete(self.rows, one, axis=1)) for one in range(self.number)]

    def of_two(self) -> list[Halves]:
        """Every two different repeats, both ways round; of more than 240 such pairs so many, drawn."""
        pairs = list(permutations(range(self.number), 2))
        if len(pairs) > PAIRS:
            pairs = [pairs[place] for place in np.random.default_rng(0).permutation(len(pairs))[:PAIRS]]
        return [(self.rows[:, [one]], self.rows[:, [other]]) for one, other in pairs]


def spearman_brown(agreement: Any, times: float) -> Any:
    """How measurements agree that have so many times the repeats of those that agree so far: m·r / (1 + (m − 1)·r).

    Spearman 1910, Brown 1910: exact where noise falls as one over the number of repeats.

    >>> spearman_brown(0.5, 2)
    0.6666666666666666
    """
    return times * agreement / (1 + (times - 1) * agreement)


def _numbered(codes: np.ndarray, repeats: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Rows by condition and repeat."""
    places = codes * (repeats.max() + 1) + repeats
    if repeats.max() + 1 != sizes[0] or len(np.unique(places)) < len(codes):
        raise InvalidValue(
            f"{repeats.max() + 1} different repeats of conditions that have {sizes[0]} samples each; every repeat, as "
            "a session or a subject, must have every condition once."
        )
    return np.argsort(places).reshape(len(sizes), -1)


def _by_name(labels: Any, codes: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """Categories numbered in the order of their names, whatever that of the samples is; and the names."""
    column = plain_column(one_column(labels))
    names = [_plain(column[row]) for row in np.unique(codes, return_index=True)[1].tolist()]
    try:
        order = sorted(range(len(names)), key=names.__getitem__)
    except TypeError:  # of names that have no order, as members of an Enum
        order = sorted(range(len(names)), key=lambda place: repr(names[place]))
    return np.argsort(order)[codes], [names[place] for place in order]


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def pair_of(given: Any) -> tuple[Any, Any]:
    """Conditions and repeats, of which a caller gives the first alone, or both as a tuple or a list of two sequences.

    >>> pair_of(["a", "b", "a"]), pair_of((["a", "b"], [1, 2]))
    ((['a', 'b', 'a'], None), (['a', 'b'], [1, 2]))
    """
    both = isinstance(given, (tuple, list)) and len(given) == 2 and all(_many(each) for each in given)
    return (given[0], given[1]) if both else (given, None)


def _many(labels: Any) -> bool:
    return (isinstance(labels, Sequence) and not isinstance(labels, str)) or hasattr(labels, "__array__")
