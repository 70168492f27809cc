"""Which dimension to believe: the suitable estimators on one axis of scale, and one value with its reason, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Unpack

import numpy as np

from layerscape.core.estimate import Estimate, Point
from layerscape.core.keywords import Search, chosen, door
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.plateau import Plateau, find_plateau
from layerscape.core.progress import Show, counted
from layerscape.core.representation import Representation
from layerscape.core.shown import Card, Shown, interval, warned
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task, check_options
from layerscape.core.words import more_than, share_of
from layerscape.errors import InvalidType
from layerscape.measures import find_measure
from layerscape.pipeline.estimate import estimate
from layerscape.questions.finite import DIFFERENT, bias_words, gaussian_that_reads
from layerscape.supply.attempts import attempts
from layerscape.supply.controls import CONTROLS, check_controls, make_control
from layerscape.supply.supplier import Supplier

ESTIMATORS = ("twonn", "gride", "levina_bickel", "abide", "decimation", "pca", "participation_ratio")
DISCRETE = 0.05  # of the samples with tied first neighbors: from here on distances are counts
COARSE = 0.01  # of the first-neighbor distance: a resolution of the numbers that can be felt in it
LEAST_READ = 0.01  # a dimension below which nothing is said of its shape


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
        The curve that a Gaussian reads whose dimension is such that it reads the recommended value at the same number
        of samples; and that dimension: what the value would be without the bias of a finite sample, were the data
        Gaussian. None if it was not simulated.
    gaussian_dimension
        That dimension, at most the number of units and N − 1.
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

    The value is that of a plateau of Gride's curve: the longest run of at least three scales (a factor of 4 in the
    number of neighbors) whose 95 % intervals, widened to at least ±5 %, share a point. Without a plateau none is
    recommended: the curve is the result. Data of whole numbers or bits whose distances tie are read by `i3d` or `bid`.

    Parameters
    ----------
    x
        Shape (N, D): array or `Representation`.
    controls
        Controls to measure too, ``"gaussian"`` and ``"columns"``; see `layerscape.controls`.
    seed
        Of controls, subsets and the Gaussian that shows the bias.
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
    x, kinds, (_, how) = as_vectors(x), check_controls(controls), chosen(search)
    estimates, gaps, tied = _estimates(x, seed, search, progress)
    kind = _values(x)
    if kind != "real" and (tied > DISCRETE or "gride" not in estimates):
        return _discrete(x, kind, tied, estimates, gaps)
    if "gride" not in estimates:
        reason = next(words for words in gaps if words.startswith("gride")).rstrip(".")
        return DimensionReport(nan, nan, nan, reason, x.n_samples, x.n_units, estimates, warnings=tuple(gaps))
    curve = estimates["gride"].curve
    plateau = find_plateau(curve)
    reference = plateau.value if plateau else curve[0].value
    place = (plateau.first + plateau.last) // 2 if plateau else 0
    n, d = x.n_samples, x.n_units
    gaussian_dimension, gaussian = gaussian_that_reads(reference, place, n, d, len(curve), seed, how)
    others = {name: estimate("gride", make_control(name, seed, x), **search) for name in kinds}
    value, low, high = (plateau.value, plateau.low, plateau.high) if plateau else (nan, nan, nan)
    words = [
        *gaps,
        *_shared(estimates),
        *bias_words(reference, gaussian_dimension, gaussian[place].value, n, d),
        *_shape(curve, gaussian),
        *_coarse(x, curve),
    ]
    return DimensionReport(
        value, low, high, _reason(plateau, estimates), n, d, estimates, others, gaussian, gaussian_dimension,
        tuple(dict.fromkeys(words)),
    )  # fmt: skip


def _estimates(
    x: Representation, seed: int, search: Search, progress: Show
) -> tuple[dict[str, Estimate], list[str], float]:
    """What every estimator says, from one search, why some say nothing, and how many first neighbors tie."""
    supplier, measures = Supplier(Arrays({"": x}), search), [find_measure(name) for name in ESTIMATORS]
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


def _reason(plateau: Plateau | None, estimates: Mapping[str, Estimate]) -> str:
    curve = estimates["gride"].curve
    if plateau is None:
        first, last = curve[0], curve[-1]
        if len(curve) < 3:
            return "there are too few samples for three scales, so that no plateau can be seen; give more samples"
        return (
            f"there is no plateau: gride reads {first.value:.3g} at scale {first.scale:.3g} and {last.value:.3g} at "
            f"{last.scale:.3g}, and no three scales in a row agree; the curve over scale is the result"
        )
    first, last = curve[plateau.first], curve[plateau.last]
    text = (
        f"gride has a plateau over {len(plateau)} of {len(curve)} scales, from {first.scale:.3g} to {last.scale:.3g} "
        f"(neighbors {(first.k or 0) // 2} to {last.k})"
    )
    chosen = estimates.get("abide")
    if chosen is None:
        return text
    relation = "agrees" if abs(chosen.value / plateau.value - 1) <= DIFFERENT else "differs"
    return f"{text}; abide, which chooses the scale by a test of constant density, {relation}: {chosen.value:.3g}"


def _shared(estimates: Mapping[str, Estimate]) -> list[str]:
    """The warnings of the estimators, each once."""
    return list(dict.fromkeys(words for found in estimates.values() for words in found.warnings))


def _shape(curve: tuple[Point, ...], gaussian: tuple[Point, ...]) -> list[str]:
    """What the curve does that the bias of a finite sample does not explain."""
    if len(curve) < 3 or len(gaussian) < len(curve):
        return []
    ratio = np.array([point.value for point in curve]) / [point.value for point in gaussian[: len(curve)]]
    middle = ratio[len(ratio) // 2]
    if not curve[len(curve) // 2].value >= LEAST_READ:
        return []  # of nothing there is no telling how much more another scale reads
    words = []
    if ratio[0] > middle * (1 + DIFFERENT) and curve[0].low > curve[len(curve) // 2].high:
        words.append(
            f"small scales read {more_than(ratio[0] / middle)} a Gaussian would: noise, or structure finer than "
            f"a distance of {curve[len(curve) // 2].scale:.3g}"
        )
    if ratio[-1] > middle * (1 + DIFFERENT) and curve[-1].low > curve[len(curve) // 2].high:
        words.append("large scales read more than small ones: curvature, or several parts that are seen as one")
    return words


def _coarse(x: Representation, curve: tuple[Point, ...]) -> list[str]:
    """Whether the numbers are stored too coarsely for the distances between them, as after a large offset."""
    dtype = np.dtype(x.matrix.dtype)
    if dtype.kind != "f":
        return []
    largest = max(float(np.abs(block).max()) for _, block in x.blocks())
    step = float(np.finfo(dtype).eps) * largest * x.n_units**0.5
    if not step >= COARSE * curve[0].scale > 0:
        return []
    return [
        f"{dtype.name} holds values of {largest:.3g} in steps that come to {share_of(step / curve[0].scale)} the "
        "distance to the first neighbors: rounding is read as noise; subtract the mean before storing, or store float64"
    ]
