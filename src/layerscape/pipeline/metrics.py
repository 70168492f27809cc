"""A profile by several metrics: what reads neighbors is measured by each, all else once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from layerscape.core.merged import warned_once
from layerscape.core.nearness import Metric
from layerscape.core.progress import Show
from layerscape.errors import require
from layerscape.measures import AnyMeasure
from layerscape.pipeline.measure import asked_of, measure
from layerscape.run import Run

if TYPE_CHECKING:
    import pandas as pd


def both_metrics(run: Run) -> tuple[Metric, ...]:
    """All metrics, the one first that the model is deployed with, where its folder names one."""
    first = (run.record.get("deployed") or {}).get("metric", "euclidean")
    return tuple(sorted(get_args(Metric), key=lambda metric: metric != first))


def measure_by(
    run: Run,
    metrics: Sequence[str],
    measures: AnyMeasure | Sequence[AnyMeasure] | None = None,
    *,
    progress: Show = None,
    **asked: Any,
) -> pd.DataFrame:
    """The profile by the first of some metrics, controls too, and by the others of what reads neighbors.

    Parameters
    ----------
    metrics
        By name, the one first by which all is measured.
    measures, progress, asked
        As in `measure`.
    """
    first, *others = metrics
    every = asked_of(measures, asked.get("pairs"), asked.get("queries"))
    searching = [m for m in every if m.searches]
    again = asked if any("pairs" in m.data for m in searching) else {**asked, "pairs": None, "queries": None}
    with warned_once():  # doubts of the samples are of both metrics
        tables = [measure(run, measures, metric=first, progress=progress, **asked)]
        tables += [
            measure(run, searching, progress=progress, **{**again, "metric": metric, "controls": ()})
            for metric in others
            if searching
        ]
    return require("pandas", "runs").concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
