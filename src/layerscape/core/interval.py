"""Intervals for means over a cloud of points, where the values of neighboring samples depend on each other.

The variance of a mean of independent values is too small here: two samples that share neighbors share their values'
fluctuations too. Two ways to count that, for values that come from few and from many neighbors:

- The sandwich over neighbor pairs (`sd_of_mean`) adds the products of the values of all pairs of samples of which one
  is a neighbor of the other (White 1980, doi:10.2307/1912934, with Conley's 1999 doi:10.1016/S0304-4076(98)00084-0
  idea of which products to keep).
- The jackknife (`sd_of_neighborhoods`) asks how much each sample moves the sum, through its own value and through those
  of the samples whose neighbor it is. It counts the interaction of two samples twice, once for each of them, so that
  the interactions are taken off once (Efron and Stein 1981, doi:10.1214/aos/1176345462, section 5).

- Where the value is a sum over pairs of neighbors of something that depends on both, the jackknife has a closed form
  too (`sd_of_pairs`).
- Where it is known what every deletion does, with the neighbors that take the places of the deleted, some of the
  interactions are taken off, since to take off all of them is too much for few samples (`sd_of_deletions`).

What is no mean of values of samples is computed again without one group of samples after the other
(`margin_of_groups`: the delete-a-group jackknife, Shao and Wu 1989, doi:10.1214/aos/1176347263). A share of so many
independent trials has the interval of Wilson 1927 (`wilson`), doi:10.1080/01621459.1927.10502953.

How well the intervals cover is measured in benchmarks/coverage.py.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np
from scipy import sparse
from scipy.special import stdtrit

from layerscape.core.near_sums import sum_of_mutual_moves, sum_of_products
from layerscape.core.neighbors import Neighbors

Z95 = 1.959963984540054  # the 97.5 % point of the normal law
GROUPS = 20
LEAST_MARGIN = 1e-9  # half the width of the interval of a value that cannot move, such as that of identical data
MUTUAL = 2**19  # comparisons for the sum over mutual neighbors; beyond, it is estimated from rows spread evenly


def sd_of_mean(values: np.ndarray, *graphs: Neighbors, k: int) -> float:
    """Standard deviation of the mean of one value per query.

    Parameters
    ----------
    values
        Shape (M,): the value, or its influence on an estimate, of every query of the graphs.
    graphs
        Over the same samples and queries; two queries are related if one is among the first k of the other in any.
    """
    near = np.hstack([_positions(graph, k) for graph in graphs])
    return sd_of_sum(values - values.mean(), near) / len(values)


def margin_of_mean(values: np.ndarray, *graphs: Neighbors, k: int) -> float:
    """Half the width of the 95 % interval of the mean of one value per query, by Student's law; as `sd_of_mean`."""
    near = np.hstack([_positions(graph, k) for graph in graphs])
    sd, freedom = spread_of_sum(values - values.mean(), near)
    return student95(freedom) * sd / len(values)


def sd_of_sum(values: np.ndarray, near: np.ndarray) -> float:
    """Standard deviation of a sum of one value per sample; as `spread_of_sum`."""
    return spread_of_sum(values, near)[0]


def spread_of_sum(values: np.ndarray, near: np.ndarray) -> tuple[float, float]:
    """Standard deviation of a sum of one value per sample, and the degrees of freedom of Student's law that it leaves.

    The variance is a sum of products with a variance of its own, so that by Satterthwaite 1946 (doi:10.2307/3002019) it
    is as well known as one of ν independent normal values, ν = N / (1 + c + γ/2), with c the number of samples that are
    near each and γ the excess kurtosis of the values.

    Parameters
    ----------
    values
        Shape (M,); they add up to 0.
    near
        Shape (M, K): numbers of the samples that are near each, −1 for none.
    """
    n, squares = len(values), values * values
    measured = np.count_nonzero((near >= 0).any(axis=1) | (values != 0))  # the others move nothing
    independent = float(squares.sum())
    products, n_related = sum_of_products(values, near)
    # Values are centered by their own mean, which makes the sum of all products zero: unrelated pairs are owed −V/n.
    share = (n_related + n) / n**2
    variance = (independent + products) / (1 - share) if share < 0.5 else 2 * (independent + products)
    shares = squares / independent if independent > 0 else squares
    kurtosis = measured * float(shares @ shares) - 3
    freedom = measured / (1 + n_related / max(1, measured) + max(0.0, kurtosis) / 2)
    return float(np.sqrt(max(variance, independent / 4))), max(1.0, freedom)


