"""Unit match: which units of one representation have a partner in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from layerscape.core.checks import constant
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.frame import Frame, frame_by_unit
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, Z95, within
from layerscape.core.measure import Measure
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.measures.rows import slices
from layerscape.measures.similarity.pairing import corrected, of_one_sample, same_samples

FEWEST = 10
ASSIGNED = 1024  # units of a side beyond which no one-to-one assignment is sought
BLOCK_ELEMENTS = 2**22
CROSS_ELEMENTS = 2**24  # correlations held at once
ROUNDING = 1e-12

Block = tuple[slice, np.ndarray]  # some units of a, and their correlations with all units of b


def unit_match(a: Representation, b: Representation, /, *, permutations: int = 19, seed: int = 0) -> Estimate:
    """Mean over the units of a of the largest absolute correlation with any unit of b.

    r̄ = (1/D_a)·Σᵢ maxⱼ |r(aᵢ, bⱼ)|, with r Pearson's correlation over the samples (Li et al. 2015): the one view of a
    representation that asks for its units, not for the space that they span. Two units of a may share a partner; the
    best one-to-one assignment is in the details.

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order. Every unit of a seeks a partner in b.
    permutations, seed
        How many random pairings of the samples chance is taken from, and which.

    Returns
    -------
    Estimate
        In 0…1. ``details``, per unit of a: ``partner`` (index of the unit of b, −1 if a's is constant),
        ``correlation`` with it, with its sign (NaN if a's is constant), ``chance_per_unit`` (mean over permutations of
        the unit's largest absolute correlation) and ``p_per_unit`` (the share of permutations, plus one, that reach
        it). Besides, ``corrected`` = (value − chance) / (1 − chance); ``null``, the value at each permutation; and up
        to 1,024 units ``assigned``, the unit of b of each unit of a in the one-to-one assignment of largest mean
        absolute correlation (−1 for none), ``one_to_one``, that mean, and ``one_to_one_chance``.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 10, or a side is constant.

    Notes
    -----
    The largest of D_b correlations is far from 0 by chance, about √(2·ln(2·D_b) / N): read the value against it. Not
    symmetric, and changed by rotations, as it must be. One sample with a huge value in many units makes these correlate
    highly. A unit of few active samples finds a partner by chance more often than others: judge it by its own p. The
    interval is the jackknife's over samples, for the partners found; it is too narrow for data of heavy tails.

    References
    ----------
    Li, Yosinski, Clune, Lipson, Hopcroft 2015, arXiv:1511.07543.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> found = unit_match(Representation(x), Representation(1 - 2 * x[:, ::-1]))
    >>> round(found.value, 9), found.details["partner"].tolist()
    (1.0, [4, 3, 2, 1, 0])
    """
    n = same_samples(a, b, "unit_match", FEWEST)
    side_a, side_b = _side(a), _side(b)
    live = side_a.live
    assigns = max(live.sum(), side_b.live.sum()) <= ASSIGNED
    held = list if assigns else iter
    blocks = held(_cross(side_a, side_b))
    partner, correlation = _partners(blocks, side_a)
    largest = np.minimum(1.0, np.abs(correlation))
    value = float(largest[live].mean())
    by_chance, pairs_by_chance = [], []

    def score(order: np.ndarray) -> float:
        blocks = held(_cross(side_a, side_b, order))
        by_chance.append(np.abs(_partners(blocks, side_a)[1]))
        if assigns:
            pairs_by_chance.append(_one_to_one(blocks, side_a, side_b)[1])
        return float(by_chance[-1][live].mean())

    chance, null = chance_by_permutation(score, value, n, permutations, seed)
    margin = Z95 * _sd(side_a, side_b, partner, correlation)
    low, high = within(value, margin, MEASURE.bounds, LEAST_MARGIN)
    beaten = (np.array(by_chance) >= largest - 1e-12).sum(axis=0)
    details = {
        "partner": np.where(live, partner, -1),
        "correlation": np.where(live, correlation, np.nan),
        "chance_per_unit": np.mean(by_chance, axis=0),
        "p_per_unit": (1 + beaten) / (1 + permutations),
        "corrected": corrected(value, chance.value),
        "null": null,
    }
    if assigns:
        details["assigned"], details["one_to_one"] = _one_to_one(blocks, side_a, side_b)
        details["one_to_one_chance"] = float(np.mean(pairs_by_chance))
    words = tuple(_words(side_a, side_b, bool(assigns)))
    return Estimate(value, low, high, n, chance=chance, details=details, warnings=words)


@dataclass(frozen=True)
class _Side:
    """A representation and what brings each unit to mean 0 and length 1 over the samples.

    Attributes
    ----------
    lengths
        Of the units, centered and scaled.
    live
        Which units are not constant.
    shares
        The largest share of one sample in the variance of each unit.
    """

    x: Representation
    framed: Frame
    lengths: np.ndarray
    live: np.ndarray
    shares: np.ndarray

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """Rows with every unit at mean 0 and length 1; a constant unit is 0."""
        return self.framed(self.x.read(rows)) / self.lengths


def _side(x: Representation) -> _Side:
    framed = frame_by_unit(x)
    live = framed.peak > 0
    if not live.any():
        raise constant(x, "; unit_match cannot compare it")
    squares, largest = np.zeros(x.n_units), np.zeros(x.n_units)
    for _, block in x.blocks():
        block = framed(block) ** 2
        squares += block.sum(axis=0)
        np.maximum(largest, block.max(axis=0), out=largest)
    squares = np.where(live, squares, 1.0)
    return _Side(x, framed, np.sqrt(squares), live, largest / squares)


def _blocks(a: _Side, b: _Side) -> list[slice]:
    return slices(a.x.n_samples, BLOCK_ELEMENTS // (a.x.n_units + b.x.n_units))


def _cross(a: _Side, b: _Side, order: np.ndarray | None = None) -> Iterator[Block]:
    """Some units of a at a time: their correlations with all of b, with the samples of b in the given order."""
    for units in slices(a.x.n_units, CROSS_ELEMENTS // b.x.n_units):
        cross = np.zeros((len(a.live[units]), b.x.n_units))
        for rows in _blocks(a, b):
            cross += a.read(rows)[:, units].T @ b.read(rows if order is None else order[rows])
        yield units, cross


def _partners(blocks: Iterable[Block], a: _Side) -> tuple[np.ndarray, np.ndarray]:
    """The unit of b that correlates most with each unit of a, and the correlation with its sign, shape (D_a,)."""
    partner, correlation = np.empty(a.x.n_units, dtype=np.intp), np.empty(a.x.n_units)
    for units, cross in blocks:
        partner[units] = np.abs(cross).argmax(axis=1)
        correlation[units] = cross[np.arange(len(cross)), partner[units]]
    return partner, correlation


def _sd(a: _Side, b: _Side, partner: np.ndarray, correlations: np.ndarray) -> float:
    """Standard deviation of the value by the jackknife over samples, if partners stay."""
    n, total, squares = a.x.n_samples, 0.0, 0.0
    for rows in _blocks(a, b):
        without = _without(a.read(rows), b.read(rows)[:, partner], correlations, n)
        moved = (without - np.abs(correlations))[:, a.live].mean(axis=1)
        total, squares = total + float(moved.sum()), squares + float((moved**2).sum())
    return float(np.sqrt(max(0.0, squares - total**2 / n) * (n - 1) / n))


def _without(x: np.ndarray, y: np.ndarray, correlations: np.ndarray, n: int) -> np.ndarray:
    """Absolute correlations of pairs of units without each of some samples, shape (rows, units).

    Without a sample at x and y, the sums of squares, which are 1, lose x²·n/(n − 1), and that of products x·y·….
    """
    left = np.maximum(1 - x * x * (n / (n - 1)), 0.0) * np.maximum(1 - y * y * (n / (n - 1)), 0.0)
    inner = np.abs(correlations - x * y * (n / (n - 1)))
    return np.divide(inner, np.sqrt(left), out=np.zeros_like(left), where=left > ROUNDING)


def _score(a: Representation, b: Representation, /, *, permutations: int, seed: int) -> Score:
    """The mean with the samples of b in another order."""
    same_samples(a, b, "unit_match", FEWEST)
    side_a, side_b = _side(a), _side(b)

    def score(order: np.ndarray) -> float:
        correlation = _partners(_cross(side_a, side_b, order), side_a)[1]
        return float(np.minimum(1.0, np.abs(correlation))[side_a.live].mean())

    return of_each(score)


def _influence(a: Representation, b: Representation, /, *, permutations: int, seed: int) -> Influence:
    """How each sample moves the value: exactly without it, with whoever is then the best partner."""
    n = same_samples(a, b, "unit_match", FEWEST)
    side_a, side_b = _side(a), _side(b)
    value, without = 0.0, np.zeros(n)
    for units, correlations in _cross(side_a, side_b):
        live, each = side_a.live[units], np.arange(len(correlations))
        rivals = _rivals(np.abs(correlations), side_a.shares[units], side_b.shares, n)
        value += float(np.minimum(1.0, np.abs(correlations).max(axis=1))[live].sum())
        for rows in _blocks(side_a, side_b):
            x, y, best = side_a.read(rows)[:, units], side_b.read(rows), 0.0
            for partner in rivals:
                best = np.maximum(best, _without(x, y[:, partner], correlations[each, partner], n))
            without[rows] += np.minimum(1.0, best)[:, live].sum(axis=1)
    value, without = value / side_a.live.sum(), without / side_a.live.sum()
    moved = value - without
    return Influence(value, moved, moved - moved.mean())


def _rivals(sizes: np.ndarray, shares_a: np.ndarray, shares_b: np.ndarray, n: int) -> np.ndarray:
    """Who may be the best partner of each unit without some sample, shape (most, D_a); the first for lack of more."""
    of_a, of_b = (np.minimum(1.0, shares * (n / (n - 1))) for shares in (shares_a, shares_b))
    product = np.sqrt(np.outer(of_a, of_b))
    left = np.outer(1 - of_a, 1 - of_b)
    highest = np.divide(sizes + product, np.sqrt(left), out=np.ones_like(sizes), where=left > ROUNDING)
    order = np.argsort(-highest, axis=1)
    may_win = np.take_along_axis(highest, order, axis=1) >= (sizes - product).max(axis=1, keepdims=True)
    most = int(may_win.sum(axis=1).max())
    return np.where(may_win, order, sizes.argmax(axis=1)[:, None])[:, :most].T


def _one_to_one(blocks: Iterable[Block], a: _Side, b: _Side) -> tuple[np.ndarray, float]:
    """The unit of b of each unit of a in the best assignment, −1 for none, and the mean over the pairs."""
    sizes = np.abs(np.concatenate([cross for _, cross in blocks]))
    units_a, units_b = np.flatnonzero(a.live), np.flatnonzero(b.live)
    some = sizes[np.ix_(units_a, units_b)]
    rows, columns = linear_sum_assignment(some, maximize=True)
    assigned = np.full(len(sizes), -1)
    assigned[units_a[rows]] = units_b[columns]
    return assigned, float(some[rows, columns].mean())


def _words(a: _Side, b: _Side, assigns: bool) -> Iterator[str]:
    for side, name in ((a, "a"), (b, "b")):
        if not side.live.all():
            yield f"{int((~side.live).sum())} of {len(side.live)} units of {name} are constant: they match nothing"
        yield from of_one_sample(side.shares, "units", name)
    if not assigns:
        yield f"more than {ASSIGNED} units: no one-to-one assignment was sought"


MEASURE = Measure(
    compute=unit_match,
    unit="correlation",
    bounds=(0, 1),
    closer="high",
    unchanged_by={"order", "translation", "scaling"},
    source="Li et al. 2015, arXiv:1511.07543",
    symmetric=False,
    score=_score,
    influence=_influence,
    ceiling="noise picks the best match too, so that halves of repeats agree too little for a ceiling",
)
