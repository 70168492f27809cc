"""Places of partners among the candidates of their queries, and what chance gives: shared by the measures that rank.

Where the representation and the pairs have nothing to do with each other, the R partners of a query are at R of its n
places at random. So of one query mean, variance and skewness follow exactly, ties and several partners included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from layerscape.core.exchange import Score
from layerscape.core.pairs import Pairs
from layerscape.core.ranking import Ranking
from layerscape.errors import InvalidValue

MOST_PAIRS = 2**22  # whose places are counted at a time


@dataclass(frozen=True, eq=False)
class Law:
    """What each of Q queries scores by chance.

    Attributes
    ----------
    mean, variance, third
        Shape (Q,): the mean, and the second and third moment about it.
    """

    mean: np.ndarray
    variance: np.ndarray
    third: np.ndarray


@dataclass(frozen=True, eq=False)
class Gain:
    """A score that adds, over the partners of a query, a weight times what the partner's place is worth.

    Attributes
    ----------
    pairs
        The pairs.
    weight
        Shape (P,): of every partner.
    worth
        Shape (n,): what the first place is worth, the second, …, n the largest number of candidates.
    """

    pairs: Pairs
    weight: np.ndarray
    worth: np.ndarray

    def of(self, places: np.ndarray) -> np.ndarray:
        """Shape (Q,): the score of every query; of a partner that ties, the mean over the places that it may have."""
        total = np.concatenate([[0.0], np.cumsum(self.worth)])
        first, last = places.astype(int).T
        each = (total[last] - total[first - 1]) / (last - first + 1)
        return np.bincount(self.pairs.number, self.weight * each, len(self.pairs.asked))

    def law(self) -> Law:
        """What places at random give: moments of Σ weight·worth(place) over permutations of the places."""
        number, n = self.pairs.number, self.pairs.candidates.astype(float)
        first, second, third = (np.bincount(number, self.weight**power, len(n)) for power in (1, 2, 3))
        of_weights = second - first**2 / n, third - 3 * first * second / n + 2 * first**3 / n**2
        of_worth = np.empty((3, len(n)))
        for many in np.unique(self.pairs.candidates):
            worth = self.worth[:many]
            off = worth - worth.mean()
            of_worth[:, n == many] = np.array([[worth.mean()], [(off**2).sum()], [(off**3).sum()]])
        cubes = np.divide(n, (n - 1) * (n - 2), out=np.zeros_like(n), where=n > 2)
        return Law(
            first * of_worth[0],
            of_weights[0] * of_worth[1] / np.maximum(n - 1, 1),
            cubes * of_weights[1] * of_worth[2],
        )


def places_of(ranking: Ranking, pairs: Pairs) -> np.ndarray:
    """Shape (P, 2): the first and the last place that each partner may have among the candidates of its query.

    Raises
    ------
    InvalidValue
        If ranking and pairs are of different samples, or the ranking does not tell ties.
    """
    return _looked_up(ranking, pairs, [pairs.rows()])[0]


def scored(ranking: Ranking, pairs: Pairs, value: Callable[[np.ndarray], np.ndarray]) -> Score:
    """The mean over queries of a value of the places, with the samples in other orders."""
    at_once = max(1, MOST_PAIRS // len(pairs.number))

    def score(orders: Sequence[np.ndarray]) -> np.ndarray:
        found = []
        for first in range(0, len(orders), at_once):
            rows = [pairs.rows(order) for order in orders[first : first + at_once]]
            found += [float(value(places).mean()) for places in _looked_up(ranking, pairs, rows)]
        return np.array(found)

    return score


def _looked_up(ranking: Ranking, pairs: Pairs, rows: Sequence[np.ndarray]) -> np.ndarray:
    """The places of several lists of as many pairs, counted in one pass."""
    if ranking.n_samples != pairs.n_samples:
        raise InvalidValue(
            f"ranks of {ranking.n_samples} samples and pairs of {pairs.n_samples}; both must be of the same samples."
        )
    if ranking.places is None:
        raise InvalidValue("ranks that do not tell where distances tie; give the vectors themselves.")
    return ranking.places(np.concatenate(rows)).reshape(len(rows), -1, 2)


def chances_of_first(n: int, several: int) -> np.ndarray:
    """Shape (n − R + 1,): how likely the first of R partners at random is at place 1, 2, … of n.

    >>> chances_of_first(3, 2)
    array([0.66666667, 0.33333333])
    """
    place = np.arange(1, n - several + 1)
    steps = (n - place - several + 1) / (n - place)
    return several / n * np.concatenate([[1.0], np.cumprod(steps)])
