"""The overlap curve of two graphs: how many of the first k neighbors they share, for every k in one pass.

A common neighbor counts from the larger of its two ranks on. Every overlap is a weighted sum of that curve: `overlap`
puts all weight on one k, `rank_overlap` spreads it.
"""

from __future__ import annotations

from functools import partial
from math import nan

import numpy as np

from layerscape.core.checks import check_all_asked
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.interval import Z95, of_share, sd_of_deletions, sd_of_mean, within
from layerscape.core.jit import compiled_when_called
from layerscape.core.neighbors import Neighbors
from layerscape.core.permutation import FIRST, permutations
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import without_next
from layerscape.measures.neighborhood.agreement import chance_of
from layerscape.measures.neighborhood.curve_jackknife import jackknife_of_curve
from layerscape.measures.neighborhood.entries import Entries, entries, relation
from layerscape.measures.rows import drawn

ROWS = 4096  # samples at which a first look is
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
    common, sums, full = shared(a, b, k, weights)
    mine, other = entries(a, k), entries(b, k)
    per_sample = (sums - base) / (full - base)
    value, chance = float(per_sample.mean()), None
    if a.queries is None:
        each, zero = weights / (full - base) / a.n_samples, (0.0 - base) / (full - base)
        permuted = partial(permuted_sums, mine, other, weights)
        both = relation(a, k), relation(b, k)
        chance = chance_of(*both, a.n_samples, value, each, zero, permuted, step=float(each[-1]))
        low, high, words = _interval(a, b, weights / full, sums / full)
        low, high = ((share * full - base) / (full - base) for share in (low, high))
    else:
        margin, words = Z95 * sd_of_mean(per_sample, a, b, k=min(RELATED, k)), ()
        low, high = within(value, margin, (least, 1.0))
    return Estimate(
        value,
        low,
        high,
        a.n_samples,
        k=k,
        chance=chance,
        per_sample=per_sample,
        details={"curve": common / (len(a.indices) * np.arange(1, k + 1))},
        warnings=(*words, *_words("first", a), *_words("second", b)),
    )


def _interval(
    a: Neighbors, b: Neighbors, weights: np.ndarray, per_sample: np.ndarray
) -> tuple[float, float, tuple[str, ...]]:
    """Low and high of a mean share, or why there are none."""
    k, ranks, value = len(weights), np.arange(1, len(weights) + 1), float(per_sample.mean())
    if np.all(per_sample == 1):
        return value, value, ()  # of the same neighbors, whoever is drawn
    if words := without_next(min(a, b, key=lambda graph: graph.k), k):
        return nan, nan, (words,)
    jackknife, together = jackknife_of_curve(entries(a, k + 1), entries(b, k + 1), weights, per_sample)
    sd = sd_of_deletions(jackknife, together, per_sample, float(weights @ ranks**2))
    return *of_share(value, sd, a.n_samples), ()


def score_of_curve(a: Neighbors, b: Neighbors, weights: np.ndarray, base: float = 0.0) -> Score:
    """The values as a function of orders of the samples of b; the arguments are those of `weighted_curve`."""
    k = len(weights)
    must_match(a, b)
    check_all_asked(a, "chance over groups")
    mine, other = entries(a, k), entries(b, k)
    reach = weights[::-1].cumsum()[::-1]
    full, every = float(reach.cumsum()[-1]), np.arange(a.n_samples)

    def score(order: np.ndarray) -> float:
        total = sum_permuted(mine, other, order.astype(np.int32), every, weights, reach)
        return (total / a.n_samples - base) / (full - base)

    return of_each(score)


def permuted_sums(a: Entries, b: Entries, weights: np.ndarray, number: int) -> np.ndarray:
    """Σ T over the samples, so many times with the samples of b in another order; shape (number,).

    A first look at the skewness, of few orders, is at 4,096 samples, drawn at random.
    """
    reach = weights[::-1].cumsum()[::-1]
    rows = drawn(a.n_samples, ROWS if number <= FIRST else a.n_samples, seed=0)
    orders = permutations(a.n_samples, number, 0)
    return np.array([sum_permuted(a, b, order.astype(np.int32), rows, weights, reach) for order in orders])


