"""`measure`: layers × measures → plan → table. One graph per layer, at the largest k that anyone asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from layerscape.core.measure import Measure
from layerscape.errors import InvalidValue, require, unknown_name
from layerscape.measures import catalog
from layerscape.pipeline.attempts import attempts, in_tiles
from layerscape.pipeline.controls import check_controls
from layerscape.pipeline.estimate import SPARE, AnyMeasure, find_measure
from layerscape.pipeline.labels import label_columns, options_for, takes
from layerscape.pipeline.part import Part, Progress, counted, parts_of
from layerscape.pipeline.replicate import replicate
from layerscape.pipeline.subsets import base_width
from layerscape.pipeline.table import Task, as_rows, as_table, keep, own_options
from layerscape.run import Run

if TYPE_CHECKING:
    import pandas as pd


def measure(
    run: Run,
    measures: Sequence[AnyMeasure] | None = None,
    *,
    k: int | None = None,
    labels: Sequence[str] | None = None,
    by: str | None = None,
    controls: Iterable[str] = (),
    protocol: str | None = None,
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
        Number of neighbors, for the measures that have this option; each measure's own when left out, 30 for overlaps.
    labels
        Label columns to measure against; when left out, all of categories that samples share, and of real numbers for
        measures that take them. ``"coarse+fine"`` joins columns to paths, of which the share in common counts.
    by
        A label column: every group of samples with one value is measured on its own, all at the size of the smallest.
    controls
        ``"gaussian"``, ``"columns"``: dimensions of these controls of every layer too, as rows of the group
        ``control=NAME``; see `layerscape.controls`. Each costs a search of all layers.
    protocol
        The recipe of a paper by name, in place of measures, k and options: ``"ansuini2019"``, ``"doimo2020"``,
        ``"valeriani2023"``, ``"doimo2024"``, ``"cheng2025"``.
    metric
        ``"euclidean"`` or ``"cosine"``.
    seed
        Of the choice of samples in groups larger than the smallest, and of the controls.
    device, threads
        Of the search, as in `find_neighbors`; so many threads carry out what reads graphs only, too.
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
    require("pandas", "runs")
    how = {"metric": metric, "device": device, "threads": threads}
    if protocol is not None:
        if measures is not None or options:
            raise InvalidValue(f"protocol={protocol!r} fixes measures and their options; leave these out.")
        table = as_table(list(replicate(run, protocol, labels, by, seed, how, progress)))
        keep(run, table)
        return table
    chosen = [find_measure(name) for name in (_standard() if measures is None else measures)]
    uses_labels = any("labels" in m.data for m in chosen)
    columns = label_columns(run, labels) if uses_labels or labels else []
    rows = []
    controls = check_controls(controls)
    if by and controls:
        raise InvalidValue(f"by={by!r} and controls at once; measure the groups in one call, the controls in another.")
    for part in parts_of(run, by, controls, seed, how):
        asked = chosen if part.control is None else [m for m in chosen if m.data in (("graph",), ("subsets",))]
        others = [column for column in columns if column != by]
        plan = list(_plan(run, asked, others, labels is not None, k, options))
        needed = {id(task): task.measure.neighbors_needed(task.options, part.n_samples) for task in plan}
        widest = max((_width(task, needed[id(task)]) for task in plan if needed[id(task)]), default=0)
        _check_size(max(needed.values(), default=0), part)
        part.prepare(min(widest, part.n_samples - 1), any(task.measure.distinct for task in plan), progress)
        plan = in_tiles(plan, run.layers, run.layers, part.tile)
        tell = counted(progress, "measuring", len(plan)) or (lambda _: None)
        for task, estimate in attempts(part, plan):
            rows += as_rows(run, part, task, estimate)
            tell(1)
    table = as_table(rows)
    keep(run, table)
    return table


def _plan(
    run: Run, measures: Sequence[Measure], labels: Sequence[str], named: bool, k: int | None, options: Mapping[str, Any]
) -> Iterator[Task]:
    layers = run.layers
    for name in options:
        if not any(name in m.options for m in measures):
            raise unknown_name("option", name, {option for m in measures for option in m.options})
    for m in measures:
        own = own_options(m, k, options)
        if m.compares and m.symmetric:
            yield from (Task(m, own, a, other_layer=b) for a, b in combinations(layers, 2))
        elif m.compares:
            yield from (Task(m, own, a, other_layer=b) for b in layers for a in layers if a != b)
        elif "graphs" in m.data:
            yield from (Task(m, own, a, other_layer=b) for a, b in combinations(layers, 2))
        elif "labels" in m.data:
            for label in labels:
                if named or takes(m, run, label):
                    yield from (Task(m, options_for(m, run, label) | own, layer, label=label) for layer in layers)
        else:
            yield from (Task(m, own, layer) for layer in layers)


def _standard() -> list[Measure]:
    return [measure for measure in catalog().values() if measure.standard]


def _width(task: Task, needed: int) -> int:
    """How many neighbors the graph of all samples should hold for a task."""
    return base_width(task.measure, needed) + SPARE * task.measure.distinct


def _check_size(needed: int, part: Part) -> None:
    if needed >= part.n_samples:
        which = f" of the group {part.group}" if part.group else ""
        raise InvalidValue(
            f"k={needed} neighbors asked of {part.n_samples} samples{which}; k must lie in 1..{part.n_samples - 1}."
        )
