"""A series measured: every run on its own, and every layer between steps."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from layerscape.core.groups import Own
from layerscape.core.measure import Measure
from layerscape.core.merged import warned_once
from layerscape.core.paired import MOVES
from layerscape.core.progress import Show, counted
from layerscape.core.tasks import Task, own_options, parted
from layerscape.errors import FileProblem
from layerscape.pipeline.settling import Settling
from layerscape.pipeline.table import as_rows, as_table
from layerscape.runs import Series, joined
from layerscape.supply.answers import supplier_of
from layerscape.supply.attempts import attempts
from layerscape.supply.graphs import Graphs
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier
from layerscape.supply.together import Belonging

if TYPE_CHECKING:
    import pandas as pd

ALONE = (
    "by",
    "lag",
    "repeats",
    "protocol",
    "pairs",
    "queries",
    "n_queries",
)  # of single runs: with these no steps are compared
AT_HAND = 4  # runs: the first, the last, and two that follow each other
OF_ONE = {*ALONE, "measures", "labels", "controls", "seed"}  # what is not asked of two steps


def measure_through(
    series: Series,
    measure: Callable[..., pd.DataFrame],
    comparing: Sequence[Measure],
    *,
    save: bool,
    progress: Show,
    **asked: Any,
) -> pd.DataFrame:
    """The table of a series: that of every run with its ``step``, and rows with ``other_step`` between steps.

    Parameters
    ----------
    measure
        What measures one run, called with ``asked``.
    comparing
        The measures that compare two layers: each layer with itself at the next step, at the last and at the first.
    """
    with warned_once():
        tables = [
            series.with_step(step, measure(run, save=save, progress=progress, **asked))
            for step, run in zip(series.steps, series.runs, strict=True)
        ]
    alone = [name for name in ALONE if asked.get(name) is not None]
    if comparing and alone:
        python_warnings.warn(
            f"with {alone[0]} every run is measured by itself, and no steps are compared", stacklevel=4
        )
    elif comparing and series.layers:
        given = {name: value for name, value in asked.items() if name not in OF_ONE}
        tables.append(between_steps(series, comparing, save=save, progress=progress, **given))
    return series.with_scalars(joined(tables))


def between_steps(
    series: Series,
    measures: Sequence[Measure],
    *,
    k: int | None = None,
    groups: str | None = None,
    own_group: Own | None = None,
    save: bool = True,
    progress: Show = None,
    **options: Any,
) -> pd.DataFrame:
    """Every layer compared with itself at the next step, at the last and at the first; a measure that is not symmetric
    goes from the earlier step to the later one. Where it is compared with the last, `Settling` tests it.
    """
    search, options = parted(options, measures)
    pairs, last = series.pairs(), len(series) - 1
    rows: dict[tuple[int, int], list[dict[str, Any]]] = {pair: [] for pair in pairs}
    pairs.sort(key=(last - 1, last).__ne__)  # first that with which all steps before it are tested
    tested, settling = Settling.of(measures) if last > 1 else [], Settling()
    # What is known of the vectors of a run is kept for the pairs that follow, which come in such an order.
    part = lru_cache(AT_HAND)(lambda place: Part(series.runs[place], kept=save))
    tell = counted(progress, "comparing steps", len(pairs)) or (lambda _: None)
    for place, other in pairs:
        run, later = series.runs[place], series.runs[other]
        who = Belonging(groups, own_group).groups_of_column(run.samples.labels, run.n_samples)
        supplier = supplier_of(part(place), search, who, Graphs(part(other), search))
        plan = [Task(m, own_options(m, k, options), layer, layer) for m in measures for layer in series.layers]
        steps = {"step": series.steps[place], "other_run": later.name, "other_step": series.steps[other]}
        supplier.prepare(plan, progress=False, more=int(other == last and bool(tested)))
        rows[place, other] = [row | steps for row in _rows(supplier, plan, run)]
        if other == last:
            settling.look(supplier, [task for task in plan if task.measure in tested], series.steps[place])
        tell(1)
    table = as_table([row for own in rows.values() for row in own], ("other_run", "step", "other_step"))
    if tested:
        table[MOVES] = settling.column(table, series.steps[-1])
    if save:
        try:
            series.keep(table)
        except FileProblem as error:  # which must not cost what was computed
            python_warnings.warn(f"what was compared between steps is not kept: {error}", stacklevel=4)
    return table


def _rows(supplier: Supplier, plan: Sequence[Task], run: Any) -> Iterator[dict[str, Any]]:
    for task, estimate in attempts(supplier, plan):
        yield from as_rows(run, task, estimate, supplier.near_said, groups=supplier.groups_words(task))
