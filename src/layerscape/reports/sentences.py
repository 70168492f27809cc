"""What a run shows, in sentences that claim no more than the intervals carry."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from layerscape.core.depth import site_of
from layerscape.core.quantity import Quantity
from layerscape.core.words import number
from layerscape.figures.measured import measured, question_of, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, consecutive, first_variant
from layerscape.reports.both import by_metrics, leading, of_metric
from layerscape.reports.cautions import Finding, with_cautions
from layerscape.reports.chosen import chosen_dimensions
from layerscape.reports.dimension import DimensionProfile
from layerscape.reports.encoding import of_labels
from layerscape.reports.reported import ReportedRun
from layerscape.reports.telling import (
    above,
    asked,
    below,
    beside_chance,
    highest,
    known,
    lowest,
    named,
    not_told_apart,
    once,
    under_ceiling,
)

# From here on a finite sample reads too low: 2,000 Gaussian samples of dimension 15 give 13.6, of dimension 30 give 23.
HIGH_DIMENSION = 15


def findings(run: ReportedRun, baseline: ReportedRun | None = None) -> list[str]:
    """What a run shows, in sentences; see `found`."""
    return [each.text for each in found(run, baseline)]


def found(run: ReportedRun, baseline: ReportedRun | None = None) -> list[Finding]:
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
    profile = Profile.of(of_metric(run.table, leading(run)), run.layers)
    beside = Profile.of(baseline.table, baseline.layers) if baseline else Profile()
    measures = measured(profile)
    dimension = DimensionProfile.of(profile, measures)
    finest = dimension.finest
    thin, choices = _thin(finest), chosen_dimensions(run, dimension.to_choose)
    dead = {row["layer"] for row in finest if row["value"] is None} | set(thin)
    alike = [measure for measure in measures if measure.compares and measure.symmetric and measure.closer == "high"]
    labels = [each for each in measures if reads_labels(each)]
    every = [
        _recommended(run, profile),
        *by_metrics(run, measures, profile, dead),
        *dimension.sentences(thin, choices),
        *(_rearrangement(profile, measure, dead) for measure in _first(alike, "neighborhood")),
        *of_labels(profile, labels, beside, baseline.name if baseline else "", run.recommendation),
        *(_similarity(profile, measure) for measure in _first(alike, "similarity")),
        Finding(_too_high([row for row in finest if row["layer"] not in thin])),
        *map(Finding, _gaps(finest)),
    ]
    told = with_cautions(each for each in every if each.text)
    told = [replace(each, text=text) for each, text in zip(told, once(each.text for each in told), strict=True)]
    told += [
        Finding(
            f"Layer {layer!r} has only {n:,} distinct samples, the others being copies of them; the sentences on "
            "dimension and neighborhoods leave it out."
        )
        for layer, n in thin.items()
    ]
    nothing = f"No dimension, overlap or label of run {run.name!r} was measured. Measure them with: "
    return told or [Finding(f"{nothing}layerscape measure {run.path}")]


def _first(measures: Sequence[Quantity], which: str) -> list[Quantity]:
    """The first measure of a question, if there is one."""
    return [measure for measure in measures if question_of(measure) == which][:1]


def _recommended(run: ReportedRun, profile: Profile) -> Finding:
    """What was recommended, with the rows of the labels that it was judged by."""
    kept = run.recommendation
    if not kept:
        return Finding("")
    layer = kept.get("layer") or next(iter(kept.get("equals") or ()), "")
    rows = [row for row in profile.rows(kept.get("by") or "") if row["label"] in (kept.get("labels") or ())]
    asked = [row for row in rows if row["label"] in kept["labels"][:1]]
    reason = _otherwise_asked(kept, set(run.table.get("groups", ()))) + kept["reason"]
    return Finding(reason, [row for row in rows if row["layer"] == layer], known(first_variant(asked)))


def _otherwise_asked(kept: Mapping[str, Any], said: set[str]) -> str:
    """Who was taken to belong together for a recommendation, where the rest of the page takes others."""
    groups = kept.get("groups")
    if groups and not any(repr(groups) in words for words in said):
        return f"With {groups!r} as groups, which the rest of this page does not take: "
    if "groups" in kept and groups is None and any(said):
        return "With samples taken to be independent, which the rest of this page does not do: "
    return ""


def _rearrangement(run: Profile, measure: Quantity, dead: Collection[str]) -> Finding:
    rows = known(consecutive(run.steps, first_variant(run.rows(measure.name))))
    rows = [row for row in rows if row["layer"] not in dead and row["other_layer"] not in dead]
    if not rows:
        return Finding("")
    low, high = lowest(rows), highest(rows)

    def step(row: Row) -> str:
        return f"from {named(row, 'other_layer')} to {named(row)}"

    def says(value: str) -> str:
        sentence = measure.sentence or f"{measure.title} is {{value}}"
        return f"{sentence.format(value=value, k=low['k'])}{asked(rows)}{beside_chance(measure, low)}"

    if len(rows) == 1:
        return Finding(f"F{step(low)[1:]} {says(low['said'])}.", rows)
    if not above(high, low, len(rows)):
        ends = [row[end] if row[end] is not None else row["value"] for row, end in ((low, "low"), (high, "high"))]
        none = " [no interval]" if None in (low["low"], high["high"]) else ""
        between = says(f"{' to '.join(map(number, ends))}{none}")
        none = "no two steps are told apart, so that none is seen to change neighborhoods most"
        return Finding(f"From layer to layer {between}; {none}.", rows, rows)
    most = f"{step(low)}{not_told_apart(rows, low, below, 'the step to ')}"
    least = f"{step(high)}{not_told_apart(rows, high, above, 'the step to ')}"
    text = f"Neighborhoods change most {most}: {says(low['said'])}. They change least {least}: {high['said']}."
    return Finding(text, rows, rows)


def _similarity(run: Profile, measure: Quantity) -> Finding:
    stream = [layer for layer in run.layers if not site_of(layer)] or run.layers
    first, last = stream[0], stream[-1]
    for row in known(first_variant(run.rows(measure.name))):
        if {row["layer"], row["other_layer"]} == {first, last}:
            scored = f"{row['said']}{beside_chance(measure, row)}"
            whole = f"Compared as wholes by {measure.title}, {first!r} and {last!r} score {scored}."
            return Finding(whole + under_ceiling(row), [row])
    return Finding("")


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
