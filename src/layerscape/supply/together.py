"""Who belongs together, as a caller says it: by arrays, or by the names of a run's label columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.core.groups import Groups, Own
from layerscape.core.keywords import Search
from layerscape.core.measure import Measure
from layerscape.core.names import as_names
from layerscape.core.recording import Lag, Recording
from layerscape.core.repeats import Repeats, pair_of
from layerscape.core.sources import Source
from layerscape.core.words import listed
from layerscape.errors import InvalidValue, unknown_name
from layerscape.supply.serial import check_learning

Together = Groups | Recording | Repeats | None


@dataclass(frozen=True)
class Belonging:
    """The four options that every door has; what they mean is said in `layerscape.estimate` and `layerscape.measure`.

    Attributes
    ----------
    groups, repeats
        Arrays, or names of label columns.
    own_group, lag
        As they were given.
    """

    groups: Any = None
    own_group: Own | None = None
    lag: Lag | None = None
    repeats: Any = None

    def check(
        self, measures: Sequence[Measure], by: str | None = None, *, labels: Sequence[str] | str | None = None
    ) -> None:
        """Raise at what cannot be asked at once, as labels that are those that say who belongs together."""
        if self.groups is not None and self.groups in as_names(labels or ()):
            raise InvalidValue(
                f"label column {self.groups!r} is that of groups, of which no two share a value; leave it out of "
                "labels, or give other groups."
            )
        if self.repeats is not None:
            _check_no_pairs(measures, "repeats")
            others = {"groups": self.groups, "by": by, "lag": self.lag, "own_group": self.own_group}
            if found := [name for name, given in others.items() if given is not None]:
                raise InvalidValue(
                    f"repeats and {found[0]} at once; with repeats the samples are means over them, which are taken to "
                    "be independent: measure the two in a call each."
                )
            return
        if self.lag is not None and (self.groups is not None or by):
            other = f"by={by!r}" if by else "groups"
            raise InvalidValue(f"lag={self.lag!r} and {other} at once; a lag is of one recording, groups= of several.")
        if self.groups is not None or self.lag is not None:
            _check_no_pairs(measures, "groups" if self.groups is not None else "lag")
        if self.lag is not None:
            for measure in measures:
                check_learning(measure)
        if self.own_group is not None:
            self._check_own_group(measures)
        if self.groups is not None and by:
            raise InvalidValue(f"by={by!r} and groups={self.groups!r} at once; measure the two in a call each.")

    def _check_own_group(self, measures: Sequence[Measure]) -> None:
        """Raise where nothing would read it."""
        if self.groups is None:
            raise InvalidValue(f"own_group={self.own_group!r} without groups; say with groups= who belongs together.")
        if measures and not any(measure.searches for measure in measures):
            named = listed([measure.name for measure in measures])
            verbs = "reads vectors as they are and has" if len(measures) == 1 else "read vectors as they are and have"
            raise InvalidValue(f"{named} {verbs} no own_group; leave own_group={self.own_group!r} out.")

    def of_arrays(self, source: Source) -> Together:
        """Who belongs together among the samples of arrays."""
        n = source.n_samples
        if self.repeats is not None:
            return Repeats.of(*pair_of(self.repeats), n)
        if self.groups is not None:
            return Groups.of(self.groups, n, "", self.own_group)
        return self._recording(source)

    def of_columns(
        self, labels: Mapping[str, np.ndarray], n_samples: int, rows: np.ndarray | None = None, *sources: Source
    ) -> Together:
        """Who belongs together among the samples of a run, or among some of its rows.

        Parameters
        ----------
        labels, n_samples
            Of all samples of the run.
        sources
            Whose layers, of the same samples, are read for a lag of ``"auto"``.
        """
        if self.repeats is not None:
            return self._repeats(labels, n_samples, rows)
        return self.groups_of_column(labels, n_samples, rows) or self._recording(*sources)

    def groups_of_column(
        self, labels: Mapping[str, np.ndarray], n_samples: int, rows: np.ndarray | None = None
    ) -> Groups | None:
        """The groups that a label column says; None where none is named."""
        if self.groups is None:
            return None
        if self.groups not in labels:
            raise unknown_name("column of groups", self.groups, labels)
        found = Groups.of(labels[self.groups], n_samples, self.groups, self.own_group)
        return found if rows is None else found.take(rows)

    def _repeats(self, labels: Mapping[str, np.ndarray], n_samples: int, rows: np.ndarray | None) -> Repeats:
        names = as_names(self.repeats)
        for name in names:
            if name not in labels and len(names) == 1 and set(parts := name.split(",")) <= set(labels):
                raise InvalidValue(f"no label column is called {name!r}; two columns are given as repeats={parts}.")
            if name not in labels:
                raise unknown_name("column of repeats", name, labels)
        if len(names) > 2:
            raise InvalidValue(
                f"repeats of {len(names)} columns; give that of the conditions and, if any, of the repeats."
            )
        given = [labels[name] if rows is None else labels[name][rows] for name in names]
        return Repeats.of(given[0], given[1] if len(given) > 1 else None, len(given[0]), names[0])

    def _recording(self, *sources: Source) -> Recording | None:
        if self.lag is None or not sources:
            return None
        for source in sources:
            if source.graphs:
                raise InvalidValue(
                    f"lag={self.lag!r} of a graph that was given; give the vectors: their autocorrelation is read."
                )
        return Recording.of(self.lag, (source.vectors(layer) for source in sources for layer in source.layers))


def agreed(source: Source, search: Search, together: Together) -> tuple[Search, Together]:
    """What is searched and who belongs together, where graphs that were given leave samples out: so does all else.

    Raises
    ------
    InvalidValue
        If they leave out others than each other, or others than are asked for.
    """
    found = {graph.near.apart for graph in source.graphs.values()} - {None}
    if len(found) > 1:
        words = " and ".join(sorted(each.words for each in found if each))
        raise InvalidValue(f"graphs with {words}; search both with the same groups or lag.")
    apart = next(iter(found), None)
    if apart is None or len(apart.marks) != source.n_samples:  # of other samples, which the measure will say
        return search, together
    if isinstance(together, Groups):
        if together.apart != apart:
            raise InvalidValue(
                f"a graph with {apart.words}, and groups= are others; search with these groups, or give the vectors."
            )
        if together.own == "kept":
            raise InvalidValue(
                f"own_group='kept' of a graph with {apart.words}; leave own_group out, or search without groups."
            )
        together = together.left_out()
    kept_apart: Any = {**search, "apart": apart}
    return kept_apart, together


def _check_no_pairs(measures: Sequence[Measure], asked: str) -> None:
    """Raise at a measure of pairs, which say themselves who belongs together."""
    for measure in measures:
        if "pairs" in measure.data:
            raise InvalidValue(
                f"{measure.name} with {asked}: its pairs say who belongs together, and queries are what its interval "
                f"counts; leave {asked} out."
            )
