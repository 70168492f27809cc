"""The overlap curve of two graphs when one sample is deleted: how each sample moves a weighted sum of the curve.

Among the first m, neighbor l of a sample has the probabilities a_l and b_l in the two lists, and the next in line adds
u_l and v_l to them. Deleting j gives its places to the next, a_l + α·u_l with α = a_j / (1 − u_j) and b_l + β·v_l, so
that Σ a·b, the number shared, changes by

    −a_j·b_j + α·(Σ u·b − u_j·b_j) + β·(Σ a·v − a_j·v_j) + α·β·(Σ u·v − u_j·v_j).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from layerscape.core.influence import Influence
from layerscape.core.jit import compiled_when_called
from layerscape.core.neighbors import Neighbors
from layerscape.measures.deletion import need_next
from layerscape.measures.neighborhood.curve import shared
from layerscape.measures.neighborhood.entries import Entries, entries, longest


class _Found(NamedTuple):
    """Of all that are in either list of a sample, one entry each; and of all samples.

    ``pairs`` is what an entry and the sample have together, ``changes`` how the sample's sum changes without it, and
    ``sums`` are the samples' sums as they are.
    """

    rows: np.ndarray
    members: np.ndarray
    pairs: np.ndarray
    changes: np.ndarray
    sums: np.ndarray


def influence_on_curve(
    a: Neighbors, b: Neighbors, whole: tuple[np.ndarray, float], without: tuple[np.ndarray, float]
) -> Influence:
    """How each sample moves a weighted sum of the overlap curve.

    Parameters
    ----------
    whole, without
        The weights, shape (k,), and the base, as `weighted_curve` takes them, of all samples and of one fewer.
    """
    (weights, base), k, n = whole, len(whole[0]), a.n_samples
    need_next(a, k)
    need_next(b, k)
    common, sums, whole_sum = shared(a, b, k, weights)
    value = float((sums - base).mean() / (whole_sum - base))
    mine, other = entries(a, k + 1), entries(b, k + 1)
    size = _size(mine) + _size(other)
    rows, members = np.empty((2, size), np.int64)
    together, changes = np.zeros((2, size))
    into = _Found(rows, members, together, changes, np.zeros(n))
    curve = common / (n * np.arange(1, k + 1))
    span, at = np.empty((2, longest(mine) + longest(other), 4))
    both = _of_one_type(mine), _of_one_type(other)
    number = _fill(*both, weights, without[0], curve, span, at, into)
    rows, members, together, changes = (each[:number] for each in into[:4])
    left = into.sums.sum() - into.sums + np.bincount(members, changes, n)
    left = (left / (n - 1) - without[1]) / (_full(without[0]) - without[1])
    together = together / (n * (_full(weights) - base))
    matrix = sparse.csr_array((together, (rows, members)), shape=(n, n))
    return Influence(value, value - left, matrix.sum(axis=1), None, matrix)


def _full(weights: np.ndarray) -> float:
    """The sum of a graph with itself."""
    return float(weights @ np.arange(1, len(weights) + 1))


def _of_one_type(these: Entries) -> Entries:
    """With numbers of one type, whatever the graph has them in."""
    starts, members, after, until = (np.array(each, np.int64) for each in these[2:6])
    return Entries(these.k, np.array(these.indices, np.int64), starts, members, after, until, these.n_samples)


def _size(these: Entries) -> int:
    """At most how many entries there are."""
    return len(these.indices) * these.k + len(these.members)


@compiled_when_called
def _fill(mine, other, weights, without, curve, span, at, into):
    """Fill ``into``, its changes and sums with the weights ``without``; ``span`` and ``at`` are room to work in.

    Returns how many entries there are.
    """
    k, n, n_filled = len(weights), len(into.sums), 0
    place = np.full(n, -1)
    for i in range(n):
        begin = n_filled
        for side in range(2):
            these = other if side else mine
            first, last = these.starts[i], these.starts[i + 1]
            for e in range(k + 1 if first == last else last - first):
                j = these.indices[i, e] if first == last else these.members[first + e]
                if place[j] < begin:
                    place[j] = n_filled
                    into.rows[n_filled], into.members[n_filled] = i, j
                    span[n_filled - begin] = (k + 1, k + 2, k + 1, k + 2)
                    n_filled += 1
                own = span[place[j] - begin]
                own[2 * side] = e if first == last else these.after[first + e]
                own[2 * side + 1] = e + 1 if first == last else these.until[first + e]
        for m in range(1, k + 1):
            if weights[m - 1] == 0 and without[m - 1] == 0:
                continue
            shared = next_a = next_b = next_both = 0.0
            for e in range(n_filled - begin):
                for side in range(2):
                    s, u = span[e, 2 * side], span[e, 2 * side + 1]
                    now = min(1.0, max(0.0, (m - s) / (u - s)))
                    at[e, 2 * side] = now
                    at[e, 2 * side + 1] = min(1.0, max(0.0, (m + 1 - s) / (u - s))) - now
                a, u_a, b, u_b = at[e]
                shared, next_both = shared + a * b, next_both + u_a * u_b
                next_a, next_b = next_a + u_a * b, next_b + a * u_b
            into.sums[i] += without[m - 1] * shared
            for e in range(n_filled - begin):
                a, u_a, b, u_b = at[e]
                alpha, beta = a / (1 - u_a) if a > 0 else 0.0, b / (1 - u_b) if b > 0 else 0.0
                change = alpha * (next_a - u_a * b) + beta * (next_b - a * u_b) + alpha * beta * (next_both - u_a * u_b)
                into.changes[begin + e] += without[m - 1] * (change - a * b)
                into.pairs[begin + e] += weights[m - 1] * (a * b - curve[m - 1] * (a + b) / 2)
    return n_filled
