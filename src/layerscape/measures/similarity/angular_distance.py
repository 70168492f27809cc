"""Angular distance: by what angle a block turns the vectors that it is given."""

from __future__ import annotations

from math import sqrt

import numpy as np

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.influence import Influence
from layerscape.core.interval import LEAST_MARGIN, student95, within
from layerscape.core.measure import Measure
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.pairing import directions, same_samples


def angular_distance(a: Representation, b: Representation, /, *, permutations: int = 20, seed: int = 0) -> Estimate:
    """Mean angle between the two vectors of a sample, over π: 0 for the same direction, 1 for the opposite one.

    d = (1/N) Σᵢ arccos(aᵢ·bᵢ / ‖aᵢ‖‖bᵢ‖) / π (Gromov et al. 2024, equation 5, of the last token: pooling ``last``).
    Another form of the same is block influence, 1 − mean cosine (Men et al. 2024).

    Parameters
    ----------
    a, b
        Shape (N, D) both: the same samples in the same order, and units that mean the same in both, as before and
        after a block of a residual network, or before and after fine-tuning. Those of two networks of which each was
        trained by itself do not, though they be as many.
    permutations
        How many random pairings of the samples chance is measured with, at least 19.
    seed
        Which.

    Returns
    -------
    Estimate
        In 0…1. ``per_sample``: the angle of each sample over π. ``details``: ``cosine``, the mean cosine; ``null``, the
        value of each permutation.

    Raises
    ------
    InvalidValue
        If numbers of samples or of units differ, there are fewer than 10 samples, a vector is zero, or
        permutations < 19.

    Notes
    -----
    It is said to be a poor sign of what a block is worth (arXiv:2605.14075); `layerscape.ablate` holds it against the
    loss without the block. Where one unit dwarfs the others, it alone decides.

    References
    ----------
    Gromov, Tirumala, Shapourian, Glorioso, Roberts 2024, arXiv:2403.17887; Men et al. 2024, arXiv:2403.03853.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> turned = x[:, [1, 2, 0]] * [1, 1, -1]
    >>> [round(angular_distance(Representation(x), Representation(y)).value, 2) for y in (3 * x, -x, turned)]
    [0.0, 1.0, 0.51]
    """
    u, v = _units(a, b)
    angles, n = _angles(u, v), a.n_samples
    value = float(angles.mean())
    # Less is closer, and p counts what is as high.
    found, null = chance_by_permutation(
        lambda order: -float(_angles(u, v[order]).mean()), -value, n, permutations, seed
    )
    chance = Chance(-found.value, -found.high, -found.low, found.p)
    low, high = within(value, student95(n - 1) * float(angles.std(ddof=1)) / sqrt(n), MEASURE.bounds, LEAST_MARGIN)
    details: dict[str, float | np.ndarray] = {"cosine": float((u * v).sum(axis=1).mean()), "null": -null}
    return Estimate(value, low, high, n, a.n_units, chance=chance, per_sample=angles, details=details)


def _units(a: Representation, b: Representation) -> tuple[np.ndarray, np.ndarray]:
    """The rows of both at length 1."""
    rows = np.arange(same_samples(a, b, "angular_distance"))
    if a.n_units != b.n_units:
        raise InvalidValue(
            f"angular_distance of {a.n_units} and {b.n_units} units; there is an angle between vectors of one space "
            "only: compare by neighborhoods, or by cka."
        )
    return directions(a, rows, "cosine"), directions(b, rows, "cosine")


def _angles(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Over π; by both diagonals of the rhombus, since arccos loses half of the digits near 0."""
    return 2 / np.pi * np.arctan2(np.linalg.norm(u - v, axis=1), np.linalg.norm(u + v, axis=1))


def _score(a: Representation, b: Representation, /, *, permutations: int, seed: int) -> Score:
    """The value with the samples of b in another order."""
    u, v = _units(a, b)
    return of_each(lambda order: float(_angles(u, v[order]).mean()))


def _influence(a: Representation, b: Representation, /, *, permutations: int, seed: int) -> Influence:
    """A mean of one value of each sample, which no other sample changes."""
    angles = _angles(*_units(a, b))
    value, n = float(angles.mean()), len(angles)
    return Influence(value, (angles - value) / (n - 1), (angles - value) / n)


MEASURE = Measure(
    compute=angular_distance,
    unit="angle / π",
    bounds=(0, 1),
    closer="low",
    same_units=True,
    swayed_by={"unit"},
    unchanged_by={"order", "scaling"},
    source="Gromov et al. 2024, arXiv:2403.17887",
    score=_score,
    influence=_influence,
    ceiling="noise turns vectors, by how much is not known",
)
