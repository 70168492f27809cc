"""LiDAR: how many directions tell samples apart better than views of one sample differ."""

from __future__ import annotations

from math import exp, inf

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.estimate import Estimate
from layerscape.core.frame import frame
from layerscape.core.interval import LEAST_MARGIN, freedom_of, student95
from layerscape.core.joined import joined
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.spectrum import SIDE, extrapolated, jackknife_sd

EPSILON = 1e-7  # added to shares, as that of RankMe
FEWEST, HALVED = 3, 8  # samples with views; from so many on halves of them are looked at
MATTERS = 0.01  # of the variance between views, above which the constant that is added is said
ROUNDING = 1e-12  # of the variance, below which means are equal


def lidar(x: Representation, pairs: Pairs, /, *, delta: float = 1e-4) -> Estimate:
    """LiDAR: how many directions tell samples apart, each measured by how far apart views of one sample lie along it.

    Of samples with several views each (augmentations, crops, paraphrases), every row a view: λₖ are the eigenvalues of
    W^(−1/2) B W^(−1/2), where B is the covariance of the samples' means over views and W that of views about their
    mean plus δ·1; LiDAR = exp(−Σ pₖ log pₖ), pₖ = λₖ/Σλ + ε, ε = 1e-7 (Thilak et al. 2024, eqs. 1–4).

    Parameters
    ----------
    x
        Shape (N, D), D ≤ 4,096: all views.
    pairs
        Which rows are views of one sample: a column with one value per sample, or a list of pairs; what is connected
        belongs together.
    delta
        δ ≥ 0, in units of the data squared, which keeps W from being singular. It is said where it is more than 1 % of
        the mean variance between views.

    Returns
    -------
    Estimate
        In dimensions, between 1 and D up to what ε adds. The interval is that of the infinitesimal jackknife over
        samples with their views, by Student's law on the scale of the entropy, and reaches from the value to where
        halves of the samples say that infinitely many would lead. ``details`` hold that, ``extrapolated``; how many
        samples have views, ``n_objects``, and how many on average, ``n_views``; and ``eigenvalues``, falling.

    Raises
    ------
    InvalidValue
        If fewer than 3 samples have views, x and pairs are of different samples, there are more than 4,096 units, W
        is singular, or all means are equal.

    Notes
    -----
    High where no view is like another too: of partners at random B is W over the number of views, all directions count
    alike, and the value is as large as it can be. A few views leave their noise in the means; compare at equal numbers
    of samples and views (the paper: 1,000 samples, 50 views), and of projections of one kind.

    References
    ----------
    Thilak, Huang, Saremi, Dinh, Goh, Nakkiran, Susskind, Littwin 2024, ICLR, arXiv:2312.04000.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> seen, noise = rng.standard_normal((500, 5)) @ np.eye(5, 20), rng.standard_normal((2000, 20))
    >>> views = np.tile(seen, (4, 1)) + 0.1 * noise
    >>> round(lidar(Representation(views), Pairs.of(np.arange(2000) % 500, 2000)).value, 1)
    5.2
    """
    if not 0 <= delta < inf:
        raise InvalidValue(f"delta={delta}; give a number of at least 0.")
    if x.n_samples != pairs.n_samples:
        raise InvalidValue(f"{x.n_samples} samples and pairs of {pairs.n_samples}; both must be of the same samples.")
    if x.n_units > SIDE:
        raise InvalidValue(f"{x.n_units} units; lidar takes at most {SIDE}, of which all directions are computed.")
    fit = frame(x)
    viewed = np.unique(pairs.rows())
    number, means, off = _views(fit(x.read(viewed)), _objects(pairs)[viewed])
    of_view = 1 / np.bincount(number)[number]  # every sample counts alike, whatever number of views it has
    delta_scaled = float(np.ldexp(delta, -2 * int(fit.power)))
    within = (off * of_view[:, None]).T @ off / len(means)
    values, directions = _directions(means, within, delta_scaled, x)
    entropy, slope = _entropy(values)
    centered = (means - means.mean(axis=0)) @ directions
    apart = np.zeros_like(centered)
    np.add.at(apart, number, of_view[:, None] * (off @ directions) ** 2)
    influence = (centered**2 - values - values * (apart - apart.mean(axis=0))) @ slope
    beyond = extrapolated(entropy, _of_halves(means, off, number, delta_scaled, x))
    margin = max(student95(freedom_of(influence)) * jackknife_sd(influence, len(means)), LEAST_MARGIN)
    value = exp(entropy)
    return Estimate(
        value,
        min(value, max(1.0, exp(min(entropy, beyond) - margin))),
        max(value, min(float(x.n_units), exp(max(entropy, beyond) + margin))),
        x.n_samples,
        x.n_units,
        details={
            "extrapolated": exp(beyond),
            "n_objects": float(len(means)),
            "n_views": len(number) / len(means),
            "eigenvalues": np.sort(values)[::-1],
        },
        warnings=(*pairs.warnings, *_words(within, delta_scaled, len(number) - len(means), len(means))),
    )


