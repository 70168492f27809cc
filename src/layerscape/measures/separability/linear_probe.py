"""Linear probe: how well a linear map reads a label out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import nan
from typing import Any, Literal

import numpy as np

from layerscape.core.checks import check_name, check_samples
from layerscape.core.decisive import words_of_samples
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score
from layerscape.core.folds import Folds
from layerscape.core.groups import Groups
from layerscape.core.interval import freedom_of, student95, wilson
from layerscape.core.measure import Measure
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.permutation import permutations as orders_of
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.classes import LABEL_KINDS, Classes, LabelKind, are_real, classes_of, one_per_sample, reals_of
from layerscape.measures.explained import ends_of_explained
from layerscape.measures.rows import slices
from layerscape.measures.separability.probes import folds_of, logistic, ridge

FEWEST = 10
MODERATE = 2**23  # N·D·C up to which logistic regression takes seconds
FREEDOM = 4.0  # with fewer no interval would say anything
BATCH = 2**24  # elements of the permuted targets that are read at once


def linear_probe(
    x: Representation,
    labels: Any,
    /,
    *,
    method: Literal["auto", "logistic", "ridge"] = "auto",
    folds: int = 5,
    permutations: int = 100,
    seed: int = 0,
    kind: LabelKind = "auto",
    parts: Folds | None = None,
) -> Estimate:
    """Share of samples whose label a linear classifier reads right, cross-validated; R² of ridge for real values.

    Every fold is predicted by a map fitted on the others, on which the units are standardized. Categories are spread
    evenly over the folds. ``"logistic"`` is multinomial logistic regression with penalty ‖W‖²/2, as scikit-learn's at
    C = 1; ``"ridge"`` least squares on one indicator per class, the largest of which is the class predicted, its
    penalty chosen by generalized cross-validation; ``"auto"`` is logistic up to N·D·C = 2²³. For real
    values R² = 1 − Σ(y − ŷ)² / Σ(y − ȳ)², with ŷ by ridge and ȳ the mean of the training folds.

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
        Random orders of the labels, for the chance.
    seed
        Of the folds and the permutations.
    kind
        What numbers are: ``"category"``, ``"real"``, or ``"auto"``: real if they are floats, not all whole.
    parts
        The folds themselves, in place of ``folds`` and ``seed``: there is then neither chance nor an interval.
        ``ls.estimate(…, groups=…)`` makes them of whole groups, and finds both.

    Returns
    -------
    Estimate
        Accuracy in 0…1 with Wilson's interval, or R² ≤ 1 with the jackknife's, on the scale of log(1 − R²); both are
        widened by the spread that permuted labels have. ``chance`` is what they score, for categories by ridge and
        within the folds; p is then that of ridge's accuracy, whatever the method.
        ``per_sample`` is 1 where the label was read right, or the squared error over that of the mean.
        ``details`` hold ``null`` and for categories ``null_observed`` (what ridge scores with the labels as they are),
        ``balanced_accuracy``, ``majority`` (the largest class's share), ``per_class`` and ``classes``.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, labels are missing, all equal or all different, or x is constant.

    Notes
    -----
    It says what can be read out, not what the network uses, and grows with D: compare with layers of equal width or
    with chance. With rare classes compare with ``majority`` too, which naming the largest class reaches. Copies of a
    sample that fall into different folds are read by heart. Ridge can miss a class whose mean lies between others.

    References
    ----------
    Alain, Bengio 2016, arXiv:1610.01644.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 3))
    >>> linear_probe(Representation(x + 9 * (np.arange(200) % 2)[:, None]), np.arange(200) % 2).value
    1.0
    """
    found = _read(x, labels, method, folds, kind)
    if not isinstance(found, Classes):
        return _of_values(x, found, folds, permutations, seed) if parts is None else _r_squared(x, found, parts.of)
    moderate = x.n_samples * x.n_units * len(found.names) <= MODERATE
    chosen = ("logistic" if moderate else "ridge") if method == "auto" else method
    if parts is not None:
        return _accuracy(x, found, chosen, parts.of)
    return _of_classes(x, found, chosen, folds, permutations, seed)


def _read(x: Representation, labels: Any, method: str, folds: int, kind: LabelKind) -> Classes | np.ndarray:
    """The classes, or real values about 1; raises where nothing can be learned of them."""
    check_name("method of linear_probe", method, ("auto", "logistic", "ridge"))
    check_name("kind of linear_probe", kind, LABEL_KINDS)
    n = x.n_samples
    check_samples(n, "linear_probe", FEWEST)
    if not 2 <= folds <= n:
        raise InvalidValue(f"folds={folds} of {n} samples; give 2 to {n}.")
    if not are_real(one_per_sample(labels, n), kind):
        return classes_of(labels, n)
    if method == "logistic":
        raise InvalidValue("method='logistic' with real values; it reads categories: take 'ridge' or 'auto'.")
    y = reals_of(labels, n)
    if not np.isfinite(y).all():
        raise InvalidValue(f"the label of row {int(np.argmin(np.isfinite(y)))} is infinite; give finite values.")
    return _scaled(y)


def _accuracy(x: Representation, found: Classes, method: str, fold: np.ndarray) -> Estimate:
    """With these folds, and without chance and interval."""
    n, c = x.n_samples, len(found.names)
    one_hot = np.eye(c)[found.codes]
    scores = logistic(x, found.codes, fold, c) if method == "logistic" else ridge(x, one_hot, fold, together=c)
    right = (scores.argmax(axis=1) == found.codes).astype(float)
    per_class = np.bincount(found.codes, weights=right) / found.sizes
    details = {
        "balanced_accuracy": float(per_class.mean()),
        "majority": float(found.sizes.max()) / n,
        "per_class": per_class,
        "classes": found.names,
    }
    value, words = float(right.mean()), _warnings(found, fold)
    return Estimate(value, nan, nan, n, x.n_units, per_sample=right, details=details, warnings=words)


def _of_classes(x: Representation, found: Classes, method: str, folds: int, count: int, seed: int) -> Estimate:
    n, fold = x.n_samples, folds_of(x, found.codes, folds, seed)
    result = _accuracy(x, found, method, fold)
    orders = [np.arange(n), *(_within(order, fold) for order in orders_of(n, count, seed))]
    own, *scores = _accuracies(x, found, orders, fold)
    null = iter(scores)
    chance, drawn = chance_by_permutation(lambda _: next(null), own, n, count, seed)
    # Folds share training samples, which makes the spread more than binomial.
    binomial = chance.value * (1 - chance.value) / n
    wider = float(drawn.var(ddof=1)) / binomial if binomial else 1.0  # all permutations alike tell no spread
    low, high = wilson(result.value, n / max(1.0, wider))
    details = {**result.details, "null": drawn, "null_observed": float(own)}
    return replace(result, low=low, high=high, chance=chance, details=details)


def _accuracies(x: Representation, found: Classes, orders: Sequence[np.ndarray], fold: np.ndarray) -> np.ndarray:
    """Of ridge for labels in some orders; one decomposition reads many of them."""
    n, c = x.n_samples, len(found.names)
    one_hot, right = np.eye(c)[found.codes], []
    for some in slices(len(orders), BATCH // (n * c)):
        scores = ridge(x, np.hstack([one_hot[order] for order in orders[some]]), fold, together=c)
        predicted = scores.reshape(n, -1, c).argmax(axis=2)
        right += [(predicted[:, i] == found.codes[order]).mean() for i, order in enumerate(orders[some])]
    return np.array(right)


def _within(order: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The permutation of the rows of every fold that an order of all rows makes."""
    found = np.empty_like(order)
    for f in range(fold.max() + 1):
        members = np.flatnonzero(fold == f)
        found[members] = members[np.argsort(order[members])]
    return found


