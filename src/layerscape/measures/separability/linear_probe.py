"""Linear probe: how well a linear map reads a label out."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.stats import binom

from layerscape.core.estimate import Chance, Estimate
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, unknown_name
from layerscape.measures.interval import Z95
from layerscape.measures.permutation import chance_by_permutation
from layerscape.measures.permutation import permutations as orders_of
from layerscape.measures.separability.classes import Classes, classes_of, is_real, one_per_sample
from layerscape.measures.separability.probes import folds_of, logistic, ridge

FEWEST = 10
MODERATE = 2**23  # N·D·C up to which logistic regression takes seconds
LEAST_MARGIN = 1e-9


def linear_probe(
    x: Representation,
    labels: Any,
    /,
    *,
    method: Literal["auto", "logistic", "ridge"] = "auto",
    folds: int = 5,
    permutations: int = 100,
    seed: int = 0,
) -> Estimate:
    """Share of samples whose label a linear classifier reads right, cross-validated; R² of ridge for real values.

    Every fold is predicted by a map fitted on the others, on which the units are standardized. Categories are spread
    evenly over the folds. ``"logistic"`` is multinomial logistic regression with penalty ‖W‖²/2, as scikit-learn's at
    C = 1; ``"ridge"`` least squares on one indicator per class, the largest of which is the class predicted, its
    penalty chosen by generalized cross-validation; ``"auto"`` is logistic up to N·D·C = 2²³. For labels that are
    floats, not all whole, R² = 1 − Σ(y − ŷ)² / Σ(y − ȳ)², with ŷ by ridge and ȳ the mean of the training folds.

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 10.
    labels
        Shape (N,): categories of any type, or real values.
    method
        Of classification; real values are always read by ridge.
    folds
        2…N.
    permutations
        Random orders of the labels, for the chance of real values.
    seed
        Of the folds and the permutations.

    Returns
    -------
    Estimate
        Accuracy in 0…1 with Wilson's interval, or R² ≤ 1 with the jackknife's over samples; both for the maps of this
        size of training set. ``chance`` is the majority's share with its binomial law, or permutations of the values.
        ``per_sample`` is 1 where the label was read right, or the squared error over that of the mean.
        ``details`` hold ``balanced_accuracy``, ``per_class`` and ``classes``, or ``null``.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, labels are missing, all equal or all different, or x is constant.

    Notes
    -----
    It says what can be read out, not what the network uses, and grows with D: compare with layers of equal width or
    with chance. A label permuted scores no more than the majority's share on average, so that p is cautious. Copies of
    a sample that fall into different folds are read by heart. Ridge can miss a class whose mean lies between others.

    References
    ----------
    Alain, Bengio 2016, arXiv:1610.01644.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 3))
    >>> linear_probe(Representation(x + 9 * (np.arange(200) % 2)[:, None]), np.arange(200) % 2).value
    1.0
    """
    if method not in ("auto", "logistic", "ridge"):
        raise unknown_name("method of linear_probe", str(method), ("auto", "logistic", "ridge"))
    n = x.n_samples
    if n < FEWEST:
        raise InvalidValue(f"{n} samples; linear_probe needs at least {FEWEST}.")
    if not 2 <= folds <= n:
        raise InvalidValue(f"folds={folds} of {n} samples; give 2 to {n}.")
    values = one_per_sample(labels, n)
    if is_real(values):
        if method == "logistic":
            raise InvalidValue("method='logistic' with real values; it reads categories: take 'ridge' or 'auto'.")
        return _of_values(x, values.astype(float), folds, permutations, seed)
    found = classes_of(labels, n)
    moderate = n * x.n_units * len(found.names) <= MODERATE
    chosen = ("logistic" if moderate else "ridge") if method == "auto" else method
    return _of_classes(x, found, chosen, folds, seed)


def _of_classes(x: Representation, found: Classes, method: str, folds: int, seed: int) -> Estimate:
    n, c = x.n_samples, len(found.names)
    fold = folds_of(x, found.of_sample, folds, seed)
    if method == "logistic":
        scores = logistic(x, found.of_sample, fold, c)
    else:
        scores = ridge(x, np.eye(c)[found.of_sample], fold, own=False)
    right = (scores.argmax(axis=1) == found.of_sample).astype(float)
    per_class = np.bincount(found.of_sample, weights=right) / found.sizes
    share = float(found.sizes.max()) / n
    low, high = (float(q) / n for q in binom.ppf([0.025, 0.975], n, share))
    p = float(binom.sf(right.sum() - 1, n, share))
    value = float(right.mean())
    return Estimate(
        value,
        *_wilson(value, n),
        n,
        x.n_units,
        chance=Chance(share, low, high, p),
        per_sample=right,
        details={"balanced_accuracy": float(per_class.mean()), "per_class": per_class, "classes": found.names},
        warnings=_warnings(found.sizes, folds),
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    center = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    margin = Z95 / (1 + Z95**2 / n) * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return min(share, max(0.0, center - margin)), max(share, min(1.0, center + margin))


def _warnings(sizes: np.ndarray, folds: int) -> tuple[str, ...]:
    words = []
    if (single := int((sizes == 1).sum())) > 0:
        words.append(f"{single} of {len(sizes)} classes have one member, which cannot be read right")
    if (small := int(((sizes > 1) & (sizes < folds)).sum())) > 0:
        words.append(f"{small} of {len(sizes)} classes have fewer members than there are folds, {folds}")
    return tuple(words)


def _of_values(x: Representation, y: np.ndarray, folds: int, number: int, seed: int) -> Estimate:
    n = len(y)
    if not np.isfinite(y).all():
        raise InvalidValue(f"the label of row {int(np.argmin(np.isfinite(y)))} is infinite; give finite values.")
    y, fold = _scaled(y), folds_of(x, np.zeros(n, dtype=int), folds, seed)
    # One decomposition reads all permutations at once.
    targets = y[np.stack([np.arange(n), *orders_of(n, number, seed)], axis=1)]
    left = (targets - ridge(x, targets, fold, own=True)) ** 2
    around = (targets - _means_of_others(targets, fold)) ** 2
    scores = 1 - left.sum(axis=0) / around.sum(axis=0)
    value, null = float(scores[0]), iter(scores[1:])
    chance, drawn = chance_by_permutation(lambda _: float(next(null)), value, n, number, seed)
    influence = (left[:, 0] - (1 - value) * around[:, 0]) / around[:, 0].sum()
    margin = max(Z95 * float(np.sqrt(influence @ influence)), LEAST_MARGIN)
    low, high = value - margin, min(1.0, value + margin)
    per_sample = left[:, 0] / around[:, 0].mean()
    return Estimate(value, low, high, n, x.n_units, chance=chance, per_sample=per_sample, details={"null": drawn})


def _scaled(y: np.ndarray) -> np.ndarray:
    shifted = y - y[0]
    shifted = shifted / np.abs(shifted).max()
    return shifted - shifted.mean()


def _means_of_others(targets: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """For every sample the mean of the folds that it is not in."""
    member = (fold[:, None] == np.arange(fold.max() + 1)).astype(float)
    means = (targets.sum(axis=0) - member.T @ targets) / (len(fold) - member.sum(axis=0))[:, None]
    return means[fold]


MEASURE = Measure(
    compute=linear_probe,
    unit="accuracy or R²",
    bounds=(-np.inf, 1),
    unchanged_by={"order", "translation", "scaling", "linear"},
    source="Alain and Bengio 2016, arXiv:1610.01644",
    standard=False,
)
