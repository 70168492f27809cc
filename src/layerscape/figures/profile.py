"""Profile: a table of a run, read once into plain rows in the order of the layers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from layerscape.core.depth import axes_of_depth, steps
from layerscape.core.labels import CONTROL
from layerscape.core.words import said
from layerscape.errors import InvalidType, InvalidValue
from layerscape.figures.rows import QUESTION, Row

READ = ("layer", "measure", "value", "group", "options", "n_samples")  # columns without which a table says nothing


class Profile:
    """The rows of every measure.

    A row has the columns of the table, with None for what is missing, and more: ``variant`` says in words which of
    several questions it answers (empty when the measure was asked once), ``point`` which point of a curve it is (empty
    where there is none) and ``order`` where on the curve, from the finest scale up; ``said`` is its value with the
    interval; ``branch`` numbers the depth that its layer lies along, since a network of two towers has two.

    Parameters
    ----------
    rows
        Plain values by column.
    layers
        In order; when left out, as the rows of single layers, or of pairs, give them.

    Attributes
    ----------
    others
        Of a comparison of two runs the layers of the other one, in order; empty otherwise.
    """

    def __init__(self, rows: Sequence[Row] = (), layers: Sequence[str] = ()) -> None:
        self.layers = tuple(layers) or _order(rows)
        self.times = _times(rows)
        self.others = tuple(dict.fromkeys(row["other_layer"] for row in rows if _of_two(row)))
        found: dict[str, list[Row]] = {}
        controls: dict[str, list[Row]] = {}
        between: dict[str, list[Row]] = {}
        for row in rows:
            kept = controls if (row["group"] or "").startswith(f"{CONTROL}=") else found
            kept = between if row.get("other_step") is not None else kept
            if row["layer"] in self.layers:
                kept.setdefault(row["measure"], []).append(row)
        self._depths = {row["layer"]: row["depth"] for row in rows if row.get("depth") is not None}
        self._axes = axes_of_depth(self.layers, self._depths)
        self._rows = {name: self._read(own) for name, own in found.items()}
        self._controls = {name: self._read(own) for name, own in controls.items()}
        self._between = {name: self._read(own) for name, own in between.items()}

    @classmethod
    def of(cls, table: Any, layers: Sequence[str] = ()) -> Profile:
        """Of a pandas.DataFrame with one row per estimate, or per point of a curve."""
        check_table(table)
        table = table.astype(object).where(table.notna(), None)
        rows = [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]
        return cls(rows, layers)

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Every layer and the next one, where both lie along one depth."""
        return steps(self.layers, self._depths)

    @property
    def measures(self) -> list[str]:
        """Those of which there are rows."""
        return list(dict.fromkeys([*self._rows, *self._between]))

    def rows(self, measure: str) -> list[Row]:
        """The rows of one measure; those of controls are left to `controls`."""
        return self._rows.get(measure, [])

    def between(self, measure: str) -> list[Row]:
        """The rows of one measure between the steps of a series; ``other_when`` is the later one."""
        return self._between.get(measure, [])

    def controls(self, measure: str) -> list[Row]:
        """The rows of one measure of controls; ``control`` says of which."""
        rows = self._controls.get(measure, [])
        return [{**row, "control": row["group"].removeprefix(f"{CONTROL}=")} for row in rows]

    def _read(self, rows: Sequence[Row]) -> list[Row]:
        place = {layer: n for n, layer in enumerate(self.layers)}
        rows = _with_points(rows)
        rows.sort(key=lambda row: (place[row["layer"]], place.get(row.get("other_layer") or "", -1), row["order"]))
        # A label that is a number is asked of in another way than one that is a category: no second question.
        labels = {row.get("label") for row in rows}
        differing = {label: _telling([row for row in rows if row.get("label") == label]) for label in labels}
        for row in rows:
            asked = _asked(row)
            row["variant"] = ", ".join(_in_words(name, asked.get(name)) for name in differing[row.get("label")])
            row["branch"] = self._axes[row["layer"]]
            if self.times:
                row["when"], row["other_when"] = str(row["step"]), str(row.get("other_step"))
            row["said"] = said(row["value"], row.get("low"), row.get("high"))
        return rows


def _times(rows: Sequence[Row]) -> list[str]:
    """The steps, in order: also one that was only compared with others, as the last of a series of one layer."""
    named = [row.get(side) for side in ("step", "other_step") for row in rows]
    steps = list(dict.fromkeys(step for step in named if step is not None))
    return [str(step) for step in (steps if any(isinstance(step, str) for step in steps) else sorted(steps))]


def check_table(table: Any) -> None:
    """Raise unless it is a table of estimates; one without rows needs no columns."""
    if not (hasattr(table, "columns") and hasattr(table, "to_dict")):
        raise InvalidType(f"{type(table).__name__} given as a table of estimates; give one of measure or compare.")
    missing = [name for name in READ if name not in table.columns]
    if missing and len(table):
        raise InvalidValue(f"a table without the column {missing[0]!r}; give one of measure or compare.")


def _order(rows: Sequence[Row]) -> tuple[str, ...]:
    """Of pairs, the first layer may be no second one, and second ones come in order; of two runs, first ones do."""
    pairs = [row for row in rows if row.get("other_layer")]
    if any(map(_of_two, rows)):
        return tuple(dict.fromkeys(row["layer"] for row in rows))
    second = [row["other_layer"] for row in pairs]
    first = [row["layer"] for row in pairs if row["layer"] not in set(second)]
    alone = [row["layer"] for row in rows if not row.get("other_layer")]
    return tuple(dict.fromkeys([*alone, *first, *second]))


def _of_two(row: Row) -> bool:
    """Whether a row compares layers of two runs that are no steps of one series."""
    return bool(row.get("other_run")) and row.get("step") is None and bool(row.get("other_layer"))


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
    if name == "groups":  # which are words: "40 groups of 'subject'"
        return str(value or "no groups")
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


def _plain(value: Any) -> Any:
    """None for infinities, whole numbers as int (a column with gaps turns k into 30.0), Python's own numbers."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value
