"""Early warnings of a training: what the values of its steps say that goes wrong, by fixed thresholds.

Each is told at the first step at which it holds. How often they warn of trainings that go well, and how many that go
wrong they find, counts benchmarks/alarms.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.measure import Measure
from layerscape.core.words import firsts, number
from layerscape.measures.dimension.effective_rank import MEASURE as RANK
from layerscape.measures.dimension.participation_ratio import MEASURE as SPREAD
from layerscape.measures.dimension.twonn import MEASURE as DIMENSION
from layerscape.measures.neighborhood.overlap import MEASURE as DRIFT_BY

if TYPE_CHECKING:
    import pandas as pd

    from layerscape.core.representation import Representation
    from layerscape.runs import Series

FEW, FALL = 2.0, 0.25  # collapse: dimensions, interval and all, and the share of what there were
DEAD = 0.9  # of the units of a layer
MORE, LEAST = 2.0, 0.1  # drift: how many times as many neighbors change as before, and which share at least
LEARNED, STAYS = 0.8, 0.65  # memorization: the share of labels that are known, and of the first dimension
LATE = 0.5  # depth from which on layers are late
FIRST, ROWS = 64, 2048  # samples that are looked at for dead units, where most are dead among the first
QUESTION = ("metric", "standardize", "k", "groups", "group", "options")
ACCURACY = ("train_accuracy", "accuracy")  # what the share of known labels may be called in a trainer's log

Row = Mapping[str, Any]
Shares = Mapping[str, Mapping[Any, float]]


@dataclass(frozen=True)
class Alarm:
    """One early warning: what it is called, the layer (empty: several), the step, and in words."""

    kind: str
    layer: str
    step: Any
    text: str


@dataclass(frozen=True)
class _Point:
    """A value of a layer at a step, above chance where there is one."""

    step: Any
    value: float
    low: float
    high: float
    depth: float
    since: Any = None  # of a pair of steps, the earlier


def alarms(series: Series, table: pd.DataFrame | None = None) -> list[Alarm]:
    """What a series warns of, by the table that is given or that it keeps; nothing where steps are names, no times."""
    if isinstance(series.steps[0], str):
        return []
    rows = (series.table if table is None else table).to_dict("records")
    dead = {layer: _dead_in(series, layer) for layer in series.layers}
    told = {step: {name: own[step] for name, own in series.scalars.items() if step in own} for step in series.steps}
    return alarms_in(rows, told, dead)


def alarms_in(rows: Sequence[Row], told: Mapping[Any, Mapping[str, float]], dead: Shares) -> list[Alarm]:
    """The same of rows with ``step``, what a trainer told of steps, and the share of dead units by layer and step."""
    known = {step: own[name] for step, own in told.items() for name in reversed(ACCURACY) if name in own}
    spreads = [(m, *course) for m in (SPREAD, RANK) for course in _courses(rows, m.name).items()]
    found = [
        *_first(_collapsed(*each) for each in spreads),
        *_first(_died(layer, shares) for layer, shares in dead.items()),
        *_first(_drifted(layer, course) for layer, course in _courses(rows, DRIFT_BY.name, between=True).items()),
        *_first([_memorized(_courses(rows, DIMENSION.name), known)]),
    ]
    return sorted(found, key=lambda alarm: alarm.step)


def in_words(found: Sequence[Alarm]) -> list[str]:
    """One sentence for each kind of warning: the first, and where else it holds."""
    kinds: dict[str, list[Alarm]] = {}
    for alarm in found:
        kinds.setdefault(alarm.kind, []).append(alarm)
    said = []
    for first, *others in kinds.values():
        layers = [each for each in dict.fromkeys(alarm.layer for alarm in others) if each != first.layer]
        said.append(first.text + (f"; so it is with {firsts(layers)}" if layers else ""))
    return said


def dead_share(layer: Representation) -> float:
    """The share of units that have one value at all samples, of at most 2,048."""
    for rows in (FIRST, ROWS):  # what differs among few is not dead, and the others need not be read
        x = layer.read(slice(0, rows))
        share = float(np.mean(x.max(axis=0) == x.min(axis=0)))
        if share < DEAD:
            break
    return share


def _first(each: Iterable[Iterator[Alarm]]) -> Iterator[Alarm]:
    """The first warning of each."""
    for found in each:
        if (alarm := next(found, None)) is not None:
            yield alarm


def _dead_in(series: Series, layer: str) -> dict[Any, float]:
    """The share of dead units at every step at which there are vectors."""
    there = [(step, run) for step, run in zip(series.steps, series.runs, strict=True) if layer not in run.given]
    return {step: dead_share(run.vectors(layer)) for step, run in there}


def _courses(rows: Sequence[Row], measure: str, *, between: bool = False) -> dict[str, list[_Point]]:
    """The values of a measure at the steps of every layer, or between steps that follow each other."""
    own = [row for row in rows if row["measure"] == measure and _is_value(row) and bool(_later(row)) == between]
    own = [row for row in own if between or not _text(row.get("other_layer"))]
    if own:
        question = _asked(own[0])
        own = [row for row in own if _asked(row) == question]
    steps = sorted({row["step"] for row in own} | {_later(row) for row in own if between})
    following = dict(pairwise(steps))
    found: dict[str, list[_Point]] = {}
    for row in sorted(own, key=lambda row: row["step"]):
        if between and following.get(row["step"]) != _later(row):
            continue
        chance = row["chance"] if between and isfinite(row.get("chance") or 0.0) else 0.0
        held = row.get("held")  # of the samples that chance is of
        more = held - row["value"] if between and held is not None and isfinite(held) else 0.0
        value, low, high = ((row[name] + more - chance) / (1 - chance) for name in ("value", "low", "high"))
        depth = row["depth"] if row["depth"] is not None else float("nan")
        step, since = (_later(row), row["step"]) if between else (row["step"], None)
        found.setdefault(row["layer"], []).append(_Point(step, value, low, high, depth, since))
    return found


def _is_value(row: Row) -> bool:
    return all(row[name] is not None and isfinite(row[name]) for name in ("value", "low", "high"))


def _later(row: Row) -> Any:
    later = row.get("other_step")
    return None if later is None or later != later or str(later) == "<NA>" else later


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _asked(row: Row) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in QUESTION)


def _collapsed(measure: Measure, layer: str, course: Sequence[_Point]) -> Iterator[Alarm]:
    """Dimensional collapse: hardly a direction is left of what there were."""
    for place, point in enumerate(course):
        most = max(course[:place], key=lambda each: each.low, default=None)
        if most is not None and point.high < FEW and point.high < FALL * most.low:
            yield Alarm(
                "dimensional collapse",
                layer,
                point.step,
                f"dimensional collapse: at step {point.step} {layer!r} has {number(point.value)} dimensions "
                f"({measure.title}), and had {number(most.value)} at step {most.step}",
            )


def _died(layer: str, shares: Mapping[Any, float]) -> Iterator[Alarm]:
    """Dead layer: nearly all its units say the same of every sample, and did not at an earlier step."""
    for place, (step, share) in enumerate(shares.items()):
        if share >= DEAD and any(before < DEAD for before in list(shares.values())[:place]):
            text = f"dead layer: at step {step} {share:.0%} of the units of {layer!r} have one value at all samples"
            yield Alarm("dead layer", layer, step, text)


def _drifted(layer: str, course: Sequence[_Point]) -> Iterator[Alarm]:
    """Drift after a change: many more neighbors change than between the steps before, over no more steps."""
    for before, point in pairwise(course):
        usual, now = 1 - before.value, 1 - point.high  # at least
        if now > LEAST and now > MORE * usual and point.step - point.since <= before.step - before.since:
            yield Alarm(
                "drift",
                layer,
                point.step,
                f"drift after a change: from step {point.since} to {point.step} {1 - point.value:.0%} of the neighbors "
                f"of {layer!r} change, chance set aside, and {usual:.0%} did from step {before.since} to {before.step}",
            )


def _memorized(courses: Mapping[str, Sequence[_Point]], known: Mapping[Any, float]) -> Iterator[Alarm]:
    """Memorization: labels are known, and the dimension of late layers, which falls where classes come apart, is not
    lower.
    """
    late = [course for course in courses.values() if course[0].depth >= LATE]
    for step in sorted(step for step, share in known.items() if share >= LEARNED):
        then = [next((each.value for each in course if each.step == step), None) for course in late]
        kept = [value / course[0].value for value, course in zip(then, late, strict=True) if value is not None]
        if kept and len(kept) == len(late) and fmean(kept) > STAYS:
            text = (
                f"memorization: at step {step} {known[step]:.0%} of the labels are known, and the dimension of the "
                f"late layers ({DIMENSION.title}) is {fmean(kept):.0%} of what it was at step {late[0][0].step}: they "
                "may be learned one by one"
            )
            yield Alarm("memorization", "", step, text)
