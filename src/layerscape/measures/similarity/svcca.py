"""SVCCA: how well the main directions of one representation follow those of another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.interval import LEAST_MARGIN, margin_of_groups, within
from layerscape.core.measure import Measure
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.moments import gram, scatter
from layerscape.measures.similarity.pairing import corrected, of_one_sample, same_samples

FEWEST = 10
PER_COMPONENT = 5  # samples for each component of both sides
ROUNDING = 1e-12  # shares of the variance that differ by less are the same, and moments of 1 that are less are none


def svcca(
    a: Representation, b: Representation, /, *, variance: float = 0.99, permutations: int = 100, seed: int = 0
) -> Estimate:
    """Singular vector canonical correlation: the mean correlation of the best matched directions of two subspaces.

    Each side keeps its first principal components, as many as hold the share ``variance`` of its variance: k₁ and k₂.
    With Uₐ and U_b, of orthonormal columns, their scores, the canonical correlations ρᵢ are the singular values of
    UₐᵀU_b, and the value is Σρᵢ / min(k₁, k₂) (Raghu et al. 2017).

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order.
    variance
        Share of the variance to keep, above 0 and at most 1. It decides the value: report it.
    permutations, seed
        How many random pairings of the samples chance is taken from, and which.

    Returns
    -------
    Estimate
        In 0…1. ``details``: ``components_a`` and ``components_b`` (k₁, k₂), the ``correlations``, falling,
        ``corrected`` = (value − chance) / (1 − chance), ``null`` (the value at each permutation) and
        ``square_by_chance``, max(k₁, k₂) / (N − 1), which is the exact mean of ρ² under permutation.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, N < 5·(k₁ + k₂), an option is out of range, or a side is constant.

    Notes
    -----
    Chance is far from 0: about √(max(k₁, k₂) / N). Whitening makes the smallest component kept count as much as the
    largest, so that noise counts where ``variance`` lets it in. The interval, from groups of samples left out, is for
    the components that all samples choose, and is rather too wide where many correlations are near chance. The scores,
    N × (k₁ + k₂), are held in memory.

    References
    ----------
    Raghu, Gilmer, Yosinski, Sohl-Dickstein 2017, arXiv:1706.05806.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> round(svcca(Representation(x), Representation(2 * x + 1)).value, 9)
    1.0
    """
    if not 0 < variance <= 1:
        raise InvalidValue(f"variance={variance}; give a share above 0 and at most 1.")
    n = same_samples(a, b, "svcca", FEWEST)
    u, v = _scores(a, variance), _scores(b, variance)
    k_a, k_b = u.shape[1], v.shape[1]
    if n < PER_COMPONENT * (k_a + k_b):
        raise InvalidValue(
            f"{n} samples for {k_a} + {k_b} components that hold {variance:.4g} of the variance; below "
            f"{PER_COMPONENT} samples per component, {PER_COMPONENT * (k_a + k_b)}, unrelated data look alike: "
            f"lower variance=, or give more samples."
        )
    correlations = np.minimum(1.0, np.linalg.svd(u.T @ v, compute_uv=False))
    value = float(correlations.mean())
    chance, null = chance_by_permutation(lambda order: _mean(u.T @ v[order]), value, n, permutations, seed)
    low, high = within(value, margin_of_groups(_without_groups(u, v), n), MEASURE.bounds, LEAST_MARGIN)
    details = {
        "components_a": k_a,
        "components_b": k_b,
        "correlations": correlations,
        "corrected": corrected(value, chance.value),
        "square_by_chance": max(k_a, k_b) / (n - 1),
        "null": null,
    }
    words = []
    for x, scores, name in ((a, u, "a"), (b, v, "b")):
        if scores.shape[1] == 1 < x.n_units:
            words.append(
                f"one of {x.n_units} components holds {variance:.4g} of the variance of {name}: svcca sees only it"
            )
        words += of_one_sample((scores**2).max(axis=0), "components", name)
    return Estimate(value, low, high, n, chance=chance, details=details, warnings=tuple(words))


def _score(a: Representation, b: Representation, /, *, variance: float, permutations: int, seed: int) -> Score:
    """The mean correlation with the samples of b in another order."""
    same_samples(a, b, "svcca", FEWEST)
    u, v = _scores(a, variance), _scores(b, variance)
    return of_each(lambda order: _mean(u.T @ v[order]))


def _scores(x: Representation, variance: float) -> np.ndarray:
    """Scores of the components that hold the share of the variance, orthonormal, shape (N, k)."""
    if x.n_units > x.n_samples:
        return _kept(gram(x).matrix, variance, x.n_samples - 1)[1]
    found = scatter(x)
    values, directions = _kept(found.matrix, variance, x.n_samples - 1)
    scores = np.empty((x.n_samples, len(values)))
    for rows, block in x.blocks():
        scores[rows] = found.centered(block) @ directions
    return np.linalg.qr(scores / np.sqrt(values))[0]


def _kept(matrix: np.ndarray, variance: float, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """The first eigenvalues, falling, that hold the share of their sum, none of them rounding; and their vectors."""
    values, vectors = (part[..., ::-1][..., :rank] for part in np.linalg.eigh(matrix))
    values = np.where(values > len(matrix) * np.finfo(float).eps * values[0], values, 0.0)
    short = int((np.cumsum(values) / values.sum() < variance - ROUNDING).sum())
    kept = min(short + 1, int((values > 0).sum()))
    return values[:kept], vectors[:, :kept]


def _mean(cross: np.ndarray) -> float:
    return float(np.linalg.svd(cross, compute_uv=False).mean())


def _without_groups(u: np.ndarray, v: np.ndarray) -> Callable[[np.ndarray], float]:
    """The value of some of the rows; what all have in common is what the others do not take away."""
    n, k, both = len(u), u.shape[1], np.hstack([u, v])
    whole = both.T @ both

    def value(rows: np.ndarray) -> float:
        left = np.delete(both, rows, axis=0)
        total = left.sum(axis=0)  # the scores are centered
        moments = whole - left.T @ left - np.outer(total, total) / (n - len(left))
        to_a, to_b = _whitening(moments[:k, :k]), _whitening(moments[k:, k:])
        return _mean(to_a.T @ moments[:k, k:] @ to_b) if to_a.size and to_b.size else 0.0

    return value


def _whitening(moments: np.ndarray) -> np.ndarray:
    """What gives scores unit moments, in the directions in which some rows differ; those of all rows are 1."""
    values, vectors = np.linalg.eigh(moments)
    there = values > ROUNDING
    return vectors[:, there] / np.sqrt(values[there])


MEASURE = Measure(
    compute=svcca,
    title="SVCCA",
    unit="correlation",
    bounds=(0, 1),
    closer="high",
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Raghu et al. 2017, arXiv:1706.05806",
    score=_score,
    influence=(
        "which components are kept is cut off at a share of the variance, "
        "and between components of nearly equal variance one sample turns the cut"
    ),
    ceiling="noise adds directions that count as others do, so that halves of repeats agree too little for a ceiling",
)
