"""Sentences on labels: which layer holds most of a label column, beside chance, the raw input and a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layerscape.core.exchange import NO_FINDING, NO_LESS
from layerscape.core.nearness import CALLED
from layerscape.core.quantity import Quantity
from layerscape.figures.measured import heading
from layerscape.figures.profile import Profile
from layerscape.figures.rows import LEVEL, Row, alongside, columns_of_labels, first_variant, within_chance
from layerscape.reports.cautions import Finding, changes, lines_of
from layerscape.reports.telling import above, asked, beside_chance, highest, known, named, not_told_apart


def of_labels(
    run: Profile,
    measures: Sequence[Quantity],
    beside: Profile,
    other: str,
    recommended: Mapping[str, Any] | None,
) -> Iterator[Finding]:
    """A sentence for every label column, by the first measure of it that has words.

    Which layer is best is said once: where a layer was recommended by a column, or none was, only the values are said.
    """
    told: set[str] = set()
    decided, by = list((recommended or {}).get("labels", ())), (recommended or {}).get("metric")
    for measure in measures:
        rows = run.rows(measure.name) if measure.sentence else []
        for column in columns_of_labels(rows):
            own = known(first_variant([row for row in rows if row["label"] == column]))
            if column not in told and own:
                text = _verdict(measure, own, column, decided, by)
                text += _compared(own, known(alongside(beside.rows(measure.name), own)), other)
                top = highest(own)
                words = [line.rstrip(".") for line in lines_of([top]) if not changes(line)]
                yield Finding(" ".join([text, *(f"{each[0].upper()}{each[1:]}." for each in words)]), [top], own)
        told.update(columns_of_labels(rows))


def _verdict(measure: Quantity, rows: Sequence[Row], column: str, decided: Sequence[str], by: str | None) -> str:
    top, alone = highest(rows), len(rows) == 1
    value = f"{top['said']}{asked(rows)}{beside_chance(measure, top)}"
    if decided == [column]:
        metric = f" (by {CALLED[top['metric']]})" if top["metric"] in CALLED and by not in (None, top["metric"]) else ""
        where = f"at {named(top)} is " if alone else f"is highest at {named(top)}: "
        return f"{heading(measure)} of {column!r}{metric} {where}{value}."
    score = f"{measure.title} {value}"
    if within_chance(top, of=len(rows)):
        if any(NO_FINDING in line for line in lines_of([top])) or _is_least(top):
            return f"Whether a layer encodes {column!r} cannot be told by {top['groups']}: at {named(top)} {score}."
        if alone:
            return f"{named(top)} is not seen to encode {column!r}: {score} is not above chance."
        return f"No layer is seen to encode {column!r}: at {named(top)}, the highest, {score} is not above chance."
    if column in decided:
        return f"Of {column!r} alone {named(top)} has {'' if alone else 'the highest '}{score}."
    why = measure.sentence.format(label=repr(column), k=top["k"])
    if alone:
        return f"{named(top)} encodes {column!r}, with {score}."
    return f"{named(top)} encodes {column!r} best{not_told_apart(rows, top, above)}: {why}, with {score}."


def _is_least(row: Row) -> bool:
    """Whether chance gives as much in none of the few ways to arrange groups, which is no finding of many layers."""
    return row["p"] is not None and row["p"] < LEVEL and any(NO_LESS in line for line in lines_of([row]))


def _compared(rows: Sequence[Row], beside: Sequence[Row], other: str) -> str:
    """The raw input and the baseline, where there are any; what is not above chance is compared with nothing."""
    top, text = highest(rows), ""
    if within_chance(top, of=len(rows)):
        return text
    raw = next((row for row in rows if row["layer"] == "input"), None)
    if raw is top:
        text += " That is the raw input: no layer is seen to add to it."
    elif raw:
        text += f" The raw input scores {raw['said']}{_relation(top, raw, len(rows))}."
    if beside:
        best = highest(beside)
        relation = _relation(top, best, len(rows) + len(beside))
        text += f" The baseline {other!r} reaches {best['said']} at {named(best)}{relation}."
    return text


def _relation(top: Row, other: Row, of: int) -> str:
    if above(other, top, of):
        return ", which is higher"
    return "" if above(top, other, of) else ", which the intervals do not tell apart from it"
