"""A series as the page shows it: step × depth, sentences on what changes, one sample through the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from layerscape.core.merged import merged
from layerscape.core.neighbors import Neighbors
from layerscape.core.paired import MOVES
from layerscape.core.progress import Show
from layerscape.core.quantity import Quantity
from layerscape.core.words import counted, firsts, listed
from layerscape.errors import InvalidValue
from layerscape.figures.measured import heading, measured, question_of, reads_labels
from layerscape.figures.profile import Profile
from layerscape.figures.rows import LEVEL, Row, beside, columns_of_labels, first_variant, within_chance
from layerscape.figures.step_map import RAW
from layerscape.reports.cautions import Finding, with_cautions
from layerscape.reports.reported import ReportedRun
from layerscape.reports.shape import Shape
from layerscape.reports.telling import above, asked, beside_chance, highest, known, lowest, not_told_apart, once
from layerscape.run import check_run
from layerscape.runs import Series
from layerscape.supply.alarms import alarms, in_words

HALF = 0.5  # of the neighbors above chance that a layer has at the end, from which on it is called settled


@dataclass
class ThroughSteps:
    """A series as a report reads a run: its layers, with rows of every step; labels and previews are those of its end.

    Attributes
    ----------
    series
        The runs.
    sites
        Empty, or the layers whose steps take the place of layers, as in the strip of neighbors: all steps of the first,
        then all of the second, and so on.
    """

    series: Series
    sites: tuple[str, ...] = ()
    recommendation = None

    @property
    def path(self) -> Path:
        return self.series.path or Path()

    @property
    def temporary(self) -> bool:
        return self.series.path is None

    @property
    def name(self) -> str:
        first, last = self.series.runs[0].name, self.series.runs[-1].name
        return self.path.name or f"{first} to {last}"

    @cached_property
    def record(self) -> Mapping[str, Any]:
        steps = [str(step) for step in self.series.steps]
        return {**self.series.runs[-1].record, "steps": f"{len(steps)}: {steps[0]} to {steps[-1]}"}

    @property
    def layers(self) -> Sequence[str]:
        if not self.sites:
            return self.series.layers
        return [f"{site} at {_called(str(step))}" for site in self.sites for step in self.series.steps]

    @property
    def along(self) -> str:
        """What its steps are of: numbers are of a training, and names of anything."""
        return "the series" if isinstance(self.series.steps[0], str) else "training"

    @property
    def last_in_words(self) -> str:
        """The last layer, which in networks of other depth is not the last of all."""
        last = self.series.layers[-1]
        alike = all(run.layers[-1] == last for run in self.series)
        return f"the last layer, {last!r}" if alike else f"{last!r}, the last layer that all runs have"

    @property
    def samples(self) -> Any:
        return self.series.runs[-1].samples

    @cached_property
    def table(self) -> Any:
        return self.series.table

    @property
    def notes(self) -> Sequence[str]:
        return tuple(merged(note for run in self.series for note in run.notes))

    def graph(self, layer: str, k: int, *, progress: Show, **search: Any) -> Neighbors:
        run, own = self._one(layer)
        return run.graph(own, k, progress=progress, **search)

    def keeps_graph(self, layer: str, k: int, search: Any) -> bool:
        run, own = self._one(layer)
        return run.keeps_graph(own, k, search)

    def along_steps(self, k: int, search: Any) -> ReportedRun:
        """The layers whose graphs are kept at every step, and the last in any case, with their steps for layers."""
        last = self.series.layers[-1]
        every = [
            layer
            for layer in self.series.layers
            if layer == last or all(run.keeps_graph(layer, k, search) for run in self.series.runs)
        ]
        return cast(ReportedRun, replace(self, sites=tuple(every)))

    @property
    def steps_of_sites(self) -> Mapping[str, Sequence[str]]:
        """Of each layer whose steps are gone through, what they are called."""
        return {site: [str(step) for step in self.series.steps] for site in self.sites}

    def _one(self, name: str) -> tuple[Any, str]:
        """The run and its layer that a name in `layers` means."""
        if not self.sites:
            return self.series.runs[-1], name
        site, step = divmod(self.layers.index(name), len(self.series.steps))
        return self.series.runs[step], self.sites[site]


def as_reported(run: ReportedRun | Series, baseline: Any = None) -> ReportedRun:
    """A series as a report reads a run; a run as it is."""
    if not isinstance(run, Series):
        if not hasattr(run, "layers"):
            check_run(run)
        return run
    if not run.layers:
        raise InvalidValue("no layer is in all runs of the series; make a page of each, or compare them.")
    if baseline is not None:
        raise InvalidValue("a baseline of a series, whose first step stands for one; leave it out.")
    return cast(ReportedRun, ThroughSteps(run))


def found_through(series: ThroughSteps) -> list[Finding]:
    """What a series shows, in sentences that claim no more than the intervals carry."""
    profile = Profile.of(series.table, series.layers)
    measures = measured(profile)
    comparing = [each for each in measures if each.compares and each.symmetric and each.closer == "high"]
    every = [
        *(_dimension(profile, each, series) for each in measures if question_of(each) == "dimension" and each.headline),
        *(_settling(profile, each) for each in comparing if question_of(each) == "neighborhood"),
        *(each for measure in measures if reads_labels(measure) for each in _labels(profile, measure, series.along)),
    ]
    warned = [Finding(f"{text[0].upper()}{text[1:]}.") for text in in_words(alarms(series.series))]
    told = [*warned, *with_cautions(each for each in every if each.text)]
    told = [replace(each, text=text) for each, text in zip(told, once(each.text for each in told), strict=True)]
    return told or [Finding(_untold(series, measures))]


def _untold(series: ThroughSteps, measures: Sequence[Quantity]) -> str:
    """What is said where no sentence is: that nothing was measured, or what was."""
    rows = len(series.table)
    if not rows:
        return f"Nothing of the series in {series.path} was measured. Measure it with: layerscape measure {series.path}"
    titles = listed([each.title for each in measures]) or "measures of your own"
    return f"{counted(rows, 'value')} of {titles} measured; no sentence is made of them, and they are in the table."


def _steps(rows: Sequence[Row]) -> list[Row]:
    """Rows of one layer, called by their steps."""
    return [{**row, "layer": _called(row["when"])} for row in rows]


def _called(when: str) -> str:
    """A step in a sentence: a name says what it is, and a number does not."""
    try:
        float(when)
    except ValueError:
        return when
    return f"step {when}"


def _finest(run: Profile, measure: Quantity) -> list[Row]:
    """The rows of the question that stands for a measure, at the finest point of a curve, in the order of the steps."""
    rows = first_variant(known(run.rows(measure.name)))
    rows = [row for row in rows if row["order"] == min(row["order"] for row in rows)]
    return sorted(rows, key=lambda row: run.times.index(row["when"]))


def _dimension(run: Profile, measure: Quantity, series: ThroughSteps) -> Finding:
    """How the dimension of the last layer goes, or of the last one that all runs have."""
    rows = [row for row in _finest(run, measure) if row["layer"] == run.layers[-1]]
    if len(rows) < 2:
        return Finding("")
    shape = Shape.of(_steps(rows), along=series.along).in_words(survives=False)
    start = f"The intrinsic dimension of {series.last_in_words} ({measure.title}{asked(rows)}),"
    return Finding(f"{start} {shape}.", rows, rows)


def _settling(run: Profile, measure: Quantity) -> Finding:
    """Between which steps neighborhoods move most, and from when on each layer has half of what it ends with."""
    rows = [row for row in known(first_variant(run.between(measure.name))) if row["layer"] != RAW]
    last, place = run.times[-1], {when: number for number, when in enumerate(run.times)}
    following = [row for row in rows if place[row["other_when"]] == place[row["when"]] + 1]
    if len(following) < 2:
        return Finding("")
    low, high = lowest(following), highest(following)
    if not above(high, low, len(following)):
        most = "Between steps no layer is told to move more than another"
    else:
        most = (
            f"Neighborhoods move most at {low['layer']!r} from {_called(low['when'])} to {low['other_when']}: "
            f"{measure.title} {low['said']}{beside_chance(measure, low)}"
        )
    settled: dict[str, list[str]] = {}
    for layer in run.layers:
        own = sorted((row for row in rows if row["layer"] == layer and row["other_when"] == last), key=_when(place))
        settled.setdefault(_settled(own), []).append(repr(layer))
    ends = [f"{listed(names)} {when}" for when, names in settled.items() if when]
    half = f" Half of the neighbors that a layer ends with, chance set aside, it has {'; '.join(ends)}." if ends else ""
    return Finding(f"{most}.{half}{_moving(run, rows, last)}{_not_compared(run, following)}", [low], following)


def _not_compared(run: Profile, following: Sequence[Row]) -> str:
    """Which steps follow each other and were not compared, as where one between them was taken away."""
    there = {(row["when"], row["other_when"]) for row in following}
    lacking = [f"{_called(a)} with {b}" for a, b in pairwise(run.times) if (a, b) not in there]
    return f" Not compared, since the series was another when it was measured: {firsts(lacking)}." if lacking else ""


def _moving(run: Profile, rows: Sequence[Row], last: str) -> str:
    """Until which step a test on the same samples tells that each layer moves; nothing where names are no times."""
    until: dict[str, list[str]] = {}
    for layer in run.layers:
        p = {row["when"]: row.get(MOVES) for row in rows if row["layer"] == layer and row["other_when"] == last}
        tested = {when: value for when, value in p.items() if value is not None and value == value}
        moves = [when for when in run.times if tested.get(when, 1.0) < LEVEL]
        if tested:
            until.setdefault(run.times[run.times.index(moves[-1]) + 1] if moves else "", []).append(repr(layer))
    said = [f"until {_called(when)} at {listed(names)}" for when, names in until.items() if when]
    none = [f"at {listed(names)} no move is told" for when, names in until.items() if not when]
    if not until or _called(last) == last:
        return ""
    moved = [f"neighborhoods move {listed(said)}"] if said else []
    return f" By a test on the same samples, {'; '.join(moved + none)}."


def _when(place: Mapping[str, int]) -> Any:
    return lambda row: place[row["when"]]


def _settled(rows: Sequence[Row]) -> str:
    """From which step on the interval of the overlap with the end lies above half of what is possible."""
    since = None
    for row in rows:
        chance = row.get("chance") or 0.0
        low = beside(row, "low")
        enough = low is not None and low >= chance + HALF * (1 - chance)
        since = (since or row["when"]) if enough else None
    return f"from {_called(since)} on" if since else "at the last step only" if rows else ""


def _labels(run: Profile, measure: Quantity, through: str) -> Iterator[Finding]:
    """Where and when a label is highest, and from which step on it is told from chance."""
    every = _finest(run, measure) if measure.sentence else []
    for column in columns_of_labels(every):
        rows = [row for row in every if row["label"] == column]
        top = highest(rows)
        told = [row for row in rows if not within_chance(row, measure.closer, of=len(rows))]
        if not told:
            yield Finding(f"No layer is seen to encode {column!r} at any step: {measure.title} {top['said']} at most.")
            continue
        when = min(told, key=lambda row: run.times.index(row["when"]))["when"]
        places = [{**row, "layer": f"{row['layer']} at {_called(row['when'])}"} for row in rows]
        best = next(each for each, row in zip(places, rows, strict=True) if row is top)
        shared = not_told_apart(places, best, above)
        start = f"{heading(measure)} of {column!r} is highest at {top['layer']!r} at {_called(top['when'])}{shared}"
        along = [row for row in rows if row["layer"] == top["layer"]]
        went = Shape.of(_steps(along), along=through).in_words(survives=False) if len(along) > 1 else ""
        more = f" At {top['layer']!r} it {went}." if went else ""
        first = f"Some layer has it above chance from {_called(when)} on."
        yield Finding(f"{start}: {top['said']}{beside_chance(measure, top)}.{more} {first}", [top], along)
