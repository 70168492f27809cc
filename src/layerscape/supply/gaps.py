"""Samples without a label: who takes the place of all samples for a measure of that label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerscape.core.labels import missing
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import LayerscapeError

if TYPE_CHECKING:
    from layerscape.supply.supplier import Supplier


def some_labelled(supplier: Supplier, tasks: Sequence[Task]) -> dict[str, tuple[np.ndarray, Supplier]]:
    """By label, where some samples have none, the rows that have one and a supplier of these samples.

    Neighbors are searched among the samples that have a label, as if the others had never been given: a sample without
    a label can neither agree nor disagree. Labels with the same gaps share a supplier. All tasks read labels.
    """
    found: dict[str, tuple[np.ndarray, Supplier]] = {}
    shared: dict[bytes, Supplier] = {}
    for task in tasks:
        if task.label in found:
            continue
        rows = _labelled(supplier.source, task)
        if rows is not None:
            key = rows.tobytes()
            if key not in shared:
                shared[key] = supplier.among(rows)
            found[task.label] = rows, shared[key]
    return found


def _labelled(source: Source, task: Task) -> np.ndarray | None:
    """The rows that have a label; None where all have, or where the measure will say what is wrong with them."""
    try:
        gaps = missing(source.label(task))
    except LayerscapeError:
        return None
    if gaps is None or len(gaps) != source.n_samples or gaps.all() or not gaps.any():
        return None
    return np.flatnonzero(~gaps)
