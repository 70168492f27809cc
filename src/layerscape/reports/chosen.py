"""The dimension of every layer, as `dimension_report` chooses it, from the rows of a page and the graphs of its run.

Where the report would ask more than a page can (for parts, of counts), or where the graph of the rows is not kept, a
page names no value and says why: it never gives one that the report would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from layerscape.core.estimate import Point
from layerscape.core.keywords import Search
from layerscape.core.neighbors import Neighbors
from layerscape.core.plateau import FEWEST
from layerscape.core.tasks import Task
from layerscape.figures.rows import Row
from layerscape.measures.dimension.gride import MEASURE as GRIDE
from layerscape.measures.dimension.ratio_law import likeliest
from layerscape.measures.dimension.ratios import log_ratios
from layerscape.measures.dimension.reading import DISCRETE, Reading, tied
from layerscape.reports.reported import ReportedRun
from layerscape.run import Run
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier

NEARNESS = ("metric", "standardize", "near_copies")  # columns of a table that are keywords of a search
NO_PLATEAU = f"{GRIDE.title}'s curve has no plateau there, and is itself the result"
BENT = "samples share no one dimension there (layerscape dimension looks for parts)"
TIED = "many distances are equal there (layerscape dimension asks what suits counts)"
NOT_KEPT = "the run keeps no graph there to read it from (layerscape search makes one)"
OTHERS = "the graph that the run keeps there is not that of the table (layerscape measure reads it anew)"
NO_INTERVAL = "no interval is known there"
FEW = "there are too few samples for three scales"
SAME = 1e-6  # a relative difference between what rows and graph say, above which they are not of each other


def chosen_dimensions(run: ReportedRun, rows: Sequence[Row]) -> Mapping[str, Row | str]:
    """By layer its dimension as a row, or why there is none.

    Parameters
    ----------
    run
        Whose graphs are read. Layers of which none is kept are not searched for this.
    rows
        Of one question of `gride`, all its points.
    """
    search, curves = search_of(rows), _curves(rows)
    found: dict[str, Row | str] = {layer: _beforehand(run, layer, own, search) for layer, own in curves.items()}
    if kept := [layer for layer, why in found.items() if not why]:
        supplier = Supplier(Part(cast(Run, run)), search)
        supplier.prepare([Task(GRIDE, {str(GRIDE.neighbors): curves[layer][-1]["k"]}, layer) for layer in kept])
        for layer in kept:
            graph = supplier.graphs.graph(layer, curves[layer][-1]["k"], distinct=True)
            found[layer] = _choice(graph, curves[layer]) if _is_of(graph, curves[layer][0]) else OTHERS
    return found


def _curves(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The points of every layer that has a value."""
    curves: dict[str, list[Row]] = {}
    for row in rows:
        if row["value"] is not None:
            curves.setdefault(row["layer"], []).append(row)
    return curves


def _beforehand(run: ReportedRun, layer: str, own: Sequence[Row], search: Search) -> str:
    """Why the curve of a layer cannot be asked, before a graph is read; empty where it can."""
    return (
        together(own)
        or (NO_INTERVAL if any(None in (row["low"], row["high"]) for row in own) else "")
        or ("" if run.keeps_graph(layer, own[-1]["k"], search) else NOT_KEPT)
    )


def together(rows: Sequence[Row]) -> str:
    """Why nothing is asked of rows whose samples are not independent of each other; empty of others.

    >>> together([{"groups": "40 groups of 'subject'"}]), together([{"groups": ""}])
    ("that is asked of independent samples alone (here: 40 groups of 'subject')", '')
    """
    said = next((row["groups"] for row in rows if row.get("groups")), "")
    return f"that is asked of independent samples alone (here: {said})" if said else ""


def search_of(rows: Sequence[Row]) -> Search:
    """What was near, to the rows."""
    told = {name: [row[name] for row in rows if row.get(name) not in (None, "")] for name in NEARNESS}
    found: Any = {name: values[0] for name, values in told.items() if values}
    return found


def _is_of(graph: Neighbors, row: Row) -> bool:
    """Whether a graph is the one that a row was measured on."""
    if graph.n_samples != row["n_samples"]:
        return False
    n = row["k"] // 2
    return is_same(likeliest(log_ratios(graph, n, 2 * n), n), row["value"])


def is_same(value: float, told: float) -> bool:
    """Whether what a graph says is what a row does."""
    return abs(value / told - 1) < SAME


def _choice(graph: Neighbors, own: Sequence[Row]) -> Row | str:
    """The dimension at one layer as a row, or why there is none."""
    points = [Point(row["value"], row["low"], row["high"], row["scale"], row["k"]) for row in own]
    if tied(graph) > DISCRETE:
        return TIED
    reading = Reading.of(graph, points)
    if any(reading.bent):
        return BENT
    if reading.plateau is None:
        return FEW if len(reading.curve) < FEWEST else NO_PLATEAU
    value, low, high = reading.plateau.at_most(graph.n_units or graph.n_samples)
    warnings = "\n".join(dict.fromkeys(row.get("warnings") or "" for row in own))
    return {**own[0], "value": value, "low": low, "high": high, "warnings": warnings}
