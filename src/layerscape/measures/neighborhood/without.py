"""Sums of agreement over neighbors when one sample is deleted: what overlaps and label overlaps lose with it.

The value of a sample is Σ_l w_l·g_l over its neighbors, with w the probability that l is among its first k, and g how
much l agrees with it: by its label, or by being a neighbor elsewhere too. Deleting j takes the term of j away and gives
its place to the next in line: w_l becomes w_l + α·u_l, with α = w_j / (1 − u_j) (see `Lists`). Where g is a list of
neighbors as well, it becomes g_l + β·v_l in the same way. So the sum changes by

    −w_j·g_j + α·(Σ u·g − u_j·g_j) + β·(Σ w·v − w_j·v_j) + α·β·(Σ u·v − u_j·v_j).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from layerscape.core.influence import Influence
from layerscape.core.jit import compiled_when_called
from layerscape.measures.deletion import Lists, lists
from layerscape.measures.neighborhood.agreement import Relation, sum_of_mutual
from layerscape.measures.neighborhood.reals import Reals
from layerscape.measures.neighborhood.relations import Likeness, Near

MOST_SHARING = 4  # times as many samples near in a number as would be without ties


@dataclass(frozen=True)
class Likened:
    """How much samples agree with the entries of their lists.

    Attributes
    ----------
    now, next, opens
        Shape (E,): g, v and β of every entry; v and β are 0 where a deletion changes nothing about who agrees.
    lost
        From one value per sample i, Σ_i value_i·β_ij over all others, for every j; shape (N,).
    opening
        β_ij of all pairs, shape (N, N); None where it is 0, or where too many samples share a label to list them.
    """

    now: np.ndarray
    next: np.ndarray
    opens: np.ndarray
    lost: Callable[[np.ndarray], np.ndarray]
    opening: sparse.csr_array | None = None


def likened(near: Lists, likeness: Likeness) -> Likened:
    """By labels of any form."""
    if isinstance(likeness, Near):
        return likened_by_lists(near, lists(likeness.graph, likeness.k))
    if isinstance(likeness, Reals):
        return _by_reals(near, likeness)
    nothing = np.zeros(len(near.rows))
    return Likened(likeness.at(near.rows, near.members), nothing, nothing, np.zeros_like)


def likened_by_lists(near: Lists, other: Lists) -> Likened:
    """By being a neighbor in another graph."""
    places, found = other.entries(near.rows, near.members)

    def at(values: np.ndarray) -> np.ndarray:
        return np.where(found, values[places], 0.0)

    return Likened(
        at(other.among),
        at(other.next),
        at(other.opens),
        lambda values: other.by_member(other.opens * values[other.rows]),
        sparse.csr_array((other.opens, (other.rows, other.members)), shape=(other.n_samples,) * 2),
    )


def _by_reals(near: Lists, reals: Reals) -> Likened:
    """By being near in a number, which the copies of a value share."""
    wide = Reals(reals.codes, reals.values, reals.sizes, reals.k + 1)

    def both(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        now = reals.of_values(u, v)
        following = wide.of_values(u, v) - now
        return now, following, np.divide(now, 1 - following, out=np.zeros_like(now), where=now > 0)

    def lost(values: np.ndarray) -> np.ndarray:
        rows, columns = reals.between.coords
        opens, n = both(rows, columns)[2], len(reals.values)
        own = np.zeros(n)
        own[rows[rows == columns]] = opens[rows == columns]
        total = np.bincount(columns, opens * np.bincount(reals.codes, values, n)[rows], n)
        return total[reals.codes] - own[reals.codes] * values

    def opening() -> sparse.csr_array | None:
        pairs, n = wide.between, len(reals.codes)
        if int(reals.sizes[pairs.row] @ reals.sizes[pairs.col]) > MOST_SHARING * n * wide.k:
            return None
        values = sparse.csr_array((both(pairs.row, pairs.col)[2], (pairs.row, pairs.col)), shape=pairs.shape)
        of_samples = sparse.csr_array((np.ones(n), (np.arange(n), reals.codes)), shape=(n, len(reals.values)))
        found = (of_samples @ values @ of_samples.T).tocoo()
        others = found.row != found.col
        return sparse.csr_array((found.data[others], (found.row[others], found.col[others])), shape=(n, n))

    return Likened(*both(reals.codes[near.rows], reals.codes[near.members]), lost, opening())


@dataclass(frozen=True)
class MeanAgreement:
    """For every sample the mean agreement of its neighbors, and how deletions change it.

    Attributes
    ----------
    means
        Shape (N,).
    changes
        Shape (E,): of the sample whose list it is when the entry is deleted, but for what follows.
    following
        Shape (N,): what β is multiplied with whoever is deleted, Σ w·v.
    k
        Shape (N,): of how many neighbors it is the mean.
    """

    near: Lists
    likened: Likened
    means: np.ndarray
    changes: np.ndarray
    following: np.ndarray
    k: np.ndarray

    @classmethod
    def of(cls, near: Lists, likened: Likened, k: np.ndarray) -> MeanAgreement:
        """Of k neighbors each, shape (N,)."""
        w, u, alpha = near.among, near.next, near.opens
        g, v, beta = likened.now, likened.next, likened.opens
        now, following, changes = sums_and_changes(k, near.rows, w, u, alpha, g, v, beta)
        return cls(near, likened, now / k, changes, following / k, k)

    def together(self, weight: np.ndarray) -> float:
        """Σ_{i<j} (Δ_ij + Δ_ji)², with Δ_ij what the deletion of j takes from what its list adds to Σ weight·means."""
        rows = self.near.rows
        found, n = weight[rows] * self.changes, len(weight)
        if self.likened.opening is None:
            return float(found @ found + sum_of_mutual(rows, self.near.members, found, n))
        more = self.likened.opening.multiply((weight * self.following)[:, None])
        every = sparse.csr_array(sparse.csr_array((found, (rows, self.near.members)), shape=(n, n)) + more)
        sums = Relation.of(every)
        return sums.squares + sums.mutual

    def influence(self, weight: np.ndarray, without: np.ndarray) -> Influence:
        """On Σ weight·means, which is ``without`` (N,) when a sample is deleted."""
        value = float(weight @ self.means)
        return Influence(value, value - without, weight * (self.means - value), None, self.pairs(weight, value))

    def pairs(self, weight: np.ndarray, value: float) -> sparse.csr_array:
        """What each neighbor adds to Σ weight·means, less its share of the value."""
        rows = self.near.rows
        apart = weight[rows] * (self.near.among / self.k[rows]) * (self.likened.now - value)
        found = sparse.csr_array((apart, (rows, self.near.members)), shape=(len(weight),) * 2)
        found.eliminate_zeros()
        return found


def without_each(
    here: MeanAgreement, own: MeanAgreement, codes: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Σ weight·means over the samples of other classes and over those of its own, when each sample is deleted.

    Parameters
    ----------
    here, own
        Of samples of another class than the deleted one, and of its own.
    codes
        Shape (N,): the class of every sample; all of one class where that does not matter.
    weight
        Shape (N,): as before the deletion.
    """
    others = weight @ here.means - np.bincount(codes, weight * here.means)[codes]
    others += sums_by_member(here.near.rows, here.near.members, here.changes, weight, codes, False)
    mine = weight * own.means
    same = np.bincount(codes, mine)[codes] - mine + own.likened.lost(weight * own.following)
    same += sums_by_member(own.near.rows, own.near.members, own.changes, weight, codes, True)
    return others, same


@compiled_when_called
def sums_by_member(rows, members, values, weight, codes, alike):
    """Σ weight·values over the entries of each member in the lists of samples of its own class, or of other classes."""
    sums = np.zeros(len(weight))
    for e in range(len(rows)):
        i, j = rows[e], members[e]
        if (codes[i] == codes[j]) == alike:
            sums[j] += weight[i] * values[e]
    return sums


@compiled_when_called
def sums_and_changes(k, rows, w, u, alpha, g, v, beta):
    """Σ w·g and Σ w·v over the entries of each sample, and by how much Σ w·g/k changes when an entry is deleted."""
    n = len(k)
    now, following, of_next, of_both = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for e in range(len(rows)):
        i = rows[e]
        now[i] += w[e] * g[e]
        following[i] += w[e] * v[e]
        of_next[i] += u[e] * g[e]
        of_both[i] += u[e] * v[e]
    changes = np.empty(len(rows))
    for e in range(len(rows)):
        i = rows[e]
        gained = alpha[e] * (of_next[i] - u[e] * g[e]) + alpha[e] * beta[e] * (of_both[i] - u[e] * v[e])
        changes[e] = (gained - w[e] * g[e] - beta[e] * w[e] * v[e]) / k[i]
    return now, following, changes
