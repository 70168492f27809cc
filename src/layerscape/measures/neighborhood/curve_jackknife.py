"""What a weighted sum of the overlap curve changes by when each sample is deleted: what its interval is made of.

Whoever is next takes the place of a deleted neighbor. With T_i = Σ_m w_m·|first m of i in a ∩ first m of i in b|, let
the (m+1)-th neighbor in a be among the first m in b (p_m = 1), or that in b among the first m in a (q_m = 1), or both
be the same sample (r_m = 1). Without a sample at rank s in a and t in b, counted from 0, T_i changes by

    Σ_{m>s} w_m·p_m + Σ_{m>t} w_m·q_m + Σ_{m>max(s,t)} w_m·(r_m − 1),

where a sample that is in one of the lists only has the sum that names its rank, and not the last. Each sample that is
in both makes one p, q or r equal 1, at m = max(s, t), so that one pass over the lists finds all.

Where neighbors tie, probabilities take the place of 0 and 1, and each m is gone through; see `curve_without`.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from layerscape.core.interval import jackknife_of
from layerscape.core.jit import compiled_when_called
from layerscape.measures.neighborhood.entries import Entries, longest
from layerscape.measures.rows import drawn

ROWS = 2048  # samples whose lists are gone through; of more, so many are drawn
LOOKED_UP, FEWEST = 2**18, 64  # entries of neighbors' lists that are compared, and rows for that
STEPS = 2**25  # of loops over the lists of samples whose neighbors tie, which may be as long as there are samples


class Workspace(NamedTuple):
    """To work in, for one sample at a time: who is in either of its lists, and what T changes by without them."""

    place: np.ndarray  # (N,): where a sample stands among the members, plus what earlier samples reached
    members: np.ndarray
    changes: np.ndarray
    ranks: np.ndarray  # in b
    p: np.ndarray  # (k + 1,): sums over p, over q and over r − 1
    q: np.ndarray
    r: np.ndarray
    span: np.ndarray  # (·, 4): after and until in a, after and until in b; k + 1 and k + 2 where it is in neither
    at: np.ndarray  # (·, 4): probability to be among the first m of a, what m + 1 adds to it, and the same of b

    @classmethod
    def of(cls, a: Entries, b: Entries) -> Workspace:
        most, width = sum(longest(each) for each in (a, b)), a.k
        members, ranks = np.empty((2, most), np.int64)
        p, q, r = np.empty((3, width))
        span, at = np.empty((2, most, 4))
        return cls(np.full(a.n_samples, -1), members, np.empty(most), ranks, p, q, r, span, at)


def jackknife_of_curve(a: Entries, b: Entries, weights: np.ndarray, sums: np.ndarray) -> tuple[float, float]:
    """The jackknife of the mean of T, and the interactions in it, as `sd_of_deletions` takes them.

    Parameters
    ----------
    a, b
        The first k + 1 neighbors in two graphs of all N samples.
    weights
        Shape (k,): w.
    sums
        Shape (N,): T.

    Returns
    -------
    jackknife, together
        Of more than 2,048 samples the first is estimated from the lists of so many, drawn at random; part of the
        second from those of 2¹⁸/k², or 64. Where most samples tie, of fewer; and of the second from some of each list.
    """
    n, lost, length = a.n_samples, np.zeros(a.n_samples), _length_of_ties(a, b)
    work = max(1, int(length * np.count_nonzero(weights)))  # for the changes of one sample
    rows = drawn(n, max(FEWEST, min(ROWS, STEPS // work)), seed=0)
    looked_up = min(LOOKED_UP // len(weights) ** 2, STEPS // (2 * a.k * work))
    share, few = len(rows) / n, drawn(n, max(FEWEST, looked_up), seed=1)
    squares = _add_changes(a, b, weights, Workspace.of(a, b), rows, lost)
    every = max(1, int(len(few) * length * work / STEPS))
    mutual = _sum_of_mutual(a, b, weights, Workspace.of(a, b), Workspace.of(a, b), few, every) * (n / len(few))
    without = (sums - lost / share) / (n - 1)
    by_the_draw = squares * (1 - share) / share**2 / (n * (n - 1))
    return jackknife_of(without) - by_the_draw, float(squares / share + mutual) / n**2


def _length_of_ties(a: Entries, b: Entries) -> float:
    """How many members two lists have, on average, where the neighbors tie in one of them; 0 for all others."""
    of_a, of_b = np.diff(a.starts), np.diff(b.starts)
    lengths = np.where(of_a > 0, of_a, a.k) + np.where(of_b > 0, of_b, b.k)
    return float(np.where((of_a > 0) | (of_b > 0), lengths, 0).mean())


@compiled_when_called
def _plain_changes(a, b, i, weights, begin, room):
    """Fill members and changes of a sample whose neighbors do not tie; how many there are."""
    width = size = len(weights) + 1
    p, q, r = room.p, room.q, room.r
    for e in range(width):
        j = a.indices[i, e]
        room.place[j], room.members[e], room.ranks[e] = begin + e, j, width - 1
        p[e] = q[e] = r[e] = 0.0
    for f in range(width):
        j = b.indices[i, f]
        e = room.place[j] - begin
        if e < 0:
            room.place[j], room.members[size], room.ranks[size] = begin + size, j, f
            size += 1
            continue
        room.ranks[e] = f
        m = max(e, f)
        if m > 0 and e > f:
            p[m - 1] = weights[m - 1]
        elif m > 0 and e < f:
            q[m - 1] = weights[m - 1]
        elif m > 0:
            r[m - 1] = weights[m - 1]
    for m in range(width - 1, 0, -1):  # from here on p[s] is the sum over all m > s
        p[m - 1] += p[m]
        q[m - 1] += q[m]
        r[m - 1] += r[m] - weights[m - 1]
    for e in range(width):
        f = room.ranks[e]
        room.changes[e] = p[e] + q[f] + r[max(e, f)]
    for c in range(width, size):
        room.changes[c] = q[room.ranks[c]]
    return size


@compiled_when_called
def _listed(these, i, side, size, width, begin, room):
    """Add the list of a sample in one graph to members and span; how many members there are then."""
    first, last = these.starts[i], these.starts[i + 1]
    for e in range(width if first == last else last - first):
        j = these.indices[i, e] if first == last else these.members[first + e]
        if room.place[j] < begin:
            room.place[j], room.members[size], room.changes[size] = begin + size, j, 0.0
            room.span[size] = (width, width + 1, width, width + 1)
            size += 1
        own = room.span[room.place[j] - begin]
        own[side] = e if first == last else these.after[first + e]
        own[side + 1] = e + 1 if first == last else these.until[first + e]
    return size


@partial(compiled_when_called, _listed)
def _tied_changes(a, b, i, weights, begin, room):
    """The same of a sample whose neighbors tie."""
    width, span, at = len(weights) + 1, room.span, room.at
    size = _listed(b, i, 2, _listed(a, i, 0, 0, width, begin, room), width, begin, room)
    for m in range(1, width):
        if weights[m - 1] == 0:
            continue
        next_a = next_b = next_both = 0.0
        for c in range(size):
            for side in range(0, 4, 2):
                s, u = span[c, side], span[c, side + 1]
                at[c, side] = min(1.0, max(0.0, (m - s) / (u - s)))
                at[c, side + 1] = min(1.0, max(0.0, (m + 1 - s) / (u - s))) - at[c, side]
            w, u, x, v = at[c]
            next_a, next_b, next_both = next_a + u * x, next_b + w * v, next_both + u * v
        for c in range(size):
            w, u, x, v = at[c]
            alpha, beta = w / (1 - u) if w > 0 else 0.0, x / (1 - v) if x > 0 else 0.0
            change = alpha * (next_a - u * x) + beta * (next_b - w * v) + alpha * beta * (next_both - u * v) - w * x
            room.changes[c] += weights[m - 1] * change
    return size


@partial(compiled_when_called, _plain_changes, _tied_changes)
def _changes(a, b, i, weights, begin, room):
    """The same of any sample; members are numbered from ``begin``."""
    if a.starts[i] == a.starts[i + 1] and b.starts[i] == b.starts[i + 1]:
        return _plain_changes(a, b, i, weights, begin, room)
    return _tied_changes(a, b, i, weights, begin, room)


@partial(compiled_when_called, _changes)
def _add_changes(a, b, weights, room, rows, lost):
    """Add the changes of some samples to those whom they were made without; the sum of their squares."""
    squares, begin = 0.0, 0
    for i in rows:
        size = _changes(a, b, i, weights, begin, room)
        begin += size
        for c in range(size):
            lost[room.members[c]] += room.changes[c]
            squares += room.changes[c] ** 2
    return squares


@compiled_when_called
def _may_list(these, i, j, width):
    """Whether j is among the first neighbors of i; True of whoever's neighbors tie."""
    found = these.starts[i] != these.starts[i + 1]
    for e in range(width):
        found |= these.indices[i, e] == j
    return found


@compiled_when_called
def _but_ties(span, width):
    """Whether a member of two lists has no rank of its own in either."""
    return (span[0] == width or span[1] > span[0] + 1) and (span[2] == width or span[3] > span[2] + 1)


@partial(compiled_when_called, _changes, _may_list, _but_ties)
def _sum_of_mutual(a, b, weights, room, other, rows, every):
    """Σ Δ_ij·Δ_ji over all j, of some samples i; of who does but tie only so many, in turns."""
    total, begin, other_begin, width = 0.0, 0, 0, len(weights) + 1
    for i in rows:
        size = _changes(a, b, i, weights, begin, room)
        begin += size
        ties = every > 1 and (a.starts[i] != a.starts[i + 1] or b.starts[i] != b.starts[i + 1])
        for c in range(size):
            stands_for = every if ties and _but_ties(room.span[c], width) else 1
            if (c + i) % stands_for:
                continue
            j = room.members[c]
            if room.changes[c] != 0 and (_may_list(a, j, i, width) or _may_list(b, j, i, width)):
                n_members = _changes(a, b, j, weights, other_begin, other)
                back = other.place[i] - other_begin
                other_begin += n_members
                if back >= 0:
                    total += stands_for * room.changes[c] * other.changes[back]
    return total
