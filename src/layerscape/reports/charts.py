"""The charts of the page: drawings of `figures` as Vega-Lite specifications, and what their marks mean in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, groupby

from layerscape.figures.drawing import Drawing, Form
from layerscape.reports import vegalite as vl

MOST_NAMES = 100  # along an axis of a map


def specification(drawing: Drawing) -> vl.Spec:
    """The drawing in Vega-Lite; what was left out is in its ``usermeta``: choices, and all but every so many names."""
    drawing, every = thinned(drawing) if drawing.form == "map" else (drawing, 1)
    spec = vl.chart(drawing, *FORMS[drawing.form](drawing))
    spec["usermeta"]["every"] = every
    return spec


def thinned(drawing: Drawing) -> tuple[Drawing, int]:
    """A map whose cells can be seen and a page can hold: of many names every so many, the last with them."""
    steps = [max(1, -(-len(side.names) // MOST_NAMES)) for side in (drawing.x, drawing.y)]
    if max(steps) == 1:
        return drawing, 1
    sides = zip((drawing.x, drawing.y), steps, strict=True)
    x, y = (replace(side, names=side.names[::-step][::-1]) for side, step in sides)
    kept = set(x.names), set(y.names)
    rows = [row for row in drawing.rows if row[x.field] in kept[0] and row[y.field] in kept[1]]
    return replace(drawing, rows=rows, x=x, y=y), max(steps)


SIMPLER = {"gaussian": "a Gaussian of equal covariance", "columns": "every unit shuffled on its own"}


def words(drawing: Drawing, baseline: str = "") -> str:
    """How to read a drawing, and what its marks mean on the page."""
    rows, said = drawing.rows, [drawing.reading]
    if any(row.get("chance") is not None for row in rows) and drawing.form == "line":
        said.append("Dotted: what chance gives.")
    if any("note" in row for row in rows):
        said.append("Long dashes: what the raw input scores.")
    if any(row.get("beside") and not row.get("control") for row in rows):
        said.append(f"Grey and dashed: the baseline “{baseline}”.")
    if there := {str(row["control"]) for row in rows if row.get("control")}:
        simpler = [SIMPLER.get(name, name) for name in sorted(there, key=[*SIMPLER, *sorted(there)].index)]
        said.append(f"Grey: controls, what simpler data read: {', '.join(simpler)}.")
    if any(row.get("unclear") for row in rows):
        said.append("A ring marks a pair whose interval reaches what chance gives.")
    return " ".join(filter(None, said))


def side_by_side(drawings: Mapping[str, Drawing]) -> list[list[str]]:
    """Which drawings stand side by side: those of one measure by twos, and single ones with those that follow."""
    measures = [list(names) for _, names in groupby(drawings, key=lambda name: drawings[name].measure)]
    halves = ((names[: len(names) // 2 * 2], names[len(names) // 2 * 2 :]) for names in measures)
    groups = list(filter(None, chain.from_iterable(halves)))
    found: list[list[str]] = []
    for alone, some in groupby(groups, key=lambda names: len(names) == 1):
        together = list(some)
        found += [list(chain.from_iterable(together))] if alone else together
    return found


def _line(drawing: Drawing) -> tuple[list[vl.Spec], int]:
    """One curve at a time: thin ones and grey ones behind it, chance as a band, a level across all layers."""
    rows, x, y = drawing.rows, vl.axis(drawing.x), vl.value_axis(drawing.y)
    marks = [*vl.others(rows, x, y), *vl.controls(rows, x, y), *vl.chance_band(rows, x, y), *vl.beside(rows, x, y)]
    marks += vl.ghosts(drawing, x, y)
    return [*marks, *vl.level(rows, y), *vl.line(x, y, vl.tips(drawing))], vl.PROFILE_HEIGHT


def _map(drawing: Drawing) -> tuple[list[vl.Spec], int]:
    """Cells, with a ring where chance could give as much."""
    assert drawing.color is not None
    x, y, tooltip = vl.axis(drawing.x), vl.side(drawing.y), vl.tips(drawing)
    cells = {"x": x, "y": y, "color": vl.color(drawing.color), "tooltip": tooltip}
    rings = {"x": x, "y": y, "tooltip": tooltip}
    marks = [
        vl.chosen("rect", "cell", cells, "isValid(datum.value)"),
        vl.chosen("point", "unclear", rings, "datum.unclear"),
    ]
    if drawing.times:
        marks.append(vl.chosen("rect", "at-step", {"x": x, "y": y, "tooltip": tooltip}, "datum.when === when"))
    return marks, vl.height_of(len(drawing.y.names), square=drawing.x.names == drawing.y.names)


def _plane(drawing: Drawing) -> tuple[list[vl.Spec], int]:
    """Points and the diagonal, or a line of their own; names where there is room for them."""
    x, y = vl.value_axis(drawing.x), vl.value_axis(drawing.y)
    points = {"x": x, "y": y, "tooltip": vl.tips(drawing)}
    if any(row.get("straight") for row in drawing.rows):
        line = vl.chosen("line", "fit", {"x": x, "y": y}, "datum.straight")
        return [vl.chosen("point", "fit-point", points, "!datum.straight"), line], vl.SQUARE
    marks = [vl.diagonal(drawing), vl.chosen("point", "pair", points, "")]
    if len(drawing.rows) <= vl.FEW_PAIRS:
        text = {"x": x, "y": y, "text": {"field": "pair"}}
        marks.append(vl.chosen("text", "pair-name", text, "", align="left", dx=6, dy=-6))
    return marks, vl.SQUARE


def _trails(drawing: Drawing) -> tuple[list[vl.Spec], int]:
    """Every curve in the color of where it starts."""
    assert drawing.color is not None
    shared = {"x": vl.axis(drawing.x), "y": vl.value_axis(drawing.y), "color": vl.starts(drawing.color)}
    band = shared | {"y": shared["y"] | {"field": "low"}, "y2": {"field": "high"}}
    marks = [
        vl.chosen("area", "trail-interval", band, "isValid(datum.low)"),
        vl.chosen("line", "trail", shared, "isValid(datum.value)"),
        vl.chosen("point", "trail-point", shared | {"tooltip": vl.tips(drawing)}, "isValid(datum.value)"),
    ]
    return marks, vl.PROFILE_HEIGHT


def _twin(drawing: Drawing) -> tuple[list[vl.Spec], int]:
    """Two curves, each with its interval and its own axis of values."""
    assert drawing.second is not None
    x, tooltip = vl.axis(drawing.x), vl.tips(drawing)
    right = vl.value_axis(drawing.second)
    right["axis"] |= {"orient": "right", "grid": False}
    name = drawing.second.field
    return [
        {"layer": vl.line(x, vl.value_axis(drawing.y), tooltip)},
        {"layer": vl.line(x, right, tooltip, (f"{name}_low", f"{name}_high"), "second-")},
    ], vl.PROFILE_HEIGHT


FORMS: Mapping[Form, Callable[[Drawing], tuple[list[vl.Spec], int]]] = {
    "line": _line,
    "map": _map,
    "plane": _plane,
    "trails": _trails,
    "twin": _twin,
}
