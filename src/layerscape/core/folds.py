"""Folds: parts of the samples, of which each is read by what is learned on all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerscape.core.groups import Groups
from layerscape.errors import InvalidValue


@dataclass(frozen=True, eq=False)
class Folds:
    """Which part each of N samples is in.

    Attributes
    ----------
    of
        Shape (N,): numbers 0…F−1.
    even
        Whether the labels of groups were spread evenly over the parts, so that they may change places within one only.
    """

    of: np.ndarray
    even: bool = False

    @classmethod
    def of_groups(cls, groups: Groups, number: int, seed: int, classes: np.ndarray | None = None) -> Folds:
        """Whole groups dealt at random to so many parts, those of one class evenly.

        Parameters
        ----------
        number, seed
            How many parts, and which.
        classes
            Shape (N,): the number of each sample's class; a group is of that which most of its members are of.

        Raises
        ------
        InvalidValue
            If there are not so many groups, or no class is that of more than one group.

        >>> Folds.of_groups(Groups.of([1, 1, 2, 2, 3, 4], 6), 2, 0, np.array([0, 0, 1, 1, 0, 1])).of
        array([1, 1, 0, 0, 0, 1])
        """
        if not 2 <= number <= groups.number:
            raise InvalidValue(f"folds={number} of {groups.number} groups; give 2 to {groups.number}.")
        order = np.random.default_rng(seed).permutation(groups.number)
        even = False
        if classes is not None:
            counts = np.zeros((groups.number, int(classes.max()) + 1), int)
            np.add.at(counts, (groups.codes, classes), 1)
            even = bool((counts.max(axis=1) == groups.sizes).all())
            if even and (counts > 0).sum(axis=0).max() == 1:
                raise InvalidValue(
                    "no two groups have the same label: what is learned of others cannot name it; give labels that "
                    "groups share."
                )
            order = order[np.argsort(counts.argmax(axis=1)[order], kind="stable")]
        part = np.empty(groups.number, int)
        part[order] = np.arange(groups.number) % number
        return cls(part[groups.codes], even)

    def take(self, rows: np.ndarray) -> Folds:
        """The same of some of the samples; parts without any are none."""
        return Folds(np.unique(self.of[rows], return_inverse=True)[1], self.even)
