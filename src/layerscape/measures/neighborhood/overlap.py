"""Neighborhood overlap: how many neighbors two representations share."""

from __future__ import annotations

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.interval import Z95, sd_of_mean
from layerscape.measures.neighborhood.agreement import chance_of, membership

RELATED = 2


def overlap(a: Neighbors, b: Neighbors, /, *, k: int = 30) -> Estimate:
    """Share of the k nearest neighbors that two representations have in common, averaged over the samples.

    χ = (1/N) Σᵢ |Aᵢ ∩ Bᵢ| / k, with Aᵢ and Bᵢ the first k neighbors of sample i (Doimo et al. 2020, eq. 1); known as
    mutual k-nearest-neighbor alignment too. Where distances tie across the border of the first k, it is the
    expectation over the ways to break the tie, so that the order of the rows cannot count as agreement.

    Parameters
    ----------
    a, b
        Graphs of the same N samples, in the same order, that hold at least k neighbors.
    k
        Number of neighbors, 1…N−1.

    Returns
    -------
    Estimate
        A share in 0…1. ``chance`` is exact: k/(N−1) on average, its spread from the permutations of the samples.

    Raises
    ------
    InvalidValue
        If the graphs are of different samples or hold fewer than k neighbors.

    References
    ----------
    Doimo, Glielmo, Ansuini, Laio 2020, arXiv:2007.03506.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> overlap(find_neighbors(x, k=10), find_neighbors(-3 * x, k=10), k=10).value
    1.0
    """
    if a.n_samples != b.n_samples or not np.array_equal(a.query_rows, b.query_rows):
        raise InvalidValue(
            f"graphs of {len(a.indices)} of {a.n_samples} and {len(b.indices)} of {b.n_samples} samples; "
            "both must be of the same samples in the same order."
        )
    in_a, in_b = membership(a, k), membership(b, k)
    per_sample = in_a.matrix.multiply(in_b.matrix).sum(axis=1) / k
    value = float(per_sample.mean())
    margin = Z95 * sd_of_mean(per_sample, a, b, k=min(RELATED, k))
    chance = None
    if a.queries is None:
        chance = chance_of(in_a.relation, in_b.relation, a.n_samples, value, k * a.n_samples)
    warnings = []
    for which, graph in (("first", a), ("second", b)):
        if graph.n_copies > graph.n_samples / 2:
            warnings.append(
                f"the {which} has only {graph.n_samples - graph.n_copies} distinct rows of {graph.n_samples}: "
                "most of its neighborhoods are ties"
            )
    return Estimate(
        value,
        max(0.0, value - margin),
        min(1.0, value + margin),
        a.n_samples,
        k=k,
        chance=chance,
        per_sample=per_sample,
        warnings=tuple(warnings),
    )


MEASURE = Measure(
    compute=overlap,
    unit="share of neighbors",
    bounds=(0, 1),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Doimo et al. 2020, arXiv:2007.03506",
    neighbors="k",
)
