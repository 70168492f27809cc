"""Rows of a table as plain values: which of them go together, and what one says in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layerscape.core.words import said

Row = dict[str, Any]

# Two rows of one measure that differ in one of these are different questions, and never points of one line.
QUESTION = ("group", "groups", "metric", "standardize", "near_copies", "options", "k")
ROUNDING = 1e-9  # all ties give chance itself, up to rounding
LEVEL = 0.05  # of a p-value, below which chance is not said to give as much


def variants(rows: Sequence[Row]) -> list[str]:
    """The questions that the rows answer, what stands for the measure first, and else the first one asked."""
    return _in_order(rows, "variant")


def choices(rows: Sequence[Row]) -> list[str]:
    """What can be chosen among the rows, what stands for the measure first."""
    own = [row for row in rows if not row.get("beside")]
    return _in_order(own, "choice")


def _in_order(rows: Sequence[Row], key: str) -> list[str]:
    """What a key says of the rows: of all samples before some, what says who belongs together before what says nothing
    of it, and last what was asked of few layers, as of those that have too few distinct samples for the others' k.
    """
    layers: dict[str, set[str]] = {}
    for row in rows:
        layers.setdefault(row[key], set()).add(row["layer"])
    most = max(map(len, layers.values()), default=0)

    def standing(row: Row) -> tuple[bool, bool, bool]:
        return bool(row.get("group")), not row.get("groups"), 2 * len(layers[row[key]]) < most

    return list(dict.fromkeys(row[key] for row in sorted(rows, key=standing)))


def first_variant(rows: Sequence[Row]) -> list[Row]:
    """The rows of the question that stands for the measure where one must."""
    first = variants(rows)[:1]
    return [row for row in rows if row["variant"] in first]


def alongside(second: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Of a second run's rows, those that answer a question of ``rows`` at the same layer; the raw input is no layer."""

    def question(row: Row) -> tuple[Any, ...]:
        keys = ("measure", "layer", "other_layer", "label", "point", *QUESTION)
        return tuple(row.get(key) for key in keys if key != "near_copies")

    def shares(row: Row) -> set[Any]:
        return {row.get("near_copies"), asked[question(row)].get("near_copies")} - {None}  # as tables kept before have

    asked = {question(row): row for row in rows if row["layer"] != "input"}
    found = [row for row in second if question(row) in asked and len(shares(row)) < 2]
    return [{**row, "variant": asked[question(row)]["variant"]} for row in found]


def with_baseline(own: Sequence[Row], baseline: Sequence[Row]) -> list[Row]:
    """The rows of the run and what answers the same questions in the baseline, told apart by ``beside``."""
    second = alongside(baseline, own)
    return [*(chosen(row) | {"beside": False} for row in own), *(chosen(row) | {"beside": True} for row in second)]


def above_zero(rows: Sequence[Row]) -> list[Row]:
    """Rows for a logarithmic axis: a value that is not above 0 is a gap, and an interval ends at half of the least one.

    >>> [(row["value"], row["low"]) for row in above_zero([{"value": 4.0, "low": -1.0}, {"value": 0.0, "low": 0.0}])]
    [(4.0, 2.0), (None, None)]
    """
    least = min((row["value"] for row in rows if row["value"] and row["value"] > 0), default=0.0) / 2
    gap = {"value": None, "low": None, "high": None}
    return [
        row | (gap if not row["value"] or row["value"] < 0 else {"low": row.get("low") and max(row["low"], least)})
        for row in rows
    ]


def chosen(row: Row) -> Row:
    """The row with ``choice``, what a menu calls it: its ``name`` if it has one, and the question it answers."""
    return {**row, "choice": " · ".join(filter(None, [row.get("name"), row["variant"]]))}


def consecutive(steps: Sequence[tuple[str, str]], rows: Sequence[Row]) -> list[Row]:
    """Of the rows of pairs, those of a layer and the one before it (`Profile.steps`), named by the later one."""
    later = dict(steps)
    place = {layer: number for number, layer in enumerate(later.values())}
    found = []
    for row in both_ways(rows):
        if later.get(row["layer"]) == row["other_layer"]:
            found.append({**row, "layer": row["other_layer"], "other_layer": row["layer"]})
    return sorted(found, key=lambda row: place[row["layer"]])


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


def beside(row: Row, name: str) -> float | None:
    """An end of the interval as it stands beside chance, which may be of fewer samples than the value."""
    end, held = row[name], row.get("held")
    return end if end is None or held is None else end + held - row["value"]


def within_chance(row: Row, closer: str = "high", of: int = 1) -> bool:
    """Whether chance gives as much: its p, where there is one, of as many tries (Bonferroni); else by the interval.

    The value's own interval says how well it is known, which is another question than whether chance could give it.
    """
    chance, p, own = row.get("chance"), row.get("p"), beside(row, "high" if closer == "low" else "low")
    if p is not None:
        return p * of >= LEVEL
    sign = -1 if closer == "low" else 1
    return chance is not None and own is not None and sign * own <= sign * chance + ROUNDING


def with_ceiling(row: Row) -> Row:
    """The row with ``reach``, how far noise lets its value reach, and ``over``, its value over that, where known."""
    if row.get("ceiling") is None:
        return row
    ends = [(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("ceiling", "over_ceiling")]
    return {**row, "reach": said(*ends[0]), "over": said(*ends[1])}
