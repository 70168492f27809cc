"""Minimum spanning tree: how many dimensions, from how its length grows with the number of samples."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from layerscape.core.checks import common_warnings
from layerscape.core.estimate import Estimate, Point
from layerscape.core.interval import student95
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.subsets import Subsets
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.ratios import check_no_copies

TOO_MANY = 0.05  # a share of missing edges above this leaves no tree to speak of
BENT = 0.1  # dimensions at the smallest and the largest sizes that differ by a smaller share are one dimension


def mst(
    subsets: Subsets, /, *, k: int = 16, power: float = 1.0, smallest: int = 100, repetitions: int = 5, seed: int = 0
) -> Estimate:
    """Intrinsic dimension from how the length of the minimum spanning tree grows with the number of samples.

    The sum of the edges to the power α of the tree of n samples grows as L(n) ~ n^((d−α)/d) (Steele 1988; for fractals
    Schweinhart 2020, who calls d the dimension of persistent homology PH₀). With b the slope of log L over log n,
    d = α / (1 − b). The trees are those of all N samples and of random subsets of N/2, N/4, …; b is fitted by least
    squares to the mean log L of every size, weighted by the number of samples in all subsets of that size.

    Parameters
    ----------
    subsets
        All samples and the random subsets, none with copies; those of one size are disjoint, and so independent.
    k
        How many neighbors the edges of a tree are looked for among.
    power
        α > 0, which should be below the dimension; the larger, the more the longest edges decide.
    smallest
        Size below which no subset is drawn.
    repetitions
        How many subsets of each size at most, 2 or more; there are only two disjoint halves, four quarters, ….
    seed
        Of the draw.

    Returns
    -------
    Estimate
        In dimensions, above 0; infinite at the upper end if as far as the samples can tell L grows as n does. The
        interval comes from how log L differs between disjoint subsets of one size. ``curve`` has d from every size
        and the next smaller one: ``n_samples`` is the larger, ``scale`` the mean edge of its trees. ``details`` hold
        ``log_n``, ``log_length`` (the mean of log L), its ``residuals`` from the line, ``repetitions``, ``slope`` b,
        ``r_squared``, and how many of all ``edges`` are ``missing`` or ``unproven``.

    Raises
    ------
    InvalidValue
        If samples are copies, there are too few for a half of them to be a subset, ``power`` or ``repetitions`` are too
        small, more than 5 % of a tree's edges lie beyond the k neighbors, or L grows at least as fast as n.

    Notes
    -----
    The interval is of what N samples read on average: a finite sample of a high-dimensional cloud reads low (1,000 of
    an 8-dimensional cube: 6.9). That the trees are those of all pairs is proven edge by edge; where it is not, or where
    clusters are too far apart to be joined, a warning says for how many edges.

    References
    ----------
    Steele 1988, doi:10.1214/aop/1176991596; Schweinhart 2020, doi:10.1016/j.aim.2020.107291, arXiv:1808.02196;
    Birdal, Lou, Guibas, Şimşekli 2021, arXiv:2111.13171.

    Examples
    --------
    >>> import layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((1000, 3))
    >>> estimate = ls.estimate("mst", x)
    >>> estimate.low < 3 < estimate.high
    True
    """
    if not 0 < power < inf:
        raise InvalidValue(f"power={power}; it is the power of the edges: give a number above 0, such as 1.")
    by_size = subsets.by_size
    if len(by_size) < 2:
        raise InvalidValue(
            f"{subsets.n_samples} samples, of which half are fewer than smallest={smallest}; the growth of the tree "
            "needs two sizes: lower smallest, or give more samples."
        )
    if max(len(graphs) for graphs in by_size.values()) < 2:
        raise InvalidValue("repetitions=1; the interval comes from how disjoint subsets differ: give at least 2.")
    trees = [[_tree(graph, power) for graph in graphs] for graphs in by_size.values()]
    growth = _Growth.of(np.array(list(by_size), dtype=float), [[tree.log_length for tree in some] for some in trees])
    value, low, high = growth.dimension(growth.weights(), power)
    if value == inf:
        raise InvalidValue(
            f"the trees grow as fast as the number of samples (slope {growth.slope(growth.weights()):.3f}): the "
            f"dimension is beyond what {subsets.n_samples} samples can tell, or a few of them far away from all others "
            "decide the length; give more samples, or leave those out."
        )
    edges = [tree for some in trees for tree in some]
    curve = _curve(growth, power, [float(np.mean([tree.mean_edge for tree in some])) for some in trees])
    missing, unproven = sum(tree.missing for tree in edges), sum(tree.unproven for tree in edges)
    n_edges = sum(graph.n_samples - 1 for graph in subsets.graphs)
    details = {**growth.fit(), "edges": n_edges, "missing": missing, "unproven": unproven}
    return Estimate(
        value,
        low,
        high,
        subsets.n_samples,
        subsets.n_units,
        subsets.graphs[0].k,
        curve=curve,
        details=details,
        warnings=(
            *common_warnings(subsets.graphs[0]),
            *_untrue(missing, unproven, n_edges, k),
            *_doubtful(growth, curve, power, value, high),
        ),
    )


@dataclass(frozen=True)
class _Tree:
    log_length: float  # of the sum of powers
    mean_edge: float
    missing: int
    unproven: int


def _tree(graph: Neighbors, power: float) -> _Tree:
    """The minimum spanning tree of a graph's edges, as far as they reach."""
    check_no_copies(graph, 1)  # scipy takes an edge of length 0 for none
    n = graph.n_samples
    rows, columns = np.repeat(np.arange(n), graph.k), graph.indices.ravel()
    # Up to 1.15 scipy spans trees over 32-bit indices only.
    listed = csr_array((graph.distances.ravel(), (rows.astype(np.int32), columns.astype(np.int32))), shape=(n, n))
    tree = minimum_spanning_tree(listed).tocoo()
    missing = n - 1 - tree.nnz
    if missing > TOO_MANY * (n - 1):
        raise InvalidValue(
            f"the graph of {graph.k} neighbors of {n} samples falls into {missing + 1} parts, too many for a tree; "
            "give a larger k."
        )
    order = np.argsort(tree.data, kind="stable")
    lengths = tree.data[order]
    unit = lengths.mean()
    log_length = float(np.log(((lengths / unit) ** power).sum()) + power * np.log(unit))
    unproven = 0 if graph.k >= n - 1 else _unproven(tree.row[order], tree.col[order], lengths, graph.distances[:, -1])
    return _Tree(log_length, float(unit), missing, unproven)