def _objects(pairs: Pairs) -> np.ndarray:
    """Shape (N,): rows that are connected by pairs have one number."""
    return joined(pairs.n_samples, *pairs.rows().T)


def _views(rows: np.ndarray, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every row the number of its sample; the means over views; what is left of the rows."""
    number = np.unique(objects, return_inverse=True)[1]
    counts = np.bincount(number)
    if len(counts) < FEWEST:
        raise InvalidValue(
            f"{len(counts)} samples with views of their own; lidar needs at least {FEWEST}, and hundreds to mean "
            "something."
        )
    means = np.zeros((len(counts), rows.shape[1]))
    np.add.at(means, number, rows)
    means /= counts[:, None]
    return number, means, rows - means[number]


def _directions(
    means: np.ndarray, within: np.ndarray, delta: float, x: Representation
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of B measured by W, and the directions as columns, of length 1 by W."""
    centered = means - means.mean(axis=0)
    if not (centered**2).sum() > ROUNDING * (len(means) * np.trace(within) + (means**2).sum()):
        raise constant(x, " but for views: no direction tells samples apart")
    size, turn = np.linalg.eigh(within + delta * np.eye(len(within)))
    tiny = np.finfo(float).eps * len(size)
    if not size[0] > max(tiny * size[-1], tiny**2 * float((means**2).mean())):
        raise InvalidValue(
            f"views of one sample differ in fewer than {len(size)} directions and delta={delta:g} is too small to "
            "measure the others by; give more, or more views."
        )
    white = turn / np.sqrt(size)
    half = centered @ white
    values, own = np.linalg.eigh(half.T @ half / (len(means) - 1))
    return np.clip(values, 0, None), white @ own


def _entropy(values: np.ndarray) -> tuple[float, np.ndarray]:
    """The entropy, and its slope in each eigenvalue."""
    total = float(values.sum())
    plain = values / total
    logs = np.log(plain + EPSILON)
    return float(-((plain + EPSILON) @ logs)), (plain @ (logs + 1) - (logs + 1)) / total


def _of_halves(means: np.ndarray, off: np.ndarray, number: np.ndarray, delta: float, x: Representation) -> list[float]:
    """The entropies of two halves of the samples, with their views."""
    if len(means) < HALVED:
        return []
    first = np.random.default_rng(0).permutation(len(means)) < len(means) // 2
    found = []
    for half in (first, ~first):
        rows, share = half[number], 1 / np.bincount(number)[number]
        within = (off[rows] * share[rows, None]).T @ off[rows] / half.sum()
        try:
            found.append(_entropy(_directions(means[half], within, delta, x)[0])[0])
        except InvalidValue:  # as where half of the views leave W singular
            return []
    return found


def _words(within: np.ndarray, delta: float, free: int, n_objects: int) -> list[str]:
    d, words = len(within), list[str]()
    if delta * MATTERS**-1 * d > np.trace(within):
        words.append(
            "delta is more than 1 % of the variance between views, and the value depends on it: give less, or bring "
            "the data to a larger unit"
        )
    if min(free, n_objects - 1) < d:
        words.append(
            f"{n_objects} samples and {free} differences between views of {d} units: some directions are measured by "
            "delta alone, or not seen; compare only at equal numbers"
        )
    return words


MEASURE = Measure(
    compute=lidar,
    unit="dimensions",
    bounds=(0, inf),
    title="LiDAR",
    chance="partners at random make all directions count alike, which reads as high as it can",
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "translation"},
    source="Thilak et al. 2024, LiDAR, ICLR, arXiv:2312.04000",
    influence="a sample leaves with all its views, and each row is one of them",
)
