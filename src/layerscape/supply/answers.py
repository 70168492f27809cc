"""Who supplies: of samples that are independent of each other, or of such as belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.groups import Groups, Own
from layerscape.core.keywords import Search
from layerscape.core.measure import Measure
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, unknown_name
from layerscape.supply.grouped import Grouped, check_learning
from layerscape.supply.supplier import Supplier


def supplier_of(source: Source, search: Search, groups: Groups | None, other: Supplier | None = None) -> Supplier:
    """The supplier of a source whose samples are of groups, or of none."""
    return Supplier(source, search, other) if groups is None else Grouped(source, search, groups, other)


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


def check_together(measures: Iterable[Measure], groups: Any, own: Own | None, by: str | None = None) -> None:
    """Raise at what cannot be asked at once where samples belong together."""
    if groups is None:
        if own is not None:
            raise InvalidValue(f"own_group={own!r} without groups; say with groups= who belongs together.")
        return
    for measure in measures:
        check_learning(measure)
    if by:
        raise InvalidValue(f"by={by!r} and groups={groups!r} at once; measure the two in a call each.")


def answer(source: Source, search: Search, task: Task, groups: Groups | None, *, influence: bool) -> Estimate:
    """What one task finds, from the search on, and how each sample moves it if that is asked."""
    if influence and groups is not None:
        raise InvalidValue("influence is of single samples, which do not stand alone in groups; leave one of both out.")
    supplier = supplier_of(source, search, groups)
    supplier.prepare([task], more=int(influence))
    found = supplier.estimate(task)
    return replace(found, influence=supplier.influence(task)) if influence else found
