"""`measure`: layers × measures → plan → table. One graph per layer, at the largest k that anyone asks for."""

from __future__ import annotations

import json
import warnings as python_warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan
from typing import TYPE_CHECKING, Any

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.errors import InvalidValue, LayerscapeError, require, unknown_name
from layerscape.measures import catalog
from layerscape.pipeline.estimate import SPARE, AnyMeasure, find_measure
from layerscape.pipeline.part import Part, Progress, parts_of
from layerscape.pipeline.subsets import WIDE
from layerscape.run import Run

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "run", "layer", "depth", "other_layer", "label", "group", "measure", "options", "metric", "k", "scale", "value",
    "low", "high", "chance", "chance_low", "chance_high", "p", "n_samples", "n_units", "warnings",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One measure of one layer, two layers, or a layer and a label."""

    measure: Measure
    options: Mapping[str, Any]
    layer: str
    other_layer: str = ""
    label: str = ""


def measure(
    run: Run,
    measures: Sequence[AnyMeasure] | None = None,
    *,
    k: int = 30,
    labels: Sequence[str] | None = None,
    by: str | None = None,
    metric: str = "euclidean",
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> pd.DataFrame:
    """The profile of a run: every measure of every layer, pair of layers and label, in a tidy table.

    Parameters
    ----------
    run
        From `extract`, `from_arrays` or `open`.
    measures
        Names, `Measure` values or functions; the standard profile when left out, which is what costs little more than
        the graphs (``layerscape list`` shows which measures that are).
    k
        Number of neighbors, for the measures that have this option.
    labels
        Label columns to measure against; when left out, all columns of categories that samples share.
    by
        A label column: every group of samples with one value is measured on its own, all at the size of the smallest.
    metric
        ``"euclidean"`` or ``"cosine"``.
    seed
        Of the choice of samples in groups larger than the smallest.
    device, threads
        Of the search, as in `find_neighbors`.
    progress
        Called as ``progress(what, done, total)``.
    options
        Further options of measures; each goes to the measures that have it.

    Returns
    -------
    pandas.DataFrame
        One row per estimate, and one per point for measures with a curve; also kept in the run. Where a layer cannot
        be measured, ``value`` is NaN and ``warnings`` says why. Dimensions are computed on the same distinct samples
        in every layer.

    Raises
    ------
    UnknownName, InvalidValue
        If there is no such measure, option or label column, or k is not below the number of samples.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((300, 8))
    >>> table = ls.measure(ls.from_arrays({"a": x, "b": x**3}), ["twonn", "overlap"], k=10)
    >>> table[["layer", "other_layer", "measure"]].values.tolist()
    [['a', '', 'twonn'], ['b', '', 'twonn'], ['a', 'b', 'overlap']]
    """
    pandas = require("pandas", "runs")
    chosen = [find_measure(name) for name in (_standard() if measures is None else measures)]
    uses_labels = any("labels" in m.data for m in chosen)
    columns = _label_columns(run, labels) if uses_labels or labels else []
    rows = []
    for part in parts_of(run, by, seed, {"metric": metric, "device": device, "threads": threads}):
        plan = list(_plan(chosen, run.layers, columns if by is None else [c for c in columns if c != by], k, options))
        needed = {id(task): task.measure.neighbors_needed(task.options, part.n_samples) for task in plan}
        widest = max((_width(task, needed[id(task)]) for task in plan if needed[id(task)]), default=0)
        _check_size(max(needed.values(), default=0), part)
        part.prepare(min(widest, part.n_samples - 1), any(task.measure.distinct for task in plan), progress)
        for done, task in enumerate(plan):
            if progress:
                progress("measuring", done, len(plan))
            rows += _rows(run, part, task, _attempt(part, task, needed[id(task)]))
        if progress:
            progress("measuring", len(plan), len(plan))
    table = pandas.DataFrame(rows, columns=list(COLUMNS)).astype({"k": "Int64", "n_units": "Int64"})
    _keep(run, table)
    return table


def _keep(run: Run, table: pd.DataFrame) -> None:
    """Add a table to that of the run, in place of rows of the same measures, metric and groups."""
    pandas = require("pandas", "runs")
    kept = run.folder.load_estimates()
    if kept is not None:
        key = ["measure", "metric", "group"]
        replaced = pandas.MultiIndex.from_frame(kept[key]).isin(pandas.MultiIndex.from_frame(table[key]))
        kept = kept[~replaced]
        table = pandas.concat([kept, table], ignore_index=True) if len(kept) else table
    run.folder.save_estimates(table)


def _label_columns(run: Run, labels: Sequence[str] | None) -> list[str]:
    """The columns to measure against: those that are named, or all whose values are categories that samples share."""
    known = run.samples.labels
    if labels is not None:
        for name in labels:
            if name not in known:
                raise unknown_name("label column", name, known)
        return list(labels)
    found = []
    for name, values in known.items():
        n_values = len({str(value) for value in values})
        if values.dtype.kind == "f" or not 2 <= n_values <= len(values) // 2:
            python_warnings.warn(
                f"label column {name!r} is left out: {n_values} values of {len(values)} samples are no categories; "
                "name it in labels to measure it all the same",
                stacklevel=3,
            )
        else:
            found.append(name)
    return found


def _plan(
    measures: Iterable[Measure], layers: Sequence[str], labels: Sequence[str], k: int, options: Mapping[str, Any]
) -> Iterator[Task]:
    measures = list(measures)
    for name in options:
        if not any(name in m.options for m in measures):
            raise unknown_name("option", name, {option for m in measures for option in m.options})
    for m in measures:
        own = {name: value for name, value in {"k": k, **options}.items() if name in m.options}
        if m.compares:
            yield from (Task(m, own, a, other_layer=b) for a, b in combinations(layers, 2))
        elif "labels" in m.data:
            yield from (Task(m, own, layer, label=label) for label in labels for layer in layers)
        else:
            yield from (Task(m, own, layer) for layer in layers)


def _standard() -> list[Measure]:
    return [measure for measure in catalog().values() if measure.standard]


def _width(task: Task, needed: int) -> int:
    """How many neighbors the graph of all samples should hold for a task."""
    return max(needed, WIDE * ("subsets" in task.measure.data)) + SPARE * task.measure.distinct


def _check_size(needed: int, part: Part) -> None:
    if needed >= part.n_samples:
        which = f" of the group {part.group}" if part.group else ""
        raise InvalidValue(
            f"k={needed} neighbors asked of {part.n_samples} samples{which}; k must lie in 1..{part.n_samples - 1}."
        )


def _attempt(part: Part, task: Task, needed: int) -> Estimate:
    """The estimate, or one without a value that says why there is none: one bad layer must not cost the others."""
    try:
        data = [part.data(kind, task, needed, place) for place, kind in enumerate(task.measure.data)]
        return task.measure(*data, **task.options)
    except LayerscapeError as error:
        options = {**task.measure.options, **task.options}
        return Estimate(
            nan, nan, nan, part.n_samples, warnings=(str(error),), measure=task.measure.name, options=options
        )


def _rows(run: Run, part: Part, task: Task, estimate: Estimate) -> Iterator[dict[str, Any]]:
    chance = estimate.chance
    depth = run.depths[task.layer]
    shared = {
        "run": run.name,
        "layer": task.layer,
        "depth": nan if depth is None else depth,
        "other_layer": task.other_layer,
        "label": task.label,
        "group": part.group,
        "measure": estimate.measure,
        "options": json.dumps(dict(estimate.options), default=str),
        "metric": part.how["metric"] if task.measure.searches else "",
        "chance": chance.value if chance else nan,
        "chance_low": chance.low if chance else nan,
        "chance_high": chance.high if chance else nan,
        "p": chance.p if chance else nan,
        "n_units": run[task.layer].n_units,
        "warnings": "\n".join((*part.words(task), *estimate.warnings)),
    }
    for point in estimate.curve or (estimate,):
        scale = getattr(point, "scale", nan)
        n_samples = point.n_samples or estimate.n_samples
        own = {"k": point.k, "scale": scale, "n_samples": n_samples}
        yield shared | own | {"value": point.value, "low": point.low, "high": point.high}
