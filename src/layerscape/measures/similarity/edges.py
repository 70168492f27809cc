"""Kernels that are kept at some pairs of samples only, their HSIC₁, and what that becomes when a sample is deleted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Edges:
    """A kernel that is 0 but at some pairs (i, j) of n rows, given by the increasing numbers i·n + j."""

    n: int
    keys: np.ndarray
    values: np.ndarray

    def in_order(self, order: np.ndarray) -> Edges:
        """The kernel with its rows and columns in the given order."""
        place = np.argsort(order)
        keys = place[self.keys // self.n] * self.n + place[self.keys % self.n]
        turn = np.argsort(keys)
        return Edges(self.n, keys[turn], self.values[turn])

    def at(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values at some pairs, 0 where there are none, and whether there are."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found = self.keys[place] == keys
        return np.where(found, self.values[place], 0.0), found


@dataclass(frozen=True)
class Common:
    """Pairs (i, j) that two kernels have, both kernels there, and the second at (j, i), 0 if that is none of them."""

    keys: np.ndarray
    x: np.ndarray
    y: np.ndarray
    back: np.ndarray


def common(x: Edges, y: Edges) -> Common:
    """The pairs that both kernels have."""
    values, both = y.at(x.keys)
    shared = Edges(x.n, x.keys[both], values[both])
    back = shared.at(turned(shared.keys, x.n))[0] if len(shared.keys) else values[:0]
    return Common(shared.keys, x.values[both], shared.values, back)


def align(x: Edges, y: Edges) -> float:
    """HSIC₁ of the kernels at the pairs that both have."""
    n, both = x.n, common(x, y)
    inner = both.x @ both.back + both.x.sum() * both.y.sum() / ((n - 1) * (n - 2))
    columns = np.bincount(both.keys % n, weights=both.x, minlength=n)
    totals = np.bincount(both.keys // n, weights=both.y, minlength=n)
    return float(inner - 2 * (columns @ totals) / (n - 2)) / (n * (n - 3))


def turned(keys: np.ndarray, n: int) -> np.ndarray:
    """The numbers of the pairs the other way round."""
    return keys % n * n + keys // n


@dataclass(frozen=True)
class Followed:
    """The kernel of each of n rows with its k nearest others, and with the one that follows.

    Attributes
    ----------
    edges
        Of the k nearest.
    next, value
        Shape (n,): who follows, and the kernel there.
    """

    edges: Edges
    next: np.ndarray
    value: np.ndarray

    def holds(self, rows: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The kernel at some pairs, and which are among the k nearest."""
        return self.edges.at(rows * self.edges.n + members)


def align_without(a: Followed, b: Followed) -> np.ndarray:
    """HSIC₁ of the kernels at the pairs that both have, without each row; shape (n,).

    A row takes its pairs with it, and in every list that had it the next one follows.
    """
    n, both = a.edges.n, common(a.edges, b.edges)
    gone, come = _gone(both, n), _come(a, b)
    whole = Edges(n, both.keys, both.x), Edges(n, both.keys, both.y)
    columns = np.bincount(both.keys % n, weights=both.x, minlength=n)
    totals = np.bincount(both.keys // n, weights=both.y, minlength=n)
    changes = [np.concatenate([-first, second]) for first, second in zip(gone[2:], come[2:], strict=True)]
    deleted, keys = (np.concatenate([first, second]) for first, second in zip(gone[:2], come[:2], strict=True))
    of_columns = sparse.csr_array((changes[0], (deleted, keys % n)), shape=(n, n))
    of_totals = sparse.csr_array((changes[1], (deleted, keys // n)), shape=(n, n))
    product = columns @ totals + of_columns @ totals + of_totals @ columns + of_columns.multiply(of_totals).sum(axis=1)
    sums = [one.values.sum() + np.bincount(deleted, change, n) for one, change in zip(whole, changes, strict=True)]
    mutual = both.x * both.back
    inner = mutual.sum() - np.bincount(both.keys % n, mutual, n) - np.bincount(both.keys // n, mutual, n)
    inner += _mutual_that_come(whole, come, n)
    m = n - 1
    return (inner + sums[0] * sums[1] / ((m - 1) * (m - 2)) - 2 * product / (m - 2)) / (m * (m - 3))


def _gone(both: Common, n: int) -> tuple[np.ndarray, ...]:
    """The pairs that are gone with each row: whose deletion, which pair, and the kernels there."""
    deleted = np.concatenate([both.keys // n, both.keys % n])
    return deleted, np.tile(both.keys, 2), np.tile(both.x, 2), np.tile(both.y, 2)


def _come(a: Followed, b: Followed) -> tuple[np.ndarray, ...]:
    """The pairs that both have only once a row is gone: whose deletion, which pair, and the kernels there."""
    n, every, found = a.edges.n, np.arange(a.edges.n), []
    for mine, other, swapped in ((a, b, False), (b, a, True)):
        # Who follows in one list is in the other already, and any of the one list may be deleted.
        value, held = other.holds(every, mine.next)
        row, deleted = mine.edges.keys // n, mine.edges.keys % n
        open_ = held[row] & (deleted != mine.next[row])
        row, deleted = row[open_], deleted[open_]
        kernels = mine.value[row], value[row]
        found.append((deleted, row * n + mine.next[row], *(kernels[::-1] if swapped else kernels)))
    # The same one follows in both lists, when a row of both is deleted.
    keys = np.intersect1d(a.edges.keys, b.edges.keys)
    row, deleted = keys // n, keys % n
    same = (a.next == b.next)[row]
    row, deleted = row[same], deleted[same]
    found.append((deleted, row * n + a.next[row], a.value[row], b.value[row]))
    return tuple(np.concatenate(each) for each in zip(*found, strict=True))


def _mutual_that_come(whole: tuple[Edges, Edges], come: tuple[np.ndarray, ...], n: int) -> np.ndarray:
    """Σ x_il·y_li of the pairs that both have only once a row is gone, with pairs there already or new as well."""
    deleted, keys, x, y = come
    back = turned(keys, n)
    (x_back, _), (y_back, _) = (one.at(back) for one in whole)
    order = np.lexsort((keys, deleted))
    ranked = deleted[order] * n**2 + keys[order]
    wanted = deleted * n**2 + back
    place = np.minimum(np.searchsorted(ranked, wanted), max(0, len(ranked) - 1))
    new = np.where(ranked[place] == wanted, y[order][place], 0.0) if len(ranked) else y
    return np.bincount(deleted, x * y_back + x_back * y + x * new, n)
