"""The fit of TwoNN at every layer, from the graphs that a run keeps: whether the ratios follow the law it rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.keywords import Search
from layerscape.core.tasks import Task
from layerscape.errors import LayerscapeError
from layerscape.figures.drawing import Axis, Drawing
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, first_variant
from layerscape.figures.sections import Section, section_of
from layerscape.measures.dimension.twonn import MEASURE as TWONN
from layerscape.reports.chosen import NOT_KEPT, OTHERS, is_same, search_of, together
from layerscape.reports.dimension import where_of
from layerscape.reports.reported import ReportedRun
from layerscape.run import Run
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier

MOST_POINTS, MOST_OF_LAYER = 6000, 150  # that a page holds of all layers, and of one
FEWEST = 20  # of one layer, below which nothing bends
TOO_FEW = f"fewer than {FEWEST} samples are distinct there"

LOG_RATIO = Axis("log_ratio", "log μ")
SURVIVAL = Axis("survival", "−log(1 − F(μ))")


class Fits(NamedTuple):
    """The chart of the fit, or None; and of which layers it is not shown and why, empty where it is of all."""

    drawing: Drawing | None
    absent: str


def with_fits(
    run: ReportedRun, profile: Profile, sections: Mapping[Section, Mapping[str, Drawing]]
) -> tuple[Mapping[Section, Mapping[str, Drawing]], Mapping[str, str]]:
    """The sections of a page, with the fit at the end of that of its measure, and by section what is not shown there.

    As they are for a series.
    """
    fits = Fits(None, "") if profile.times else ratio_fits(run, first_variant(profile.rows(TWONN.name)))
    own = section_of(TWONN.quantity)
    more = {own: {f"fit-{TWONN.name}": fits.drawing}} if fits.drawing else {}
    every = {section: {**drawings, **more.get(section, {})} for section, drawings in sections.items()}
    return every, {own.name: fits.absent} if fits.absent else {}


def ratio_fits(run: ReportedRun, rows: Sequence[Row]) -> Fits:
    """−log(1 − F) against log μ, one layer at a time, with the line through the origin whose slope is the dimension.

    Parameters
    ----------
    run
        Whose graphs are read. Layers of which none is kept are left out, and not searched for this.
    rows
        Of one question of `twonn`.
    """
    rows = [row for row in rows if row["value"] is not None and not row.get("group")]
    if not rows:
        return Fits(None, "")
    if said := together(rows):
        return Fits(None, _absent([], len(rows), said))
    search = search_of(rows)
    gaps = {row["layer"]: TOO_FEW for row in rows if row["n_samples"] < FEWEST}
    gaps |= {row["layer"]: NOT_KEPT for row in rows if not run.keeps_graph(row["layer"], 2, search)}
    asked = {row["layer"]: row for row in rows if row["layer"] not in gaps}
    found = _of_layers(run, asked, search, gaps)
    layers = [row["layer"] for row in rows]
    reasons = [
        _absent([layer for layer in layers if gaps.get(layer) == why], len(layers), why)
        for why in dict.fromkeys(gaps.values())
    ]
    return Fits(_drawing(found) if found else None, " ".join(reasons))


def _absent(layers: Sequence[str], of: int, why: str) -> str:
    """That the fit is not shown, at these layers or at all.

    >>> _absent(["a", "b"], 3, "nothing is kept"), _absent([], 3, "nothing is kept")
    ("TwoNN's fit is not shown at 'a' and 'b': nothing is kept.", "TwoNN's fit is not shown: nothing is kept.")
    """
    where = "" if len(layers) in (0, of) else f" at {where_of(list(map(repr, layers)), of)}"
    return f"{TWONN.title}'s fit is not shown{where}: {why}."


def _of_layers(run: ReportedRun, asked: Mapping[str, Row], search: Search, gaps: dict[str, str]) -> list[Row]:
    """The points of these layers; of one whose graph is not that of its row the reason goes to the gaps."""
    tasks = [Task(TWONN, _options(row), layer) for layer, row in asked.items()]
    found: list[Row] = []
    if not tasks:
        return found
    supplier = Supplier(Part(cast(Run, run)), search)
    supplier.prepare(tasks)
    of_layer = max(FEWEST, min(MOST_OF_LAYER, MOST_POINTS // len(tasks) - 2))
    for task in tasks:
        row = asked[task.layer]
        gaps[task.layer] = OTHERS
        with suppress(LayerscapeError):  # as of rows that are of other vectors than those that the graph is of
            estimate = TWONN(*supplier.provision.data(task), **task.options)
            own = {"layer": task.layer, "choice": task.layer, "value": row["value"], "d": row["said"]}
            if is_same(estimate.value, row["value"]):
                found += [own | point for point in _points(estimate, of_layer)]
                del gaps[task.layer]
    return found


def _drawing(found: Sequence[Row]) -> Drawing:
    return Drawing(
        "plane",
        f"{TWONN.title}'s fit, layer by layer",
        "μ is how many times as far the second neighbor of a sample is as the first; F, the share of samples of which "
        "it is less. Of samples that lie evenly on d dimensions the points are on the line, whose slope is d: a bend "
        "is a density that changes between neighbors, or dimensions that differ from place to place.",
        found,
        LOG_RATIO,
        SURVIVAL,
        tips={"d": "dimension [95 %]", "share": "here"},
        menu="Layer",
        measure=TWONN.quantity,
    )


def _options(row: Row) -> dict[str, Any]:
    """What the measure was asked, as far as it still knows of it."""
    told = json.loads(row.get("options") or "{}")
    return {name: value for name, value in told.items() if name in TWONN.options}


def _points(estimate: Estimate, most: int) -> Iterator[Row]:
    """So many of the points of a fit, even along the second axis, and the ends of its line."""
    x, y = (np.asarray(estimate.details[name]) for name in ("log_ratio", "minus_log_survival"))
    chosen = np.unique(np.searchsorted(y, np.linspace(y[0], y[-1], most)).clip(max=len(y) - 1))
    for place in chosen:
        at = {LOG_RATIO.field: float(x[place]), SURVIVAL.field: float(y[place])}
        yield at | {"share": f"{np.exp(x[place]):.4g} times as far or less in {-np.expm1(-y[place]):.1%} of samples"}
    end = float(min(x[-1], y[-1] / estimate.value))
    for at in (0.0, end):
        yield {LOG_RATIO.field: at, SURVIVAL.field: at * estimate.value, "straight": True}
