"""Samples that belong together: tokens of a text, trials of a subject, frames of a clip. Not they, but their groups,
are independent of each other, so that chance, intervals and tests count groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.checks import check_name
from layerscape.core.columns import plain_column
from layerscape.core.labels import labels_at
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue

Own = Literal["kept", "left_out"]
FEW, FEWEST = 10, 6  # groups below which an interval says that they are few, and below which there is none
TO_SAY = 8  # groups below which nothing is said to be no more than chance
BLOCKS = 50  # of whole groups that are left out one after the other


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each of N samples is of.

    Attributes
    ----------
    codes
        Shape (N,), int: the numbers of the groups, 0…G−1.
    name
        Of the label column that says so; empty if it has none.
    own
        Whether members of a sample's own group may be its neighbors. None leaves them out where relations between
        groups are asked, which is of labels that are the same for all of a group, and keeps them elsewhere.
    blocks
        Shape (N,): numbers 0…B−1 of blocks of whole groups, which are left out one after the other; at most 50, so
        that more groups are put together, at random and in about equal sizes: independent groups make such blocks.
    n_blocks
        B, some of which may have none of the samples that were taken.
    """

    codes: np.ndarray
    name: str = ""
    own: Own | None = None
    blocks: np.ndarray = None  # type: ignore[assignment]
    n_blocks: int = 0

    def __post_init__(self) -> None:
        if self.blocks is None:
            object.__setattr__(self, "blocks", _blocks(self.codes, self.sizes))
            object.__setattr__(self, "n_blocks", min(self.number, BLOCKS))

    @classmethod
    def of(cls, labels: Any, n_samples: int, name: str = "", own: Own | None = None) -> Groups:
        """From one category per sample.

        Raises
        ------
        InvalidValue, InvalidType
            If there is not one per sample, one is missing, all samples are of one group, or each is of its own.

        >>> Groups.of(["b", "a", "b"], 3).sizes
        array([2, 1])
        """
        if own is not None:
            check_name("own_group", own, get_args(Own))
        found = cls(Apart.groups(labels, n_samples, name).marks, name, own)
        if found.number == n_samples:
            raise InvalidValue(
                f"each of {n_samples} samples is a group of its own; leave groups out: samples that belong to no "
                "others are independent."
            )
        return found

    @cached_property
    def sizes(self) -> np.ndarray:
        """Shape (G,): how many members each has."""
        return np.bincount(self.codes)

    @property
    def number(self) -> int:
        """G."""
        return len(self.sizes)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """The samples of each group, by increasing number.

        >>> [each.tolist() for each in Groups.of(["b", "a", "b"], 3).members]
        [[0, 2], [1]]
        """
        return np.split(np.argsort(self.codes, kind="stable"), np.cumsum(self.sizes)[:-1])

    @cached_property
    def first(self) -> np.ndarray:
        """Shape (G,): the first member of each."""
        return np.array([each[0] for each in self.members])

    @property
    def words(self) -> str:
        """How many of what, and whether their members may be neighbors.

        >>> Groups.of([1, 1, 2, 2], 4, "subject", "left_out").words
        "2 groups of 'subject', own left out"
        """
        return f"{self.number} groups{f' of {self.name!r}' if self.name else ''}" + (
            ", own left out" if self.own == "left_out" else ""
        )

    @property
    def apart(self) -> Apart:
        """Their members, kept apart."""
        return Apart(self.codes, 0, self.name)

    def left_out(self) -> Groups:
        """The same, of which no member is a neighbor of another."""
        return replace(self, own="left_out")

    def take(self, rows: np.ndarray) -> Groups:
        """The same of some of the samples; groups without any are none."""
        _, codes = np.unique(self.codes[rows], return_inverse=True)
        return replace(self, codes=codes, blocks=self.blocks[rows])

    def same_within(self, labels: Any) -> bool:
        """Whether all members of each group have the same label.

        >>> groups = Groups.of([1, 1, 2, 2], 4)
        >>> groups.same_within(["x", "x", "y", "y"]), groups.same_within([0.5, 0.25, 1.0, 1.0])
        (True, False)
        """
        if isinstance(labels, Representation):
            labels = np.asarray(labels.matrix)
        labels = plain_column(labels)
        of_first = labels_at(labels, self.first[self.codes])
        if isinstance(labels, np.ndarray) and (labels.dtype.kind != "O" or labels.ndim > 1):  # of paths an array is 1-D
            return bool(np.array_equal(labels, np.asarray(of_first)))
        return all(one == other for one, other in zip(labels, of_first, strict=True))


def _blocks(codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    if len(sizes) <= BLOCKS:
        return codes
    drawn = np.random.default_rng(0).permutation(len(sizes))
    block, filled = np.empty(len(sizes), int), np.zeros(BLOCKS)
    for group in drawn[np.argsort(-sizes[drawn], kind="stable")]:
        block[group] = smallest = int(filled.argmin())
        filled[smallest] += sizes[group]
    return block[codes]
