"""Which dimension to believe: the suitable estimators on one axis of scale, and one value with its reason, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Unpack

from layerscape.core.estimate import Estimate, Point
from layerscape.core.keywords import Search, door
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.progress import Show, counted
from layerscape.core.representation import Representation
from layerscape.core.shown import Card, Shown, interval, warned
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task, check_options
from layerscape.errors import InvalidType
from layerscape.measures import find_measure
from layerscape.measures.dimension.finite import bias_words, gaussian_curve, most_dimensions
from layerscape.measures.dimension.reading import DISCRETE, Reading, tied
from layerscape.pipeline.estimate import estimate
from layerscape.questions.discrete import ADVICE, Whole, as_whole
from layerscape.questions.parts import Manifold, find_parts, parts_words
from layerscape.questions.remarks import coarse_words, reason_words, shape_words, shared_words
from layerscape.supply.attempts import attempt, attempts
from layerscape.supply.controls import CONTROLS, check_controls, make_control
from layerscape.supply.supplier import Supplier

ESTIMATORS = ("twonn", "gride", "levina_bickel", "abide", "decimation", "pca", "participation_ratio")


@dataclass(frozen=True, repr=False)
class DimensionReport(Shown):
    """What the estimators say of one cloud of samples, and which of it to believe.

    Attributes
    ----------
    value, low, high
        The recommended dimension with its 95 % interval; NaN if there is none.
    reason
        Why this value, or why none, in words.
    parts
        Where the samples lie on several manifolds of unlike dimensions, which: each with ``dimension``, ``low``,
        ``high`` and its ``share`` of the samples. Then there is no value for all of them.
    estimates
        Name of a measure → its `Estimate`; those with a curve share the axis of scale, a distance in units of the data.
    controls
        Name of a control → its `gride` estimate.
    gaussian
        What `gride` reads in expectation of as many samples of a Gaussian of ``gaussian_dimension``.
    gaussian_dimension
        The recommended value; without one the dimension of the Gaussian that reads what the data do at the finest
        scale, at most the number of units and N − 1. NaN where distances were counted.
    warnings
        In words.
    """

    value: float
    low: float
    high: float
    reason: str
    n_samples: int
    n_units: int
    estimates: Mapping[str, Estimate] = field(repr=False)
    controls: Mapping[str, Estimate] = field(default_factory=dict, repr=False)
    gaussian: tuple[Point, ...] = field(default=(), repr=False)
    gaussian_dimension: float = nan
    warnings: tuple[str, ...] = ()
    parts: tuple[Manifold, ...] = ()

    def _card(self) -> Card:
        every = {**self.estimates, **{f"control {name}": each for name, each in self.controls.items()}}
        facts = [("data", f"{self.n_samples} samples × {self.n_units} units"), ("because", self.reason)]
        facts += [(name, interval(each.value, each.low, each.high)) for name, each in every.items()]
        curve = [(p.value, p.low, p.high) for p in getattr(self.estimates.get("gride"), "curve", ())]
        title = f"DimensionReport: {interval(self.value, self.low, self.high)}"
        return Card(title, facts, warned(self.warnings), curve)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: getattr(self, name) for name in ("value", "low", "high", "gaussian_dimension")}
        return {
            **{name: value if isfinite(value) else None for name, value in plain.items()},
            "reason": self.reason,
            "parts": [vars(part) for part in self.parts],
            "n_samples": self.n_samples,
            "n_units": self.n_units,
            "estimates": {name: found.to_dict() for name, found in self.estimates.items()},
            "controls": {name: found.to_dict() for name, found in self.controls.items()},
            "gaussian": [point.to_dict() for point in self.gaussian],
            "warnings": list(self.warnings),
        }


@door
def dimension_report(
    x: Any,
    /,
    *,
    controls: str | Iterable[str] = tuple(CONTROLS),
    seed: int = 0,
    progress: Show = None,
    **search: Unpack[Search],
) -> DimensionReport:
    """The dimensions that the suitable estimators read at every scale, and one value to believe, or why there is none.

    At every scale stands for Gride's reading the dimension of the Gaussian of N samples that reads the same, and the
    value is that of a plateau of these: the longest run of scales of which no two differ by more than their errors
    (`layerscape.core.plateau`), at least three and a factor of 1.5 in distance, or four. A scale is left out where the
    ratios of distances do not follow the law of one dimension, and where the Gaussian has more than 1.5 times as many
    dimensions as were read. Without a plateau none is recommended: the curve is the result. Data of whole numbers or
    bits whose distances tie, and of points of a lattice, are read by `i3d` or `bid` and by nothing else. Where ratios
    do not follow the law of one dimension, `hidalgo` is asked for parts, and those that have plateaus of their own are
    named.

    Parameters
    ----------
    x
        Shape (N, D): array or `Representation`.
    controls
        Controls to measure too, ``"gaussian"`` and ``"columns"``; see `layerscape.controls`.
    seed
        Of controls and subsets.
    progress
        As in `layerscape.measure`.
    search
        The keywords of `find_neighbors`.

    Returns
    -------
    DimensionReport

    Raises
    ------
    InvalidValue, InvalidType
        If the data have no dimension: fewer than three distinct rows, values that are not finite.

    Notes
    -----
    No estimator is known to recover the true dimension of real representations (Schulte and Rügamer 2026,
    arXiv:2604.20276). What is safe: differences between layers, networks and controls at equal N and scale.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> t = np.random.default_rng(0).random((1000, 2))
    >>> x = np.concatenate([t, np.sin(t)], axis=1)
    >>> report = ls.dimension_report(x, controls=())
    >>> round(report.value)
    2
    """
    check_options([], search, dimension_report)
    if isinstance(x, Neighbors):
        raise InvalidType("a report needs the vectors; give the array and not its graph.")
    x, kinds = as_vectors(x), check_controls(controls)
    supplier = Supplier(Arrays({"": x}), search)
    tasks = [_task(name, seed) for name in ESTIMATORS]
    supplier.prepare(tasks, progress)
    share = tied(supplier.graphs.graph("", 2, distinct=True))
    if share > DISCRETE and (whole := as_whole(x)):
        return _counted(x, whole, share, supplier)
    estimates, gaps = _estimates(supplier, tasks, progress)
    if "gride" not in estimates:
        reason = next(words for words in gaps if words.startswith("gride")).rstrip(".")
        return DimensionReport(nan, nan, nan, reason, x.n_samples, x.n_units, estimates, warnings=tuple(gaps))
    others = {name: estimate("gride", make_control(name, seed, x), **search) for name in kinds}
    return _measured(x, supplier, estimates, others, gaps, seed)


def _task(name: str, seed: int) -> Task:
    measure = find_measure(name)
    return Task(measure, {"seed": seed} if "seed" in measure.options else {})


def _measured(
    x: Representation,
    supplier: Supplier,
    estimates: dict[str, Estimate],
    controls: dict[str, Estimate],
    gaps: list[str],
    seed: int,
) -> DimensionReport:
    """The report on real numbers."""
    curve = estimates["gride"].curve
    reading = Reading.of(supplier.graphs.graph("", curve[-1].k or 2, distinct=True), curve)
    plateau, n, d = reading.plateau, x.n_samples, x.n_units
    parts = find_parts(supplier, seed) if any(reading.bent) else ()
    if parts:
        plateau = None
    place = (plateau.first + plateau.last) // 2 if plateau else 0
    as_gaussian = min(plateau.value if plateau else reading.as_gaussian[0].value, most_dimensions(n, d))
    gaussian = gaussian_curve(as_gaussian, n, len(reading.curve))
    value, low, high = plateau.at_most(d) if plateau else (nan, nan, nan)
    words = [
        *gaps,
        *shared_words(estimates),
        *bias_words(reading.curve[place].value, as_gaussian, gaussian[place].value, n, d),
        *shape_words(reading.curve, gaussian),
        *coarse_words(x, curve),
    ]
    reason = parts_words(parts) if parts else reason_words(reading, estimates.get("abide"))
    return DimensionReport(
        value, low, high, reason, n, d, estimates, controls, gaussian, as_gaussian, tuple(dict.fromkeys(words)), parts
    )


def _estimates(supplier: Supplier, tasks: list[Task], progress: Show) -> tuple[dict[str, Estimate], list[str]]:
    """What every estimator says, from one search, and why some say nothing."""
    found, gaps = {}, list(supplier.words(tasks[0]))
    tell = counted(progress, "estimating", len(tasks)) or (lambda _: None)
    for task, one in attempts(supplier, tasks):
        tell(1)
        if isfinite(one.value):
            found[task.measure.name] = one
        else:
            gaps.append(f"{task.measure.name} has no value: {one.warnings[-1]}")
    return found, gaps


def _counted(x: Representation, whole: Whole, tied: float, supplier: Supplier) -> DimensionReport:
    """The report on whole numbers, bits and lattices, of which estimators for real numbers are not asked."""
    found, doubt = whole.counted()
    reason = (
        f"the data are {whole.kind} and {tied:.0%} of the samples have first neighbors at equal distances, of which "
        f"estimators for continuous data make nothing; {whole.measure} counts instead"
    )
    ends = (nan, nan, nan) if doubt or found is None else (found.value, found.low, found.high)
    if doubt:
        task = Task(find_measure("gride"))
        gap = "" if isfinite((one := attempt(supplier, task)).value) else f"gride has no value: {one.warnings[-1]}"
        advice = "" if whole.kind == "bits" else f"; give more samples{'' if gap else f', {ADVICE}'}"  # gap has it too
        reason = f"{gap.rstrip('.') or reason.split(';')[0]}; {doubt}{advice}"
    words = (*supplier.words(Task(find_measure("gride"))), *whole.words, *(found.warnings if found else ()))
    estimates = {whole.measure: found} if found else {}
    return DimensionReport(*ends, reason, x.n_samples, x.n_units, estimates, warnings=tuple(dict.fromkeys(words)))
