"""Which dimension to believe: the suitable estimators on one axis of scale, and one value with its reason, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Unpack

import numpy as np

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
from layerscape.pipeline.estimate import estimate
from layerscape.questions.reading import Reading
from layerscape.questions.remarks import coarse_words, reason_words, shape_words, shared_words
from layerscape.supply.attempts import attempts
from layerscape.supply.controls import CONTROLS, check_controls, make_control
from layerscape.supply.supplier import Supplier

ESTIMATORS = ("twonn", "gride", "levina_bickel", "abide", "decimation", "pca", "participation_ratio")
DISCRETE = 0.05  # of the samples with tied first neighbors: from here on distances are counts


@dataclass(frozen=True, repr=False)
class DimensionReport(Shown):
    """What the estimators say of one cloud of samples, and which of it to believe.

    Attributes
    ----------
    value, low, high
        The recommended dimension with its 95 % interval; NaN if there is none.
    reason
        Why this value, or why none, in words.
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
    bits whose distances tie are read by `i3d` or `bid`.

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
    estimates, gaps, tied = _estimates(supplier, seed, progress)
    kind = _values(x)
    if kind != "real" and (tied > DISCRETE or "gride" not in estimates):
        return _discrete(x, kind, tied, estimates, gaps)
    if "gride" not in estimates:
        reason = next(words for words in gaps if words.startswith("gride")).rstrip(".")
        return DimensionReport(nan, nan, nan, reason, x.n_samples, x.n_units, estimates, warnings=tuple(gaps))
    others = {name: estimate("gride", make_control(name, seed, x), **search) for name in kinds}
    return _measured(x, supplier, estimates, others, gaps)


def _measured(
    x: Representation,
    supplier: Supplier,
    estimates: dict[str, Estimate],
    controls: dict[str, Estimate],
    gaps: list[str],
) -> DimensionReport:
    """The report on real numbers."""
    curve = estimates["gride"].curve
    reading = Reading.of(supplier.graph("", curve[-1].k or 2, distinct=True), curve)
    plateau, n, d = reading.plateau, x.n_samples, x.n_units
    place = (plateau.first + plateau.last) // 2 if plateau else 0
    as_gaussian = min(plateau.value if plateau else reading.as_gaussian[0].value, most_dimensions(n, d))
    gaussian = gaussian_curve(as_gaussian, n, len(reading.curve))
    ends = (plateau.value, plateau.low, plateau.high) if plateau else (nan, nan, nan)
    value, low, high = (min(end, d) for end in ends)  # there are no more dimensions than units
    words = [
        *gaps,
        *shared_words(estimates),
        *bias_words(reading.curve[place].value, as_gaussian, gaussian[place].value, n, d),
        *shape_words(reading.curve, gaussian),
        *coarse_words(x, curve),
    ]
    return DimensionReport(
        value, low, high, reason_words(reading, estimates.get("abide")), n, d, estimates, controls, gaussian,
        as_gaussian, tuple(dict.fromkeys(words)),
    )  # fmt: skip


def _estimates(supplier: Supplier, seed: int, progress: Show) -> tuple[dict[str, Estimate], list[str], float]:
    """What every estimator says, from one search, why some say nothing, and how many first neighbors tie."""
    measures = [find_measure(name) for name in ESTIMATORS]
    tasks = [Task(measure, {"seed": seed} if "seed" in measure.options else {}) for measure in measures]
    supplier.prepare(tasks, progress)
    nearest = supplier.graph("", 2, distinct=True).distances[:, :2]
    found, gaps = {}, list(supplier.words(tasks[0]))
    tell = counted(progress, "estimating", len(tasks)) or (lambda _: None)
    for task, one in attempts(supplier, tasks):
        tell(1)
        if isfinite(one.value):
            found[task.measure.name] = one
        else:
            gaps.append(f"{task.measure.name} has no value: {one.warnings[-1]}")
    return found, gaps, float((nearest[:, 0] == nearest[:, -1]).mean())


def _values(x: Representation) -> str:
    """Whether the data are bits, whole numbers or real."""
    whole, binary = True, True
    for _, block in x.blocks():
        whole = whole and bool((block == np.floor(block)).all())
        binary = whole and binary and bool(np.isin(block, (0, 1)).all())
        if not whole:
            return "real"
    return "binary" if binary else "whole"


def _discrete(
    x: Representation, kind: str, tied: float, estimates: dict[str, Estimate], gaps: list[str]
) -> DimensionReport:
    name = "bid" if kind == "binary" else "i3d"
    what = "bits" if kind == "binary" else "whole numbers"
    found = estimate(name, x)
    reason = (
        f"the data are {what} and {tied:.0%} of the samples have first neighbors at equal distances, of which "
        f"estimators for continuous data make nothing; {name} counts instead"
    )
    words = (*gaps, *found.warnings)
    every = {name: found, **estimates}
    return DimensionReport(found.value, found.low, found.high, reason, x.n_samples, x.n_units, every, warnings=words)
