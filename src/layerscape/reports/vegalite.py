"""Parts that the charts share: axes, marks, the menu. Colors come from the page's theme."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Any

from layerscape.figures.drawing import Axis, Drawing
from layerscape.figures.rows import Row

Spec = dict[str, Any]

# What the marks read beside axes and tooltips; the other columns of the table stay out of the charts.
OF_CELLS = ("value", "choice", "unclear")
FIELDS = (
    *("value", "low", "high", "chance", "chance_low", "chance_high"),
    *("choice", "note", "beside", "thin", "unclear", "control", "straight"),
)
BRANCH = {"field": "branch"}  # curves of which are not joined
FORMATS = {"depth": ".3~g", "chance": ".3~g", "scale": ".4~g"}
BASELINE = "datum.beside && !isValid(datum.control)"
PROFILE_HEIGHT = 300
SQUARE = 380
GHOSTS = 2  # thin curves that are named
MOST_NAMES = 26  # so many layer names fit side by side when turned; of more, some are left out
HALF_WIDTH = 450  # pixels of a chart that has another one beside it
LONGEST = 17  # letters of a name beneath an axis
MAX_POINTS = 6000  # of one chart; many groups of samples make many choices
CELLS = (17, 40)  # a row of a map is between these many pixels high
FEW_PAIRS = 12  # points that have room for their names


def chart(drawing: Drawing, layers: Sequence[Spec], height: int) -> Spec:
    """The marks with their data, and a menu where there is more than one to choose from."""
    sizes, names = Counter(row["choice"] for row in drawing.rows), drawing.choices
    ends = accumulate(sizes[name] for name in names)
    shown = [name for name, end in zip(names, ends, strict=True) if end <= MAX_POINTS] or names[:1]
    own = OF_CELLS if drawing.form == "map" else FIELDS
    fields = dict.fromkeys([*own, *drawing.tips, drawing.x.field, drawing.y.field, *_more_fields(drawing)])
    values = [
        {name: row[name] for name in fields if row.get(name) is not None} | _branch(row)
        for row in drawing.rows
        if row["choice"] in shown
    ]
    pick: Spec = {"name": "pick", "value": shown[0]}
    if len(shown) > 1:
        pick["bind"] = {"input": "select", "options": shown, "name": drawing.menu}
    return {
        "width": "container",
        "height": height,
        "params": [pick, *([{"name": "when", "value": drawing.times[-1]}] if drawing.times else [])],
        "data": {"values": values},
        "layer": list(layers),
        **({"resolve": {"scale": {"y": "independent"}}} if drawing.second else {}),
        "usermeta": {"left_out": len(names) - len(shown), **({"times": list(drawing.times)} if drawing.times else {})},
    }


def _branch(row: Row) -> Spec:
    """Of most networks there is one."""
    return {"branch": row["branch"]} if row.get("branch") else {}


def _more_fields(drawing: Drawing) -> list[str]:
    """What colors and a second axis read."""
    second = [f"{drawing.second.field}{end}" for end in ("", "_low", "_high")] if drawing.second else []
    return [*second, *([drawing.color.field] if drawing.color else [])]


def height_of(n_rows: int, square: bool) -> int:
    """Pixels of a map of so many rows; one of layers by layers is about as high as wide."""
    smallest, largest = CELLS
    fitting = min(largest * n_rows, max(300, smallest * n_rows))
    return fitting if square else max(PROFILE_HEIGHT, fitting)


def axis(along: Axis) -> Spec:
    """Names in their order, turned where they are too long to stand side by side; or the values."""
    if not along.names:
        return value_axis(along)
    names = list(along.names)
    pixels = len(names) * (7 * min(16, max(map(len, names), default=0)) + 10)
    own = {
        "title": along.title or None,
        "labelAngle": -45 if pixels > HALF_WIDTH else 0,
        "labelLimit": 110,
        "labelOverlap": len(names) > MOST_NAMES and "greedy",
        "labelSeparation": 2,
        **_shown(list(map(str, names))),
    }
    return {"field": along.field, "type": "ordinal", "scale": {"domain": names}, "axis": own}


def _shown(names: Sequence[str]) -> Spec:
    """Long names by what tells them apart: without the end that all share, and cut in their middle."""
    if max(map(len, names), default=0) <= LONGEST:
        return {}
    letters = zip(*(name[::-1] for name in names), strict=False)  # from the last one on
    shared = sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, letters)) if len(names) > 1 else 0
    short = {name: _cut(f"{name[: len(name) - shared]}…" if shared > 1 else name) for name in names}
    return {"labelExpr": f"{json.dumps(short)}[datum.label]"} if len(set(short.values())) == len(names) else {}


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[:5]}…{name[5 - LONGEST + 1 :]}"


def side(along: Axis) -> Spec:
    """Names down the side of a map."""
    own = axis(along)
    kept = ("title", "labelLimit", "labelOverlap", "labelExpr")
    own["axis"] = {key: value for key, value in own["axis"].items() if key in kept}
    return own


def value_axis(along: Axis) -> Spec:
    """Values, from 0 where nothing else is said."""
    scale: Spec = {"domain": list(along.domain)} if along.domain else {"zero": True, "nice": True}
    own: Spec = {"title": along.title}
    if along.log:
        scale, own = {"type": "log", "nice": False}, {**own, "format": ".3~g"}
    return {"field": along.field, "type": "quantitative", "scale": scale, "axis": own}


def color(of: Axis) -> Spec:
    """Values as a color; without a domain, from the lowest to the highest."""
    scale: Spec = {"domain": list(of.domain), "clamp": True} if of.domain else {"zero": False}
    if of.reverse:
        scale["reverse"] = True
    return {"field": of.field, "type": "quantitative", "scale": scale, "legend": {"title": of.title}}


def starts(of: Axis) -> Spec:
    """Names in their order as steps of one color."""
    return {"field": of.field, "type": "ordinal", "scale": {"domain": list(of.names)}, "legend": None}


def tips(drawing: Drawing) -> list[Spec]:
    """The lines of a tooltip."""
    return [_tip(name, title) for name, title in drawing.tips.items()]


def _tip(name: str, title: str) -> Spec:
    return {"field": name, "title": title, **({"format": FORMATS[name]} if name in FORMATS else {})}


def chosen(mark: str, style: str, encoding: Spec, where: str = "!datum.beside", **extra: Any) -> Spec:
    """A mark of the curve that the menu picks."""
    wanted = [{"filter": "datum.choice === pick"}, *([{"filter": where}] if where else [])]
    if mark in ("line", "area") and "color" not in encoding:
        encoding = {"detail": BRANCH} | encoding
    return {"transform": wanted, "mark": {"type": mark, "style": style, **extra}, "encoding": encoding}


def line(
    x: Spec, y: Spec, tooltip: Sequence[Spec], interval: tuple[str, str] = ("low", "high"), style: str = ""
) -> list[Spec]:
    """Interval, line and points of the chosen curve, a gap where there is no estimate."""
    ends = {"x": x, "y": y | {"field": interval[0]}, "y2": {"field": interval[1]}}
    points = {"x": x, "y": y, "tooltip": list(tooltip)}
    return [
        chosen("area", f"{style}interval", ends),
        chosen("rule", f"{style}interval-bar", ends),
        chosen("line", f"{style}value", {"x": x, "y": y}),
        chosen("point", f"{style}value-point", points, f"!datum.beside && isValid(datum.{y['field']})"),
    ]


def others(rows: Iterable[Row], x: Spec, y: Spec) -> list[Spec]:
    """The curves that are seen thin while the menu picks another."""
    if not any(row.get("thin") for row in rows):
        return []
    encoding = {"x": x, "y": y, "detail": [{"field": "choice"}, BRANCH]}
    wanted = [{"filter": "datum.thin && !datum.beside"}]
    return [{"transform": wanted, "mark": {"type": "line", "style": "others"}, "encoding": encoding}]


def ghosts(drawing: Drawing, x: Spec, y: Spec) -> list[Spec]:
    """Of a series, which step each thin curve is of, where it ends; not where several of a step would overlap."""
    names = {row["choice"] for row in drawing.rows if row.get("thin")}
    if not drawing.times or len(names) > GHOSTS:
        return []
    wanted = [{"filter": f"datum.thin && datum.layer === {json.dumps(drawing.x.names[-1])}"}]
    text = {"type": "text", "style": "ghost-name", "align": "left", "dx": 5}
    return [{"transform": wanted, "mark": text, "encoding": {"x": x, "y": y, "text": {"field": "when"}}}]


def controls(rows: Iterable[Row], x: Spec, y: Spec) -> list[Spec]:
    """What controls read at the chosen question, in grey, told apart by their dashes."""
    if not any(row.get("control") for row in rows):
        return []
    where = "isValid(datum.control)"
    scale = {"range": [[1, 3], [8, 2, 1, 2]]}  # unlike the dashes of the baseline
    legend = {"title": "control", "orient": "top"}
    dash = {"field": "control", "type": "nominal", "scale": scale, "legend": legend}
    tooltip = [_tip("control", "control"), _tip("layer", "layer"), _tip("said", "value [95 %]")]
    return [
        chosen("line", "control", {"x": x, "y": y, "strokeDash": dash}, where),
        chosen("point", "control-point", {"x": x, "y": y, "tooltip": tooltip}, where),
    ]


def chance_band(rows: Iterable[Row], x: Spec, y: Spec) -> list[Spec]:
    """What chance gives: its expectation and, where known, the central 95 %."""
    if not any(row.get("chance") is not None for row in rows):
        return []
    ends = {"x": x, "y": y | {"field": "chance_low"}, "y2": {"field": "chance_high"}}
    middle = {"x": x, "y": y | {"field": "chance"}, "tooltip": [_tip("chance", "chance")]}
    return [chosen("area", "chance-band", ends), chosen("line", "chance", middle)]


def beside(rows: Iterable[Row], x: Spec, y: Spec) -> list[Spec]:
    """The same line of the baseline run, if it has one."""
    if not any(row.get("beside") and not row.get("control") for row in rows):
        return []
    tooltip = [_tip("layer", "baseline at"), _tip("said", "value [95 %]")]
    return [
        chosen("line", "baseline", {"x": x, "y": y}, BASELINE),
        chosen("point", "baseline-point", {"x": x, "y": y, "tooltip": tooltip}, f"{BASELINE} && isValid(datum.value)"),
    ]


def level(rows: Iterable[Row], y: Spec) -> list[Spec]:
    """What a row that carries a note scores, drawn across all layers."""
    if not any("note" in row for row in rows):
        return []
    text = {"align": "right", "dy": -8, "x": {"expr": "width - 4"}}
    return [
        chosen("rule", "raw", {"y": y}, "isValid(datum.note)"),
        chosen("text", "raw-text", {"y": y, "text": {"field": "note"}}, "isValid(datum.note)", **text),
    ]


def diagonal(drawing: Drawing) -> Spec:
    """Where both axes have the same value."""
    ends = [dict.fromkeys((drawing.x.field, drawing.y.field), end) for end in drawing.x.domain or ()]
    encoding = {"x": value_axis(drawing.x), "y": value_axis(drawing.y)}
    return {"data": {"values": ends}, "mark": {"type": "line", "style": "diagonal"}, "encoding": encoding}
