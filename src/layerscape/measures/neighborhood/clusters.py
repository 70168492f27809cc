"""The clusters of a graph whose rows may be copies, and of halves of its samples, from which their spread is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerscape.core.interval import student95
from layerscape.core.memo import remembered
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, check_least
from layerscape.measures.checks import check_all_asked
from layerscape.measures.density import FEWEST
from layerscape.measures.dimension.ratios import TIED, check_no_copies, check_no_lattice, few_words, tied_words
from layerscape.measures.neighborhood.peaks import Peaks, find_peaks

HALVES = 20
FEWEST_HALF = 2 * FEWEST + 1  # samples in one
NEAR = 1e-5  # of the median distance to the fourth neighbor: nearer than this is a copy but for rounding


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of N samples, copies in the cluster of the sample that they copy.

    Attributes
    ----------
    first
        Shape (N,): the sample that each is a copy of, itself if of none.
    indices, distances
        Lists of the M distinct samples.
    peaks
        Their clusters.
    dimension, z
        By which the volumes grow, and how many errors a peak must stand out.
    warnings
        What is wrong with the samples, in words.
    """

    first: np.ndarray
    indices: np.ndarray
    distances: np.ndarray
    peaks: Peaks
    dimension: float
    z: float
    warnings: tuple[str, ...]

    @cached_property
    def distinct(self) -> np.ndarray:
        """Shape (M,): the samples that are not copies."""
        return np.unique(self.first)

    def whole(self, per_distinct: np.ndarray) -> np.ndarray:
        """One value per sample from one per distinct sample."""
        return per_distinct[np.searchsorted(self.distinct, self.first)]

    @cached_property
    def cluster(self) -> np.ndarray:
        """Shape (N,): the number of the cluster of every sample."""
        return self.whole(self.peaks.cluster)

    @cached_property
    def halves(self) -> np.ndarray:
        """Shape (20, N): the clusters of random halves of the samples alone, −1 for a sample that is not in."""
        n = len(self.first)
        found = np.full((HALVES, n), -1)
        rng = np.random.default_rng(0)
        for labels in found:
            drawn = np.zeros(n, bool)
            drawn[rng.permutation(n)[: n // 2]] = True
            kept = np.flatnonzero(drawn[self.distinct])
            if len(kept) >= FEWEST_HALF:
                lists = _cut(self.indices, self.distances, kept)
                per_distinct = np.full(len(self.distinct), -1)
                per_distinct[kept] = find_peaks(*lists, self.dimension, self.z).cluster
                labels[drawn] = self.whole(per_distinct)[drawn]
        return found


def margin_of_halves(values: np.ndarray) -> float:
    """Half the width of the 95 % interval of a value, from what it is on random halves of the samples.

    Half the samples vary √2 as much as all, but two halves of one set share half of themselves, so that they differ as
    much as the value of all does (Shao and Wu 1989, doi:10.1214/aos/1176347263: the jackknife that leaves half out,
    which holds for values that jump, too).
    """
    return float(student95(len(values) - 1) * np.std(values, ddof=1))


@remembered
def clusters_of(graph: Neighbors, k_max: int, z: float, dimension: float | None) -> Clusters:
    """The clusters of all samples."""
    _check(graph, k_max, z, dimension)
    k_max = min(k_max, graph.n_samples - 1)
    first = np.arange(graph.n_samples)
    if graph.copies is not None:
        _, starts, inverse = np.unique(graph.copies, return_index=True, return_inverse=True)
        first = starts[inverse]
    distinct = np.unique(first)
    if len(distinct) < 2 * FEWEST_HALF:
        raise InvalidValue(
            f"{len(distinct)} distinct rows of {graph.n_samples}: the data are constant, or nearly so; density peaks "
            f"need at least {2 * FEWEST_HALF}, and hundreds to mean something."
        )
    if len(distinct) == graph.n_samples:
        check_no_copies(graph, 1)
    indices, distances = _cut(graph.indices[:, :k_max], graph.distances[:, :k_max], distinct)
    short = int((np.isfinite(distances).sum(axis=1) < FEWEST).sum())
    if short:
        raise InvalidValue(
            f"{short} samples have so many copies that fewer than {FEWEST} others are among their k_max={k_max} "
            "neighbors; leave the copies out, or give a larger k_max."
        )
    logs = np.log(distances[:, 1] / distances[:, 0])
    if dimension is None:
        check_no_lattice(logs, 1, 2, "the density", "give dimension= where that is an option")
    d = (len(distinct) - 1) / float(logs.sum()) if dimension is None else float(dimension)
    warnings = few_words(len(distinct))
    if (tied := float((logs == 0).mean())) > TIED:
        warnings.append(tied_words(tied))
    near = int((distances[:, 0] < NEAR * np.median(distances[:, FEWEST - 1])).sum())
    if near and dimension is None:
        warnings.append(
            f"{near} samples have a near copy (rounding apart), which lowers the dimension {d:.3g} by which densities "
            "are read: leave them out, or give dimension="
        )
    return Clusters(first, indices, distances, find_peaks(indices, distances, d, z), d, z, tuple(warnings))


def _check(graph: Neighbors, k_max: int, z: float, dimension: float | None) -> None:
    check_least(2 * FEWEST, "so that there is something to choose from", k_max=k_max)
    if not z >= 0:
        raise InvalidValue(f"z={z}; it is how many errors a peak must stand out: give a number of at least 0.")
    if dimension is not None and not 0 < dimension < np.inf:
        raise InvalidValue(f"dimension={dimension}; give a positive number, or None to have it estimated.")
    check_all_asked(graph, "a clustering")
    graph.need(min(k_max, graph.n_samples - 1))


def _cut(indices: np.ndarray, distances: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lists of some rows among themselves, renumbered 0…len(rows)−1; they end in distances of infinity."""
    number = np.full(len(indices), -1)
    number[rows] = np.arange(len(rows))
    members = number[indices[rows]]
    left = members >= 0
    asked, columns = np.nonzero(left)
    places = (np.cumsum(left, axis=1) - 1)[asked, columns]
    lists = np.zeros(members.shape, np.int64), np.full(members.shape, np.inf)
    lists[0][asked, places], lists[1][asked, places] = members[left], distances[rows][left]
    return lists
