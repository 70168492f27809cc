"""What a run shows, in sentences that claim no more than the intervals carry."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from layerscape.core.measure import Measure
from layerscape.core.words import number
from layerscape.figures.measured import is_dimension, measured, reads_labels
from layerscape.figures.rows import (
    Row,
    alongside,
    columns_of_labels,
    consecutive,
    first_variant,
    rows_of,
    said,
    within_chance,
)
from layerscape.measures import question
from layerscape.reports.profile import ReportedRun

# From here on a finite sample reads too low: 2,000 Gaussian samples of dimension 15 give 13.6, of dimension 30 give 23.
HIGH_DIMENSION = 15


def findings(run: ReportedRun, baseline: ReportedRun | None = None) -> list[str]:
    """What a run shows, in sentences: which layer was recommended, if anybody asked, then the three main things.

    "Above", "rises", "most" and the like are said only where the 95 % intervals do not touch. Every comparison is
    given with what chance gives. Of each kind of measures that speaks which stands for its question, or the first.

    Parameters
    ----------
    run
        A run that has been measured.
    baseline
        A second run, such as the untrained network, that labels are compared with.
    """
    measures = measured(run)
    dimension = _Dimension.of(run, [measure for measure in measures if is_dimension(measure)])
    finest = dimension.finest
    thin = _thin(finest)
    dead = {row["layer"] for row in finest if row["value"] is None} | set(thin)
    alike = [measure for measure in measures if measure.compares and measure.symmetric and measure.closer == "high"]
    sentences = [
        run.recommendation["reason"] if run.recommendation else "",
        dimension.sentence(thin),
        *(_rearrangement(run, measure, dead) for measure in _first(alike, "neighborhood")),
        *_labels(run, [measure for measure in measures if reads_labels(measure)], baseline),
        *(_similarity(run, measure) for measure in _first(alike, "similarity")),
        _too_high([row for row in finest if row["layer"] not in thin]) if dimension.of_neighbors else "",
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


def _first(measures: Sequence[Measure], which: str) -> list[Measure]:
    """The first measure of a question, if there is one."""
    return [measure for measure in measures if question(measure) == which][:1]


@dataclass(frozen=True)
class _Dimension:
    """The dimension that speaks for all: at its finest scale, and by point the scales of the first that has some."""

    name: str = ""
    finest: list[Row] = field(default_factory=list)
    of_neighbors: bool = False
    curve: str = ""
    scales: Mapping[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: ReportedRun, measures: Sequence[Measure]) -> _Dimension:
        curve, scales, finest = "", {}, []
        for measure in measures[::-1]:
            finest = first_variant(rows_of(run, measure.name))
            points = list(dict.fromkeys(row["point"] for row in finest))
            if points != [""]:
                curve = measure.title
                scales = {point: [row for row in finest if row["point"] == point] for point in points}
        if not measures:
            return cls()
        name, point = measures[0].title, finest[0]["point"]
        if point:
            name, finest = f"{name}, {point}", scales.pop(point)
        return cls(name, finest, measures[0].searches, curve, scales)

    def sentence(self, thin: Collection[str]) -> str:
        """The shape of its profile, and whether it is the same at other scales."""
        rows, scales = _several(self.finest, thin), {at: _several(rows, thin) for at, rows in self.scales.items()}
        if not rows:
            return ""
        scales = {at: others for at, others in scales.items() if others}
        shape = _shape(rows)
        survives = all(_shape(others) == shape for others in scales.values())
        words = _in_words(shape, rows, survives)
        return f"The intrinsic dimension ({self.name}{_asked(rows)}) {words}.{_scales(shape, self.curve, scales)}"


def _several(rows: Sequence[Row], without: Collection[str]) -> list[Row]:
    """What is known of other layers; nothing if that is one layer only."""
    known = [row for row in _known(rows) if row["layer"] not in without]
    return known if len(known) > 1 else []


def _in_words(shape: str, rows: Sequence[Row], survives: bool) -> str:
    first, top, bottom, last = rows[0], _highest(rows), _lowest(rows), rows[-1]
    start = f"{said(first, '95 % interval ')} at {_at(first)}"
    end = f"{said(last)} at {_at(last)}"
    high = f"{said(top)} at {_at(top)}{_not_told_apart(rows, top, _above)}"
    low = f"{said(bottom)} at {_at(bottom)}{_not_told_apart(rows, bottom, _below)}"
    if shape == "peak":
        return f"rises from {start} to {'a peak of ' if survives else ''}{high} and falls to {end}"
    if shape == "dip":
        return f"falls from {start} to {low} and rises to {end}"
    if shape in ("rise", "fall"):
        return f"{shape}s from {start} to {end}"
    if shape == "change":
        return f"is {start} and {end}, which the intervals do not tell apart; its lowest is {low}, its highest {high}"
    return f"is {start} and {end}; the intervals of all layers touch, so that no change with depth can be claimed"


def _shape(rows: Sequence[Row]) -> str:
    """What the intervals allow to say of a profile: peak, dip, rise, fall, change or nothing."""
    first, top, bottom, last = rows[0], _highest(rows), _lowest(rows), rows[-1]
    if _above(top, first) and _above(top, last):
        return "peak"
    if _above(first, bottom) and _above(last, bottom):
        return "dip"
    if _above(last, first):
        return "rise"
    if _above(first, last):
        return "fall"
    return "change" if _above(top, bottom) else "nothing"


def _scales(shape: str, curve: str, others: Mapping[str, list[Row]]) -> str:
    """Whether the shape survives the choice of scale."""
    if not others or shape == "nothing":
        return ""
    differing = [at for at, rows in others.items() if _shape(rows) != shape]
    moves = ""
    if shape in ("peak", "dip"):
        extreme = _highest if shape == "peak" else _lowest
        at = dict.fromkeys(_at(extreme(rows)) for at, rows in others.items() if at not in differing)
        moves = f", with the {shape} at {' or '.join(at)}" if at else ""
    if not differing:
        return f" The same shape holds at all {len(others)} scales of {curve}{moves}."
    claim = f" No {shape} is claimed: the" if shape in ("peak", "dip") else " The"
    return (
        f"{claim} shape holds at {len(others) - len(differing)} of {len(others)} scales of {curve}{moves}; it does "
        f"not at {', '.join(differing)}, so that it depends on the scale at which one looks."
    )


def _rearrangement(run: ReportedRun, measure: Measure, dead: Collection[str]) -> str:
    rows = _known(consecutive(run, first_variant(rows_of(run, measure.name))))
    rows = [row for row in rows if row["layer"] not in dead and row["other_layer"] not in dead]
    if not rows:
        return ""
    low, high = _lowest(rows), _highest(rows)

    def step(row: Row) -> str:
        return f"from {_at(row, 'other_layer')} to {_at(row)}"

    def says(value: str) -> str:
        sentence = measure.sentence or f"{measure.title} is {{value}}"
        return f"{sentence.format(value=value, k=low['k'])}{_asked(rows)}{_chance(measure, low)}"

    if len(rows) == 1:
        return f"F{step(low)[1:]} {says(said(low))}."
    if not _above(high, low):
        between = says(f"{number(low['low'])} to {number(high['high'])}")
        return (
            f"From layer to layer {between}; the intervals all touch, so that no step is seen to change neighborhoods "
            "most."
        )
    most = f"{step(low)}{_not_told_apart(rows, low, _below, 'the step to ')}"
    least = f"{step(high)}{_not_told_apart(rows, high, _above, 'the step to ')}"
    return f"Neighborhoods change most {most}: {says(said(low))}. They change least {least}: {said(high)}."


def _labels(run: ReportedRun, measures: Sequence[Measure], baseline: ReportedRun | None) -> Iterator[str]:
    """A sentence for every label column, by the first measure of it that has words."""
    told: set[str] = set()
    for measure in measures:
        rows = rows_of(run, measure.name) if measure.sentence else []
        for column in columns_of_labels(rows):
            if column not in told:
                yield _label(measure, [row for row in rows if row["label"] == column], column, baseline)
        told.update(columns_of_labels(rows))


def _label(measure: Measure, rows: Sequence[Row], column: str, baseline: ReportedRun | None) -> str:
    rows = _known(first_variant(rows))
    if not rows:
        return ""
    top = _highest(rows)
    score = f"{measure.title} {said(top)}{_asked(rows)}{_chance(measure, top)}"
    if within_chance(top):
        return f"No layer is seen to encode {column!r}: at {_at(top)}, the highest, {score} is not above chance."
    why = measure.sentence.format(label=repr(column), k=top["k"])
    text = f"{_at(top)} encodes {column!r} best{_not_told_apart(rows, top, _above)}: {why}, with {score}."
    raw = next((row for row in rows if row["layer"] == "input"), None)
    if raw is top:
        text += " That is the raw input: no layer is seen to add to it."
    elif raw:
        text += f" The raw input scores {said(raw)}{_relation(top, raw)}."
    beside = _known(alongside(rows_of(baseline, measure.name), rows)) if baseline else []
    if baseline and beside:
        best = _highest(beside)
        text += f" The baseline {baseline.name!r} reaches {said(best)} at {_at(best)}{_relation(top, best)}."
    words = [warning.rstrip(".") for warning in (top.get("warnings") or "").split("\n") if warning]
    return " ".join([text, *(f"{warning[0].upper()}{warning[1:]}." for warning in words)])


def _similarity(run: ReportedRun, measure: Measure) -> str:
    first, last = run.layers[0], run.layers[-1]
    for row in _known(first_variant(rows_of(run, measure.name))):
        if {row["layer"], row["other_layer"]} == {first, last}:
            scored = f"{said(row)}{_chance(measure, row)}"
            return f"Compared as wholes by {measure.title}, {first!r} and {last!r} score {scored}."
    return ""


def _too_high(rows: Sequence[Row]) -> str:
    """A caution where a dimension is too high for the number of samples."""
    high = [row for row in _known(rows) if row["value"] > HIGH_DIMENSION]
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
            reasons.setdefault(reason.rstrip("."), []).append(_at(row))
    return [
        f"No dimension can be given at {', '.join(layers)}, which the sentence on neighborhoods leaves out: {reason}."
        for reason, layers in reasons.items()
    ]


def _thin(rows: Sequence[Row]) -> dict[str, int]:
    """Layers in which most samples are copies, with the number of samples that are not: not to be compared."""
    rows = _known(rows)
    most = max((row["n_samples"] for row in rows), default=0)
    return {row["layer"]: row["n_samples"] for row in rows if row["n_samples"] <= most / 2}


def _known(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["value"] is not None]


def _highest(rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: row["value"])


def _lowest(rows: Sequence[Row]) -> Row:
    return min(rows, key=lambda row: row["value"])


def _above(a: Row, b: Row) -> bool:
    """Whether the interval of ``a`` lies wholly above that of ``b``; a missing interval tells nothing."""
    return a["low"] is not None and b["high"] is not None and a["low"] > b["high"]


def _below(a: Row, b: Row) -> bool:
    return _above(b, a)


def _at(row: Row, key: str = "layer") -> str:
    return repr(row[key])


def _asked(rows: Sequence[Row]) -> str:
    """Which of several questions the rows answer, if the measure was asked more than one."""
    return f"; {rows[0]['variant']}" if rows[0]["variant"] else ""


def _chance(measure: Measure, row: Row) -> str:
    """What a value is to be compared with, in as many digits."""
    chance, low, high = row.get("chance"), row["low"], row["high"]
    if chance is None:
        return ""
    step = (high - low) / 2 if chance and low is not None and high is not None else None
    most = f"; the most possible is {number(measure.bounds[1])}" if math.isfinite(measure.bounds[1]) else ""
    return f" (chance gives {number(chance, step)}{most})"


def _relation(top: Row, other: Row) -> str:
    if _above(other, top):
        return ", which is higher"
    return "" if _above(top, other) else ", which the intervals do not tell apart from it"


def _not_told_apart(rows: Sequence[Row], best: Row, beats: Callable[[Row, Row], bool], what: str = "") -> str:
    """Who shares the first place with the best one, as far as the intervals can tell."""
    names = [_at(row) for row in rows if row is not best and not beats(best, row)]
    if not names:
        return ""
    if len(names) > max(4, len(rows) / 2):
        return f" (its interval touches that of {len(names)} of the {len(rows) - 1} others)"
    return f" (its interval touches that of {what}{', '.join(names)})"
