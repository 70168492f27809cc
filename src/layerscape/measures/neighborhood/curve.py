"""The overlap curve of two graphs: how many of the first k neighbors they share, for every k in one pass.

A common neighbor counts from the larger of its two ranks on. Every overlap is a weighted sum of that curve: `overlap`
puts all weight on one k, `rank_overlap` spreads it.
"""

from __future__ import annotations

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.interval import Z95, sd_of_mean, within
from layerscape.core.jit import compiled_when_called
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.neighborhood.agreement import chance_of
from layerscape.measures.neighborhood.entries import entries, relation

RELATED = 2  # two samples are related if one is among so many of the other: whose values depend on each other


def weighted_curve(
    a: Neighbors, b: Neighbors, k: int, weights: np.ndarray, base: float = 0.0, least: float = 0.0
) -> Estimate:
    """The mean over the samples of T = Σ_m weights[m−1]·(number of neighbors shared among the first m), as a share.

    Parameters
    ----------
    weights
        Shape (k,).
    base
        The T that shall read 0; that of a graph with itself reads 1.
    least
        The smallest value there is.

    Returns
    -------
    Estimate
        With exact chance, and the curve as ``details["curve"]``, shape (k,): the share of the first m that is common.
    """
    must_match(a, b)
    mine, other = entries(a, k), entries(b, k)
    common, sums = np.zeros(k), np.empty(len(a.indices))
    reach = weights[::-1].cumsum()[::-1]  # what a neighbor adds that is common from the rank m on
    count_common(*mine.lists, *other.lists, weights, reach, a.n_samples, common, sums)
    full = float(reach.cumsum()[-1])  # added as `count_common` does, so that a graph with itself reads 1 to the bit
    per_sample = (sums - base) / (full - base)
    value = float(per_sample.mean())
    margin = Z95 * sd_of_mean(per_sample, a, b, k=min(RELATED, k))
    chance = None
    if a.queries is None:
        each = weights / (full - base) / a.n_samples
        chance = chance_of(relation(a, k), relation(b, k), a.n_samples, value, each, -base / (full - base))
    return Estimate(
        value,
        *within(value, margin, (least, 1.0)),
        a.n_samples,
        k=k,
        chance=chance,
        per_sample=per_sample,
        details={"curve": common / (len(a.indices) * np.arange(1, k + 1))},
        warnings=tuple(_words("first", a) + _words("second", b)),
    )


def must_match(a: Neighbors, b: Neighbors) -> None:
    """Raise unless two graphs are of the same samples."""
    if a.n_samples != b.n_samples or not np.array_equal(a.query_rows, b.query_rows):
        raise InvalidValue(
            f"graphs of {len(a.indices)} of {a.n_samples} and {len(b.indices)} of {b.n_samples} samples; "
            "both must be of the same samples in the same order."
        )


def _words(which: str, graph: Neighbors) -> list[str]:
    if graph.n_copies <= graph.n_samples / 2:
        return []
    distinct = graph.n_samples - graph.n_copies
    return [f"the {which} has only {distinct} distinct rows of {graph.n_samples}: most of its neighborhoods are ties"]


@compiled_when_called
def count_common(
    indices_a, starts_a, members_a, after_a, until_a,
    indices_b, starts_b, members_b, after_b, until_b,
    weights, reach, n, common, per_sample,
):  # fmt: skip
    """Fill ``common[m]``, how many of the first m + 1 all queries share, and each query's sum weighted by m."""
    k = indices_a.shape[1]
    from_rank = np.zeros(k)
    # Where a sample stands in the list of a, plus what no earlier list reached: so that nothing has to be cleared.
    place, begin = np.full(n, -1), 0
    for i in range(len(indices_a)):
        total = 0.0
        plain_a, plain_b = starts_a[i] == starts_a[i + 1], starts_b[i] == starts_b[i + 1]
        if plain_a and plain_b:
            for c in range(k):
                place[indices_a[i, c]] = begin + c
            for c in range(k):
                r = place[indices_b[i, c]] - begin
                if r >= 0:
                    r = max(r, c)
                    from_rank[r] += 1
                    total += reach[r]
            begin += k
        else:
            size_a = k if plain_a else starts_a[i + 1] - starts_a[i]
            size_b = k if plain_b else starts_b[i + 1] - starts_b[i]
            for e in range(size_a):
                place[indices_a[i, e] if plain_a else members_a[starts_a[i] + e]] = begin + e
            for f in range(size_b):
                e = place[indices_b[i, f] if plain_b else members_b[starts_b[i] + f]] - begin
                if e >= 0:
                    s = e if plain_a else after_a[starts_a[i] + e]
                    u = e + 1 if plain_a else until_a[starts_a[i] + e]
                    t = f if plain_b else after_b[starts_b[i] + f]
                    v = f + 1 if plain_b else until_b[starts_b[i] + f]
                    for r in range(max(s, t), k):
                        share = min(1.0, (r + 1 - s) / (u - s)) * min(1.0, (r + 1 - t) / (v - t))
                        common[r] += share
                        total += weights[r] * share
            begin += size_a
        per_sample[i] = total
    up_to = 0.0
    for r in range(k):
        up_to += from_rank[r]
        common[r] += up_to
