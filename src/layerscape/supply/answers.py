"""Who supplies: of samples that are independent of each other, or of such as belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.groups import Groups, Own
from layerscape.core.keywords import Search
from layerscape.core.measure import Measure
from layerscape.core.names import as_names
from layerscape.core.recording import Lag, Recording
from layerscape.core.repeats import Repeats, pair_of
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, unknown_name
from layerscape.supply.grouped import Grouped
from layerscape.supply.repeated import Repeated
from layerscape.supply.serial import Serial, check_learning
from layerscape.supply.supplier import Supplier

Together = Groups | Recording | Repeats | None  # who belongs together


def supplier_of(source: Source, search: Search, together: Together, other: Supplier | None = None) -> Supplier:
    """The supplier of a source whose samples are of groups, follow each other in time, or are independent."""
    if together is None:
        return Supplier(source, search, other)
    kind: Any = {Recording: Serial, Groups: Grouped, Repeats: Repeated}[type(together)]
    return kind(source, search, together, other)


def together_of(
    measures: Iterable[Measure], groups: Any, own: Own | None, lag: Lag | None, repeats: Any, source: Source
) -> Together:
    """Who belongs together, as a caller says it of arrays."""
    check_together(measures, groups, own, lag=lag, repeats=repeats)
    if repeats is not None:
        return Repeats.of(*pair_of(repeats), source.n_samples)
    return groups_of(groups, source.n_samples, own) or recording_of(lag, source)


def recording_of(lag: Lag | None, *sources: Source) -> Recording | None:
    """The order in time, of all layers of some sources of the same samples; None for None."""
    if lag is None:
        return None
    for source in sources:
        if source.graphs:
            raise InvalidValue(
                f"lag={lag!r} of a graph that was given; give the vectors: their autocorrelation is read."
            )
    return Recording.of(lag, (source.vectors(layer) for source in sources for layer in source.layers))


def groups_of(labels: Any, n_samples: int, own: Own | None, name: str = "") -> Groups | None:
    """The groups that a caller gives, one category per sample; None for None."""
    return None if labels is None else Groups.of(labels, n_samples, name, own)


def groups_of_column(
    labels: Mapping[str, np.ndarray], column: str | None, n_samples: int, own: Own | None
) -> Groups | None:
    """The groups that a label column says; None for None."""
    if column is not None and column not in labels:
        raise unknown_name("column of groups", column, labels)
    return groups_of(None if column is None else labels[column], n_samples, own, column or "")


def repeats_of_columns(
    labels: Mapping[str, np.ndarray],
    columns: str | Sequence[str] | None,
    n_samples: int,
    rows: np.ndarray | None = None,
) -> Repeats | None:
    """The repeats that a label column of conditions, or it and one of repeats, say of all samples or of some."""
    if columns is None:
        return None
    names = as_names(columns)
    for name in names:
        if name not in labels:
            raise unknown_name("column of repeats", name, labels)
    if len(names) > 2:
        raise InvalidValue(f"repeats of {len(names)} columns; give that of the conditions and, if any, of the repeats.")
    given = [labels[name] if rows is None else labels[name][rows] for name in names]
    return Repeats.of(given[0], given[1] if len(given) > 1 else None, n_samples, names[0])


def check_together(
    measures: Iterable[Measure],
    groups: Any,
    own: Own | None,
    by: str | None = None,
    lag: Lag | None = None,
    repeats: Any = None,
) -> None:
    """Raise at what cannot be asked at once where samples belong together."""
    if repeats is not None:
        check_no_pairs(measures, "repeats")
        others = {"groups": groups, "by": by, "lag": lag, "own_group": own}
        if found := [name for name, given in others.items() if given is not None]:
            raise InvalidValue(
                f"repeats and {found[0]} at once; with repeats the samples are means over them, which are taken to be "
                "independent: measure the two in a call each."
            )
        return
    if lag is not None and (groups is not None or by):
        other = f"by={by!r}" if by else "groups"
        raise InvalidValue(f"lag={lag!r} and {other} at once; a lag is of one recording, groups= of several.")
    if groups is not None or lag is not None:
        check_no_pairs(measures, "groups" if groups is not None else "lag")
    if lag is not None:
        for measure in measures:
            check_learning(measure)
    if groups is None:
        if own is not None:
            raise InvalidValue(f"own_group={own!r} without groups; say with groups= who belongs together.")
        return
    if by:
        raise InvalidValue(f"by={by!r} and groups={groups!r} at once; measure the two in a call each.")


def check_no_pairs(measures: Iterable[Measure], asked: str) -> None:
    """Raise at a measure of pairs, which say themselves who belongs together."""
    for measure in measures:
        if "pairs" in measure.data:
            raise InvalidValue(
                f"{measure.name} with {asked}: its pairs say who belongs together, and queries are what its interval "
                f"counts; leave {asked} out."
            )


def answer(source: Source, search: Search, task: Task, together: Together, *, influence: bool) -> Estimate:
    """What one task finds, from the search on, and how each sample moves it if that is asked."""
    if influence and together is not None:
        raise InvalidValue("influence is of single samples, which do not stand alone here; leave one of both out.")
    return supplier_of(source, search, together).alone(task, influence=influence)