def sd_of_neighborhoods(graph: Neighbors, own: np.ndarray, moved: np.ndarray) -> float:
    """Standard deviation of a sum of values, each of which depends on where the sample's K nearest neighbors are.

    Parameters
    ----------
    graph
        At least K neighbors of M queries among N samples.
    own
        Shape (M,): what each query adds to the sum, less the mean.
    moved
        Shape (M, K): how much the j-th neighbor of query i moves what query i adds.
    """
    columns = graph.indices[:, : moved.shape[1]]
    by_row = np.bincount(columns.ravel(), weights=moved.ravel(), minlength=graph.n_samples)
    is_row = graph.query_rows >= 0
    np.add.at(by_row, graph.query_rows[is_row], own[is_row])
    total = float(((by_row - by_row.mean()) ** 2).sum() + (own[~is_row] ** 2).sum())
    variance = total - float((moved * moved).sum()) - _mutual(graph, columns, moved)
    return float(np.sqrt(max(variance, float(own @ own) / 4)))


def sd_of_pairs(near: sparse.csr_array, values: sparse.csr_array, share: np.ndarray, rows: np.ndarray) -> float:
    """Standard deviation of Σ_i share_i·Σ_j values_ij, a mean over samples of what they have with their neighbors.

    A sample moves it through its own neighbors and as a neighbor of others (Hájek's projection); what two samples add
    together counts for both of them, and is taken off once.

    Parameters
    ----------
    near
        Shape (M, N): the weight of every neighbor; those of a query add up to 1.
    values
        Shape (M, N): the same weights, times a value.
    share
        Shape (M,): the weight of every query; they add up to 1.
    rows
        Shape (M,): which samples the queries are.
    """
    per_sample, asked = values.sum(axis=1), near.T @ share
    n = len(asked)
    value = float(share @ per_sample)
    own = share * (per_sample - value)
    moved = values.T @ share - value * asked
    np.add.at(moved, rows, own)
    apart = (values - value * near).tocoo()
    pairs = sparse.csr_array((apart.data * share[apart.row], (rows[apart.row], apart.col)), shape=(n, n))
    together = float((pairs.data**2).sum() + pairs.multiply(pairs.T).sum())
    return float(np.sqrt(max(moved @ moved - together, float(own @ own) / 4)))


def sd_of_deletions(jackknife: float, together: float, own: np.ndarray, k: float) -> float:
    """Standard deviation of a mean over N samples from what deletions do to it, with neighbors that are replaced.

    The delete-one jackknife less a share of its interactions, at least a quarter of the variance of the mean of
    independent values. That share is max(1/2, 0.85 − k/N), chosen on neighborhood overlaps at N = 100 and 300, and then
    tried at others; where neighborhoods hold almost half of all samples or more, it falls as 1.6·(1 − k/N)²: see
    benchmarks/coverage.py.

    Parameters
    ----------
    jackknife
        (N − 1)/N·Σ_j (θ_j − θ)², with θ_j the mean without sample j, and θ the mean of these.
    together
        Σ_{i<j} (Δ_ij + Δ_ji)², with Δ_ij what sample i adds to the mean, less what it adds without j.
    own
        Shape (N,): the values of which it is the mean.
    k
        How many neighbors a value is read from.
    """
    n = len(own)
    share = min(max(0.5, 0.85 - k / n), 1.6 * (1 - k / n) ** 2)
    variance = jackknife - share * together
    return float(np.sqrt(max(variance, float(own.var()) / n / 4)))


def jackknife_of(without: np.ndarray) -> float:
    """The jackknife's variance of a value, from what it is without each sample."""
    n = len(without)
    return float((n - 1) / n * ((without - without.mean()) ** 2).sum())


def freedom_of(influence: np.ndarray) -> float:
    """The degrees of freedom that Student's law has where the variance of a mean is read from these values of samples.

    By how many independent normal values it is known as well (Satterthwaite 1946): fewer where some are far larger than
    the others.

    >>> freedom_of(np.array([1.0, -1.0] * 50)), round(freedom_of(np.array([9.0, -9.0] + [0.1, -0.1] * 49)), 1)
    (100.0, 4.1)
    """
    n = len(influence)
    shares = influence**2 / max(float(influence @ influence), np.finfo(float).tiny)
    return max(1.0, n / (1 + max(0.0, n * float(shares @ shares) - 3) / 2))


