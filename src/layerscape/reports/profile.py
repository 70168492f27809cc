"""What a report reads of a run, and the rows of its table as plain values in layer order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from layerscape.core.neighbors import Neighbors

Row = dict[str, Any]

# Two rows of one measure that differ in one of these are different questions, and never points of one line.
QUESTION = ("group", "metric", "options", "k")
CONTROL = "control="  # how the groups of controls begin
ROUNDING = 1e-9  # all ties give chance itself, up to rounding


class ReportedRun(Protocol):
    """A run, as far as a report shows it."""

    @property
    def path(self) -> Path: ...
    @property
    def name(self) -> str: ...
    @property
    def record(self) -> Mapping[str, Any]: ...
    @property
    def layers(self) -> Sequence[str]: ...
    @property
    def depths(self) -> Mapping[str, float | None]: ...
    @property
    def samples(self) -> Any:
        """``ids``, ``kind``, ``labels`` (column name to values) and ``previews(rows)``: texts, or bytes of pictures."""
        ...

    @property
    def table(self) -> Any:
        """A pandas.DataFrame with one row per estimate, or per point of a curve."""
        ...

    @property
    def recommendation(self) -> Mapping[str, Any] | None:
        """Which layer was recommended, with its ``reason`` in words."""
        ...

    def graph(self, layer: str, k: int, *, metric: str) -> Neighbors: ...


def rows_of(run: ReportedRun, measure: str) -> list[Row]:
    """The rows of one measure in the order of the layers, with None for what is missing.

    Each row has two keys more: ``variant`` says in words which of several questions it answers (empty when the
    measure was asked once), and ``said`` is its value with the interval. Rows of controls are left to `controls_of`.
    """
    table = run.table
    return _rows(run, measure, table[~table["group"].fillna("").str.startswith(CONTROL)])


def controls_of(run: ReportedRun, measure: str) -> list[Row]:
    """The rows of one measure of controls; ``control`` says of which."""
    table = run.table
    rows = _rows(run, measure, table[table["group"].fillna("").str.startswith(CONTROL)])
    return [{**row, "control": row["group"].removeprefix(CONTROL)} for row in rows]


def _rows(run: ReportedRun, measure: str, table: Any) -> list[Row]:
    place = {layer: number for number, layer in enumerate(run.layers)}
    table = table[(table["measure"] == measure) & table["layer"].isin(list(place))]
    table = table.astype(object).where(table.notna(), None)
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]
    fields = [field for field in QUESTION if field != "k" or measure != "gride"]
    rows = _at_every_k(rows)
    rows.sort(key=lambda row: (place[row["layer"]], place.get(row.get("other_layer") or "", -1), row.get("k") or 0))
    # A label that is a number is asked of in another way than one that is a category, which is no second question.
    labels = {row.get("label") for row in rows}
    differing = {label: _telling([row for row in rows if row.get("label") == label], fields) for label in labels}
    for row in rows:
        row["variant"] = ", ".join(f"{field} {row.get(field) or 'all'}" for field in differing[row.get("label")])
        row["said"] = said(row)
    return rows


def _telling(rows: Sequence[Row], fields: Sequence[str]) -> list[str]:
    """The fields that it takes to tell the questions apart: one that follows from those before it says nothing new."""
    found: list[str] = []
    for field in fields:
        before = {tuple(row.get(name) for name in found) for row in rows}
        if len({tuple(row.get(name) for name in (*found, field)) for row in rows}) > len(before):
            found.append(field)
    return found


def _at_every_k(rows: list[Row]) -> list[Row]:
    """A layer that could not be measured has one row without k; it is a gap at every k that the others have."""
    found = sorted({row["k"] for row in rows if row.get("k") is not None}) or [None]
    return [{**row, "k": k} for row in rows for k in (found if row.get("k") is None else [row["k"]])]


def variants(rows: Sequence[Row]) -> list[str]:
    """The questions that the rows answer, all samples before groups, the first one asked before later ones."""
    return list(dict.fromkeys(row["variant"] for row in sorted(rows, key=lambda row: bool(row.get("group")))))


def first_variant(rows: Sequence[Row]) -> list[Row]:
    """The rows of the question that stands for the measure in sentences."""
    first = variants(rows)[:1]
    return [row for row in rows if row["variant"] in first]


def alongside(second: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Of a second run's rows, those that answer a question of ``rows`` at the same layer; the raw input is no layer."""

    def question(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(key) for key in ("measure", "layer", "other_layer", "label", *QUESTION))

    asked = {question(row): row["variant"] for row in rows if row["layer"] != "input"}
    return [{**row, "variant": asked[question(row)]} for row in second if question(row) in asked]


def consecutive(run: ReportedRun, rows: Sequence[Row]) -> list[Row]:
    """Of the rows of pairs, those of a layer and the one before it, named by the later one."""
    later = dict(zip(run.layers[:-1], run.layers[1:], strict=True))
    found = []
    for row in both_ways(rows):
        if later.get(row["layer"]) == row["other_layer"]:
            found.append({**row, "layer": row["other_layer"], "other_layer": row["layer"]})
    return sorted(found, key=lambda row: run.layers.index(row["layer"]))


def both_ways(rows: Sequence[Row]) -> list[Row]:
    """The rows of a symmetric measure of pairs, each pair once in either direction."""
    pairs: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        a, b, variant = row["layer"], row.get("other_layer") or "", row["variant"]
        pairs.setdefault((a, b, variant), row)
        pairs.setdefault((b, a, variant), {**row, "layer": b, "other_layer": a})
    return list(pairs.values())


def label_columns(rows: Sequence[Row]) -> list[str]:
    """The label columns that occur in the rows, in their order."""
    return list(dict.fromkeys(row["label"] for row in rows if row.get("label")))


def within_chance(row: Row) -> bool:
    """Whether the interval reaches down to what chance gives: the upper end of its 95 % where known, else its mean."""
    chance = row.get("chance") if row.get("chance_high") is None else row["chance_high"]
    return chance is not None and row["low"] is not None and row["low"] <= chance + ROUNDING


def number(value: float | None, step: float | None = None) -> str:
    """A value with the digits that its uncertainty ``step`` leaves: two of a step's that starts with 1 or 2, else one.

    >>> number(13.5571, 0.28), number(0.71934, 0.004), number(1234.5), number(None)
    ('13.56', '0.719', '1234', 'none')
    """
    if value is None:
        return "none"
    if step is None or not 0 < step < math.inf:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    digits = min(6, max(0, -math.floor(math.log10(step / 3))))
    return f"{value:.{digits}f}"


def said(row: Row, name: str = "") -> str:
    """A value with its interval in brackets: ``13.56 [13.27, 13.85]``."""
    value, low, high = (row.get(key) for key in ("value", "low", "high"))
    if value is None:
        return "no estimate"
    if low is None or high is None:
        return f"{number(value)} [no interval]"
    step = (high - low) / 2
    return f"{number(value, step)} [{name}{number(low, step)}, {number(high, step)}]"


def _plain(value: Any) -> Any:
    """None for infinities, whole numbers as int (a column with gaps turns k into 30.0), Python's own numbers."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value
