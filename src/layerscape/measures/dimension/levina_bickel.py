"""Levina–Bickel: how many dimensions around each sample, from all of its first k neighbors."""

from __future__ import annotations

from math import inf
from typing import Literal

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_enough, check_least, check_name, check_samples, common_warnings
from layerscape.core.estimate import Estimate, Point
from layerscape.core.influence import Influence
from layerscape.core.interval import Z95, sd_of_neighborhoods, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import need_next
from layerscape.measures.dimension.ratios import check_no_copies, check_no_lattice

AVERAGES = ("harmonic", "arithmetic")


def levina_bickel(
    graph: Neighbors, /, *, k: int = 20, average: Literal["harmonic", "arithmetic"] = "harmonic"
) -> Estimate:
    """Intrinsic dimension from the distances to the first k neighbors, of every sample and on average.

    With T_j(x) the distance from x to its j-th neighbor and a density that is constant up to T_k, the k − 1 numbers
    log(T_k/T_j) are exponential with mean 1/d (Levina and Bickel 2005, eq. 8).

    - ``average="harmonic"``: one likelihood for all samples, 1/d = Σ_x Σ_{j<k} log(T_k/T_j) / (N(k−1)) (MacKay and
      Ghahramani 2005).
    - ``average="arithmetic"``: the mean over x of m(x) = (k−2) / Σ_{j<k} log(T_k/T_j), as in the first paper.

    Parameters
    ----------
    graph
        At least k neighbors of N ≥ 3 samples without copies.
    k
        Number of neighbors, at least 3; all others where there are fewer.
    average
        How the samples are brought together.

    Returns
    -------
    Estimate
        In dimensions. ``per_sample`` is m(x), the unbiased local dimension of each sample, which scatters by about
        d/√(k−2); it is infinite where all k neighbors are at one distance. ``curve`` has the value at 4, 8, 16, …
        neighbors up to k, with ``scale`` the mean of T_k.

    Raises
    ------
    InvalidValue
        If samples are copies, the graph holds fewer than k neighbors, or k < 3, or there are fewer than 4 samples.

    References
    ----------
    Levina, Bickel 2005, Advances in Neural Information Processing Systems 17; MacKay, Ghahramani 2005, Comments on
    "Maximum likelihood estimation of intrinsic dimension",
    http://www.inference.org.uk/mackay/dimension/.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((1000, 3))
    >>> estimate = levina_bickel(find_neighbors(x, k=20))
    >>> round(estimate.value, 1), estimate.per_sample.shape
    (3.1, (1000,))
    """
    k = _checked(graph, k, average)
    sizes = [size for size in (2**power for power in range(2, 31)) if size < k]
    found = [_at(graph, size, average) for size in (*sizes, k)]
    last, local = found[-1]
    return Estimate(
        last.value,
        last.low,
        last.high,
        graph.n_samples,
        graph.n_units,
        k,
        curve=tuple(point for point, _ in found),
        per_sample=local,
        warnings=tuple(common_warnings(graph)),
    )


def _checked(graph: Neighbors, k: int, average: str) -> int:
    """How many neighbors are read, after everything that was asked has been looked at."""
    check_name("average of levina_bickel", average, AVERAGES)
    check_least(3, k=k)
    check_enough(graph)
    check_samples(graph.n_samples, "levina_bickel", 4)
    k = min(k, graph.n_samples - 1)
    graph.need(k)
    check_no_copies(graph, 1)
    return k


def _at(graph: Neighbors, k: int, average: str) -> tuple[Point, np.ndarray]:
    """The value at k neighbors, and the local dimension of every query."""
    value, local, moved = _read(graph, k, average)
    sd = sd_of_neighborhoods(graph, moved.sum(axis=1), moved)
    scale = float(graph.distances[:, k - 1].mean())
    return Point(value, *within(value, Z95 * sd, MEASURE.bounds), scale, k), local


def _read(graph: Neighbors, k: int, average: str) -> tuple[float, np.ndarray, np.ndarray]:
    """The value at k neighbors, the local dimension of every query, and how much each of its neighbors moves it."""
    logs = np.log(graph.distances[:, k - 1 : k] / graph.distances[:, : k - 1])
    sums = logs.sum(axis=1)
    check_no_lattice(sums, 1, k, "levina_bickel")
    with np.errstate(divide="ignore"):
        local = (k - 2) / sums
    pooled = sums.size * (k - 1) / sums.sum()
    moved = pooled * (1 - pooled * logs) / (sums.size * (k - 1))
    value = pooled
    if average == "arithmetic":
        if not sums.all():
            raise InvalidValue(
                f"{(sums == 0).sum()} samples have all {k} neighbors at one distance, where the local dimension is "
                "infinite; use average='harmonic', or raise k."
            )
        value = float(local.mean())
    return value, local, moved


def _influence(graph: Neighbors, /, *, k: int, average: str) -> Influence:
    """How each sample moves the dimension; to first order both averages move as the harmonic one does."""
    k = _checked(graph, k, average)
    need_next(graph, k)
    (value, _, moved), n, first = _read(graph, k, average), graph.n_samples, graph.indices[:, :k]
    logs = np.log(graph.distances[:, : k + 1])
    sums = (k * logs[:, k - 1] - logs[:, :k].sum(axis=1))[:, None]
    # Without a neighbor the next one is the last, and all others are measured against it.
    without = k * logs[:, k : k + 1] - logs.sum(axis=1, keepdims=True) + logs[:, :k]
    if average == "arithmetic":
        sums, without = (k - 2) / sums, (k - 2) / without
    left = sums.sum() - sums[:, 0] + np.bincount(first.ravel(), (without - sums).ravel(), n)
    left = left / (n - 1) if average == "arithmetic" else (n - 1) * (k - 1) / left
    rows = np.repeat(np.arange(n), k - 1)
    pairs = sparse.csr_array((moved.ravel(), (rows, first[:, : k - 1].ravel())), shape=(n, n))
    return Influence(value, value - left, moved.sum(axis=1), None, pairs)


MEASURE = Measure(
    compute=levina_bickel,
    title="Levina–Bickel",
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Levina and Bickel 2005, Adv. Neural Inf. Process. Syst. 17; MacKay and Ghahramani 2005",
    neighbors="k",
    distinct=True,
    influence=_influence,
)
