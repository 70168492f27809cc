"""Nearness: what "near" means. Another nearness gives other numbers, so that it is said with each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np

from layerscape.core.apart import Apart
from layerscape.core.frame import standardized
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue, unknown_name

Metric = Literal["euclidean", "cosine"]
CALLED = {"euclidean": "euclidean distance", "cosine": "cosine"}  # what sentences call a metric
MetricOfRows = Literal["euclidean", "cosine", "correlation"]  # for measures that look at all pairs, and search nothing
Standardize = Literal["units"]


@dataclass(frozen=True)
class Nearness:
    """What is near.

    Attributes
    ----------
    metric
        ``"euclidean"``, or ``"cosine"``: the Euclidean distance between unit vectors (the chord).
    standardize
        ``"units"``: before the search every unit is brought to mean 0 and standard deviation 1 over the samples that
        are searched (a constant unit to 0), so that no unit decides by its scale. None leaves the values as they are.
    near_copies
        Samples nearer than this share of the median first-neighbor distance are left out of dimensions like exact
        copies are, and counted; 0 keeps them.
    apart
        Which samples belong together and are no neighbors of each other; None if each is a neighbor of all others.
        No keyword of a door: `find_neighbors` and `ranks` make it of ``groups`` and ``lag``.
    """

    metric: Metric = field(default="euclidean", metadata={"help": "What distance means."})
    standardize: Standardize | None = field(
        default=None, metadata={"help": "'units': bring every unit to mean 0 and sd 1 before the search."}
    )
    near_copies: float = field(
        default=1e-5,
        metadata={"help": "Share of the median first-neighbor distance below which samples are near copies."},
    )
    apart: Apart | None = None

    def __post_init__(self) -> None:
        for name, kinds in (("metric", get_args(Metric)), ("standardize", (*get_args(Standardize), None))):
            if getattr(self, name) not in kinds:
                raise unknown_name(name, str(getattr(self, name)), map(str, kinds))
        near = self.near_copies
        if isinstance(near, bool) or not isinstance(near, Real):
            raise InvalidType(f"near_copies={near!r} is not a number; give a share such as 1e-5, or 0.")
        if not 0 <= near < 1:
            raise InvalidValue(f"near_copies={near}; it is a share of a distance: give 0 <= near_copies < 1.")
        object.__setattr__(self, "near_copies", float(near))

    @property
    def key(self) -> str:
        """What tells graphs of one layer apart on disk: the metric, and what else was chosen.

        ``near_copies`` is not part of it, since it changes no graph but who takes part in a dimension.

        >>> Nearness("cosine").key, Nearness(standardize="units").key
        ('cosine', 'euclidean,standardize=units')
        """
        return self._joined(self.apart and self.apart.key)

    @property
    def words(self) -> str:
        """The same for readers.

        >>> Nearness(apart=Apart.lag(2, 9)).words
        'euclidean,lag 2'
        """
        return self._joined(self.apart and self.apart.words)

    def _joined(self, apart: str | None) -> str:
        return ",".join(filter(None, [self.metric, self.standardize and f"standardize={self.standardize}", apart]))

    def record(self) -> dict[str, Any]:
        """The fields as plain values, for tables and files: what is kept apart by its key."""
        found: dict[str, Any] = {name: getattr(self, name) for name in ("metric", "standardize", "near_copies")}
        return found if self.apart is None else {**found, "apart": self.apart.key}

    def excluded(self, rows: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Whether a sample is no neighbor of a row, pair by pair: the row itself, and what is kept apart from it."""
        return rows == samples if self.apart is None else self.apart.kept(rows, samples)

    def most(self, n_samples: int) -> int:
        """How many neighbors every sample has at the most."""
        return n_samples - (1 if self.apart is None else int(self.apart.counts(np.arange(n_samples)).max()))

    def among(self, rows: np.ndarray) -> Nearness:
        """What is near among some of the samples."""
        return self if self.apart is None else replace(self, apart=self.apart.take(rows))

    def seen(self, x: Representation) -> Representation:
        """The representation as the search sees it."""
        return standardized(x) if self.standardize else x


PLAIN = Nearness()
