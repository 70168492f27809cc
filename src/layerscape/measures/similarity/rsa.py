"""RSA: whether the same pairs of samples are near and far in two representations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist, squareform

from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, freedom_of, student95, within
from layerscape.core.measure import EVEN, Measure
from layerscape.core.memo import remembered
from layerscape.core.nearness import MetricOfRows
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.ordered import score_of_pairs
from layerscape.measures.similarity.pairing import (
    drawn_rows,
    rows_near_one,
    same_samples,
    spread_of_pairs,
)

LEAST_SPREAD = 1e-12  # of the distances, relative: below it their order is rounding


def rsa(
    a: Representation,
    b: Representation,
    /,
    *,
    metric: MetricOfRows = "euclidean",
    sample: int = 1000,
    permutations: int = 100,
    seed: int = 0,
) -> Estimate:
    """Representational similarity analysis: Spearman correlation between the distances of one side and of the other.

    ρ = corr(rank d_A(i, j), rank d_B(i, j)) over all pairs i < j of n samples, with mean ranks where some
    are equal (Kriegeskorte et al. 2008).

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order.
    metric
        The distance of two samples: ``"euclidean"``, ``"cosine"`` (1 − their cosine) or ``"correlation"`` (1 − their
        correlation over units). The order of the last two is that of chords between unit vectors.
    sample
        How many samples at most are compared, each with each: n = min(N, sample).
    permutations
        How many random pairings of the samples chance is measured with, at least 19.
    seed
        Which samples, and which pairings.

    Returns
    -------
    Estimate
        In −1…1; 1 if the distances of one side are in the order of those of the other. The interval is the
        infinitesimal jackknife over samples (pairs that share one depend on each other), less what it counts twice.
        ``details``: ``sample``, the number of samples compared; ``null``, the value of each permutation.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 10, all distances of a side are equal, a row has no
        direction under its metric, or permutations < 19.

    Notes
    -----
    Only the order of the distances counts, so that one far sample moves it little. Unrelated data read 0 on average.
    One unit that dwarfs the others decides it, which is said in a warning. Far pairs are most of all pairs: it says
    little about near neighbors. Confounds shared by both sides, such as the length of a text or the brightness of a
    picture, read as agreement.

    References
    ----------
    Kriegeskorte, Mur, Bandettini 2008, doi:10.3389/neuro.06.004.2008.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((60, 5))
    >>> round(rsa(Representation(x), Representation(2 * x + 1)).value, 12)
    1.0
    """
    same_samples(a, b, "rsa")
    rows, warnings = drawn_rows(a.n_samples, sample, seed)
    n = len(rows)
    of_a, of_b = (_ranked(x, metric, sample, seed) for x in (a, b))
    value = float(np.clip(of_a.scores @ of_b.scores, -1, 1))
    square_a, square_b = squareform(of_a.scores), squareform(of_b.scores)
    chance, null = chance_by_permutation(
        lambda order: float(np.einsum("ij,ij->", square_a, square_b[order[:, None], order])) / 2,
        value, n, permutations, seed,
    )  # fmt: skip
    # What unrelated data have is known; it fades as the value nears 1.
    moved = _moved(of_a, of_b, value)
    square = squareform(moved - moved.mean())
    spread = max(spread_of_pairs(square), float(null.std(ddof=1)) * (1 - value**2))
    details = {"sample": n, "null": null}
    margin = student95(freedom_of(square.sum(axis=1))) * spread
    low, high = within(value, margin, MEASURE.bounds, LEAST_MARGIN)
    return Estimate(value, low, high, a.n_samples, chance=chance, details=details, warnings=warnings)


@dataclass(frozen=True)
class _Ranked:
    """Distances of all pairs, in the order of `pdist`: P = n(n − 1)/2 of them."""

    level: np.ndarray  # shape (P,): which of the distinct distances, from the smallest on
    counts: np.ndarray  # of pairs at each level
    scores: np.ndarray  # shape (P,): ranks less their mean, of norm 1


@remembered
def _ranked(x: Representation, metric: MetricOfRows, sample: int, seed: int) -> _Ranked:
    values = rows_near_one(x, drawn_rows(x.n_samples, sample, seed)[0], metric)
    distances = pdist(values)
    if not np.ptp(distances) > LEAST_SPREAD * distances.max():
        raise InvalidValue(
            f"{x.title}: all distances between samples are equal, as when it is constant; rsa has nothing to rank."
        )
    _, level, counts = np.unique(distances, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2 - (len(distances) + 1) / 2)[level]
    scores = ranks / np.linalg.norm(ranks)
    return _Ranked(level.astype(np.int32), counts, scores)


def _moved(a: _Ranked, b: _Ranked, value: float) -> np.ndarray:
    """How much the weight of each pair moves the value: through its own ranks, and through those of the rest."""
    own = a.scores * b.scores - value / 2 * (a.scores**2 + b.scores**2)
    return own + _through(a, b, value) + _through(b, a, value)


def _through(a: _Ranked, b: _Ranked, value: float) -> np.ndarray:
    """A pair lifts the ranks in a of all pairs farther than it by 1, and of those as far by 1/2."""
    slope = a.scores[np.argmax(a.level)] - a.scores[np.argmin(a.level)]
    ranks = len(a.scores) - (a.counts[0] + a.counts[-1]) / 2
    gained = np.bincount(a.level, weights=b.scores - value * a.scores)
    beyond = gained.sum() - np.cumsum(gained) + gained / 2
    return (beyond * slope / ranks)[a.level]


def _score(
    a: Representation,
    b: Representation,
    /,
    *,
    metric: MetricOfRows,
    sample: int,
    permutations: int,
    seed: int,
) -> Score:
    """The correlation with the samples of b in another order."""
    n = same_samples(a, b, "rsa")
    of_a, of_b = (squareform(_ranked(x, metric, sample, seed).scores) for x in (a, b))
    products = score_of_pairs(of_a, of_b, n, "rsa")
    return lambda orders: products(orders) / 2


def _influence(
    a: Representation, b: Representation, /, *, metric: MetricOfRows, sample: int, permutations: int, seed: int
) -> Influence:
    """How each sample moves the correlation, if it is among those that are compared: by the weight of its pairs."""
    same_samples(a, b, "rsa")
    rows, _ = drawn_rows(a.n_samples, sample, seed)
    of_a, of_b = (_ranked(x, metric, sample, seed) for x in (a, b))
    value = float(np.clip(of_a.scores @ of_b.scores, -1, 1))
    moved = _moved(of_a, of_b, value)
    alone = squareform(moved - moved.mean()).sum(axis=1)
    return Influence(value, alone, alone - alone.mean()).among(rows, a.n_samples)


MEASURE = Measure(
    compute=rsa,
    title="RSA",
    unit="correlation",
    bounds=(-1, 1),
    closer="high",
    swayed_by={"unit"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Kriegeskorte et al. 2008, doi:10.3389/neuro.06.004.2008",
    score=_score,
    influence=_influence,
    ceiling=EVEN,
)
