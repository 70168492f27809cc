"""Whether samples look independent of each other, by who is near whom: tests that ask and cannot accuse.

No test can tell a class, whose members are alike, from a group, whose members belong together.

- A column: how often a sample and its neighbors have the same value, against permuted values.
- The order of the rows: how often neighbors are within w rows, for w = 1, 2, 4, … N/2; the largest standard score of
  these, against that of permuted rows (within classes by which the rows are sorted). See Chwialkowski, Sejdinovic and
  Gretton 2014, arXiv:1408.5404, for what an order does to tests.
- Near copies: log(r₂/r₁) is an exponential variable over d (Facco et al. 2017, doi:10.1038/s41598-017-11873-y), and
  Σ log(r_k/r_j) over j = 2…k−1 a Gamma variable of shape k − 2 over d, whatever the dimension d around a sample is; so
  their ratio is above 10,000^(1/(k−2)) − 1 for one of ten thousand. Copies come in pairs.

How often they are wrong, and what they find, is measured in benchmarks/independence.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice, tee
from math import ceil, log
from typing import NamedTuple

import numpy as np
from scipy.stats import poisson

from layerscape.core.neighbors import Neighbors
from layerscape.core.permutation import p_above

FIRST, PERMUTATIONS = 49, 299  # those after which nothing more is drawn where nothing is to be seen, and all
SURE = 15.0  # standard deviations of the largest score from which no more permutations are asked
ALLOWED = 3  # permuted scores as high, from which on p is not below the level
PLAIN = 1.5  # standard scores up to which nothing is to be seen
TIED = 1e-9  # the least that a sum of logarithms of ratios may be
FAR = 10_000  # one sample of so many is as near to its first neighbor as what counts as a copy
OFTEN = 2_000  # the same where density is not constant: five times as often


class Sign(NamedTuple):
    """What a test saw: how often, how often by chance, p, and for an order within how many rows."""

    value: float
    chance: float
    p: float
    rows: int = 0


def seen_in_column(graphs: Sequence[Neighbors], codes: np.ndarray, level: float) -> list[Sign]:
    """Whether neighbors have the same value of a column, graph by graph; ``codes`` are −1 for samples without one.

    A p below ``level`` is one of so many permutations that it can be.
    """
    known, pairs = np.flatnonzero(codes >= 0), []
    for rows, members in map(_pairs, graphs):
        kept = (codes[rows] >= 0) & (codes[members] >= 0)
        pairs.append((rows[kept], members[kept]))

    def shares(order: np.ndarray) -> list[np.ndarray]:
        mixed = codes.copy()
        mixed[known] = codes[known][order]
        return [np.array([np.mean(mixed[a] == mixed[b]) if len(a) else 0.0]) for a, b in pairs]

    rng = np.random.default_rng(0)
    found = _against(shares, lambda: rng.permutation(len(known)), np.arange(len(known)), level)
    return [Sign(float(value), float(chance), p) for value, chance, p, _ in found]


def seen_in_order(graphs: Sequence[Neighbors], classes: np.ndarray, level: float) -> list[Sign]:
    """Whether neighbors follow each other in the order of the rows, beyond what the order of some classes explains.

    ``classes`` are numbers without gaps, of the N samples that all graphs are among; ``level`` as for a column.
    """
    n, rng = len(classes), np.random.default_rng(0)
    pairs, by_class, most = list(map(_pairs, graphs)), np.argsort(classes, kind="stable"), int(log(n / 2, 2))

    def shares(order: np.ndarray) -> list[np.ndarray]:
        apart = (np.abs(order[rows] - order[members]) for rows, members in pairs)
        within = (np.ceil(np.log2(np.maximum(each, 1))).astype(int) for each in apart)
        return [np.cumsum(np.bincount(each, minlength=most + 2)[: most + 1]) / len(each) for each in within]

    def mixed() -> np.ndarray:
        order = np.empty(n, int)
        order[by_class] = np.argsort(classes + rng.random(n))
        return order

    found = _against(shares, mixed, np.arange(n), level)
    return [Sign(float(value), float(chance), p, 2**place) for value, chance, p, place in found]


def seen_as_copies(graph: Neighbors, beyond: int = 0) -> Sign:
    """How many samples have a first neighbor far nearer than the second; none where many distances are 0.

    Only first neighbors more than so many rows away count: those nearer are near because they follow each other.
    """
    distances, whole = graph.distances, graph.distances[:, 0] > 0
    if whole.mean() < 0.5:
        return Sign(0.0, 0.0, 1.0)
    logs = np.log(distances[whole])
    shape = graph.k - 2
    ratios = (logs[:, 1] - logs[:, 0]) / np.maximum(shape * logs[:, -1] - logs[:, 1:-1].sum(axis=1), TIED)
    apart = np.abs(graph.indices[whole, 0] - graph.query_rows[whole]) > beyond
    found = int((apart & (ratios > FAR ** (1 / shape) - 1)).sum())
    expected = len(ratios) / OFTEN
    return Sign(found, expected, float(poisson.sf(ceil(found / 2) - 1, expected / 2)))


def sorted_by(codes: np.ndarray) -> bool:
    """Whether neighboring rows have the same value more often than in a random order, by three standard deviations."""
    n, counts = len(codes), np.unique(codes, return_counts=True)[1]
    chance = float((counts * (counts - 1.0)).sum() / (n * (n - 1.0)))
    same = float(np.mean(codes[1:] == codes[:-1]))
    return bool(chance < 1 and same - chance > 3 * np.sqrt(chance * (1 - chance) / (n - 1)) + 1 / n)


def _pairs(graph: Neighbors) -> tuple[np.ndarray, np.ndarray]:
    """Every sample and each of its neighbors."""
    return np.repeat(graph.query_rows, graph.k), graph.indices.ravel()


def _against(
    scores: Callable[[np.ndarray], list[np.ndarray]], draw: Callable[[], np.ndarray], plain: np.ndarray, level: float
) -> list[tuple[float, float, float, int]]:
    """What `_farthest` says of each graph, of which ``scores`` gives those of one order; all are asked of the same."""
    observed = scores(plain)
    drawn = tee((scores(draw()) for _ in count()), len(observed))
    return [
        _farthest(one, (each[place] for each in mine), level)
        for place, (one, mine) in enumerate(zip(observed, drawn, strict=True))
    ]


def _farthest(observed: np.ndarray, drawn: Iterator[np.ndarray], level: float) -> tuple[float, float, float, int]:
    """The score that is farthest above chance: its value, chance, the p of so far, and which it is.

    The tail of a largest score is heavier than that of the law that is fitted to few; so where p is below the level,
    and the score not far out, permutations are counted until p is known to be above it or below.
    """
    null = list(islice(drawn, FIRST))
    for more in (0, PERMUTATIONS - FIRST):
        null += islice(drawn, more)
        every = np.vstack([observed, *null])
        spread = every.std(axis=0)
        z = np.divide(every - every.mean(axis=0), spread, out=np.zeros_like(every), where=spread > 0)
        largest = z.max(axis=1)
        mean, sd = largest[1:].mean(), largest[1:].std()
        far = (largest[0] - mean) / sd if sd > 0 else 0.0
        if far < PLAIN:
            break
    place = int(z[0].argmax())
    skewness = float(((largest[1:] - mean) ** 3).mean() / sd**3) if sd > 0 else 0.0
    chance, p = float(np.mean([each[place] for each in null])), p_above(float(far), skewness)
    if p < level and far < SURE:
        center, scale = every.mean(axis=0), np.where(spread > 0, spread, np.inf)
        further = islice(drawn, ceil(ALLOWED / level))
        p = _counted_p((((each - center) / scale).max() for each in further), largest[0])
    return observed[place], chance, p, place


def _counted_p(scores: Iterable[float], observed: float) -> float:
    """(b + 1)/(B + 1) with b of B scores as high as what was observed; they end where b is large."""
    drawn = as_high = 0
    for score in scores:
        drawn += 1
        as_high += score >= observed
        if as_high == ALLOWED:
            break
    return (as_high + 1) / (drawn + 1)
