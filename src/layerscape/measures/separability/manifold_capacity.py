"""Manifold capacity: how many classes per dimension a hyperplane can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from typing import Any

import numpy as np
from scipy.optimize import nnls

from layerscape.core.checks import check_least
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.frame import Frame
from layerscape.core.interval import student95
from layerscape.core.measure import Measure
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.measures.classes import classes_of
from layerscape.measures.separability.probes import readable

FEWEST_DRAWS = 20
CHANCE_DRAWS = 10  # per class and permutation
FEW = 10  # classes, below which the limit of many is far
CORRELATED = 0.3


def manifold_capacity(
    x: Representation, labels: Any, /, *, points: int = 30, draws: int = 100, permutations: int = 20, seed: int = 0
) -> Estimate:
    """Number of classes per dimension up to which a hyperplane through the origin separates random sides of classes.

    α = 1 / ⟨α_M⁻¹⟩, the mean over the classes M, with α_M⁻¹ = E[(t·s̃)₊² / ‖s̃‖²], t Gaussian in the span of the
    class's points and s̃(t) its anchor point (Chung, Lee, Sompolinsky 2018, at margin κ = 0): the squared length of t
    projected on the cone of the points, found exactly by non-negative least squares. A single point per class has 2.

    Parameters
    ----------
    x
        Shape (N, D). The mean of the classes' centers is taken off first.
    labels
        Shape (N,): categories of any type.
    points
        Samples of each class in use, at least 1, drawn at random where there are more.
    draws
        Gaussian vectors per class, at least 20.
    permutations
        Random orders of the labels for the chance, at ten vectors per class each.
    seed
        Of the points, vectors and permutations.

    Returns
    -------
    Estimate
        Above 0, most often between 2 / points and 2. The interval is Student's over the classes, on the scale of
        log α: for other classes of the same kind. ``chance`` is for classes of samples taken at random. ``details``
        hold the means ``radius`` (R_M, in units of the distance of the class's center), ``dimension`` (D_M) and
        ``center_correlation`` (mean |cosine| of two centers), the arrays ``capacities``, ``radii``, ``dimensions``
        and ``classes``, and ``null``.

    Raises
    ------
    InvalidValue
        If labels are missing, all equal or all different, an option is too small, or x is constant.

    Notes
    -----
    It is for so many points per class: more points make larger hulls and a lower capacity, so compare at equal
    ``points``. The theory is for many classes with unrelated centers; correlations that many centers share are not
    projected out, and lower the real capacity where there are. Dimension and radius follow the paper in counting
    every t, also those of which the class is on the right side already; there the anchor is the farthest point.

    References
    ----------
    Chung, Lee, Sompolinsky 2018, doi:10.1103/PhysRevX.8.031003, arXiv:1710.06487.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.repeat(rng.standard_normal((20, 50)), 2, axis=0)
    >>> 1.7 < manifold_capacity(Representation(x), np.arange(40) // 2).value < 2.3
    True
    """
    _check(points, draws)
    n, found = x.n_samples, classes_of(labels, x.n_samples)
    rows, kept = _kept(x, readable(x), found.codes, points, seed)
    classes = found.codes[kept]
    each = [_of_class(cloud, draws, (seed, i)) for i, cloud in enumerate(_clouds(rows, classes))]
    inverse = np.array([m.inverse for m in each])
    value = float(1 / inverse.mean())
    count = len(inverse)
    spread = max(float(inverse.std(ddof=1)) / sqrt(count), float(np.mean([m.sd for m in each])) / sqrt(count))
    margin = student95(count - 1) * spread * value
    low, high = value * exp(-margin), value * exp(min(margin, 700))
    # Held against its like, by the same draws: of many samples in few dimensions these alone make the value.
    like = _capacity(rows, classes, CHANCE_DRAWS, seed)
    chance, null = chance_by_permutation(
        lambda order: _capacity(rows, classes[order], CHANCE_DRAWS, seed), like, len(classes), permutations, seed
    )
    correlation = _correlation(np.array([m.center for m in each]))
    radii, dimensions = (np.array([getattr(m, name) for m in each]) for name in ("radius", "dimension"))
    details = {
        "radius": float(radii.mean()),
        "dimension": float(dimensions.mean()),
        "center_correlation": correlation,
        "capacities": 1 / inverse,
        "radii": radii,
        "dimensions": dimensions,
        "classes": found.names,
        "null": null,
    }
    words = _warnings(found.sizes, points, correlation)
    return Estimate(value, low, high, n, x.n_units, chance=chance, details=details, warnings=words)


def _check(points: int, draws: int) -> None:
    check_least(1, points=points)
    check_least(FEWEST_DRAWS, draws=draws)


@dataclass(frozen=True)
class _Manifold:
    """α_M⁻¹ and the standard deviation that its draws leave, R_M, D_M, and the center."""

    inverse: float
    sd: float
    radius: float
    dimension: float
    center: np.ndarray


def _kept(
    x: Representation, framed: Frame, of_sample: np.ndarray, points: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """At most so many samples of every class, scaled by one power of two, and their row numbers."""
    order = np.random.default_rng(seed).permutation(x.n_samples)
    kept = np.sort(np.concatenate([order[of_sample[order] == c][:points] for c in np.unique(of_sample)]))
    power = int(framed.power.max())
    return np.ldexp(x.read(kept) - framed.origin, -power), kept


def _clouds(rows: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
    """The points of every class, less the mean of the classes' centers."""
    clouds = [rows[classes == c] for c in np.unique(classes)]
    middle = np.mean([cloud.mean(axis=0) for cloud in clouds], axis=0)
    return [cloud - middle for cloud in clouds]


def _capacity(rows: np.ndarray, classes: np.ndarray, draws: int, seed: int) -> float:
    clouds = _clouds(rows, classes)
    return float(1 / np.mean([_of_class(cloud, draws, (seed, i)).inverse for i, cloud in enumerate(clouds)]))


def _of_class(cloud: np.ndarray, draws: int, seed: tuple[int, int]) -> _Manifold:
    center = cloud.mean(axis=0)
    # Coordinates in the span of the points, which no rotation of the data changes.
    s = np.asarray(np.linalg.qr(cloud.T, mode="r"))
    s = s * np.where(np.diag(s) < 0, -1.0, 1.0)[:, None]
    middle = s.mean(axis=1)
    norm = float(np.linalg.norm(middle))
    t = np.random.default_rng(seed).standard_normal((draws, len(s)))
    cosines, weights = t @ s, np.zeros((draws, s.shape[1]))
    # What no point faces is projected to 0.
    for i in np.flatnonzero((cosines > 0).any(axis=1)):
        weights[i] = nnls(s, t[i], maxiter=100 * s.shape[1])[0]
    projected, sums = weights @ s.T, weights.sum(axis=1)[:, None]
    squares = np.einsum("ij,ij->i", projected, projected)
    anchors = np.divide(projected, sums, out=s.T[cosines.argmax(axis=1)], where=sums > 0)
    apart = anchors - middle
    lengths = np.linalg.norm(apart, axis=1)
    parts = np.divide(np.einsum("ij,ij->i", t, apart), lengths, out=np.zeros(draws), where=lengths > 0)
    radius = sqrt(float((lengths**2).mean())) / norm if norm > 0 else float("inf")
    sd = float(squares.std(ddof=1)) / sqrt(draws)
    return _Manifold(max(float(squares.mean()), np.finfo(float).tiny), sd, radius, float((parts**2).mean()), center)


def _score(x: Representation, labels: Any, /, *, points: int, draws: int, permutations: int, seed: int) -> Score:
    """The capacity for labels in another order, of whose classes points are drawn anew."""
    _check(points, draws)
    codes, framed = classes_of(labels, x.n_samples).codes, readable(x)

    def score(order: np.ndarray) -> float:
        rows, kept = _kept(x, framed, codes[order], points, seed)
        return _capacity(rows, codes[order][kept], draws, seed)

    return of_each(score)


def _correlation(centers: np.ndarray) -> float:
    """Mean |cosine| of two centers; one that lies at 0 has no direction, and is unrelated to all."""
    directions = centers / np.maximum(np.linalg.norm(centers, axis=1), np.finfo(float).tiny)[:, None]
    cosines = np.abs(directions @ directions.T)
    return float(cosines[np.triu_indices(len(centers), 1)].mean())


def _warnings(sizes: np.ndarray, points: int, correlation: float) -> tuple[str, ...]:
    words = []
    if (more := int((sizes > points).sum())) > 0:
        words.append(f"{points} samples drawn from each of {more} of {len(sizes)} classes")
    if (fewer := int((sizes < points).sum())) > 0:
        words.append(f"{fewer} of {len(sizes)} classes have fewer than {points} samples, and so a larger capacity")
    if len(sizes) < FEW:
        words.append(f"{len(sizes)} classes: the theory is for many, and the interval is wide")
    if correlation > CORRELATED:
        words.append(f"two centers have a mean |cosine| of {correlation:.2f}; the theory is for unrelated centers")
    return tuple(words)


MEASURE = Measure(
    compute=manifold_capacity,
    unit="classes per dimension",
    bounds=(0, np.inf),
    closer="high",
    unchanged_by={"rotation", "translation", "scaling"},
    source="Chung, Lee and Sompolinsky 2018, doi:10.1103/PhysRevX.8.031003",
    score=_score,
    influence="another number of samples draws other points of each class, which differ by more than one sample does",
)
