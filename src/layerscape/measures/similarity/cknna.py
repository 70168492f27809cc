"""CKNNA: kernel alignment that looks at nearest neighbors only."""

from __future__ import annotations

from math import sqrt
from typing import Literal

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_name
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, Z95, within
from layerscape.core.measure import Measure
from layerscape.core.nearness import MetricOfRows
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.deletion import check_next
from layerscape.measures.rows import slices
from layerscape.measures.similarity.edges import Edges, Followed, align, align_without, common, turned
from layerscape.measures.similarity.ordered import check_all_compared
from layerscape.measures.similarity.pairing import corrected, directions, drawn_rows, same_samples

FEWEST = 20
ROWS = 512  # of the kernel at once
SAME = 1e-13  # cosines that differ by less are equal


def cknna(
    a: Representation,
    b: Representation,
    /,
    *,
    k: int = 10,
    metric: Literal["cosine", "correlation"] = "cosine",
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
    metric
        ``"cosine"``, as published, or ``"correlation"``: the cosine once the mean over units is taken off each row.
        There is no Euclidean one: the kernel is made of directions.
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
    given k depends on N: compare runs of the same N only. Which of equally near rows are neighbors is left to chance.

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
    rows, words = drawn_rows(whole, sample, seed, FEWEST)
    n = len(rows)
    _check(k, n)
    near_a, near_b = _nearest(a, rows, k, metric), _nearest(b, rows, k, metric)
    norm = sqrt(_with_itself(near_a, a) * _with_itself(near_b, b))
    observed = align(near_a, near_b)
    value = observed / norm
    chance, null = chance_by_permutation(
        lambda order: align(near_a, near_b.in_order(order)) / norm, value, n, permutations, seed
    )
    details = {
        "corrected": corrected(value, chance.value),
        "shared": float(np.isin(near_a.keys, near_b.keys).mean()),
        "null": null,
    }
    low, high = within(value, Z95 * _sd(near_a, near_b), MEASURE.bounds, LEAST_MARGIN)
    return Estimate(value, low, high, whole, k=k, chance=chance, details=details, warnings=words)


def _check(k: int, n: int) -> None:
    if not 2 <= k < n:
        raise InvalidValue(f"k={k}; give a number of neighbors from 2 to {n - 1}.")


def _nearest(x: Representation, rows: np.ndarray, k: int, metric: MetricOfRows) -> Edges:
    """The cosines of each row with the k rows of largest cosine with it."""
    columns, cosines = _largest(_directions(x, rows, metric), x.title, [k - 1])
    return _edges(columns, cosines)


def _lists(x: Representation, rows: np.ndarray, k: int, metric: MetricOfRows) -> Followed:
    """The same, with the row that follows."""
    columns, cosines = _largest(_directions(x, rows, metric), x.title, [k - 1, k])
    return Followed(_edges(columns[:, :k], cosines[:, :k]), columns[:, k], cosines[:, k])


def _edges(columns: np.ndarray, cosines: np.ndarray) -> Edges:
    n, order = len(columns), np.argsort(columns, axis=1)
    keys = np.arange(n)[:, None] * n + np.take_along_axis(columns, order, axis=1)
    return Edges(n, keys.ravel(), np.take_along_axis(cosines, order, axis=1).ravel())


def _largest(unit: np.ndarray, title: str, places: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Up to the last of some places, counted from 0, who has the largest cosines with each row, and the cosines."""
    n, least, most = len(unit), np.inf, -np.inf
    shape = n, places[-1] + 1
    columns, cosines = np.empty(shape, dtype=np.int64), np.empty(shape)
    for part in slices(n, ROWS):
        kernel = unit[part] @ unit.T
        least, most = min(least, float(kernel.min())), max(most, float(kernel.max()))
        here = np.arange(len(kernel))
        kernel[here, here + part.start] = -np.inf
        columns[part] = np.argpartition(-kernel, places, axis=1)[:, : shape[1]]
        cosines[part] = np.take_along_axis(kernel, columns[part], axis=1)
    if most - least < SAME:
        raise InvalidValue(f"{title} is constant in direction: all its cosines are equal; cknna cannot compare it.")
    return columns, cosines


def _directions(x: Representation, rows: np.ndarray, metric: MetricOfRows) -> np.ndarray:
    """The rows at length 1."""
    check_name("metric", metric, ("cosine", "correlation"))
    if x.n_units < 2:
        raise InvalidValue(f"{x.title} has one unit: all cosines are 1 or -1; cknna needs at least 2 units.")
    return directions(x, rows, metric)


def _with_itself(edges: Edges, x: Representation) -> float:
    own = align(edges, edges)
    if not own > 0 or not common(edges, edges).back.any():
        raise InvalidValue(
            f"{x.title} has so few mutual neighbors that its alignment with itself is {own:.3g}; raise k=."
        )
    return own


def _sd(x: Edges, y: Edges) -> float:
    """Standard deviation of the value by how much each sample moves it, less what pairs of samples move twice."""
    pairs = _moved(x, y)
    other = pairs.at(turned(pairs.keys, x.n))[0]
    by_sample = np.bincount(pairs.keys // x.n, weights=pairs.values + other, minlength=x.n)
    total = float((by_sample**2).sum())
    return sqrt(max(total - float(((pairs.values + other) ** 2).sum()) / 2, total / 4))


def _moved(x: Edges, y: Edges) -> Edges:
    """How much each pair of neighbors moves the value, by the main term of HSIC₁."""
    parts = [common(*sides) for sides in ((x, y), (x, x), (y, y))]
    of_xy, of_xx, of_yy = (float(part.x @ part.back) for part in parts)
    value = of_xy / sqrt(of_xx * of_yy)
    keys = np.unique(np.concatenate([part.keys for part in parts]))
    moved = np.zeros(len(keys))
    for part, factor in zip(parts, (1 / sqrt(of_xx * of_yy), -value / 2 / of_xx, -value / 2 / of_yy), strict=True):
        moved[np.searchsorted(keys, part.keys)] += factor * part.x * part.back
    return Edges(x.n, keys, moved)


def _score(
    a: Representation,
    b: Representation,
    /,
    *,
    k: int,
    metric: Literal["cosine", "correlation"],
    sample: int,
    permutations: int,
    seed: int,
) -> Score:
    """The alignment with the samples of b in another order."""
    whole = same_samples(a, b, "cknna", FEWEST)
    rows, _ = drawn_rows(whole, sample, seed, FEWEST)
    check_all_compared(len(rows), whole, "cknna")
    _check(k, whole)
    near_a, near_b = _nearest(a, rows, k, metric), _nearest(b, rows, k, metric)
    norm = sqrt(_with_itself(near_a, a) * _with_itself(near_b, b))
    return of_each(lambda order: align(near_a, near_b.in_order(order)) / norm)


def _influence(
    a: Representation, b: Representation, /, *, k: int, metric: MetricOfRows, sample: int, permutations: int, seed: int
) -> Influence:
    """How each sample moves the alignment, if it is among those that are looked at: exactly without it."""
    whole = same_samples(a, b, "cknna", FEWEST)
    rows, _ = drawn_rows(whole, sample, seed, FEWEST)
    n = len(rows)
    _check(k, n)
    check_next(n, k)
    of_a, of_b = _lists(a, rows, k, metric), _lists(b, rows, k, metric)
    norm = sqrt(_with_itself(of_a.edges, a) * _with_itself(of_b.edges, b))
    value = align(of_a.edges, of_b.edges) / norm
    left = np.sqrt(align_without(of_a, of_a) * align_without(of_b, of_b))
    pairs = _moved(of_a.edges, of_b.edges)
    together = sparse.csr_array((pairs.values, np.divmod(pairs.keys, n)), shape=(n, n))
    moved = value - align_without(of_a, of_b) / left
    return Influence(value, moved, together.sum(axis=1), None, together).among(rows, whole)


MEASURE = Measure(
    compute=cknna,
    title="CKNNA",
    unit="alignment",
    closer="high",
    swayed_by={"unit"},
    unchanged_by={"order", "rotation", "scaling"},
    source="Huh et al. 2024, arXiv:2405.07987",
    score=_score,
    influence=_influence,
    ceiling="noise changes which samples are near, and is no factor of it",
)
