"""Figures of a table: the drawings of `figures` as matplotlib Axes, one function per figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.errors import InvalidValue, need, require, unknown_name
from layerscape.figures import figures, shown_by
from layerscape.figures.drawing import Axis, Drawing, Figure, Form
from layerscape.figures.measured import measured
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row
from layerscape.plot.axes import CONTROL, LINE, axes_of, finish, label_within_a_decade

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FEW_PAIRS = 20  # that have room for their names
DASHES = ((0, (1, 3)), (0, (8, 2, 1, 2)), "--")  # of controls, in the order in which they come
CHANCE = {"color": "0.4", "linestyle": ":", "linewidth": 1.5, "zorder": 1}
LEVEL = {"color": "C1", "linestyle": (0, (8, 4)), "linewidth": 1.0, "zorder": 1}
HELP = """

Parameters
----------
table
    Of `layerscape.measure`.
measure
    Which measure of the table, by name; the first that applies when left out.
choice
    Which of several curves, by what the page's menu calls it; the first when left out.
ax
    Where to draw; new Axes when left out.

Raises
------
UnknownName, InvalidValue
    If the table has no such measure or choice, or nothing that this figure could show.
"""


def of_table(
    name: str, table: pd.DataFrame, /, *, measure: str | None = None, choice: str | None = None, ax: Axes | None = None
) -> Axes:
    """The figure of that name of a table: one measure, and of what the page puts into a menu one choice."""
    need("plot")
    figure = figures()[name]
    drawing = _drawing(figure, table, measure)
    chosen = drawing.choices[0] if choice is None else choice
    if chosen not in drawing.choices:
        raise unknown_name("choice", chosen, drawing.choices)
    axes = axes_of(ax)
    FORMS[drawing.form](axes, drawing, [row for row in drawing.rows if row["choice"] == chosen])
    return finish(axes, legend=bool(axes.get_legend_handles_labels()[0]))


def functions() -> dict[str, Callable[..., Axes]]:
    """Name → a function of a table, for every figure."""
    return {name: _function(figure) for name, figure in figures().items()}


def _function(figure: Figure) -> Callable[..., Axes]:
    def draw(
        table: pd.DataFrame, /, *, measure: str | None = None, choice: str | None = None, ax: Axes | None = None
    ) -> Axes:
        return of_table(figure.name, table, measure=measure, choice=choice, ax=ax)

    draw.__name__ = draw.__qualname__ = figure.name
    draw.__doc__ = figure.says + HELP
    return draw


def _drawing(figure: Figure, table: pd.DataFrame, measure: str | None) -> Drawing:
    run = Profile.of(table)
    if figure.of_series != bool(run.times):
        cure = (
            "give the table of one (layerscape.series)" if figure.of_series else "select a step: table[table.step == …]"
        )
        what = "series of runs" if figure.of_series else "single runs, and this is the table of a series"
        raise InvalidValue(f"{figure.name} draws {what}; {cure}.")
    if run.others and not figure.of_two:
        raise InvalidValue(
            f"{figure.name} draws the layers of one run, and this table compares two; give it to layers (layer_pairs)."
        )
    measures = [each for each in measured(run) if figure.applies(each)]
    names = [each.name for each in measures]
    if measure is not None and measure not in names:
        raise unknown_name(f"measure of {figure.name} in this table", measure, names)
    found = figure.drawings(run, [each for each in measures if measure in (None, each.name)], Profile())
    drawing = next(found, None)
    if drawing is None:
        *others, last = shown_by(figure)
        words = " or ".join(filter(None, [", ".join(others), last]))
        raise InvalidValue(f"the table has nothing that {figure.name} could show; measure a run with {words}.")
    return drawing


def _line(axes: Any, drawing: Drawing, rows: Sequence[Row]) -> None:
    """The chosen curve with its interval, thin ones and controls in grey behind it, what chance gives dotted."""
    own = [row for row in rows if not row["beside"]]
    for name in drawing.choices:
        thin = [row for row in drawing.rows if row["choice"] == name and row.get("thin") and not row["beside"]]
        axes.plot(*_points(drawing, thin), color="0.8", linewidth=0.8, zorder=0)
    controls = [row["control"] for row in rows if row.get("control")]
    for name, dashes in zip(dict.fromkeys(controls), DASHES, strict=False):
        grey = [row for row in rows if row.get("control") == name]
        axes.plot(*_points(drawing, grey), **CONTROL, linestyle=dashes, label=name)
    _band(axes, drawing, own, ("chance_low", "chance_high"), color="0.4")
    if any(row.get("chance") is not None for row in own):
        axes.plot(*_points(drawing, own, "chance"), **CHANCE, label="chance")
    _band(axes, drawing, own, ("low", "high"), color="C0")
    axes.plot(*_points(drawing, own), color="C0", **LINE)
    for row in own:
        if "note" in row:
            axes.axhline(row["value"], label=row["note"], **LEVEL)
    _along(axes, drawing)


def _map(axes: Any, drawing: Drawing, rows: Sequence[Row]) -> None:
    """Cells with a bar of their colors, and rings where chance could give as much."""
    assert drawing.color is not None
    cells = np.full((len(drawing.y.names), len(drawing.x.names)), np.nan)
    place = [(drawing.y.names.index(row[drawing.y.field]), drawing.x.names.index(row[drawing.x.field])) for row in rows]
    for at, row in zip(place, rows, strict=True):
        cells[at] = np.nan if row["value"] is None else row["value"]
    low, high = drawing.color.domain or (None, None)
    shown = axes.imshow(cells, cmap="Blues_r" if drawing.color.reverse else "Blues", vmin=low, vmax=high, aspect="auto")
    rings = [at for at, row in zip(place, rows, strict=True) if row.get("unclear")]
    if rings:
        axes.plot([x for _, x in rings], [y for y, _ in rings], "o", markersize=4, fillstyle="none", color="C1")
    axes.figure.colorbar(shown, ax=axes, label=drawing.color.title)
    axes.set_yticks(range(len(drawing.y.names)), drawing.y.names)
    _along(axes, drawing)


def _plane(axes: Any, drawing: Drawing, rows: Sequence[Row]) -> None:
    """Points and the diagonal, with names where there is room for them."""
    ends = drawing.x.domain or (0, 1)
    axes.plot(ends, ends, **CONTROL)
    axes.plot(*_points(drawing, rows), "o", markersize=LINE["markersize"])
    for row in rows if len(rows) <= FEW_PAIRS else ():
        at = row[drawing.x.field], row[drawing.y.field]
        axes.annotate(row["pair"], at, xytext=(4, 2), textcoords="offset points", fontsize=7)
    _along(axes, drawing)
    axes.set(aspect="equal")


def _trails(axes: Any, drawing: Drawing, rows: Sequence[Row]) -> None:
    """A line from every start, the later ones lighter."""
    assert drawing.color is not None
    starts = drawing.color.names
    colors = require("matplotlib", "plot").colormaps["viridis"](np.linspace(0, 0.9, len(starts)))
    for start, color in zip(starts, colors, strict=True):
        own = [row for row in rows if row[drawing.color.field] == start]
        if own:
            axes.plot(*_points(drawing, own), color=color, **LINE)
            _band(axes, drawing, own, ("low", "high"), color=color)
    _along(axes, drawing)


def _twin(axes: Any, drawing: Drawing, rows: Sequence[Row]) -> None:
    """Two curves over one axis, the second on Axes of its own to the right."""
    assert drawing.second is not None
    right, name = axes.twinx(), drawing.second.field
    for which, field, ends, color in (
        (axes, "", ("low", "high"), "C0"),
        (right, name, (f"{name}_low", f"{name}_high"), "C1"),
    ):
        _band(which, drawing, rows, ends, color=color)
        which.plot(*_points(drawing, rows, field), color=color, **LINE)
        which.tick_params(axis="y", colors=color)
    right.set_ylabel(drawing.second.title)
    right.set_ylim(*(drawing.second.domain or (0, None)))
    _along(axes, drawing)


FORMS: Mapping[Form, Callable[[Any, Drawing, Sequence[Row]], None]] = {
    "line": _line,
    "map": _map,
    "plane": _plane,
    "trails": _trails,
    "twin": _twin,
}


def _points(drawing: Drawing, rows: Sequence[Row], field: str = "") -> tuple[list[float], list[float]]:
    """Where the rows stand along the first axis, and their values or another field; NaN for what is missing, and
    between branches.
    """
    found: list[tuple[float, float]] = []
    rows = sorted(rows, key=lambda row: row.get("branch") or 0)
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.get("branch") != row.get("branch"):
            found.append((np.nan, np.nan))
        found.append((_place(drawing.x, row), _or_nan(row.get(field or drawing.y.field))))
    return [x for x, _ in found], [y for _, y in found]


def _place(along: Axis, row: Row) -> float:
    return along.names.index(row[along.field]) if along.names else row[along.field]


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _band(axes: Any, drawing: Drawing, rows: Sequence[Row], ends: tuple[str, str], color: Any) -> None:
    x, low = _points(drawing, rows, ends[0])
    axes.fill_between(x, low, _points(drawing, rows, ends[1])[1], color=color, alpha=0.2, linewidth=0)


def _along(axes: Any, drawing: Drawing) -> None:
    """What is along the axes, from where to where."""
    axes.set(xlabel=drawing.x.title, ylabel=drawing.y.title)
    if drawing.x.names:
        axes.set_xticks(range(len(drawing.x.names)), drawing.x.names, rotation=45, ha="right")
    if drawing.x.log:
        axes.set_xscale("log")
        label_within_a_decade(axes.xaxis)
    if drawing.y.log:
        axes.set_yscale("log")
        label_within_a_decade(axes.yaxis)
    elif drawing.form in ("line", "trails", "twin"):
        low, high = drawing.y.domain or (min(0.0, axes.dataLim.y0), None)
        axes.set_ylim(low, high and high + 0.02 * (high - low))
