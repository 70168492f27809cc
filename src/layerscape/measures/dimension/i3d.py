"""I3D: how many dimensions have samples on a lattice, such as counts and answers on a scale."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, inf, log

import numpy as np
from scipy.optimize import root_scalar
from scipy.spatial.distance import cdist
from scipy.special import bdtr

from layerscape.core.checks import check_samples, constant, few_words
from layerscape.core.estimate import Estimate, Point
from layerscape.core.influence import Influence
from layerscape.core.interval import Z95, within
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.lattice import log_share, log_volume, slope
from layerscape.measures.dimension.pairs import PairCounts, Tile, count_pairs, draw_references
from layerscape.measures.rows import slices

TILE = 2**22  # distances held at once
BENT = 0.05  # a largest gap to the binomial law above this (and above what chance allows) is a bad fit
LEVELS = 200  # at which the two laws are compared at most
EXACT = 2.0**53  # float64 holds every whole number up to here
COPIED = 0.1  # of the inner pairs: more copies than the lattice explains by this share, or than half, are said
PAIRS = 200  # within the inner radius: from here on a scale is fine enough to be the default


def i3d(
    x: Representation,
    /,
    *,
    scale: int | None = None,
    ratio: float = 0.5,
    references: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Intrinsic dimension of whole numbers, from how many samples lie within two city-block distances of a sample.

    In a region of constant density, of the k samples within distance t₂ the number n within t₁ is binomial with
    probability p = V(t₁, d)/V(t₂, d), where V(t, d) is the number of points of the d-dimensional lattice within t
    (Macocco et al. 2023). The likelihood of all samples is largest where p(d) = Σn/Σk. V is Σ_j C(d, j)·C(d+t−j, d),
    which has a meaning for every real d ≥ 0.

    Parameters
    ----------
    x
        Shape (N, D): whole numbers, of any type. Units of more than one step (such as even numbers only) must be
        divided by it first.
    scale
        t₂, at least 2; left out, the smallest of 2, 3, 4, 6, 8, 11, 16, … at which at least 200 pairs of samples, not
        counting copies, lie within t₁, so that the value has a standard deviation of about 0.1 to 0.2.
    ratio
        t₁/t₂, in (0, 1); t₁ is rounded down. The sharpest is near 0.2^(1/d): 0.5 in two dimensions, 0.7 in five.
    references
        Neighbors are counted around this many samples, drawn at random; around all if there are fewer.
    seed
        Of that draw.

    Returns
    -------
    Estimate
        In dimensions, and a curve with one point per t₂ (its ``scale``). ``details`` hold ``scale``, ``inner`` (t₁),
        ``mean_inside`` and ``mean_neighbors`` (the means of n and k), ``gap``, the largest difference between the law
        of n and the mixture of binomial laws that it should be, ``share_of_copies`` among the pairs within t₁ and
        ``expected_copies``, 1/V(t₁, d); the arrays ``inside`` and ``neighbors`` are n and k of every reference.

    Raises
    ------
    InvalidValue
        If values are not whole numbers, an option lies outside its range, the samples are constant, or no scale has
        samples between t₁ and t₂.

    Notes
    -----
    Samples near the edge of the range have fewer neighbors, which lowers the value, the more so at larger scales. The
    interval counts that numbers of neighbors depend on each other.

    References
    ----------
    Macocco, Glielmo, Grilli, Laio 2023, doi:10.1103/PhysRevLett.130.067401, arXiv:2207.09688.

    Examples
    --------
    >>> x = np.random.default_rng(0).integers(0, 100, (2000, 2))
    >>> round(i3d(Representation(x), scale=6).value, 1)
    2.0
    """
    counts, radii, found, t2 = _read(x, scale, ratio, references, seed)
    details = _details(counts, radii, t2, floor(ratio * t2), found[t2].value)
    return Estimate(
        found[t2].value,
        found[t2].low,
        found[t2].high,
        x.n_samples,
        x.n_units,
        curve=tuple(found.values()),
        details=details,
        warnings=tuple(_warnings(x.n_samples, details)),
    )