def student95(freedom: float) -> float:
    """The 97.5 % point of Student's law."""
    return float(stdtrit(freedom, 0.975))  # as scipy.stats.t.ppf, which takes 50 times as long


def margin_of_left_out(values: np.ndarray) -> float:
    """Half the width of the 95 % interval of a value, from what it is without each of so many groups in turn."""
    return float(student95(len(values) - 1) * np.sqrt(jackknife_of(values)))


def ends_without(
    value: float, values: np.ndarray, bounds: tuple[float, float], *, share: bool = False
) -> tuple[float, float]:
    """The 95 % interval of a value, from what it is without each of so many groups in turn.

    Between 0 and 1 it is Wilson's for as many trials as would spread as far, by Student's law: few groups show a value
    near its ends as surer than it is. Nothing and all, of a ``share`` of samples, are as sure as they are of so many
    trials as there are groups.

    >>> ends = ends_without(0.9, np.array([0.85, 0.95, 0.9, 0.88, 0.92, 0.9]), (0, 1))
    >>> [round(end, 2) for end in ends], [round(end, 2) for end in ends_without(1.0, np.ones(20), (0, 1), share=True)]
    ([0.61, 0.98], [0.82, 1])
    """
    margin, z = margin_of_left_out(values), student95(len(values) - 1)
    between = LEAST_MARGIN < value < 1 - LEAST_MARGIN  # rounding may leave all but a last bit of 1
    if tuple(bounds) == (0, 1) and between and margin > LEAST_MARGIN:
        return wilson(value, value * (1 - value) * (z / margin) ** 2, z)
    low, high = within(value, margin, bounds)
    if share and tuple(bounds) == (0, 1) and isfinite(margin):
        least, most = wilson(min(1.0, max(0.0, value)), len(values), z)
        low, high = min(low, least), max(high, most)
    return low, high


def margin_of_groups(value: Callable[[np.ndarray], float], n_samples: int, *, groups: int = GROUPS) -> float:
    """Half the width of the 95 % interval of a value, from how it changes when a group of samples is left out.

    Parameters
    ----------
    value
        The value of some of the rows, given by their increasing numbers.
    n_samples
        N; samples fall into groups at random, always the same way.
    """
    groups = min(groups, n_samples)
    member = np.random.default_rng(0).permutation(n_samples) % groups
    return margin_of_left_out(np.array([value(np.flatnonzero(member != group)) for group in range(groups)]))


def within(value: float, margin: float, bounds: tuple[float, float], least: float = 0.0) -> tuple[float, float]:
    """The interval of a value: as far as the margin to both sides, or ``least`` if that is more, but within bounds."""
    margin = max(margin, least)
    return max(bounds[0], value - margin), min(bounds[1], value + margin)


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """The 95 % interval of a share of n trials; it holds the share. ``z`` is the 97.5 % point of the law."""
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    margin = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return min(share, max(0.0, float(center - margin))), max(share, min(1.0, float(center + margin)))


def of_share(share: float, sd: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share in 0…1 with a standard deviation: Wilson's for as many trials as would have that.

    Nothing and all are as sure as they are of N trials, and so is a share that no deletion moves.
    """
    return wilson(share, share * (1 - share) / sd**2 if 0 < share < 1 and sd > LEAST_MARGIN else n)


def _mutual(graph: Neighbors, columns: np.ndarray, moved: np.ndarray) -> float:
    """Σ moved(i, j)·moved(j, i) over all i and j that are neighbors of each other."""
    position = np.full(graph.n_samples, -1)
    asked = graph.query_rows >= 0
    position[graph.query_rows[asked]] = np.flatnonzero(asked)
    every = np.flatnonzero(asked)
    n_rows = min(len(every), max(1, MUTUAL // columns.shape[1] ** 2))
    rows = every[np.linspace(0, len(every) - 1, n_rows).astype(int)]
    total = sum_of_mutual_moves(rows, graph.query_rows, position, columns, moved)
    return total * len(every) / max(1, len(rows))


def _positions(graph: Neighbors, k: int) -> np.ndarray:
    """The first k neighbors of every query as numbers of queries, −1 for those that are none; shape (M, k)."""
    columns = graph.indices[:, :k]
    if graph.queries is None:
        return columns
    position = np.full(graph.n_samples, -1)
    asked = graph.query_rows >= 0
    position[graph.query_rows[asked]] = np.flatnonzero(asked)
    return position[columns]
