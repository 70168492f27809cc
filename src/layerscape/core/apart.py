"""Samples that are kept apart: those that belong together, and so are no neighbors of each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from layerscape.core.labels import categories_of
from layerscape.core.provenance import fingerprint
from layerscape.errors import InvalidType, InvalidValue

DIGITS = 16  # of the digest that tells groups apart
NAME_BYTES = 40  # of a column's name in the key, which becomes the name of a file


@dataclass(frozen=True, eq=False)
class Apart:
    """Samples whose marks differ by no more than a reach are no neighbors of each other.

    Attributes
    ----------
    marks
        Shape (N,), int: the number of each sample's group, with a reach of 0; or its time.
    reach
        0 for groups; a number of rows for a window in time.
    name
        What the groups are called, such as a label column; empty if nothing.
    """

    marks: np.ndarray
    reach: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", np.asarray(self.marks, np.int64))

    @classmethod
    def groups(cls, labels: Any, n_samples: int, name: str = "") -> Apart:
        """Members of one group are kept apart; one label per sample says which group it is of.

        Raises
        ------
        InvalidValue, InvalidType
            If there is not one category per sample, one is missing, or all are equal.

        >>> Apart.groups(["b", "a", "b"], 3).marks
        array([0, 1, 0])
        """
        codes = categories_of(labels, n_samples, "group")
        if not codes.any():
            raise InvalidValue(
                f"all {n_samples} samples are of one group, and none has a neighbor in another; give more."
            )
        return cls(codes, 0, name)

    @classmethod
    def lag(cls, lag: Any, n_samples: int) -> Apart | None:
        """Samples no more than so many rows apart are kept apart; None for 0, which keeps none apart.

        Raises
        ------
        InvalidValue, InvalidType
            If it is no whole number of 0 or more, or some sample has no other beyond it.
        """
        if isinstance(lag, bool) or not isinstance(lag, (int, np.integer)):
            raise InvalidType(f"lag={lag!r} is no whole number; give how many rows before and after to leave out.")
        most = max(0, (n_samples - 2) // 2)
        if not 0 <= lag <= most:
            raise InvalidValue(f"lag={lag} of {n_samples} samples; it must lie in 0..{most}, or none would be left.")
        return cls(np.arange(n_samples), int(lag)) if lag else None

    @property
    def words(self) -> str:
        """What is left out, in a few words.

        >>> Apart(np.array([0, 0, 1, 1])).words, Apart(np.arange(9), 2).words
        ('own group left out', 'lag 2')
        """
        if self.reach:
            return f"lag {self.reach}"
        largest = np.unique(self.marks, return_counts=True)[1].max() / len(self.marks)
        more = f" (the largest holds {largest:.0%} of all)" if largest > 0.5 else ""
        return f"own {self.name or 'group'} left out{more}"

    @cached_property
    def key(self) -> str:
        """What tells one from another: the name, and a digest that does not depend on what the groups are called."""
        if self.reach:
            whole = np.array_equal(self.marks, np.arange(len(self.marks)))
            return f"lag={self.reach}" + ("" if whole else f":{_digest(self.marks - self.marks[0])}")
        _, first, codes = np.unique(self.marks, return_index=True, return_inverse=True)
        name = self.name.encode()[:NAME_BYTES].decode(errors="ignore")
        return f"groups={name}:{_digest(np.argsort(np.argsort(first))[codes])}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Apart) and (self.key, self.name) == (other.key, other.name)

    def __hash__(self) -> int:
        return hash(self.key)

    def windows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest mark that samples are kept apart from."""
        return self.marks[rows] - self.reach, self.marks[rows] + self.reach

    def kept(self, rows: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Whether samples are kept apart, pair by pair."""
        return np.abs(self.marks[rows] - self.marks[samples]) <= self.reach

    def counts(self, rows: np.ndarray) -> np.ndarray:
        """How many samples each is kept apart from, itself among them."""
        ordered, (low, high) = np.sort(self.marks), self.windows(rows)
        return np.searchsorted(ordered, high, side="right") - np.searchsorted(ordered, low)

    def of(self, points: np.ndarray) -> Apart:
        """The same of points, by the point of each sample: all samples of one have one mark."""
        marks = np.empty(int(points.max()) + 1, np.int64)
        marks[points] = self.marks
        return Apart(marks, self.reach, self.name)

    def take(self, rows: np.ndarray) -> Apart:
        """The same among some of the samples."""
        return Apart(self.marks[rows], self.reach, self.name)


def apart_of(groups: Any, lag: Any, n_samples: int) -> Apart | None:
    """Who is kept apart, by what a caller gives; None if neither is given.

    Raises
    ------
    InvalidValue
        If both are given.
    """
    if groups is not None and lag is not None:
        raise InvalidValue("groups and lag are given; give one: groups of recordings, or a lag within one recording.")
    if groups is not None:
        return Apart.groups(groups, n_samples)
    return None if lag is None else Apart.lag(lag, n_samples)


def _digest(marks: np.ndarray) -> str:
    return fingerprint([np.ascontiguousarray(marks, "<i8").tobytes()])[:DIGITS]
