"""Advanced density peaks: the clusters of a graph, shared by the measures that count and compare them.

Every sample goes uphill, to the nearest one of higher g = log ρ − ε; where that ends is a peak. Two peaks are one
unless both stand out of the saddle between them by more than z errors (d'Errico, Facco, Laio, Rodriguez 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from layerscape.measures.density import Density, density_at
from layerscape.measures.rows import slices

BLOCK = 2**22  # numbers at a time

Saddle = tuple[float, float]  # log density and its error


@dataclass(frozen=True, eq=False)
class Peaks:
    """C clusters of N samples, the densest peak first."""

    cluster: np.ndarray  # (N,): the number of the cluster, −1 for a sample without neighbors
    centers: np.ndarray  # (C,): the sample of each peak
    saddles: (
        np.ndarray
    )  # (C, C): log density at the saddle, −∞ without a common border; that of the peak on the diagonal
    density: Density


def find_peaks(indices: np.ndarray, distances: np.ndarray, d: float, z: float) -> Peaks:
    """The clusters of samples with the given lists of neighbors.

    Parameters
    ----------
    indices, distances
        Lists of K ≥ 4 neighbors of N samples, without copies; shorter lists end in distances of infinity.
    d
        Intrinsic dimension.
    z
        How many errors a peak must stand out.
    """
    density = density_at(indices, distances, d)
    score = density.log_density - density.error
    rank = np.empty(len(score), np.int32)
    rank[np.lexsort((distances[:, 0], -score))] = np.arange(len(score), dtype=np.int32)
    inside = (np.arange(indices.shape[1]) < density.neighbors[:, None]) & np.isfinite(distances)
    uphill = _uphill(indices, distances, rank, inside, np.isfinite(score))
    centers = np.flatnonzero((uphill == np.arange(len(score))) & np.isfinite(score))
    cluster = np.full(len(score), -1)
    cluster[centers] = np.arange(len(centers))
    cluster = cluster[_ends(uphill)]
    saddles = _saddles(indices, inside, cluster, density, score, distances)
    heights = list(zip(density.log_density[centers], density.error[centers], strict=True))
    kept = _merged(heights, saddles, z)
    order = sorted(set(kept), key=lambda c: (-heights[c][0], rank[centers[c]]))
    number = np.full(len(centers) + 1, -1)
    number[order] = np.arange(len(order))
    number[:-1] = number[kept]
    matrix = np.full((len(order), len(order)), -np.inf)
    for (one, other), (height, _) in saddles.items():
        matrix[number[one], number[other]] = matrix[number[other], number[one]] = height
    np.fill_diagonal(matrix, density.log_density[centers[order]])
    return Peaks(number[cluster], centers[order], matrix, density)


def _uphill(
    indices: np.ndarray, distances: np.ndarray, rank: np.ndarray, inside: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """The nearest sample of higher g, shape (N,); itself for a peak.

    A peak is highest in its own neighborhood and in no neighborhood of a higher sample.
    """
    n = len(rank)
    higher = (rank[indices] < rank[:, None]) & np.isfinite(distances)
    rows, columns = np.nonzero(inside & ~higher & known[:, None])
    lower = indices[rows, columns]  # each is in the neighborhood of a higher one
    overlooked = np.zeros(n, bool)
    overlooked[lower] = True
    peaks = ~(higher & inside).any(axis=1) & ~overlooked
    found = np.where(higher.any(axis=1), indices[np.arange(n), higher.argmax(axis=1)], np.arange(n))
    lost = ~higher.any(axis=1) & overlooked
    asked = np.flatnonzero(lost[lower])
    farthest_first = asked[np.argsort(-distances[rows[asked], columns[asked]], kind="stable")]
    found[lower[farthest_first]] = rows[farthest_first]
    found[peaks] = np.flatnonzero(peaks)
    return found


def _ends(uphill: np.ndarray) -> np.ndarray:
    """Where the ways end."""
    while not np.array_equal(following := uphill[uphill], uphill):
        uphill = following
    return uphill


def _saddles(
    indices: np.ndarray,
    inside: np.ndarray,
    cluster: np.ndarray,
    density: Density,
    score: np.ndarray,
    distances: np.ndarray,
) -> dict[tuple[int, int], Saddle]:
    """The border sample of highest g between any two clusters.

    Sample i of cluster c is at the border to c' if its nearest sample j of c' is in its neighborhood, and if of c none
    is nearer to j than i.
    """
    other = cluster[indices]
    known = (cluster >= 0) & np.isfinite(score)
    rows, columns = np.nonzero(inside & (other != cluster[:, None]) & (other >= 0) & known[:, None])
    n_clusters = int(cluster.max()) + 1
    # The first of a row and a cluster is the nearest, since columns increase.
    _, first = np.unique(rows * n_clusters + other[rows, columns], return_index=True)
    rows, columns = rows[first], columns[first]
    opposite = indices[rows, columns]
    nearest = _nearest_of(indices, distances, cluster, opposite, cluster[rows])
    border = distances[rows, columns] <= nearest
    rows, opposite = rows[border], opposite[border]
    found: dict[tuple[int, int], Saddle] = {}
    for row, beyond in zip(rows[(order := np.argsort(score[rows], kind="stable"))], opposite[order], strict=True):
        one, two = sorted((int(cluster[row]), int(cluster[beyond])))
        found[one, two] = (float(density.log_density[row]), float(density.error[row]))
    return found


def _nearest_of(
    indices: np.ndarray, distances: np.ndarray, cluster: np.ndarray, rows: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Distance from each row to its nearest neighbor in the wanted cluster; infinite if none is listed."""
    found = np.empty(len(rows))
    for part in slices(len(rows), BLOCK // indices.shape[1]):
        match = cluster[indices[rows[part]]] == wanted[part, None]
        found[part] = np.where(match, distances[rows[part]], np.inf).min(axis=1)
    return found


def _merged(heights: list[Saddle], saddles: dict[tuple[int, int], Saddle], z: float) -> list[int]:
    """The cluster that each becomes part of; ``saddles`` are left as they are between those that remain.

    Of all pairs of which a peak does not stand out of the saddle, that of the highest saddle goes first; its lower peak
    is given up.
    """
    around: list[dict[int, Saddle]] = [{} for _ in heights]
    for (one, other), saddle in saddles.items():
        around[one][other] = around[other][one] = saddle
    waiting = [(-saddle[0], *pair) for pair, saddle in saddles.items()]
    heapify(waiting)
    parts = [[number] for number in range(len(heights))]
    while waiting:
        negative, one, other = heappop(waiting)
        saddle = around[one].get(other)
        if saddle is None or saddle[0] != -negative or all(_stands_out(heights[c], saddle, z) for c in (one, other)):
            continue
        kept, gone = (one, other) if heights[one] >= heights[other] else (other, one)
        parts[kept] += parts[gone]
        parts[gone] = []
        for third, bridge in around[gone].items():
            del around[third][gone]
            if third != kept:
                best = max(bridge, around[kept].get(third, bridge))
                around[kept][third] = around[third][kept] = best
                heappush(waiting, (-best[0], min(kept, third), max(kept, third)))
        around[gone] = {}
    saddles.clear()
    saddles.update({(one, other): s for one, ring in enumerate(around) for other, s in ring.items() if one < other})
    becomes = [0] * len(heights)
    for number, members in enumerate(parts):
        for member in members:
            becomes[member] = number
    return becomes


def _stands_out(peak: Saddle, saddle: Saddle, z: float) -> bool:
    return peak[0] - saddle[0] >= z * (peak[1] + saddle[1])
