"""Parts that the charts share: axes, the marks of a profile, the menu. Colors come from the page's theme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from layerscape.reports.profile import Row

Spec = dict[str, Any]

# What the marks and tooltips read; the other columns of the table stay out of the charts.
FIELDS = (
    *("layer", "other_layer", "depth", "value", "low", "high", "chance", "chance_low", "chance_high"),
    *("scale", "order", "n_samples", "warnings", "said", "choice", "note", "beside", "unclear", "control"),
)
BASELINE = "datum.beside && !isValid(datum.control)"
PROFILE_HEIGHT = 300
MOST_NAMES = 26  # so many layer names fit side by side when turned; of more, some are left out
HALF_WIDTH = 450  # pixels of a chart that has another one beside it
MAX_POINTS = 6000  # of one chart; many groups of samples make many choices
CELLS = (17, 40)  # a row of a map is between these many pixels high


def profile(rows: Iterable[Row], layers: Sequence[Spec], choose: str) -> Spec:
    """A line over the layers, with a menu called ``choose`` where there is more than one to choose from."""
    return _chart(rows, layers, choose, PROFILE_HEIGHT)


def heatmap(rows: Iterable[Row], layers: Sequence[Spec], n_rows: int, at_least: int = 0) -> Spec:
    """Cells of layer × something."""
    smallest, largest = CELLS
    return _chart(rows, layers, "Question", max(at_least, min(largest * n_rows, max(300, smallest * n_rows))))


def _chart(rows: Iterable[Row], layers: Sequence[Spec], choose: str, height: int) -> Spec:
    rows = sorted(rows, key=lambda row: bool(row.get("group")))  # all samples before groups of them
    sizes = Counter(row["choice"] for row in rows)
    names = list(dict.fromkeys(row["choice"] for row in rows if not row.get("beside")))
    shown = [
        name for name, end in zip(names, accumulate(sizes[name] for name in names), strict=True) if end <= MAX_POINTS
    ]
    shown = shown or names[:1]
    values = [{field: row[field] for field in FIELDS if row.get(field) is not None} for row in rows]
    values = [row for row in values if row["choice"] in shown]
    if not any("value" in row for row in values):
        return {}
    pick: Spec = {"name": "pick", "value": shown[0]}
    if len(shown) > 1:
        pick["bind"] = {"input": "select", "options": shown, "name": choose}
    return {
        "width": "container",
        "height": height,
        "params": [pick],
        "data": {"values": values},
        "layer": list(layers),
        "usermeta": {"left_out": len(names) - len(shown)},
    }


def x_axis(names: Sequence[str]) -> Spec:
    """The layers in order of execution; names that are too long to stand side by side are turned."""
    pixels = len(names) * (7 * min(16, max(map(len, names), default=0)) + 10)
    axis = {
        "title": None,
        "labelAngle": -45 if pixels > HALF_WIDTH else 0,
        "labelLimit": 110,
        "labelOverlap": len(names) > MOST_NAMES and "greedy",
        "labelSeparation": 2,
    }
    return {"field": "layer", "type": "ordinal", "scale": {"domain": list(names)}, "axis": axis}


def layer_rows(names: Sequence[str]) -> Spec:
    """The layers down the side of a map."""
    axis = {"title": None, "labelLimit": 110, "labelOverlap": len(names) > MOST_NAMES and "greedy"}
    return {"field": "other_layer", "type": "ordinal", "scale": {"domain": list(names)}, "axis": axis}


def y_axis(title: str, domain: Sequence[float] = ()) -> Spec:
    """The value, from 0."""
    scale = {"domain": list(domain)} if domain else {"zero": True, "nice": True}
    return {"field": "value", "type": "quantitative", "scale": scale, "axis": {"title": title}}


def color(title: str, domain: Sequence[float] = ()) -> Spec:
    """The value as a color; without a domain, from the lowest to the highest."""
    scale = {"domain": list(domain)} if domain else {"zero": False}
    return {"field": "value", "type": "quantitative", "scale": scale, "legend": {"title": title}}


def tip(field: str, title: str = "", **extra: Any) -> Spec:
    """A line of a tooltip."""
    return {"field": field, "title": title or field.replace("_", " "), **extra}


def chosen(mark: str, style: str, encoding: Spec, where: str = "!datum.beside", **extra: Any) -> Spec:
    """A mark of the curve that the menu picks."""
    wanted = [{"filter": "datum.choice === pick"}, *([{"filter": where}] if where else [])]
    return {"transform": wanted, "mark": {"type": mark, "style": style, **extra}, "encoding": encoding}


def line(x: Spec, y: Spec, *tips: Spec) -> list[Spec]:
    """Interval, line and points of the chosen curve, a gap where there is no estimate."""
    tooltip = [tip("layer"), *tips, tip("depth"), tip("said", "value [95 %]"), tip("n_samples"), tip("warnings")]
    ends = {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}}
    return [
        chosen("area", "interval", ends),
        chosen("rule", "interval-bar", ends),
        chosen("line", "value", {"x": x, "y": y}),
        chosen("point", "value-point", {"x": x, "y": y, "tooltip": tooltip}, "!datum.beside && isValid(datum.value)"),
    ]


def others(x: Spec, y: Spec) -> Spec:
    """The curves that the menu does not pick, thin."""
    return {
        "transform": [{"filter": "!datum.beside"}],
        "mark": {"type": "line", "style": "others"},
        "encoding": {"x": x, "y": y, "detail": {"field": "choice"}},
    }


def controls(rows: Sequence[Row], x: Spec, y: Spec) -> list[Spec]:
    """What controls read at the chosen question, in grey, told apart by their dashes."""
    if not rows:
        return []
    where = "isValid(datum.control)"
    scale = {"range": [[1, 3], [8, 2, 1, 2]]}  # unlike the dashes of the baseline
    dash = {
        "field": "control",
        "type": "nominal",
        "scale": scale,
        "legend": {"title": "control", "orient": "top-right"},
    }
    tooltip = [tip("control"), tip("layer"), tip("said", "value [95 %]")]
    return [
        chosen("line", "control", {"x": x, "y": y, "strokeDash": dash}, where),
        chosen("point", "control-point", {"x": x, "y": y, "tooltip": tooltip}, where),
    ]


def chance_band(x: Spec, y: Spec) -> list[Spec]:
    """What chance gives: its expectation and, where known, the central 95 %."""
    ends = {"x": x, "y": y | {"field": "chance_low"}, "y2": {"field": "chance_high"}}
    middle = {"x": x, "y": y | {"field": "chance"}, "tooltip": [tip("chance", format=".3~g")]}
    return [chosen("area", "chance-band", ends), chosen("line", "chance", middle)]


def beside(rows: Iterable[Row], x: Spec, y: Spec) -> list[Spec]:
    """The same line of the baseline run, if it has one."""
    if not any(row["beside"] for row in rows):
        return []
    tooltip = [tip("layer", "baseline at"), tip("said", "value [95 %]")]
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
