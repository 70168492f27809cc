"""Correlation dimension: how the number of near pairs of samples grows with the distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import frexp, inf, ldexp, log, nan, sqrt

import numpy as np

from layerscape.core.checks import TIED, constant, few_words, tied_words
from layerscape.core.estimate import Estimate, Point
from layerscape.core.influence import Influence
from layerscape.core.interval import Z95, within
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import check_next
from layerscape.measures.dimension.pairs import PairCounts, Tile, count_pairs, draw_references
from layerscape.measures.dimension.pairs_without import counts_without_each, radii_without_each
from layerscape.measures.rows import slices

HELD = 2**25  # distances held at once
PIECE = 2**20  # numbers worked on at once, so that they stay in cache
NEAR = 1e-4  # of |x|² + |y|²: a squared distance below this has lost digits and is summed anew from differences
ALIKE = 5  # samples of which the distances to a neighbor vary together: a fit, see benchmarks/coverage.py
ROUNDING = 1e-9  # relative: a squared distance this near to a squared radius is not below it


def correlation_dimension(
    x: Representation, /, *, k1: int = 10, k2: int = 20, references: int = 2000, seed: int = 0
) -> Estimate:
    """Correlation dimension: the power of the distance with which the number of pairs of samples grows.

    C(r) is the share of pairs nearer than r (Grassberger and Procaccia 1983), not as near, which grows as r^ν. With r₁
    and r₂ the medians over the samples of the distance to neighbors k1 and k2, ν = log(C(r₂)/C(r₁)) / log(r₂/r₁).

    Parameters
    ----------
    x
        Shape (N, D), N > k2.
    k1, k2
        Neighbors whose median distances are the two radii, 1 ≤ k1 < k2 < N.
    references
        Pairs are those of this many samples with all N: drawn at random, all if there are fewer.
    seed
        Of that draw.

    Returns
    -------
    Estimate
        ν in dimensions, and a curve with one point per 1, 2, 4, … neighbors: the value between the median distances to
        neighbors k/2 and k, up to k = N/4, with ``scale`` their mean. ``details`` hold ``r1`` and ``r2``, and the
        arrays ``radius`` and ``share``, C at each radius: on logarithmic axes ν is their slope.

    Raises
    ------
    InvalidValue
        If N ≤ k2, the two radii are equal (as on a lattice), or the samples are constant.

    Notes
    -----
    With an odd number of references each radius is the distance of a pair, which does not count: code that counts it
    reads higher, by 1.5e-3 for 301 samples.

    Copies do not count as pairs: distances of 0 are left out and counted. Near the edge of a cloud balls are not full,
    so that large dimensions are read as too small, the more so the fewer samples there are. The interval counts that
    pairs which share a sample vary together, at the two radii at hand; or, where that is more, how far the value moves
    with these, as among clusters that have as many samples as neighbors are asked.

    References
    ----------
    Grassberger, Procaccia 1983, doi:10.1016/0167-2789(83)90298-1.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((1000, 2))
    >>> round(correlation_dimension(Representation(x)).value, 1)
    1.9
    """
    n = x.n_samples
    _check(n, k1, k2)
    distances = _Distances(x, draw_references(n, references, seed))
    ks = sorted({k1, k2} | {2**power for power in range(n.bit_length()) if 2**power <= max(2, n // 4)})
    radii, beside = distances.medians(np.array(ks))
    if radii[ks.index(k2)] == inf:
        raise _constant(x)
    counts = count_pairs(distances.tiles(), _limits(radii), distances.rows, n, _limits(beside).ravel())
    pairs = [(ks.index(k), ks.index(2 * k)) for k in ks if 2 * k in ks and (2 * k) & (2 * k - 1) == 0]
    found = [_between(counts, radii, beside, ks, inner, outer, distances.power) for inner, outer in pairs]
    value = _between(counts, radii, beside, ks, ks.index(k1), ks.index(k2), distances.power)
    if value is None:
        raise _no_range(k1, k2)
    outside = np.ldexp(radii, distances.power)
    details = {
        "r1": float(outside[ks.index(k1)]),
        "r2": float(outside[ks.index(k2)]),
        "radius": outside,
        "share": counts.totals / (len(distances.rows) * (n - 1)),
    }
    return Estimate(
        value.value,
        value.low,
        value.high,
        n,
        x.n_units,
        k2,
        curve=tuple(point for point in found if point is not None),
        details=details,
        warnings=tuple(_warnings(n, len(distances.rows), distances)),
    )


def _check(n: int, k1: int, k2: int) -> None:
    if not 1 <= k1 < k2:
        raise InvalidValue(f"k1={k1}, k2={k2}; give two numbers of neighbors with 1 ≤ k1 < k2.")
    if k2 >= n:
        raise InvalidValue(f"k2={k2} neighbors asked of {n} samples; give more samples, or k1 < k2 < {n}.")


def _no_range(k1: int, k2: int) -> InvalidValue:
    return InvalidValue(
        f"the median distances to neighbors {k1} and {k2} are equal, or no pair is nearer than the first: the samples "
        "are a lattice, all equally far apart, or too few; set k2 well above k1, or use i3d for whole numbers."
    )


def _influence(x: Representation, /, *, k1: int, k2: int, references: int, seed: int) -> Influence:
    """How each sample moves the dimension: without it, of the same other references, with radii found again."""
    n = x.n_samples
    _check(n, k1, k2)
    check_next(n, k2)
    distances = _Distances(x, draw_references(n, references, seed))
    radii, beside = distances.medians(np.array([k1, k2]))
    counts = count_pairs(distances.tiles(), _limits(radii), distances.rows, n, _limits(beside).ravel())
    point = _between(counts, radii, beside, [k1, k2], 0, 1, distances.power)
    if point is None:
        raise _no_range(k1, k2)
    without = radii_without_each(distances.tiles(), distances.rows, (k1, k2), n)
    near, far = counts_without_each(distances.tiles, distances.rows, without**2 * (1 - ROUNDING), n).T
    value = np.log(far / near) / np.log(without[:, 1] / without[:, 0])
    inside, between = 1 / counts.totals[1] - 1 / counts.totals[0], 1 / counts.totals[1]
    alone = counts.by_sample(0, 1, inside, between) / log(radii[1] / radii[0])
    return Influence(point.value, point.value - value, alone)


def _limits(radii: np.ndarray) -> np.ndarray:
    return radii**2 * (1 - ROUNDING)


def _between(
    counts: PairCounts, radii: np.ndarray, beside: np.ndarray, ks: list[int], inner: int, outer: int, power: int
) -> Point | None:
    """The value between two radii; None where they are one, or no pair is nearer than the first."""
    near, far = (float(counts.totals[number]) for number in (inner, outer))
    if not radii[inner] < radii[outer] < inf or not 0 < near < far:
        return None
    step = log(radii[outer] / radii[inner])
    value = log(far / near) / step
    sd = counts.sd_of_sum(inner, outer, 1 / far - 1 / near, 1 / far) / step
    shares = counts.beside.reshape(beside.shape)
    at_others = [_slope(one, r) for one, r in zip(shares[:, [inner, outer]], beside[:, [inner, outer]], strict=True)]
    sd = max(sd, abs(at_others[0] - at_others[1]) / 2)  # NaN where one of them is not known, which is never more
    scale = ldexp((radii[inner] + radii[outer]) / 2, power)
    return Point(value, *within(value, Z95 * sd, MEASURE.bounds), scale, ks[outer])


def _slope(shares: np.ndarray, radii: np.ndarray) -> float:
    if not 0 < shares[0] < shares[1] or not radii[0] < radii[1] < inf:
        return nan
    return log(shares[1] / shares[0]) / log(radii[1] / radii[0])


def _warnings(n: int, n_references: int, distances: _Distances) -> Iterator[str]:
    n_copied, n_tied = distances.n_copied, distances.n_tied
    if n_tied > TIED * n_references and not n_copied:  # two copies are always equally far away
        yield tied_words(n_tied / n_references)
    yield from few_words(n)
    if n_copied:
        yield (
            f"{n_copied} of {n_references} samples have copies: pairs at distance 0 were left out, but copies still "
            "weigh more than single samples; keep one of each, as with np.unique(x, axis=0)"
        )


def _constant(x: Representation) -> InvalidValue:
    return constant(x, ", or nearly so, and has no dimension; leave it out")


@dataclass(eq=False)
class _Distances:
    """Squared distances of the references to all samples, of values brought near 1; to itself and to copies ∞."""

    x: Representation
    rows: np.ndarray
    n_copied: int = 0
    n_tied: int = 0

    def __post_init__(self) -> None:
        chosen = self.x.read(self.rows)
        self.center = np.median(chosen, axis=0)
        largest = max(float(np.abs(block - self.center).max()) for _, block in self.x.blocks())
        if largest == 0:
            raise _constant(self.x)
        self.power = frexp(largest)[1]
        self.chosen = chosen

    def tiles(self) -> Iterator[Tile]:
        """Full rows, as many at a time as may be held; computed once if that is all of them."""
        if self.all_fit:
            yield slice(0, len(self.rows)), slice(0, self.x.n_samples), self.held
            return
        for part in slices(len(self.rows), HELD // self.x.n_samples):
            yield part, slice(0, self.x.n_samples), self.part(part)

    @property
    def all_fit(self) -> bool:
        return len(self.rows) * self.x.n_samples <= HELD

    @cached_property
    def held(self) -> np.ndarray:
        return self.part(slice(0, len(self.rows)))

    def medians(self, ks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Median over the references of the distance to each of some neighbors; counts copies and ties.

        And a standard deviation below and above, shape (2, len(ks)).
        """
        found = np.empty((len(self.rows), len(ks)))
        for part, _, squared in self.tiles():
            for piece in slices(len(squared), PIECE // squared.shape[1]):
                ranked = np.sort(squared[piece], axis=1)
                self.n_copied += int(np.isinf(ranked[:, -2]).sum())  # the last is the sample itself
                self.n_tied += int((ranked[:, 0] == ranked[:, 1]).sum())
                found[part][piece] = np.sqrt(ranked[:, ks - 1])
        spread = min(0.49, sqrt(ALIKE / len(found)) / 2)
        with np.errstate(invalid="ignore"):  # infinite distances, of which the values are not asked
            beside = np.nan_to_num(np.quantile(found, [0.5 - spread, 0.5 + spread], axis=0), nan=inf, posinf=inf)
        return np.median(found, axis=0), beside

    def part(self, part: slice) -> np.ndarray:
        """Squared distances of some references to all samples, shape (rows, N)."""
        chosen = self.chosen[part]
        squared = np.empty((len(chosen), self.x.n_samples))
        for columns, block in self.x.blocks():
            self.fill(squared[:, columns], chosen, block)
        squared[np.arange(len(chosen)), self.rows[part]] = inf
        return squared

    def fill(self, squared: np.ndarray, chosen: np.ndarray, block: np.ndarray) -> None:
        """By one product of matrices, and by differences of the stored values where that has cancelled."""
        a, b = (np.ldexp(values - self.center, -self.power) for values in (chosen, block))
        of_a, of_b = np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b)
        left = np.column_stack([-2 * a, of_a, np.ones(len(a))])
        np.matmul(left, np.column_stack([b, np.ones(len(b)), of_b]).T, out=squared)
        rows, columns = np.nonzero(squared <= NEAR * (of_a[:, None] + of_b.max()))
        cancelled = squared[rows, columns] <= NEAR * (of_a[rows] + of_b[columns])
        rows, columns = rows[cancelled], columns[cancelled]
        for piece in slices(len(rows), PIECE // a.shape[1]):
            some = rows[piece], columns[piece]
            apart = np.ldexp(chosen[some[0]] - block[some[1]], -self.power)
            found = np.einsum("ij,ij->i", apart, apart)
            squared[some] = np.where(found > 0, found, inf)


MEASURE = Measure(
    compute=correlation_dimension,
    unit="dimensions",
    bounds=(0, inf),
    swayed_by={"unit"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Grassberger and Procaccia 1983, doi:10.1016/0167-2789(83)90298-1",
    influence=_influence,
)
