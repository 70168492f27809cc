"""Dichotomies: how many samples a hyperplane splits at random."""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy.optimize import nnls
from scipy.stats import binom

from layerscape.core.checks import check_least, check_most, check_samples
from layerscape.core.estimate import Estimate, Point
from layerscape.core.interval import student95, wilson, within
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.measures.dimension.spectrum import Spectrum, spectrum

CAPACITY = 2.0  # samples per free parameter of the hyperplane, by Cover
FEWEST = 36
FEWEST_LABELINGS = 20
MOST_LABELINGS = 1_000_000
TOUCHING = 1e-9  # distance of the convex hulls, in units of a sample's share, below which they meet
DEPARTURE = 4.0  # standard deviations from Cover's mean that are warned of


def dichotomies(x: Representation, /, *, directions: int = 24, labelings: int = 100, seed: int = 0) -> Estimate:
    """Number of samples, per rank + 1, up to which a hyperplane separates random labels; 2 in general position.

    Samples are drawn one after the other, each with a label by a fair coin, until no hyperplane separates the two
    sides: after T samples. Of p points of rank r in general position a share of P(B ≤ r), B binomial (p − 1, ½), of
    all labelings is separable (Cover 1965), so that T has the mean 2(r + 1), which is also where half of them are. The
    value is the mean of T over the labelings divided by r + 1.

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 36; labels are drawn on at most 4096 of the samples.
    directions
        Ranks above it are cut to so many random directions; so are ranks above N/8.
    labelings
        How many times samples and labels are drawn.
    seed
        Of the directions, samples and labels.

    Returns
    -------
    Estimate
        Above 0. The interval is Student's over the labelings. ``curve`` has the share of labelings that are separable
        at p samples, its ``scale`` p / (r + 1), ``k`` p. ``details`` hold ``rank``, ``directions`` (the r in use),
        ``half`` (the median of T / (r + 1)), ``departure`` (from 2, in standard deviations by Cover's law) and
        ``cover``, Cover's shares along the curve.

    Raises
    ------
    InvalidValue
        If there are fewer than 36 samples, too few directions or labelings, or the data are constant.

    Notes
    -----
    It tests linear rank, not intrinsic dimension: a curved line that fills ten units counts as ten-dimensional, and
    any data in general position read 2 whatever their geometry. Less than 2 says that samples coincide or that many of
    them share planes, as counts and bits do. Cut to random directions, it moves with the seed within its interval under
    changes that leave it as it is otherwise.

    References
    ----------
    Cover 1965, doi:10.1109/PGEC.1965.264137.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((300, 5))
    >>> 1.7 < dichotomies(Representation(x)).value < 2.3
    True
    """
    n = x.n_samples
    check_samples(n, "dichotomies", FEWEST)
    check_least(1, directions=directions)
    check_least(FEWEST_LABELINGS, labelings=labelings)
    check_most(MOST_LABELINGS, labelings=labelings)
    found, rng = spectrum(x), np.random.default_rng(seed)
    points = _points(found, directions, rng)
    free = points.shape[1]
    most = min(len(points), _most(free))
    lasted = np.array([_lasted(points, most, rng) for _ in range(labelings)])
    per_free = lasted / free
    value = float(per_free.mean())
    spread = max(float(per_free.std(ddof=1)), 1 / free)
    margin = student95(labelings - 1) * spread / sqrt(labelings)
    departure = (value - CAPACITY) / sqrt(CAPACITY / (free * labelings))
    curve, cover = _curve(lasted, free)
    rank = int((found.eigenvalues > 0).sum())
    details = {"rank": rank, "directions": free - 1, "half": float(np.median(per_free)), "departure": departure}
    words = _warnings(found, rank, free, departure)
    return Estimate(
        value, *within(value, margin, MEASURE.bounds), n, x.n_units,
        curve=curve, details={**details, "cover": cover}, warnings=words,
    )  # fmt: skip


def _most(free: int) -> int:
    """Samples by which hardly a labeling is separable."""
    return 8 * free + 20


def _points(found: Spectrum, directions: int, rng: np.random.Generator) -> np.ndarray:
    """Rows (1, z), z the whitened samples along all or so many random directions; whitening changes no separability."""
    kept = found.eigenvalues > 0
    z = found.scores[:, kept] / np.sqrt(found.eigenvalues[kept])
    most = max(1, min(directions, (len(z) - 20) // 8 - 1))
    if z.shape[1] > most:
        z = z @ np.linalg.qr(rng.standard_normal((z.shape[1], most)))[0]
    return np.column_stack([np.ones(len(z)), z])


def _lasted(points: np.ndarray, most: int, rng: np.random.Generator) -> int:
    """T: at how many samples the first labeling that is not separable is met, by bisection, as none after it is."""
    rows = points[rng.permutation(len(points))[:most]]
    signed = np.linalg.qr(rows)[0] * rng.choice([-1.0, 1.0], most)[:, None]
    low, high = 1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if separable(signed[:middle]) else (low, middle)
    return low


def separable(signed: np.ndarray) -> bool:
    """Whether some w has signed @ w > 0, by Gordan's theorem: unless a convex combination of the rows is 0."""
    rows = signed / np.maximum(np.linalg.norm(signed, axis=1, keepdims=True), np.finfo(float).tiny)
    wanted = np.append(np.zeros(rows.shape[1]), 1.0)
    return nnls(np.column_stack([rows, np.ones(len(rows))]).T, wanted, maxiter=100 * len(rows))[1] > TOUCHING


def _curve(lasted: np.ndarray, free: int) -> tuple[tuple[Point, ...], np.ndarray]:
    """Shares at eighths of the capacity, with Wilson's interval, and Cover's."""
    sizes = np.unique(np.round(np.arange(4, 17) / 8 * CAPACITY * free).astype(int))
    cover, points, n = binom.cdf(free - 1, sizes - 1, 0.5), [], len(lasted)
    for p in sizes:
        share = float((lasted >= p).mean())
        points.append(Point(share, *wilson(share, n), p / free, int(p)))
    return tuple(points), cover


def _warnings(found: Spectrum, rank: int, free: int, departure: float) -> tuple[str, ...]:
    words = found.warnings()
    if rank > free - 1:
        words.append(f"rank {rank} cut to {free - 1} random directions")
    if rank < found.n_units:
        words.append(f"rank {rank} of {found.n_units} units: the value is per rank + 1")
    if departure < -DEPARTURE:
        words.append(f"{-departure:.1f} standard deviations below 2: the samples are not in general position")
    return tuple(words)


MEASURE = Measure(
    compute=dichotomies,
    unit="samples per rank + 1",
    bounds=(0, np.inf),
    unchanged_by={"rotation", "translation", "scaling", "linear"},
    source="Cover 1965, doi:10.1109/PGEC.1965.264137",
    influence=("another number of samples draws other samples and labels, which differ by more than one sample does"),
)
