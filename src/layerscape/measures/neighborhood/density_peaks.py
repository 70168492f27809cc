"""Density peaks: how many clusters a layer has."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from layerscape.core.estimate import Estimate
from layerscape.core.interval import within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.measures.neighborhood.clusters import Clusters, clusters_of, margin_of_halves
from layerscape.measures.neighborhood.peaks import Peaks

LEAST_MARGIN = 0.5  # a count is whole: no other one is nearer
MANY = 0.05  # a share of the samples that are peaks, above which the clusters are called noise


def density_peaks(
    graph: Neighbors, /, *, k_max: int = 100, z: float = 1.65, dimension: float | None = None
) -> Estimate:
    """Number of density peaks: clusters that stand out of the saddles between them by more than the errors allow.

    Advanced density peaks (d'Errico et al. 2021):

    - log ρ and its error ε at each sample from its k* nearest neighbors, the largest neighborhood in which a test finds
      the density constant, with its trend taken off (PAk; Rodriguez et al. 2018). Volumes grow with the intrinsic
      dimension.
    - A peak is highest in g = log ρ − ε in its own neighborhood, and lies in that of no higher sample. All others
      belong to the cluster of the nearest sample of higher g.
    - The saddle between two clusters is their border sample of highest g. Two peaks are merged, from the highest saddle
      downward, unless log ρ_peak − log ρ_saddle ≥ z·(ε_peak + ε_saddle) for both.

    Parameters
    ----------
    graph
        At least ``k_max`` neighbors of N samples, of which at least 18 differ.
    k_max
        The largest neighborhood tried, at least 8; all others where there are fewer.
    z
        How many errors a peak must stand out: more merges more.
    dimension
        By which volumes grow; that of TwoNN when None.

    Returns
    -------
    Estimate
        A count, at least 1. ``details`` hold the ``dimension``; ``mean_neighbors``, the mean of k*; and, with the
        densest cluster first, the arrays ``cluster`` (N,), its number for every sample; ``log_density`` and
        ``log_density_error`` (N,); ``core`` (N,), whether a sample is denser than the highest saddle of its cluster;
        ``centers`` (C,), the sample at each peak; ``saddles`` (C, C), log ρ at the saddles, −∞ where two clusters
        have no common border, that of the peaks on the diagonal; and ``dendrogram`` (C−1, 4), a linkage as scipy draws
        it, in which clusters join at the height of the highest peak less that of their highest saddle (the density of
        the sparsest sample where there is none).

    Raises
    ------
    InvalidValue
        If fewer than 18 samples differ, the graph holds fewer than ``k_max`` neighbors or is not of all samples, the
        data are a lattice, or an option lies outside its range.

    Notes
    -----
    It counts what N samples can show: more samples show more peaks, and finite samples of one bump show two now and
    then, for z = 1.65 allows that. Compare layers at one N. The interval comes from clusters found in random halves of
    the samples; for a count that is almost always the same it is half a cluster wide to either side. Clusters of fewer
    samples than a neighborhood (k*) are not seen. Copies count once. A sample borders on every cluster in its
    neighborhood, a peak too; DADApy takes the cluster of the nearest sample that is of another, and no peaks, and so
    merges less.

    References
    ----------
    d'Errico, Facco, Laio, Rodriguez 2021, doi:10.1016/j.ins.2021.01.010, arXiv:1802.10549; the density: Rodriguez,
    d'Errico, Facco, Laio 2018, doi:10.1021/acs.jctc.7b00916; in networks: Doimo, Glielmo, Ansuini, Laio 2020,
    arXiv:2007.03506.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((300, 2)) + 8 * rng.integers(0, 2, (300, 2))
    >>> density_peaks(find_neighbors(x, k=100)).value
    4.0
    """
    found = clusters_of(graph, k_max, z, dimension)
    peaks = found.peaks
    value = len(peaks.centers)
    counts = np.maximum(1, found.halves.max(axis=1) + 1)
    # Half the samples show fewer clusters, and the spread of a count grows with its root.
    margin = margin_of_halves(counts) * sqrt(max(1.0, value / float(counts.mean())))
    warnings = list(found.warnings)
    if value > 1 and value > MANY * len(found.distinct):
        warnings.append(
            f"{value} clusters of {len(found.distinct)} samples: too few samples per cluster to tell peaks from noise"
        )
    return Estimate(
        value,
        *within(value, margin, MEASURE.bounds, LEAST_MARGIN),
        graph.n_samples,
        graph.n_units,
        min(k_max, graph.n_samples - 1),
        details=_details(found, peaks),
        warnings=tuple(warnings),
    )


def _details(found: Clusters, peaks: Peaks) -> dict[str, float | np.ndarray]:
    log_density = peaks.density.log_density
    borders = np.where(np.eye(len(peaks.centers), dtype=bool), -inf, peaks.saddles)
    return {
        "dimension": found.dimension,
        "mean_neighbors": float(peaks.density.neighbors.mean()),
        "cluster": found.cluster,
        "log_density": found.whole(log_density),
        "log_density_error": found.whole(peaks.density.error),
        "core": found.whole(log_density > borders.max(axis=1)[peaks.cluster]),
        "centers": found.distinct[peaks.centers],
        "saddles": peaks.saddles,
        "dendrogram": _dendrogram(peaks.saddles, float(log_density.min())),
    }


def _dendrogram(saddles: np.ndarray, lowest: float) -> np.ndarray:
    """Which clusters join at which depth below the highest peak, as a linkage."""
    if len(saddles) == 1:
        return np.empty((0, 4))
    depths = saddles.max() - np.maximum(saddles, lowest)
    np.fill_diagonal(depths, 0.0)
    return linkage(squareform(depths, checks=False), "single")


MEASURE = Measure(
    compute=density_peaks,
    unit="clusters",
    bounds=(1, inf),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="d'Errico et al. 2021, arXiv:1802.10549",
    neighbors="k_max",
    influence=("the value is a whole number, which stays as it is under most deletions and jumps under the others"),
)
