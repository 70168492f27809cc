"""Two metrics in one table: which one a page speaks by, and where the other says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from layerscape.core.nearness import CALLED
from layerscape.core.quantity import Quantity
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, consecutive, first_variant
from layerscape.reports.cautions import Finding
from layerscape.reports.dimension import DimensionProfile
from layerscape.reports.reported import ReportedRun
from layerscape.reports.telling import above, known, lowest, named


def leading(run: ReportedRun) -> str:
    """The metric that a page speaks by: that with which the model is deployed, if the table has it, or the first."""
    there = _metrics(run.table)
    deployed = (run.record.get("deployed") or {}).get("metric")
    return deployed if deployed in there else next(iter(there), "")


def of_metric(table: Any, metric: str) -> Any:
    """The rows of one metric, and those that read no graph."""
    return table[(table["metric"] == metric) | ~table["metric"].isin(list(CALLED))] if "metric" in table else table


def by_metrics(
    run: ReportedRun, measures: Sequence[Quantity], own: Profile, dead: Collection[str]
) -> Iterator[Finding]:
    """By which metric the page speaks, where that needs a word, and what the other metric says otherwise."""
    lead, deployed = leading(run), run.record.get("deployed")
    others = [metric for metric in _metrics(run.table) if metric != lead]
    if deployed and deployed["metric"] != lead and lead:
        name = deployed["metric"]
        yield Finding(
            f"The model is deployed with {CALLED[name]} ({deployed['because']}), and what follows is by "
            f"{CALLED[lead]}: layerscape measure {run.path} --metric {name} gives both."
        )
    for metric in others:
        because = ""
        if deployed and deployed["metric"] == lead and deployed["because"] not in _recommended(run):
            because = f", with which the model is deployed ({deployed['because']})"
        other = Profile.of(of_metric(run.table, metric), run.layers)
        turned = [*_dimension(own, other, measures, dead), *_step(own, other, measures, dead)]
        said = [f"by {CALLED[metric]} {words}" for words in turned] or [f"by {CALLED[metric]} it is the same"]
        yield Finding(f"What follows is by {CALLED[lead]}{because}; {', and '.join(said)}.")


def _recommended(run: ReportedRun) -> str:
    """What was recommended, which says too by which metric."""
    return str((run.recommendation or {}).get("reason"))


def _metrics(table: Any) -> list[str]:
    return [metric for metric in dict.fromkeys(table["metric"]) if metric in CALLED] if "metric" in table else []


def _dimension(own: Profile, other: Profile, measures: Sequence[Quantity], dead: Collection[str]) -> Iterator[str]:
    profiles = (DimensionProfile.of(each, _there(each, measures)).along() for each in (own, other))
    for ours, theirs in zip(*([each.shape(dead) for each in along] for along in profiles), strict=False):
        if ours and theirs and ours.name != theirs.name:
            yield f"the dimension {theirs.in_words(survives=True)}"


def _step(own: Profile, other: Profile, measures: Sequence[Quantity], dead: Collection[str]) -> Iterator[str]:
    """Another step at which neighborhoods change most, if it is told apart from that of the first metric."""
    measure = next((each for each in measures if each.compares and each.symmetric and each.closer == "high"), None)
    if measure is None:
        return
    ours, theirs = (_steps(each, measure, dead) for each in (own, other))
    if ours and theirs:
        most, low = lowest(ours), lowest(theirs)
        same = next((row for row in theirs if row["layer"] == most["layer"]), low)
        if above(same, low, len(theirs)):
            yield f"neighborhoods change most from {named(low, 'other_layer')} to {named(low)}: {low['said']}"


def _steps(profile: Profile, measure: Quantity, dead: Collection[str]) -> list[Row]:
    rows = known(consecutive(profile.steps, first_variant(profile.rows(measure.name))))
    return [row for row in rows if row["layer"] not in dead and row["other_layer"] not in dead]


def _there(profile: Profile, measures: Sequence[Quantity]) -> list[Quantity]:
    return [measure for measure in measures if measure.name in profile.measures]
