"""Hubness: how unequally samples are neighbors of others."""

from __future__ import annotations

from math import asinh, sinh, sqrt

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_all_asked, check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, student95
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import lists
from layerscape.measures.neighborhood.agreement import membership

FEWEST = 4
FEW_DECIDE = 4.0  # effective number of samples that make up the spread, below which this is said
EQUAL = 1e-12  # relative variance of the counts below which they differ by rounding only


def hubness(graph: Neighbors, /, *, k: int = 10) -> Estimate:
    """Skewness of how often a sample is among the k nearest neighbors of the others.

    S = E[(N_k − k)³] / σ³, where N_k(x) is the number of samples that have x among their first k (Radovanović et al.
    2010, eq. 1). Above 0 a few samples, the hubs, are neighbors of very many, and many of none. Where distances tie
    across the border of the first k, N_k is the expectation over the ways to break the tie.

    Parameters
    ----------
    graph
        At least k neighbors of N ≥ 4 samples.
    k
        Number of neighbors, 1…N−2: among N−1 every sample is a neighbor of all.

    Returns
    -------
    Estimate
        A skewness: 0 for counts that are symmetric, unbounded. ``details`` hold ``random``, what N independent random
        lists of k give; ``antihub_share`` of the samples that are neighbors of none; ``robin_hood``, the share of all
        places in lists that would have to go to others for all N_k to be equal, in 0…1; ``largest``, the largest N_k;
        and the array ``occurrences`` (N_k), shape (N,).

    Raises
    ------
    InvalidValue
        If all N_k are equal, or the graph holds fewer than k neighbors or is not of all samples.

    Notes
    -----
    It grows with the intrinsic dimension, because in high dimension the samples near the mean are near to all, and for
    data of high dimension with N too: compare layers at one N and one k. In low dimension it is near 0 or below. The
    interval leaves out one sample after the other, on the scale of asinh S, with Student's law for as many degrees of
    freedom as half the number of samples that make up the spread: where a few hubs do, as in high dimension, it is wide
    and holds the mean in about 92 % of the draws.

    References
    ----------
    Radovanović, Nanopoulos, Ivanović 2010, J. Mach. Learn. Res. 11:2487–2531; the Robin Hood index of N_k: Feldbauer,
    Flexer 2019, doi:10.1007/s10115-018-1205-y.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> rng = np.random.default_rng(0)
    >>> flat, high = (hubness(find_neighbors(rng.standard_normal((500, d)), k=10)) for d in (3, 100))
    >>> round(flat.value), high.value > 2
    (0, True)
    """
    counts, n = _counts(graph, k), graph.n_samples
    centered = counts - k
    value = float(_skewness(n, *(_powers(centered).sum(axis=1))))
    low, high, deciding = _interval(value, centered)
    warnings = []
    if deciding < FEW_DECIDE:
        warnings.append("a few hubs decide the value: the interval is itself uncertain")
    chosen = k / (n - 1)
    details = {
        "random": (1 - 2 * chosen) / sqrt((n - 1) * chosen * (1 - chosen)),
        "antihub_share": float((counts == 0).mean()),
        "robin_hood": float(np.abs(centered).sum() / (2 * n * k)),
        "largest": float(counts.max()),
        "occurrences": counts,
    }
    return Estimate(value, low, high, n, graph.n_units, k, details=details, warnings=tuple(warnings))


def _counts(graph: Neighbors, k: int) -> np.ndarray:
    """N_k of every sample; raises if all are equal."""
    check_all_asked(graph, "hubness")
    n = graph.n_samples
    check_samples(n, "hubness", FEWEST)
    counts = membership(graph, k).sum(axis=0)
    if float(((counts - k) ** 2).sum()) <= EQUAL * n * k**2:
        why = f"k is N−1={n - 1}" if k == n - 1 else "the data are constant, or a lattice without an edge"
        raise InvalidValue(f"all samples are equally often among the first k={k} neighbors: {why}.")
    return counts


def _powers(values: np.ndarray) -> np.ndarray:
    return np.stack([values, values**2, values**3])


def _skewness(n: int, first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Skewness from the sums of the first three powers of n values; 0 where they do not differ."""
    first, second, third = first / n, second / n, third / n
    variance = np.maximum(second - first**2, 0)
    moment = third - 3 * first * second + 2 * first**3
    return np.divide(moment, variance**1.5, out=np.zeros_like(moment), where=variance > EQUAL * second)


def _without_each(counts: np.ndarray) -> np.ndarray:
    """The skewness of the other counts, shape (N,)."""
    powers = _powers(counts)
    return _skewness(len(counts) - 1, *(powers.sum(axis=1, keepdims=True) - powers))


def _interval(value: float, centered: np.ndarray) -> tuple[float, float, float]:
    """Limits of the value, and how many samples make up its spread."""
    n, without = len(centered), _without_each(centered)
    squares = (without - without.mean()) ** 2
    total = float(squares.sum())
    deciding = total**2 / float(squares @ squares) if total else float(n)
    sd = sqrt(total * (n - 1) / n / (1 + value**2))
    margin = max(LEAST_MARGIN, student95(max(1.0, deciding / 2)) * sd)
    return sinh(asinh(value) - margin), sinh(asinh(value) + margin), deciding


def _influence(graph: Neighbors, /, *, k: int) -> Influence:
    """How each sample moves the skewness: its own count goes, its neighbors lose one, and who follows it gains one."""
    centered, n, near = _counts(graph, k) - k, graph.n_samples, lists(graph, k)

    def matrix(values: np.ndarray) -> sparse.csr_array:
        return sparse.csr_array((values, (near.rows, near.members)), shape=(n, n))

    # Row j: what all others gain when j is deleted; its own entry, what it would gain itself, goes with it.
    gained = sparse.coo_array(sparse.csr_array(matrix(near.opens).T @ matrix(near.next)) - matrix(near.among))
    others = gained.row != gained.col
    row, gains, now = gained.row[others], gained.data[others], centered[gained.col[others]]
    powers = _powers(centered)
    changes = [np.bincount(row, each, n) for each in _powers(now + gains) - _powers(now)]
    value = float(_skewness(n, *powers.sum(axis=1)))
    moved = value - _skewness(n - 1, *(powers.sum(axis=1, keepdims=True) - powers + changes))
    alone = -_without_each(centered)
    return Influence(value, moved, alone - alone.mean())


MEASURE = Measure(
    compute=hubness,
    unit="skewness",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Radovanović et al. 2010, J. Mach. Learn. Res. 11:2487",
    neighbors="k",
    influence=_influence,
)