def _read(
    x: Representation, scale: int | None, ratio: float, references: int, seed: int
) -> tuple[PairCounts, np.ndarray, dict[float, Point], float]:
    """The numbers of pairs within the radii, these, the value at every scale t₂, and the scale to read."""
    _check_options(scale, ratio)
    check_samples(x.n_samples, "a dimension", 3)
    rows = draw_references(x.n_samples, references, seed)
    outer = _scales(_widest(x), scale, ratio)
    radii = np.unique(np.r_[0, outer, np.floor(ratio * outer)])
    counts = count_pairs(_tiles(x, rows), radii, rows, x.n_samples)
    few = [t2 for t2 in outer if counts.totals[_number(radii, t2)] <= len(rows) * x.n_samples / 2]
    tried = {*few, float(scale or outer[0])}
    found = {t2: point for t2 in sorted(tried) if (point := _at(counts, radii, t2, floor(ratio * t2)))}
    return counts, radii, found, _chosen(found, counts, radii, scale, ratio)


def _check_options(scale: int | None, ratio: float) -> None:
    if not 0 < ratio < 1:
        raise InvalidValue(f"ratio={ratio}; it is the inner radius over the outer one: give 0 < ratio < 1.")
    if scale is not None and (scale != int(scale) or ratio * scale < 1):
        least = max(2, int(np.ceil(1 / ratio)))
        raise InvalidValue(f"scale={scale}; with ratio={ratio} give a whole number of at least {least}.")


def _widest(x: Representation) -> float:
    """The largest city-block distance that the range of each unit allows; raises at a value that is not whole."""
    low, high = np.full(x.n_units, inf), np.full(x.n_units, -inf)
    for rows, block in x.blocks():
        part = block != np.rint(block)
        if part.any():
            row, unit = np.argwhere(part)[0]
            raise InvalidValue(
                f"sample {x.ids[rows.start + row]!r} has the value {block[row, unit]:g}; i3d is for whole numbers: "
                "round or count first, or use gride, which is for real ones."
            )
        np.minimum(low, block.min(axis=0), out=low)
        np.maximum(high, block.max(axis=0), out=high)
    if (low == high).all():
        raise constant(x, " and has no dimension; leave it out")
    widest = float((high - low).sum())
    if max(widest, float(np.abs(low).max()), float(np.abs(high).max())) >= EXACT:
        raise InvalidValue(f"{x.title} holds whole numbers beyond 2⁵³, which float64 cannot count; use gride.")
    return widest


def _scales(widest: float, scale: int | None, ratio: float) -> np.ndarray:
    """2, 3, 4, 6, 8, 11, … up to the largest at which anything is left outside t₁, and what was asked for."""
    steps = np.unique(np.rint(2.0 ** (np.arange(2, 2 * np.log2(widest / ratio + 4) + 1) / 2)))
    fit = steps[(steps * ratio >= 1) & (np.floor(steps * ratio) < widest)]
    return np.unique(np.r_[fit, np.ceil(1 / ratio) if scale is None else scale])


