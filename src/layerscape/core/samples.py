"""Samples: what a network is shown, with stable ids and any number of label columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from layerscape.errors import InvalidValue

Kind = Literal["array", "text", "image", "protein"]


class TextPair(NamedTuple):
    """Two texts that a network reads as one sample, as a cross-encoder does.

    >>> TextPair("Who is it?", "It is I.").joined.splitlines()
    ['Who is it?', 'It is I.']
    """

    first: str
    second: str

    @property
    def joined(self) -> str:
        """Both, for people and for simple facts of a text."""
        return f"{self.first}\n{self.second}"


class Captioned(NamedTuple):
    """A picture and a text that belong together, each of which a part of a network reads.

    >>> Captioned(np.zeros((2, 2), np.uint8), "all black").text
    'all black'
    """

    picture: np.ndarray
    text: str

    @property
    def nbytes(self) -> int:
        """Of the picture, decoded."""
        return self.picture.nbytes


@dataclass(frozen=True)
class Samples:
    """N samples in a fixed order.

    Attributes
    ----------
    ids
        N distinct names that stay the same from run to run (relative path, accession, row number or a column).
    kind
        What one sample is: ``"text"`` and ``"protein"`` are read as ``str``, or as `TextPair` where two are shown
        together, ``"image"`` as uint8 arrays of shape (height, width) or (height, width, 3), or as `Captioned` where
        a text belongs to each, ``"array"`` as arrays of numbers, whole ones as they are.
    read
        Contents of the given rows, in the given order; called block by block, so that nothing larger than a block
        need be in memory.
    fingerprint
        Hexadecimal digest of ids and contents: two sets of samples with one fingerprint are the same.
    labels
        Column name to N values; float64 where they are real numbers, of which there may be m for each: shape (N, m).
    source
        Where they came from, as the user said it.
    skipped
        (id, reason) of the bad ones that were left out because the user asked for that.
    """

    ids: tuple[str, ...] = field(repr=False)
    kind: Kind
    read: Callable[[Sequence[int]], list[Any]] = field(repr=False)
    fingerprint: str
    labels: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    source: str = ""
    skipped: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        check_ids(self.ids)
        for column, values in self.labels.items():
            if len(values) != len(self.ids):
                raise InvalidValue(
                    f"label column {column!r} has {len(values)} values for {len(self.ids)} samples; "
                    "give one value per sample, in the same order."
                )

    def __len__(self) -> int:
        return len(self.ids)


def check_ids(ids: Sequence[str]) -> None:
    """Raise unless there is at least one id and every id occurs once."""
    if len(ids) == 0:
        raise InvalidValue("no samples were found; give an input with at least one sample.")
    if len(set(ids)) < len(ids):
        name, times = Counter(ids).most_common(1)[0]
        raise InvalidValue(f"the id {name!r} occurs {times} times; ids must be distinct: choose others.")
