"""What a run shows, in sentences that claim no more than the intervals carry."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from layerscape.core.decisive import REMEDY
from layerscape.core.exchange import NO_FINDING
from layerscape.core.quantity import Quantity
from layerscape.core.words import number
from layerscape.figures.measured import measured, question_of, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import (
    Row,
    alongside,
    columns_of_labels,
    consecutive,
    first_variant,
    within_chance,
)
from layerscape.reports.reported import ReportedRun
from layerscape.reports.shape import DimensionProfile
from layerscape.reports.telling import above, asked, below, highest, known, lowest, named, not_told_apart

# From here on a finite sample reads too low: 2,000 Gaussian samples of dimension 15 give 13.6, of dimension 30 give 23.
HIGH_DIMENSION = 15


def findings(run: ReportedRun, baseline: ReportedRun | None = None) -> list[str]:
    """What a run shows, in sentences: which layer was recommended, if anybody asked, then the three main things.

    "Above", "rises", "most" and the like are said only where the 95 % intervals, widened for how many layers are
    compared, tell values apart. Every comparison is given with what chance gives. Of each kind of measures that speaks
    which stands for its question, or the first.

    Parameters
    ----------
    run
        A run that has been measured.
    baseline
        A second run, such as the untrained network, that labels are compared with.
    """
    profile = Profile.of(run.table, run.layers)
    beside = Profile.of(baseline.table, baseline.layers) if baseline else Profile()
    measures = measured(profile)
    dimension = DimensionProfile.of(profile, measures)
    finest = dimension.finest
    thin = _thin(finest)
    dead = {row["layer"] for row in finest if row["value"] is None} | set(thin)
    alike = [measure for measure in measures if measure.compares and measure.symmetric and measure.closer == "high"]
    sentences = [
        run.recommendation["reason"] if run.recommendation else "",
        dimension.sentence(thin),
        *(_rearrangement(profile, measure, dead) for measure in _first(alike, "neighborhood")),
        *_labels(profile, [each for each in measures if reads_labels(each)], beside, baseline.name if baseline else ""),
        *(_similarity(profile, measure) for measure in _first(alike, "similarity")),
        *_decided(profile, measures),
        _too_high([row for row in finest if row["layer"] not in thin]),
        *_gaps(finest),
    ]
    sentences += [
        f"Layer {layer!r} has only {n:,} distinct samples, the others being copies of them; the sentences on "
        "dimension and neighborhoods leave it out."
        for layer, n in thin.items()
    ]
    return [sentence for sentence in sentences if sentence] or [
        f"No dimension, overlap or label of run {run.name!r} was measured. Measure them with: "
        f"layerscape measure {run.path}"
    ]


def _first(measures: Sequence[Quantity], which: str) -> list[Quantity]:
    """The first measure of a question, if there is one."""
    return [measure for measure in measures if question_of(measure) == which][:1]


def _rearrangement(run: Profile, measure: Quantity, dead: Collection[str]) -> str:
    rows = known(consecutive(run.layers, first_variant(run.rows(measure.name))))
    rows = [row for row in rows if row["layer"] not in dead and row["other_layer"] not in dead]
    if not rows:
        return ""
    low, high = lowest(rows), highest(rows)

    def step(row: Row) -> str:
        return f"from {named(row, 'other_layer')} to {named(row)}"

    def says(value: str) -> str:
        sentence = measure.sentence or f"{measure.title} is {{value}}"
        return f"{sentence.format(value=value, k=low['k'])}{asked(rows)}{_chance(measure, low)}"

    if len(rows) == 1:
        return f"F{step(low)[1:]} {says(low['said'])}."
    if not above(high, low, len(rows)):
        between = says(f"{number(low['low'])} to {number(high['high'])}")
        return (
            f"From layer to layer {between}; no two steps are told apart, so that none is seen to change neighborhoods "
            "most."
        )
    most = f"{step(low)}{not_told_apart(rows, low, below, 'the step to ')}"
    least = f"{step(high)}{not_told_apart(rows, high, above, 'the step to ')}"
    return f"Neighborhoods change most {most}: {says(low['said'])}. They change least {least}: {high['said']}."


def _labels(run: Profile, measures: Sequence[Quantity], beside: Profile, other: str) -> Iterator[str]:
    """A sentence for every label column, by the first measure of it that has words."""
    told: set[str] = set()
    for measure in measures:
        rows = run.rows(measure.name) if measure.sentence else []
        for column in columns_of_labels(rows):
            if column not in told:
                own = [row for row in rows if row["label"] == column]
                yield _label(measure, own, beside.rows(measure.name), column, other)
        told.update(columns_of_labels(rows))


def _label(measure: Quantity, rows: Sequence[Row], beside: Sequence[Row], column: str, other: str) -> str:
    rows = known(first_variant(rows))
    if not rows:
        return ""
    top = highest(rows)
    score = f"{measure.title} {top['said']}{asked(rows)}{_chance(measure, top)}"
    if within_chance(top) and NO_FINDING in (top.get("warnings") or ""):
        return f"Whether a layer encodes {column!r} cannot be told by {top['groups']}: at {named(top)} {score}."
    if within_chance(top):
        return f"No layer is seen to encode {column!r}: at {named(top)}, the highest, {score} is not above chance."
    why = measure.sentence.format(label=repr(column), k=top["k"])
    text = f"{named(top)} encodes {column!r} best{not_told_apart(rows, top, above)}: {why}, with {score}."
    raw = next((row for row in rows if row["layer"] == "input"), None)
    if raw is top:
        text += " That is the raw input: no layer is seen to add to it."
    elif raw:
        text += f" The raw input scores {raw['said']}{_relation(top, raw, len(rows))}."
    beside = known(alongside(beside, rows))
    if beside:
        best = highest(beside)
        relation = _relation(top, best, len(rows) + len(beside))
        text += f" The baseline {other!r} reaches {best['said']} at {named(best)}{relation}."
    words = [warning.rstrip(".") for warning in _lines(top) if REMEDY not in warning]
    return " ".join([text, *(f"{warning[0].upper()}{warning[1:]}." for warning in words)])


def _similarity(run: Profile, measure: Quantity) -> str:
    first, last = run.layers[0], run.layers[-1]
    for row in known(first_variant(run.rows(measure.name))):
        if {row["layer"], row["other_layer"]} == {first, last}:
            scored = f"{row['said']}{_chance(measure, row)}"
            return f"Compared as wholes by {measure.title}, {first!r} and {last!r} score {scored}."
    return ""


def _decided(run: Profile, measures: Sequence[Quantity]) -> list[str]:
    """In which layers one unit decides who is near."""
    lines = [
        line.rstrip(".")
        for measure in measures
        for row in run.rows(measure.name)
        for line in _lines(row)
        if REMEDY in line
    ]
    found = list(dict.fromkeys(lines))
    more = f", and so in {len(found) - 1} more: see the warnings" if len(found) > 1 else ""
    return [f"{found[0][0].upper()}{found[0][1:]}{more}."] if found else []


def _lines(row: Row) -> list[str]:
    """The warnings of a row."""
    return [line for line in (row.get("warnings") or "").split("\n") if line]


def _too_high(rows: Sequence[Row]) -> str:
    """A caution where a dimension is too high for the number of samples."""
    high = [row for row in known(rows) if row["value"] > HIGH_DIMENSION]
    if not high:
        return ""
    n_samples = min(row["n_samples"] for row in high)
    return (
        f"Dimensions above about {HIGH_DIMENSION} come out too low from {n_samples:,} samples, the more so the higher "
        "they are: compare layers by them, and do not read them as counts."
    )


def _gaps(rows: Sequence[Row]) -> list[str]:
    """Which layers have no dimension, and why."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["value"] is None:
            reason = (row.get("warnings") or "no reason was recorded").split("\n")[-1]
            reasons.setdefault(reason.rstrip("."), []).append(named(row))
    return [
        f"No dimension can be given at {', '.join(layers)}, which the sentence on neighborhoods leaves out: {reason}."
        for reason, layers in reasons.items()
    ]


def _thin(rows: Sequence[Row]) -> dict[str, int]:
    """Layers in which most samples are copies, with the number of samples that are not: not to be compared."""
    rows = known(rows)
    most = max((row["n_samples"] for row in rows), default=0)
    return {row["layer"]: row["n_samples"] for row in rows if row["n_samples"] <= most / 2}


def _chance(measure: Quantity, row: Row) -> str:
    """What a value is to be compared with, in as many digits."""
    chance, low, high = row.get("chance"), row["low"], row["high"]
    if chance is None:
        return ""
    step = (high - low) / 2 if chance and low is not None and high is not None else None
    most = f"; the most possible is {number(measure.bounds[1])}" if math.isfinite(measure.bounds[1]) else ""
    return f" (chance gives {number(chance, step)}{most})"


def _relation(top: Row, other: Row, of: int) -> str:
    if above(other, top, of):
        return ", which is higher"
    return "" if above(top, other, of) else ", which the intervals do not tell apart from it"
