"""Cluster agreement: whether two layers have the same clusters."""

from __future__ import annotations

from dataclasses import replace

from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.permutation import check_permutations
from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.clusters import Clusters, clusters_of
from layerscape.measures.neighborhood.rand_index import LOWEST, adjusted_rand, compare_partitions


def cluster_agreement(
    a: Neighbors, b: Neighbors, /, *, k_max: int = 100, z: float = 1.65, permutations: int = 100, seed: int = 0
) -> Estimate:
    """Agreement of the density peaks of two representations: the adjusted Rand index of the two partitions.

    ARI = (Σ C(n_ij, 2) − E) / (½[Σ C(n_i, 2) + Σ C(n_j, 2)] − E), with n_ij samples in cluster i of the first and j of
    the second, and E the expectation of the first term under permutation, Σ C(n_i, 2)·Σ C(n_j, 2) / C(N, 2) (Hubert
    and Arabie 1985). The clusters are those of `density_peaks`.

    Parameters
    ----------
    a, b
        Graphs of the same N samples, in the same order, that hold at least ``k_max`` neighbors.
    k_max, z
        Of `density_peaks`.
    permutations, seed
        Of the samples of one side, for ``chance``; at least 19.

    Returns
    -------
    Estimate
        In −0.5…1: 1 for the same clusters, 0 on average for unrelated ones. ``chance`` has that exact mean, and limits
        and p from permutations. ``details`` hold how many clusters ``a`` and ``b`` have, and the array ``null``.

    Raises
    ------
    InvalidValue
        If the graphs are of different samples, `density_peaks` cannot be computed, or both have one cluster.

    Notes
    -----
    Clusters that are split in one layer and whole in the other lower it. Where one side has one cluster it is 0, and
    that is said. The interval comes from clusters found in random halves of the samples. It is too narrow where
    clusters are on the verge of merging: halves of the samples then seldom show them.

    References
    ----------
    Hubert, Arabie 1985, doi:10.1007/BF01908075; the clusters: d'Errico, Facco, Laio, Rodriguez 2021, arXiv:1802.10549.

    Examples
    --------
    >>> import numpy as np
    >>> from layerscape import find_neighbors
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((300, 2)) + 12 * rng.integers(0, 2, (300, 2))
    >>> cluster_agreement(find_neighbors(x, k=100), find_neighbors(x**3, k=100)).value > 0.5
    True
    """
    check_permutations(permutations)
    first, second = _clusters(a, b, k_max, z)
    sizes = [len(found.peaks.centers) for found in (first, second)]
    result = compare_partitions(first.cluster, second.cluster, (first.halves, second.halves), permutations, seed)
    warnings = []
    for which, found, size in zip(("first", "second"), (first, second), sizes, strict=True):
        warnings += [f"the {which}: {words}" for words in found.warnings]
        if size == 1:
            warnings.append(f"the {which} has one cluster, which no other can agree with: the index is 0 by definition")
    details = {"a": sizes[0], "b": sizes[1], **result.details}
    return replace(result, k=min(k_max, a.n_samples - 1), details=details, warnings=tuple(warnings))


def _clusters(a: Neighbors, b: Neighbors, k_max: int, z: float) -> tuple[Clusters, Clusters]:
    """Of both sides; raises where they cannot be compared."""
    if a.n_samples != b.n_samples or not (a.queries is None and b.queries is None):
        raise InvalidValue(
            f"graphs of {len(a.indices)} of {a.n_samples} and {len(b.indices)} of {b.n_samples} samples; both must be "
            "of the same samples in the same order: give the graph of all samples."
        )
    first, second = (clusters_of(graph, k_max, z, None) for graph in (a, b))
    if len(first.peaks.centers) == len(second.peaks.centers) == 1:
        raise InvalidValue(
            "both have only one cluster, so that there is nothing to agree on; give a smaller z, or more samples."
        )
    return first, second


def _score(a: Neighbors, b: Neighbors, /, *, k_max: int, z: float, permutations: int, seed: int) -> Score:
    """The index with the samples of b in another order, which changes no cluster."""
    first, second = (found.cluster for found in _clusters(a, b, k_max, z))
    return of_each(lambda order: adjusted_rand(first, second[order]))


MEASURE = Measure(
    compute=cluster_agreement,
    unit="adjusted Rand index",
    bounds=(LOWEST, 1),
    closer="high",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="d'Errico et al. 2021, arXiv:1802.10549; Hubert and Arabie 1985, doi:10.1007/BF01908075",
    neighbors="k_max",
    score=_score,
    influence=("a test decides which peaks are clusters, and one sample can make whole clusters appear or vanish"),
    ceiling="noise changes which samples are of one cluster, and is no factor of it",
)
