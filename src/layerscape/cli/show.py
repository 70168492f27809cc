"""What the commands show: progress and notes on standard error, results on standard output."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from layerscape.core.export import as_csv
from layerscape.core.progress import bars as bars
from layerscape.core.words import number as number
from layerscape.core.words import p_value
from layerscape.errors import FileProblem


def note(message: str) -> None:
    """A sentence for the user, on standard error; where that cannot be written, the work goes on."""
    with contextlib.suppress(OSError):
        tqdm.write(f"note: {message}", file=sys.stderr)


def independent(options: Mapping[str, Any]) -> str:
    """What is taken for granted where nobody said who belongs together, as the end of an answer."""
    told = any(options.get(name) is not None for name in ("groups", "lag", "repeats"))
    return "" if told else "\n\nSamples are taken to be independent of each other (--groups says otherwise)."


def say(text: str, as_json: bool, record: Any) -> None:
    """The result: one JSON object, or the text for people."""
    try:
        click.echo(json.dumps(record, allow_nan=False) if as_json else text)
    except OSError as error:
        with Path(os.devnull).open("wb") as nothing:  # or what is left to write would fail once more at the end
            os.dup2(nothing.fileno(), sys.stdout.fileno())
        raise FileProblem(
            f"standard output cannot be written: {error.strerror or error}; give it a place, and run this again"
        ) from None


def save_table(table: Any, path: Path) -> None:
    """The table as a file of its own."""
    try:
        path.write_text(as_csv(table), encoding="utf-8")
    except OSError as error:
        raise FileProblem(f"cannot write {path}: {error.strerror or error}; give another --csv") from None
    note(f"the table is in {path}")


def rows(table: Any) -> str:
    """A table for people."""
    of_tests = {name: p_value for name in ("p", "p_holm") if name in table}
    return table.to_string(index=False, na_rep="–", float_format=number, formatters=of_tests)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row for JSON: what does not apply is null."""
    from math import isfinite

    from pandas import isna

    return {
        name: None if isna(value) or (isinstance(value, float) and not isfinite(value)) else value
        for name, value in row.items()
    }


def note_gaps(table: Any) -> None:
    """Why there are rows without a value, or of groups or series without an interval, once for each reason."""
    unsure = table.value.notna() & table.low.isna() & (table.groups != "") & (table.warnings != "")
    for what, gaps in (("a value", table[table.value.isna()]), ("an interval", table[unsure])):
        for (measure, label, words), own in gaps.groupby(["measure", "label", "warnings"], sort=False):
            of, why = f" of {label!r}" if label else "", words.replace("\n", "; ")
            note(f"{measure}{of}, {len(own)} without {what}: {why}")


def note_held(table: Any) -> None:
    """How many rows have a chance that is of fewer samples than their value."""
    from layerscape.core.exchange import CUT

    if number_of := int(table.held.notna().sum()):
        note(
            f"{number_of} of {len(table)} rows: chance and p are of fewer samples than the value, {CUT}, and so is the "
            "column held: it is what to hold against chance"
        )


def note_alarms(opened: Any, table: Any) -> None:
    """What the steps of a series warn of."""
    from layerscape.runs import Series
    from layerscape.supply.alarms import alarms, in_words

    if isinstance(opened, Series):
        for text in in_words(alarms(opened, table)):
            note(text)