def _warnings(found: Classes, fold: np.ndarray) -> tuple[str, ...]:
    sizes, folds, words = found.sizes, int(fold.max()) + 1, []
    spread = np.bincount(np.unique(found.codes * folds + fold) // folds)
    if (single := int((sizes == 1).sum())) > 0:
        words.append(f"{single} of {len(sizes)} classes have one member, which cannot be read right")
    if (alone := int(((sizes > 1) & (spread == 1)).sum())) > 0:
        words.append(
            f"{alone} of {len(sizes)} classes are in one fold alone, and cannot be read right: give fewer folds"
        )
    if (small := int(((sizes > 1) & (sizes < folds)).sum())) > 0:
        words.append(f"{small} of {len(sizes)} classes have fewer members than there are folds, {folds}")
    return tuple(words)


def _r_squared(x: Representation, y: np.ndarray, fold: np.ndarray) -> Estimate:
    """With these folds, and without chance and interval."""
    left, around = _squares(x, y[:, None], fold)
    value, per_sample = float(1 - left.sum() / around.sum()), left[:, 0] / around[:, 0].mean()
    return Estimate(value, nan, nan, len(y), x.n_units, per_sample=per_sample, warnings=_of_few(x, y))


def _of_few(x: Representation, y: np.ndarray) -> tuple[str, ...]:
    """That a few samples have most of the variance that R² is a share of, if they have."""
    return words_of_samples(Representation(y[:, None], ids=x.ids), "the label")


def _squares(x: Representation, targets: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors of ridge and of the mean; one decomposition reads all targets."""
    left = (targets - ridge(x, targets, fold)) ** 2
    return left, (targets - _means_of_others(targets, fold)) ** 2


def _of_values(x: Representation, y: np.ndarray, folds: int, count: int, seed: int) -> Estimate:
    n = len(y)
    fold = folds_of(x, np.zeros(n, dtype=int), folds, seed)
    left, around = _squares(x, y[np.stack([np.arange(n), *orders_of(n, count, seed)], axis=1)], fold)
    scores = 1 - left.sum(axis=0) / around.sum(axis=0)
    value, null = float(scores[0]), iter(scores[1:])
    chance, drawn = chance_by_permutation(lambda _: float(next(null)), value, n, count, seed)
    influence = (left[:, 0] - (1 - value) * around[:, 0]) / around[:, 0].sum()
    # Unrelated data move by their second order, which the jackknife does not see; it fades as the value nears 1.
    unrelated = float(drawn.std(ddof=1)) * max(0.0, 1 - value**2)
    sd = float(np.sqrt(influence @ influence + unrelated**2))
    low, high = ends_of_explained(value, student95(max(FREEDOM, freedom_of(influence))) * sd)
    per_sample = left[:, 0] / around[:, 0].mean()
    found = Estimate(value, low, high, n, x.n_units, chance=chance, per_sample=per_sample, details={"null": drawn})
    return replace(found, warnings=_of_few(x, y))


def _scaled(y: np.ndarray) -> np.ndarray:
    shifted = y - y[0]
    shifted = shifted / np.abs(shifted).max()
    return shifted - shifted.mean()


def _means_of_others(targets: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """For every sample the mean of the folds that it is not in."""
    member = (fold[:, None] == np.arange(fold.max() + 1)).astype(float)
    means = (targets.sum(axis=0) - member.T @ targets) / (len(fold) - member.sum(axis=0))[:, None]
    return means[fold]


def _folds(
    x: Representation,
    labels: Any,
    /,
    *,
    groups: Groups,
    method: str,
    folds: int,
    permutations: int,
    seed: int,
    kind: LabelKind,
) -> Folds:
    """Whole groups, those of one label spread evenly."""
    found = _read(x, labels, method, folds, kind)
    return Folds.of_groups(groups, folds, seed, found.codes if isinstance(found, Classes) else None)


def _score(
    x: Representation,
    labels: Any,
    /,
    *,
    method: str,
    folds: int,
    permutations: int,
    seed: int,
    kind: LabelKind,
    parts: Folds,
) -> Score:
    """The accuracy or R² of ridge for labels in another order, whatever the method."""
    found = _read(x, labels, method, folds, kind)
    if isinstance(found, Classes):
        return lambda orders: _accuracies(x, found, orders, parts.of)

    def score(orders: Sequence[np.ndarray]) -> np.ndarray:
        left, around = _squares(x, found[np.stack(orders, axis=1)], parts.of)
        return 1 - left.sum(axis=0) / around.sum(axis=0)

    return score


MEASURE = Measure(
    compute=linear_probe,
    unit="accuracy or R²",
    bounds=(-np.inf, 1),
    closer="high",
    sentence="a linear map reads {label} best",
    unchanged_by={"order", "translation", "scaling"},
    source="Alain and Bengio 2016, arXiv:1610.01644",
    folds=_folds,
    score=_score,
    influence=("one sample fewer deals all others into other folds, which moves the value more than the sample does"),
)
