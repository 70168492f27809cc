"""The rows of a run's table as plain values in layer order: which question each answers, and what it says in words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from layerscape.core.words import number

Row = dict[str, Any]

# Two rows of one measure that differ in one of these are different questions, and never points of one line.
QUESTION = ("group", "metric", "standardize", "near_copies", "options", "k")
CONTROL = "control="  # how the groups of controls begin
ROUNDING = 1e-9  # all ties give chance itself, up to rounding


class Tabled(Protocol):
    """What figures read of a run."""

    @property
    def layers(self) -> Sequence[str]: ...
    @property
    def table(self) -> Any:
        """A pandas.DataFrame with one row per estimate, or per point of a curve."""
        ...


@dataclass(frozen=True)
class OfTable:
    """A table without its run."""

    table: Any

    @property
    def layers(self) -> list[str]:
        """The layers in the order in which the rows of single layers, or of pairs, give them."""
        rows = self.table[self.table["other_layer"].fillna("") != ""]
        alone = self.table.drop(rows.index)["layer"]
        first = rows["layer"][~rows["layer"].isin(rows["other_layer"])]
        return list(dict.fromkeys([*alone, *first, *rows["other_layer"]]))


def rows_of(run: Tabled, measure: str) -> list[Row]:
    """The rows of one measure in the order of the layers, with None for what is missing.

    Each row has more keys than the table: ``variant`` says in words which of several questions it answers (empty when
    the measure was asked once), ``point`` which point of a curve it is (empty where there is none) and ``order`` where
    on the curve, from the finest scale up; ``said`` is its value with the interval. Rows of controls are left to
    `controls_of`.
    """
    return _rows(run, measure, of_controls=False)


def controls_of(run: Tabled, measure: str) -> list[Row]:
    """The rows of one measure of controls; ``control`` says of which."""
    rows = _rows(run, measure, of_controls=True)
    return [{**row, "control": row["group"].removeprefix(CONTROL)} for row in rows]


def _rows(run: Tabled, measure: str, of_controls: bool) -> list[Row]:
    place = {layer: n for n, layer in enumerate(run.layers)}
    table = run.table[(run.table["measure"] == measure) & run.table["layer"].isin(list(place))]
    table = table[table["group"].fillna("").str.startswith(CONTROL) == of_controls]
    table = table.astype(object).where(table.notna(), None)
    rows = _with_points([{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")])
    rows.sort(key=lambda row: (place[row["layer"]], place.get(row.get("other_layer") or "", -1), row["order"]))
    # A label that is a number is asked of in another way than one that is a category, which is no second question.
    labels = {row.get("label") for row in rows}
    differing = {label: _telling([row for row in rows if row.get("label") == label]) for label in labels}
    for row in rows:
        asked = _asked(row)
        row["variant"] = ", ".join(_in_words(name, asked.get(name)) for name in differing[row.get("label")])
        row["said"] = said(row)
    return rows


def _with_points(rows: Sequence[Row]) -> list[Row]:
    """The rows with ``point`` and ``order``; a layer that could not be measured has a gap at every point or k.

    Rows that have a scale are points of a curve: over k where k differs, else over the number of samples.
    """
    curved = any(row.get("scale") is not None for row in rows)
    answered = "scale" if curved else "k"
    found = [row for row in rows if row.get(answered) is not None]
    over_k = not curved or len({row["k"] for row in found}) > 1
    field, name = ("k", "k") if over_k else ("n_samples", "N")
    places: list[Any] = sorted({row[field] for row in found}, reverse=not over_k) or [None]
    filled = []
    for row in rows:
        for place in places if row.get(answered) is None else [row[field]]:
            point = f"{name} = {place:,}" if curved else ""
            filled.append({**row, field: place, "point": point, "order": places.index(place)})
    return filled


def _asked(row: Row) -> Row:
    """What a row was asked, by name, each option on its own; of a curve over k, k is no part of it."""
    options = json.loads(row.get("options") or "{}")
    asked = {name: row.get(name) for name in QUESTION if name not in ("options", "k")} | options
    return asked if row["point"].startswith("k") else asked | {"k": row.get("k")}


def _in_words(name: str, value: Any) -> str:
    nothing = "all" if name == "group" else "none"
    return f"{name} {nothing if value in (None, '') else value}"


def _telling(rows: Sequence[Row]) -> list[str]:
    """The names that it takes to tell the questions apart: one that follows from those before it says nothing new."""
    asked = [_asked(row) for row in rows]
    found: list[str] = []
    for name in dict.fromkeys(name for each in asked for name in each):
        before = {repr([each.get(known) for known in found]) for each in asked}
        if len({repr([each.get(known) for known in (*found, name)]) for each in asked}) > len(before):
            found.append(name)
    return found


def variants(rows: Sequence[Row]) -> list[str]:
    """The questions that the rows answer, all samples before groups, the first one asked before later ones."""
    return list(dict.fromkeys(row["variant"] for row in sorted(rows, key=lambda row: bool(row.get("group")))))


def first_variant(rows: Sequence[Row]) -> list[Row]:
    """The rows of the question that stands for the measure where one must."""
    first = variants(rows)[:1]
    return [row for row in rows if row["variant"] in first]


def alongside(second: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Of a second run's rows, those that answer a question of ``rows`` at the same layer; the raw input is no layer."""

    def question(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(key) for key in ("measure", "layer", "other_layer", "label", "point", *QUESTION))

    asked = {question(row): row["variant"] for row in rows if row["layer"] != "input"}
    return [{**row, "variant": asked[question(row)]} for row in second if question(row) in asked]


def with_baseline(read: Callable[[Tabled], list[Row]], run: Tabled, baseline: Tabled | None) -> list[Row]:
    """The rows of the run and what answers the same questions in the baseline, told apart by ``beside``."""
    own = read(run)
    second = alongside(read(baseline), own) if baseline else []
    return [*(chosen(row) | {"beside": False} for row in own), *(chosen(row) | {"beside": True} for row in second)]


def chosen(row: Row) -> Row:
    """The row with ``choice``, what a menu calls it: its ``name`` if it has one, and the question it answers."""
    return {**row, "choice": " · ".join(filter(None, [row.get("name"), row["variant"]]))}


def consecutive(run: Tabled, rows: Sequence[Row]) -> list[Row]:
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


def columns_of_labels(rows: Sequence[Row]) -> list[str]:
    """The label columns that occur in the rows, in their order."""
    return list(dict.fromkeys(row["label"] for row in rows if row.get("label")))


def within_chance(row: Row, closer: str = "high") -> bool:
    """Whether the interval reaches what chance gives: the nearer end of its 95 % where known, else its mean."""
    sign, end, own = (-1, "chance_low", "high") if closer == "low" else (1, "chance_high", "low")
    chance = row.get("chance") if row.get(end) is None else row[end]
    return chance is not None and row[own] is not None and sign * row[own] <= sign * chance + ROUNDING


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
