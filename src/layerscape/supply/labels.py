"""Label columns of a run: which to measure against, and what a measure gets of one."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from layerscape.core.labels import missing
from layerscape.core.measure import Measure
from layerscape.core.names import as_names
from layerscape.core.representation import Representation
from layerscape.core.sources import Source
from layerscape.core.tasks import Task
from layerscape.errors import InvalidValue, LayerscapeError, unknown_name
from layerscape.measures.classes import are_real, classes_of, reals_of
from layerscape.measures.neighborhood.label_reading import of_class
from layerscape.measures.neighborhood.reals import check_values
from layerscape.run import Run


def label_columns(run: Run, labels: Sequence[str] | None) -> list[str]:
    """The columns to measure against: those that are named, or all of real numbers or of categories that samples share.

    A name like ``coarse+fine`` joins columns of categories to paths.
    """
    known = run.samples.labels
    if labels is not None:
        names = as_names(labels)
        for name in names:
            for part in _parts(name, known):
                if part not in known:
                    raise unknown_name("label column", part, known)
        return names
    found = []
    for name, values in known.items():
        if values.dtype.kind == "f" or not (why := _no_categories(values)):
            found.append(name)
        else:
            python_warnings.warn(
                f"label column {name!r} is left out: {why}; name it in labels to measure it all the same",
                stacklevel=4,
            )
    return found


def _no_categories(values: np.ndarray) -> str:
    """Why values are no categories that samples share; empty where they are.

    >>> _no_categories(np.array(["a", "a", "a", ""])), _no_categories(np.array(["a", "a", "b", "b"]))
    ('all 3 samples with a value have the same', '')
    """
    gaps = missing(values)
    known = values if gaps is None else values[~gaps]
    n_values = len({str(value) for value in known})
    if n_values < 2:
        return f"all {len(known)} samples with a value have the same" if n_values else "no sample has a value"
    many = f"{n_values} different values among {len(known)} samples do not make categories"
    return "" if n_values <= len(known) // 2 else many


def options_for(measure: Measure, run: Run, label: str) -> dict[str, Any]:
    """What a measure must be told of a column: in a run, floats are real numbers even if they are all whole."""
    alone = _real(run, label) and run.samples.labels[label].ndim == 1
    return {"kind": "real"} if alone and "kind" in measure.options else {}


def takes(measure: Measure, run: Run, label: str) -> bool:
    """Whether a column is for a measure: categories for all, numbers for those that ask of what kind they are.

    Of these, vectors are for those that read graphs.
    """
    if not _real(run, label):
        return True
    return "kind" in measure.options and (run.samples.labels[label].ndim == 1 or "graph" in measure.data)


def category_columns(run: Run, labels: Sequence[str] | None) -> list[str]:
    """The columns of categories among those to measure against."""
    columns = label_columns(run, labels)
    for name in columns:
        if name not in run.samples.labels:
            raise InvalidValue(f"{name!r} joins columns to paths; name them one by one: {name.replace('+', ',')}.")
        if labels is not None and _real(run, name):
            raise InvalidValue(f"label column {name!r} holds real numbers; name a column of categories.")
    return [name for name in columns if not _real(run, name)]


def judging_columns(run: Run, labels: Sequence[str] | None, judge: Measure) -> list[str]:
    """The columns to judge layers by: all of categories, or those that are named, of real numbers too if the judge can.

    Real numbers are for nothing but what is named: a length or a luminance is a fact of the samples, and no use.
    """
    real = [name for name in as_names(labels) if _real(run, name)] if labels is not None else []
    for name in real:
        if not takes(judge, run, name):
            can = "label_overlap or linear_probe, or of"
            raise InvalidValue(
                f"label column {name!r} holds real numbers, which {judge.name} cannot read; judge by {can} categories."
            )
    if labels is None:
        return category_columns(run, None)
    others = [name for name in as_names(labels) if name not in real]
    known = category_columns(run, others) if others else []
    return [name for name in as_names(labels) if name in real or name in known]


def _real(run: Run, label: str) -> bool:
    values = run.samples.labels.get(label)
    return values is not None and values.dtype.kind == "f"


def label_values(run: Run, label: str, rows: np.ndarray | None) -> Any:
    """The labels of some rows: one per sample, paths (N, L), or vectors (N, m) as a `Representation`."""
    known = run.samples.labels
    columns = [known[part] if rows is None else known[part][rows] for part in _parts(label, known)]
    if len(columns) == 1:
        alone = columns[0].ndim == 1 or columns[0].dtype.kind != "f"
        return columns[0] if alone else Representation(columns[0], label)
    for part, values in zip(_parts(label, known), columns, strict=True):
        if values.dtype.kind == "f":
            raise InvalidValue(f"labels {label!r} with {part!r}, which are real numbers; join columns of categories.")
    return np.stack([values.astype(object) for values in columns], axis=1)  # in which what is missing stays so


def near_in_label(task: Task, labels: Any) -> bool:
    """Whether a task asks who is near in a label, which depends on how many samples have each value."""
    if not (task.measure.searches and "kind" in task.measure.options):
        return False
    return isinstance(labels, Representation) or are_real(labels, task.options.get("kind", "auto"))


def most_of_class(task: Task, source: Source) -> int:
    """How many neighbors ``class_fraction`` reads of a member of the largest class; 0 where the measure refuses it."""
    try:
        sizes = classes_of(source.label(task), source.n_samples).sizes
    except LayerscapeError:
        return 0
    fraction = task.options["class_fraction"]
    return int(of_class(fraction, sizes).max()) if isinstance(fraction, (int, float)) and 0 < fraction <= 1 else 0


def vectors_of(labels: Any, n_samples: int) -> Representation:
    """Real numbers as vectors of one unit; vectors as they are."""
    if isinstance(labels, Representation):
        return labels
    check_values(values := reals_of(labels, n_samples))
    return Representation(values[:, None])


def _parts(label: str, known: Mapping[str, np.ndarray]) -> list[str]:
    return [label] if label in known else label.split("+")
