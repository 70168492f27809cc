"""CKNNA: kernel alignment that looks at nearest neighbors only."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.interval import margin_of_groups
from layerscape.measures.permutation import chance_by_permutation
from layerscape.measures.similarity.pairing import LEAST_MARGIN, corrected, rows_of, same_samples

FEWEST = 20
SPARE = 0  # neighbors beyond k, for when a group of samples is left out
ROWS = 512  # of the kernel at once
SAME = 1e-13  # cosines that differ by less are equal


def cknna(
    a: Representation,
    b: Representation,
    /,
    *,
    k: int = 10,
    sample: int = 2_000,
    permutations: int = 100,
    seed: int = 0,
) -> Estimate:
    """Centered kernel nearest-neighbor alignment: how alike two kernels are where both see near neighbors.

    CKNNA = Align(K, L) / √(Align(K, K)·Align(L, L)) (Huh et al. 2024). K holds the cosines between the rows of a, L
    those of b. Align(K, L) is the unbiased HSIC₁ (Song et al. 2012, eq. 5) of K and L, both set to 0 but for the pairs
    (i, j) of which j is among the k neighbors of largest cosine of i in a and in b.

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order.
    k
        Number of neighbors, at least 2 and less than N.
    sample
        Most samples that are looked at: a fixed draw beyond it, which is said in a warning.
    permutations, seed
        How many random pairings of the samples chance is taken from, and which; the seed draws the samples too.

    Returns
    -------
    Estimate
        1 for equal kernels, about 0 by chance; no strict bounds. ``details``: ``corrected`` = (value − chance) /
        (1 − chance), ``null`` (the value at each permutation) and ``shared``, the share of neighbors that are common.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 20, k is out of range, a row is 0, a side is constant,
        or so few of its neighbors are mutual that its Align with itself is not above 0.

    Notes
    -----
    As in the authors' code: rows have length 1 but are not centered, so that a large mean makes all cosines alike; and
    since the masked kernels are not symmetric, the main term of HSIC₁ sees pairs that are neighbors both ways only.
    It mixes which neighbors are shared with how near they are; ``overlap`` reads the first alone. The value at a
    given k depends on N: compare runs of the same N only.

    References
    ----------
    Huh, Cheung, Wang, Isola 2024, arXiv:2405.07987; Song, Smola, Gretton, Bedo, Borgwardt 2012, J. Mach. Learn. Res.
    13:1393–1434.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> round(cknna(Representation(x), Representation(2 * x), permutations=19).value, 9)
    1.0
    """
    whole = same_samples(a, b, "cknna", FEWEST)
    rows, words = rows_of(whole, sample, seed, fewest=FEWEST)
    n = len(rows)
    if not 2 <= k < n:
        raise InvalidValue(f"k={k}; give a number of neighbors from 2 to {n - 1}.")
    near_a, near_b = _nearest(a, rows, k), _nearest(b, rows, k)
    first_a, first_b = near_a.first(k), near_b.first(k)
    norm = sqrt(_with_itself(first_a, a) * _with_itself(first_b, b))
    observed = _align(first_a, first_b)
    value = observed / norm
    chance, null = chance_by_permutation(
        lambda order: _align(first_a, first_b.in_order(order)) / norm, value, n, permutations, seed
    )

    def without(kept: np.ndarray) -> float:
        some_a, some_b = near_a.among(kept, k), near_b.among(kept, k)
        own = _align(some_a, some_a) * _align(some_b, some_b)
        return _align(some_a, some_b) / sqrt(own) if own > 0 else value

    margin = max(margin_of_groups(without, n), LEAST_MARGIN)
    details = {
        "corrected": corrected(value, chance.value),
        "shared": float(np.isin(first_a.keys, first_b.keys).mean()),
        "null": null,
    }
    low, high = value - margin, value + margin
    return Estimate(value, low, high, whole, k=k, chance=chance, details=details, warnings=tuple(words))


@dataclass(frozen=True)
class _Edges:
    """A kernel that is 0 but at some pairs (i, j) of n rows, given by the increasing numbers i·n + j."""

    n: int
    keys: np.ndarray
    values: np.ndarray

    def in_order(self, order: np.ndarray) -> _Edges:
        """The kernel with its rows and columns in the given order."""
        place = np.argsort(order)
        keys = place[self.keys // self.n] * self.n + place[self.keys % self.n]
        turn = np.argsort(keys)
        return _Edges(self.n, keys[turn], self.values[turn])

    def at(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values at some pairs, 0 where there are none, and whether there are."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found = self.keys[place] == keys
        return np.where(found, self.values[place], 0.0), found


@dataclass(frozen=True)
class _Near:
    """The rows of largest cosine with each row, falling: at least k, and some to spare; both of shape (n, m)."""

    columns: np.ndarray
    cosines: np.ndarray

    def first(self, k: int) -> _Edges:
        return self.among(np.arange(len(self.columns)), k)

    def among(self, rows: np.ndarray, k: int) -> _Edges:
        """The kernel of some of the rows, at the first k of their neighbors that are among them."""
        number = np.full(len(self.columns), -1)
        number[rows] = np.arange(len(rows))
        columns, cosines = number[self.columns[rows]], self.cosines[rows]
        there = columns >= 0
        there &= np.cumsum(there, axis=1) <= k
        keys = (np.arange(len(rows))[:, None] * len(rows) + columns)[there]
        turn = np.argsort(keys)
        return _Edges(len(rows), keys[turn], cosines[there][turn])


def _nearest(x: Representation, rows: np.ndarray, k: int) -> _Near:
    unit = _directions(x, rows)
    n, m = len(unit), min(len(unit) - 1, k + SPARE)
    columns, cosines, least, most = np.empty((n, m), dtype=np.int64), np.empty((n, m)), np.inf, -np.inf
    for start in range(0, n, ROWS):
        part = slice(start, start + ROWS)
        kernel = unit[part] @ unit.T
        least, most = min(least, float(kernel.min())), max(most, float(kernel.max()))
        here = np.arange(len(kernel))
        kernel[here, here + start] = -np.inf
        near = np.argpartition(-kernel, m - 1, axis=1)[:, :m]
        found = np.take_along_axis(kernel, near, axis=1)
        turn = np.argsort(-found, axis=1, kind="stable")
        columns[part], cosines[part] = (np.take_along_axis(side, turn, axis=1) for side in (near, found))
    if most - least < SAME:
        raise InvalidValue(f"{x.title} is constant in direction: all its cosines are equal; cknna cannot compare it.")
    return _Near(columns, cosines)


def _directions(x: Representation, rows: np.ndarray) -> np.ndarray:
    """The rows at length 1."""
    if x.n_units < 2:
        raise InvalidValue(f"{x.title} has one unit: all cosines are 1 or -1; cknna needs at least 2 units.")
    unit = x.read(rows)
    largest = np.abs(unit).max(axis=1, keepdims=True)
    if not largest.all():
        row = rows[int(np.flatnonzero(largest == 0)[0])]
        raise InvalidValue(f"sample {x.ids[row]!r} of {x.title} is 0 in every unit: it has no cosine; leave it out.")
    unit = np.ldexp(unit, -np.frexp(largest)[1])
    return unit / np.sqrt(np.einsum("ij,ij->i", unit, unit))[:, None]


def _with_itself(edges: _Edges, x: Representation) -> float:
    own = _align(edges, edges)
    if not own > 0:
        raise InvalidValue(
            f"{x.title} has so few mutual neighbors that its alignment with itself is {own:.3g}; raise k=."
        )
    return own


def _align(x: _Edges, y: _Edges) -> float:
    """HSIC₁ of the kernels at the pairs that both have."""
    n = x.n
    _, both = y.at(x.keys)
    keys, of_x = x.keys[both], x.values[both]
    if not len(keys):
        return 0.0
    common = _Edges(n, keys, y.at(keys)[0])
    back, _ = common.at(keys % n * n + keys // n)
    inner = of_x @ back + of_x.sum() * common.values.sum() / ((n - 1) * (n - 2))
    columns = np.bincount(keys % n, weights=of_x, minlength=n)
    totals = np.bincount(keys // n, weights=common.values, minlength=n)
    return float(inner - 2 * (columns @ totals) / (n - 2)) / (n * (n - 3))


MEASURE = Measure(
    compute=cknna,
    unit="alignment",
    unchanged_by={"order", "rotation", "scaling"},
    source="Huh et al. 2024, arXiv:2405.07987",
    standard=False,
)
