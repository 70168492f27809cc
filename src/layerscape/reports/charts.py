"""The charts of the page as Vega-Lite specifications (plain dictionaries)."""

from __future__ import annotations

from collections.abc import Callable

from layerscape.reports import vegalite as vl
from layerscape.reports.profile import (
    ReportedRun,
    Row,
    alongside,
    both_ways,
    consecutive,
    controls_of,
    first_variant,
    label_columns,
    number,
    rows_of,
    variants,
    within_chance,
)
from layerscape.reports.sentences import dimension_curves


def charts(run: ReportedRun, baseline: ReportedRun | None = None) -> dict[str, vl.Spec]:
    """Name of a chart → its specification; one without any value is left out."""
    specs = {
        "dimension": _dimension(run, baseline),
        "scales": _scales(run),
        "explorer": _explorer(run),
        "steps": _steps(run, baseline),
        "overlap": _pairs(run, "overlap", "overlap"),
        "labels": _labels(run, baseline),
        "cka": _pairs(run, "cka", "CKA"),
    }
    return {name: spec for name, spec in specs.items() if spec}


def _dimension(run: ReportedRun, baseline: ReportedRun | None) -> vl.Spec:
    rows = _with_baseline(_dimension_rows, run, baseline)
    x, y = vl.x_axis(run.layers), vl.y_axis("intrinsic dimension")
    grey = _control_rows(run, rows)
    layers = [vl.others(x, y), *vl.controls(grey, x, y), *vl.beside(rows, x, y), *vl.line(x, y)]
    return vl.profile([*rows, *grey], layers, "Scale")


def _control_rows(run: ReportedRun, rows: list[Row]) -> list[Row]:
    """What controls read, each under the choice of the menu that asks the same of the data."""
    asked = {_question(row["name"], row): row["choice"] for row in rows if not row["beside"] and not row["group"]}
    curves = dimension_curves(run, controls_of)
    found = [(asked.get(_question(name, row)), row) for name, rows in curves.items() for row in rows]
    return [{**row, "choice": choice, "beside": True} for choice, row in found if choice]


def _question(name: str, row: Row) -> tuple[str, str, str]:
    return name, row["metric"], row["options"]


def _explorer(run: ReportedRun) -> vl.Spec:
    """Dimension against scale: the layer that is picked, its controls, and all other layers thin."""
    rows = first_variant([row for row in rows_of(run, "gride") if row["scale"]])
    rows = [{**row, "choice": row["layer"], "beside": False, "order": row["k"] // 2} for row in rows]
    grey = [{**row, "choice": row["layer"], "beside": True} for row in controls_of(run, "gride") if row["scale"]]
    x = {
        "field": "scale",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "axis": {"title": "scale: mean distance to neighbors n₁ and 2n₁", "format": ".2~g"},
    }
    y = vl.y_axis("intrinsic dimension")
    tips = [vl.tip("order", "n₁"), vl.tip("scale", format=".4~g")]
    layers = [vl.others(x, y), *vl.controls(grey, x, y), *vl.line(x, y, *tips)]
    return vl.profile([*rows, *grey], layers, "Layer")


def _dimension_rows(run: ReportedRun) -> list[Row]:
    return [{**row, "name": name} for name, rows in dimension_curves(run).items() for row in rows]


def _scales(run: ReportedRun) -> vl.Spec:
    rows = [{**_choice(row), "order": row["k"] // 2} for row in rows_of(run, "gride") if row["k"]]
    if not rows:
        return {}
    orders = sorted({row["order"] for row in rows}, reverse=True)
    y = {
        "field": "order",
        "type": "ordinal",
        "scale": {"domain": orders},
        "axis": {"title": "scale: n₁ (neighbors n₁ and 2n₁ are compared)", "labelAngle": 0},
    }
    tips = [
        vl.tip("layer"),
        vl.tip("order", "n₁"),
        vl.tip("scale", "mean distance", format=".4~g"),
        vl.tip("said", "dimension"),
    ]
    encoding = {"x": vl.x_axis(run.layers), "y": y, "color": vl.color("dimension"), "tooltip": tips}
    cells = vl.chosen("rect", "cell", encoding, "isValid(datum.value)")
    return vl.heatmap(rows, [cells], len(orders), at_least=vl.PROFILE_HEIGHT)


def _steps(run: ReportedRun, baseline: ReportedRun | None) -> vl.Spec:
    rows = _with_baseline(_step_rows, run, baseline)
    x, y = vl.x_axis(run.layers[1:]), vl.y_axis("overlap with the layer before", [0, 1])
    layers = [
        *vl.chance_band(x, y),
        *vl.beside(rows, x, y),
        *vl.line(x, y, vl.tip("other_layer", "and the one before")),
    ]
    return vl.profile(rows, layers, "Question")


def _step_rows(run: ReportedRun) -> list[Row]:
    return consecutive(run, rows_of(run, "overlap"))


def _labels(run: ReportedRun, baseline: ReportedRun | None) -> vl.Spec:
    rows = _with_baseline(_label_rows, run, baseline)
    for row in rows:
        if row["layer"] == "input" and row["value"] is not None and not row["beside"]:
            row["note"] = f"raw input: {number(row['value'])}"
    x, y = vl.x_axis(run.layers), vl.y_axis("label overlap", [0, 1])
    layers = [*vl.chance_band(x, y), *vl.beside(rows, x, y), *vl.level(rows, y), *vl.line(x, y)]
    return vl.profile(rows, layers, "Label")


def _label_rows(run: ReportedRun) -> list[Row]:
    rows = rows_of(run, "label_overlap")
    return [{**row, "name": name} for name in label_columns(rows) for row in rows if row["label"] == name]


def _pairs(run: ReportedRun, measure: str, title: str) -> vl.Spec:
    rows = [{**_choice(row), "unclear": within_chance(row)} for row in both_ways(rows_of(run, measure))]
    if not rows:
        return {}
    for choice in variants(rows):
        itself = {"value": 1, "said": "1 (itself)", "choice": choice}
        rows += [{"layer": name, "other_layer": name, **itself} for name in run.layers]
    x, y = vl.x_axis(run.layers), vl.layer_rows(run.layers)
    tips = [vl.tip("layer"), vl.tip("other_layer", "and"), vl.tip("said", title), vl.tip("chance", format=".3~g")]
    cells = {"x": x, "y": y, "color": vl.color(title, [0, 1]), "tooltip": tips}
    layers = [
        vl.chosen("rect", "cell", cells, "isValid(datum.value)"),
        vl.chosen("point", "unclear", {"x": x, "y": y, "tooltip": tips}, "datum.unclear"),
    ]
    return vl.heatmap(rows, layers, len(run.layers))


def _choice(row: Row) -> Row:
    """The row with what the chart's menu calls it."""
    return {**row, "choice": " · ".join(filter(None, [row.get("name"), row["variant"]]))}


def _with_baseline(
    rows: Callable[[ReportedRun], list[Row]], run: ReportedRun, baseline: ReportedRun | None
) -> list[Row]:
    """The rows of the run and what answers the same questions in the baseline, told apart by `beside`."""
    own = rows(run)
    second = alongside(rows(baseline), own) if baseline else []
    return [*(_choice(row) | {"beside": False} for row in own), *(_choice(row) | {"beside": True} for row in second)]