def shared(a: Neighbors, b: Neighbors, k: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """How many are shared among the first 1…k, over all samples; T of every sample, and that of a graph with itself.

    Shapes (k,) and (M,).
    """
    must_match(a, b)
    common, sums = np.zeros(k), np.empty(len(a.indices))
    reach = weights[::-1].cumsum()[::-1]  # what a neighbor adds that is common from the rank m on
    count_common(entries(a, k), entries(b, k), weights, reach, common, sums)
    # Added as `count_common` does, so that a graph with itself reads 1 to the bit.
    return common, sums, float(reach.cumsum()[-1])


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
def _count_tied(a, b, order, i, weights, place, begin, common):
    """What one query adds where neighbors tie: to ``common`` the probability that one is shared; and its sum."""
    k, o, total = a.k, order[i], 0.0
    start_a, start_b = a.starts[i], b.starts[o]
    plain_a, plain_b = start_a == a.starts[i + 1], start_b == b.starts[o + 1]
    for e in range(k if plain_a else a.starts[i + 1] - start_a):
        place[order[a.indices[i, e] if plain_a else a.members[start_a + e]]] = begin + e
    for f in range(k if plain_b else b.starts[o + 1] - start_b):
        e = place[b.indices[o, f] if plain_b else b.members[start_b + f]] - begin
        if e >= 0:
            s = e if plain_a else a.after[start_a + e]
            u = e + 1 if plain_a else a.until[start_a + e]
            t = f if plain_b else b.after[start_b + f]
            v = f + 1 if plain_b else b.until[start_b + f]
            for r in range(max(s, t), k):
                share = min(1.0, (r + 1 - s) / (u - s)) * min(1.0, (r + 1 - t) / (v - t))
                common[r] += share
                total += weights[r] * share
    return total


@partial(compiled_when_called, _count_tied)
def count_common(a, b, weights, reach, common, per_sample):
    """Fill ``common[m]``, how many of the first m + 1 all queries share, and each query's sum weighted by m."""
    k = a.k
    from_rank, met = np.zeros(k), np.empty(k + 1, np.int64)
    order = np.arange(max(a.n_samples, len(per_sample)))
    # Where a sample stands in the list of a, plus what no earlier list reached: so that nothing has to be cleared.
    place, begin = np.full(a.n_samples, -1), 0
    for i in range(len(per_sample)):
        total = 0.0
        if a.starts[i] == a.starts[i + 1] and b.starts[i] == b.starts[i + 1]:
            for c in range(k):
                place[a.indices[i, c]] = begin + c
            n_met = 0
            for c in range(k):  # without a branch, of which the processor would guess every fifth wrongly
                r = place[b.indices[i, c]] - begin
                met[n_met] = max(r, c)
                n_met += r >= 0
            for r in met[:n_met]:
                from_rank[r] += 1
                total += reach[r]
        else:
            total = _count_tied(a, b, order, i, weights, place, begin, common)
        begin += max(k, a.starts[i + 1] - a.starts[i])
        per_sample[i] = total
    up_to = 0.0
    for r in range(k):
        up_to += from_rank[r]
        common[r] += up_to


@partial(compiled_when_called, _count_tied)
def sum_permuted(a, b, order, rows, weights, reach):
    """The sum over the queries numbered ``rows`` where sample i of a is sample ``order[i]`` of b.

    Hardly a neighbor is shared then: so they are counted, and looked for in the few lists that share one.
    """
    k, total = a.k, 0.0
    latest, unused = np.full(len(order), -1, np.int32), np.zeros(k)  # the last query that had a sample in its list
    place, begin = np.full(len(order), -1), 0
    for q, i in enumerate(rows):
        o = order[i]
        if a.starts[i] < a.starts[i + 1] or b.starts[o] < b.starts[o + 1]:
            total += _count_tied(a, b, order, i, weights, place, begin, unused)
            begin += max(k, a.starts[i + 1] - a.starts[i])
            continue
        for c in range(k):  # no index is negative, which needs not be asked
            latest[np.uintp(order[np.uintp(a.indices[i, c])])] = q
        n_met = 0
        for c in range(k):
            n_met += latest[np.uintp(b.indices[o, c])] == q
        for c in range(k if n_met else 0):
            if latest[b.indices[o, c]] == q:
                r = 0
                while order[a.indices[i, r]] != b.indices[o, c]:
                    r += 1
                total += reach[max(r, c)]
    return total