def _unproven(rows: np.ndarray, columns: np.ndarray, lengths: np.ndarray, reach: np.ndarray) -> int:
    """How many edges of a tree, shortest first, may be longer than those of the tree of all pairs."""
    # An edge of length w joins two components, A and B, of the shorter edges. It is in the tree of all pairs if no
    # pair that leaves A is shorter (or none that leaves B): no listed pair is, for the tree is minimal among those; an
    # unlisted pair (i, j) is at least max(r_k(i), r_k(j)) apart, so none is where all of A have r_k ≥ w.
    parent, nearest = list(range(len(reach))), reach.tolist()
    n_unproven = 0
    for a, b, w in zip(rows.tolist(), columns.tolist(), lengths.tolist(), strict=True):
        a, b = _root(parent, a), _root(parent, b)
        n_unproven += nearest[a] < w and nearest[b] < w
        parent[a] = b
        nearest[b] = min(nearest[a], nearest[b])
    return n_unproven


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@dataclass(frozen=True)
class _Growth:
    """Mean log L of every size, and how sure it is."""

    sizes: np.ndarray
    counts: np.ndarray
    means: np.ndarray
    covariance: np.ndarray
    margin: float  # standard deviations that make 95 %

    @classmethod
    def of(cls, sizes: np.ndarray, logs: list[list[float]]) -> _Growth:
        counts = np.array([len(some) for some in logs])
        free = counts - 1
        # The variance of log L falls as 1/n (Kesten and Lee 1996, doi:10.1214/aoap/1034968141): one number for all.
        spreads = [
            size * np.var(some, ddof=1) if len(some) > 1 else 0.0 for size, some in zip(sizes, logs, strict=True)
        ]
        variance = float(free @ np.array(spreads) / free.sum())
        covariance = variance * _shared(sizes, counts)
        means = np.array([np.mean(some) for some in logs])
        return cls(sizes, counts, means, covariance, student95(free.sum()))

    def weights(self, some: slice = slice(None)) -> np.ndarray:
        """What each mean adds to the slope that is fitted to some of the sizes."""
        weight = np.zeros(len(self.sizes))
        weight[some] = (self.sizes * self.counts)[some]
        x = np.log(self.sizes) - weight @ np.log(self.sizes) / weight.sum()
        return weight * x / (weight @ x**2)

    def slope(self, weights: np.ndarray) -> float:
        return float(weights @ self.means)

    def dimension(self, weights: np.ndarray, power: float) -> tuple[float, float, float]:
        """α / (1 − slope) with its 95 %, infinite from a slope of 1 on."""
        slope, margin = self.slope(weights), self.margin * float(np.sqrt(weights @ self.covariance @ weights))
        value, low, high = (power / (1 - b) if b < 1 else inf for b in (slope, slope - margin, slope + margin))
        return value, low, high

    def fit(self) -> dict[str, float | np.ndarray]:
        slope, weight, x = self.slope(self.weights()), self.sizes * self.counts, np.log(self.sizes)
        residuals = self.means - slope * x
        residuals = residuals - weight @ residuals / weight.sum()
        spread = self.means - weight @ self.means / weight.sum()
        r_squared = 1 - float(weight @ residuals**2 / (weight @ spread**2))
        line = {"log_n": x, "log_length": self.means, "residuals": residuals, "repetitions": self.counts}
        return {**line, "slope": slope, "r_squared": r_squared}


