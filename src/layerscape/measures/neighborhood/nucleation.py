"""Nucleation: whether the clusters of a layer are the classes of a label."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.measures.classes import classes_of
from layerscape.measures.neighborhood.clusters import clusters_of
from layerscape.measures.neighborhood.rand_index import LOWEST, adjusted_rand, compare_partitions


def nucleation(
    graph: Neighbors,
    labels: Any,
    /,
    *,
    k_max: int = 100,
    z: float = 1.65,
    dimension: float | None = None,
    permutations: int = 100,
    seed: int = 0,
) -> Estimate:
    """Agreement of a layer's density peaks with the classes of a label: the adjusted Rand index of the two partitions.

    ARI = (Σ C(n_ij, 2) − E) / (½[Σ C(n_i, 2) + Σ C(n_j, 2)] − E), with n_ij samples in cluster i and class j, and E the
    expectation of the first term under permutation, Σ C(n_i, 2)·Σ C(n_j, 2) / C(N, 2) (Hubert and Arabie 1985). The
    clusters are those of `density_peaks`. Along the layers of a network classes appear as peaks, the coarse before
    the fine (Doimo et al. 2020).

    Parameters
    ----------
    graph
        At least ``k_max`` neighbors of N samples.
    labels
        Shape (N,): one category per sample, of any type that can be compared.
    k_max, z, dimension
        Of `density_peaks`.
    permutations, seed
        Of the labels, for ``chance``; at least 19.

    Returns
    -------
    Estimate
        In −0.5…1: 1 if clusters are classes, 0 on average for unrelated labels. ``chance`` has that exact mean, and
        limits and p from permutations. ``details`` hold how many ``clusters`` and ``classes`` there are, and the arrays
        ``cluster`` (N,) and ``null``.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, a label is missing, all are equal or no two are, or `density_peaks` cannot
        be computed.

    Notes
    -----
    A class in two clusters lowers it as two classes in one cluster do: with classes finer or coarser than the clusters
    it stays below 1 though each cluster is pure. A layer with one cluster has 0, and that is said. The interval
    comes from clusters found in random halves of the samples. It is too narrow where clusters
    are on the verge of merging: halves of the samples then seldom show them.

    References
    ----------
    Doimo, Glielmo, Ansuini, Laio 2020, arXiv:2007.03506; Hubert, Arabie 1985, doi:10.1007/BF01908075; the clusters:
    d'Errico, Facco, Laio, Rodriguez 2021, arXiv:1802.10549.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(0, 4, 300)
    >>> x = rng.standard_normal((300, 2)) + 12 * np.stack([labels % 2, labels // 2], axis=1)
    >>> nucleation(find_neighbors(x, k=100), labels).value
    1.0
    """
    classes = classes_of(labels, graph.n_samples).codes
    found = clusters_of(graph, k_max, z, dimension)
    result = compare_partitions(
        found.cluster, classes, (found.halves, np.broadcast_to(classes, found.halves.shape)), permutations, seed
    )
    n_clusters = len(found.peaks.centers)
    warnings = list(found.warnings)
    if n_clusters == 1:
        warnings.append("the layer has one cluster, which no label can agree with: the index is 0 by definition")
    details = {
        "clusters": n_clusters,
        "classes": int(classes.max()) + 1,
        "cluster": found.cluster,
        **result.details,
    }
    k = min(k_max, graph.n_samples - 1)
    return replace(result, n_units=graph.n_units, k=k, details=details, warnings=tuple(warnings))


def _score(
    graph: Neighbors,
    labels: Any,
    /,
    *,
    k_max: int,
    z: float,
    dimension: float | None,
    permutations: int,
    seed: int,
) -> Score:
    """The index for labels in another order, which changes no cluster."""
    cluster, classes = clusters_of(graph, k_max, z, dimension).cluster, classes_of(labels, graph.n_samples).codes
    return of_each(lambda order: adjusted_rand(cluster, classes[order]))


MEASURE = Measure(
    compute=nucleation,
    unit="adjusted Rand index",
    bounds=(LOWEST, 1),
    closer="high",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Doimo et al. 2020, arXiv:2007.03506; Hubert and Arabie 1985, doi:10.1007/BF01908075",
    neighbors="k_max",
    score=_score,
    influence=("a test decides which peaks are clusters, and one sample can make whole clusters appear or vanish"),
)
