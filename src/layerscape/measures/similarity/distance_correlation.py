"""Distance correlation: how alike the distances between samples are."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from weakref import WeakKeyDictionary

import numpy as np
from scipy.stats import pearson3

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.interval import Z95
from layerscape.measures.similarity.sampled import check_same_samples, drawn_rows, rows_near_one

LEAST_MARGIN = 1e-9
LEAST_VARIANCE = 1e-24  # of distances that are scaled to 1


def distance_correlation(a: Representation, b: Representation, /, *, sample: int = 2000, seed: int = 0) -> Estimate:
    """Bias-corrected squared distance correlation: how alike the distances between samples are, 0 by chance.

    R* = Σ_{i≠j} A_ij·B_ij / √(Σ A_ij² · Σ B_ij²), where A and B are the Euclidean distances, U-centered: A_ij = a_ij −
    a_i·/(n − 2) − a_·j/(n − 2) + a_··/((n − 1)(n − 2)) off the diagonal (Székely and Rizzo 2013).

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order.
    sample
        How many samples at most are compared, each with each: n = min(N, sample).
    seed
        Which.

    Returns
    -------
    Estimate
        In −1…1; 1 if the distances of one are those of the other times a constant. The interval is the
        infinitesimal jackknife over samples, less what it counts twice. ``chance`` has the exact mean and variance
        under permutation, 0 and 2/(n(n − 3)); its limits and p take the law to be Pearson's type III. ``details`` has
        ``sample``, the number of samples compared.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 10, or a representation is constant.

    Notes
    -----
    It estimates the square of the distance correlation; for two jointly normal units of correlation ρ it is between
    0.79·ρ² and ρ². The limit of large N is 0 only for independent data, but in high dimension nearly all that it sees
    is linear (Zhu et al. 2020). One far sample, in both representations even, weighs little: U-centering takes it off.

    References
    ----------
    Székely, Rizzo, Bakirov 2007, doi:10.1214/009053607000000505; Székely, Rizzo 2013, doi:10.1016/j.jmva.2013.02.012;
    Zhu, Zhang, Yao, Shao 2020, doi:10.1214/19-AOS1934.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> round(distance_correlation(Representation(x), Representation(2 * x + 1)).value, 12)
    1.0
    """
    check_same_samples(a, b, "distance_correlation")
    rows, warnings = drawn_rows(a.n_samples, sample, seed)
    n = len(rows)
    of_a, of_b = _centered(a, rows), _centered(b, rows)
    self_a, self_b = (_itself(x, of_x, (sample, seed)) for x, of_x in ((a, of_a), (b, of_b)))
    products = of_a * of_b / (sqrt(self_a.squares) * sqrt(self_b.squares))
    value = float(np.clip(products.sum(), -1, 1))
    # How much each pair moves the value, twice: the derivative of a U-centered product by the weight of a sample is
    # twice its row.
    moved = 2 * products - value * (of_a**2 / self_a.squares + of_b**2 / self_b.squares)
    null = sqrt(2 / (n * (n - 3)))
    # What unrelated data have is known; it fades as the value nears 1.
    margin = max(Z95 * max(_spread(moved), null * (1 - value**2)), LEAST_MARGIN)
    chance = _chance(value, null, 2 * sqrt(2) * self_a.skewness * self_b.skewness)
    low, high = max(-1.0, value - margin), min(1.0, value + margin)
    return Estimate(value, low, high, a.n_samples, chance=chance, details={"sample": n}, warnings=warnings)


def _spread(moved: np.ndarray) -> float:
    """Standard deviation of a sum over pairs; the jackknife counts what two samples add together twice."""
    by_sample = moved.sum(axis=1)
    jackknife = float(((by_sample - by_sample.mean()) ** 2).sum())
    return sqrt(max(jackknife - float(np.einsum("ij,ij->", moved, moved)) / 2, jackknife / 4))


def _chance(value: float, spread: float, skewness: float) -> Chance:
    """The law of Σ λ_i·μ_j·(z_ij² − 1), the limit of large n, has this third moment."""
    law = pearson3(skewness, 0, spread)
    return Chance(0.0, float(law.ppf(0.025)), float(law.ppf(0.975)), float(law.sf(value)))


def _centered(x: Representation, rows: np.ndarray) -> np.ndarray:
    """U-centered distances between these rows, shape (n, n)."""
    values = rows_near_one(x, rows)
    n = len(rows)
    lengths = np.einsum("ij,ij->i", values, values)
    distances = values @ values.T
    distances *= -2
    distances += lengths[:, None]
    distances += lengths
    np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
    np.fill_diagonal(distances, 0)
    sums = distances.sum(axis=1)
    centers = (sums - sums.sum() / (2 * (n - 1))) / (n - 2)
    distances -= centers[:, None]
    distances -= centers
    np.fill_diagonal(distances, 0)
    return distances


@dataclass(frozen=True)
class _Itself:
    squares: float
    skewness: float  # Σ λ³ / (Σ λ²)^1.5 of the eigenvalues


# Sums of a representation alone are needed by every pair that it is in; they are kept while the representation lives.
_KNOWN: WeakKeyDictionary[Representation, dict[tuple[int, int], _Itself]] = WeakKeyDictionary()


def _itself(x: Representation, centered: np.ndarray, drawn: tuple[int, int]) -> _Itself:
    known = _KNOWN.setdefault(x, {})
    if drawn not in known:
        squares = float(np.einsum("ij,ij->", centered, centered))
        if not squares > LEAST_VARIANCE * centered.size:
            raise InvalidValue(
                f"{x.title}: constant over the samples, or over all but one; distance_correlation cannot compare it."
            )
        cubes = float(np.einsum("ij,ij->", centered @ centered, centered))
        known[drawn] = _Itself(squares, cubes / squares**1.5)
    return known[drawn]


MEASURE = Measure(
    compute=distance_correlation,
    unit="squared correlation",
    bounds=(-1, 1),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Székely and Rizzo 2013, doi:10.1016/j.jmva.2013.02.012",
    standard=False,
)