def _shared(sizes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Covariance of the means of log L over the subsets of two sizes, where one subset of n has variance 1/n."""
    # A subset's part of m of its n samples shares m/n of what is random in the larger tree: measured on uniform clouds,
    # and on uneven ones, where more is shared and cancels in the slope, it makes the interval too wide.
    shared = np.diag(1 / (sizes * counts))
    for large in range(len(sizes)):
        for small in range(large + 1, len(sizes)):
            inside = np.count_nonzero(np.arange(counts[small]) >> (small - large) < counts[large])
            each = sizes[small] / sizes[large] ** 2
            shared[large, small] = shared[small, large] = inside * each / (counts[large] * counts[small])
    return shared


def _curve(growth: _Growth, power: float, scales: list[float]) -> tuple[Point, ...]:
    """The dimension from every size and the next smaller one."""
    points = []
    for place, scale in enumerate(scales[:-1]):
        found = growth.dimension(growth.weights(slice(place, place + 2)), power)
        points.append(Point(*found, scale, n_samples=int(growth.sizes[place])))
    return tuple(points)


def _untrue(missing: int, unproven: int, edges: int, k: int) -> list[str]:
    """Where the trees are not those of all pairs, in words."""
    words = []
    if missing:
        words.append(
            f"{missing} of {edges} edges of the trees ({missing / edges:.2g}) are missing, since samples of separate "
            f"parts are not among each other's {k} neighbors: raise k, unless the parts are clusters far apart"
        )
    if unproven:
        words.append(
            f"{unproven} of {edges} edges of the trees ({unproven / edges:.2g}) may be too long, since shorter ones "
            f"may lie beyond the first {k} neighbors: raise k"
        )
    return words


def _doubtful(growth: _Growth, curve: tuple[Point, ...], power: float, value: float, high: float) -> list[str]:
    """Where the law does not hold, or holds of nothing that these samples can tell."""
    words = []
    if high == inf:
        words.append("the trees may grow as fast as the number of samples: the interval is open; give more samples")
    if power > value:
        words.append(f"power={power:g} is above the dimension, where the tree's law does not hold: lower power")
    first, last = curve[0], curve[-1]
    apart = growth.weights(slice(0, 2)) - growth.weights(slice(len(curve) - 1, None))
    sure = abs(growth.slope(apart)) > 1.5 * growth.margin * np.sqrt(apart @ growth.covariance @ apart)
    if len(curve) > 1 and sure and abs(first.value - last.value) > BENT * min(first.value, last.value):
        words.append(
            f"the dimension changes with the number of samples, from {last.value:.3g} at {last.n_samples} to "
            f"{first.value:.3g} at {first.n_samples}: read the curve"
        )
    return words


MEASURE = Measure(
    compute=mst,
    title="minimum spanning tree",
    unit="dimensions",
    bounds=(0, inf),
    unchanged_by={"rotation", "translation", "scaling"},  # another order of the rows makes other subsets
    source="Steele 1988, doi:10.1214/aop/1176991596; Schweinhart 2020, arXiv:1808.02196",
    neighbors="k",
    distinct=True,
    influence="another number of samples draws other subsets, which differ by more than one sample does",
)