def _tiles(x: Representation, rows: np.ndarray) -> Iterator[Tile]:
    chosen = x.read(rows)
    for columns, block in x.blocks():
        for part in slices(len(rows), TILE // len(block)):
            distances = cdist(chosen[part], block, "cityblock")
            own = rows[part] - columns.start
            here = np.flatnonzero((own >= 0) & (own < len(block)))
            distances[here, own[here]] = inf
            yield part, columns, distances


def _number(radii: np.ndarray, radius: float) -> int:
    return int(np.searchsorted(radii, radius))


def _at(counts: PairCounts, radii: np.ndarray, t2: float, t1: int) -> Point | None:
    """The value at one scale; None where no pair lies within t₁, or none between t₁ and t₂."""
    inner, outer = _number(radii, t1), _number(radii, t2)
    inside, all_ = float(counts.totals[inner]), float(counts.totals[outer])
    if not 0 < inside < all_:
        return None
    share, (t1, t2) = inside / all_, (int(t1), int(t2))

    most = 1.0
    while log_share(t1, t2, most) > log(share):
        most *= 2
    root = root_scalar(lambda d: log_share(t1, t2, d) - log(share), bracket=(0, most), method="brentq", xtol=1e-14)
    d = float(root.root)
    sd = counts.sd_of_sum(inner, outer, 1 - share, -share) / (inside * abs(slope(t1, t2, d)))
    return Point(d, *within(d, Z95 * sd, MEASURE.bounds), t2)


def _influence(x: Representation, /, *, scale: int | None, ratio: float, references: int, seed: int) -> Influence:
    """How each sample moves the dimension, at the same scale and of the same other references: by its pairs."""
    counts, radii, found, t2 = _read(x, scale, ratio, references, seed)
    t1, d = floor(ratio * t2), found[t2].value
    inner, outer = _number(radii, t1), _number(radii, t2)
    inside, all_ = float(counts.totals[inner]), float(counts.totals[outer])
    share, steep = inside / all_, slope(t1, int(t2), d)
    alone = counts.by_sample(inner, outer, 1 - share, -share) / (inside * steep)
    left = (inside - counts.by_sample(inner, inner, 1, 0)) / (all_ - counts.by_sample(outer, outer, 1, 0))
    with np.errstate(divide="ignore"):  # without a sample that has all the pairs, the dimension is infinite
        return Influence(d, -np.log(left / share) / steep, alone)


def _chosen(found: dict[float, Point], counts: PairCounts, radii: np.ndarray, scale: int | None, ratio: float) -> float:
    if scale is not None and scale in found:
        return float(scale)
    if scale is not None or not found:
        where = f"scale={scale}" if scale is not None else "every scale"
        raise InvalidValue(
            f"at {where} no pair of samples lies within t₁, or none between t₁ and t₂; give another scale, a "
            "ratio nearer 1, or more samples."
        )
    enough = [t2 for t2 in found if counts.totals[_number(radii, floor(ratio * t2))] - counts.totals[0] >= PAIRS]
    return enough[0] if enough else list(found)[-1]


def _details(counts: PairCounts, radii: np.ndarray, t2: float, t1: int, d: float) -> dict[str, float | np.ndarray]:
    n, k = counts.by_row[:, _number(radii, t1)], counts.by_row[:, _number(radii, t2)]
    return {
        "scale": float(t2),
        "inner": float(t1),
        "mean_inside": float(n.mean()),
        "mean_neighbors": float(k.mean()),
        "share_of_copies": float(counts.totals[0] / n.sum()),
        "expected_copies": float(np.exp(-log_volume(t1, d))),
        "gap": _gap(n, k, float(n.sum() / k.sum())),
        "inside": n,
        "neighbors": k,
    }


def _gap(n: np.ndarray, k: np.ndarray, share: float) -> float:
    """The largest difference between the law of n and the mixture over k of binomial laws."""
    levels = np.unique(n)
    levels = levels[np.linspace(0, len(levels) - 1, min(len(levels), LEVELS)).astype(int)]
    sizes, weights = np.unique(k, return_counts=True)
    model = np.where(levels[:, None] >= sizes, 1.0, bdtr(np.minimum(levels[:, None], sizes), sizes, share))
    measured = np.searchsorted(np.sort(n), levels, side="right") / len(n)
    return float(np.abs(model @ weights / len(k) - measured).max())


def _warnings(n_samples: int, details: dict[str, float | np.ndarray]) -> Iterator[str]:
    gap, copies, expected = (float(details[name]) for name in ("gap", "share_of_copies", "expected_copies"))
    n = np.atleast_1d(details["inside"])
    yield from few_words(n_samples)
    if gap > max(BENT, 2 / np.sqrt(len(n))):
        yield (
            f"the numbers of neighbors do not follow the binomial law (largest gap {gap:.2f}): the density is not "
            f"constant at scale {details['scale']:.0f}, so read the curve over scale instead"
        )
    pairs = round(n.sum() * (1 - copies))
    if pairs < PAIRS:
        yield (
            f"only {pairs} pairs that are not copies lie within t₁: the interval is itself uncertain; give more "
            "samples or a larger scale"
        )
    if copies > min(expected + COPIED, 0.5):
        yield (
            f"{copies:.0%} of the pairs within t₁ are copies, where the lattice explains {expected:.0%}: remove "
            "samples that were repeated, or read the curve at larger scales"
        )


MEASURE = Measure(
    compute=i3d,
    title="I3D",
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "translation"},
    source="Macocco et al. 2023, doi:10.1103/PhysRevLett.130.067401, arXiv:2207.09688",
    values="whole",
    influence=_influence,
)
