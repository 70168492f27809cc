"""Autoencoder: how narrow a bottleneck a network can send the samples through and still rebuild them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from math import inf

import numpy as np

from layerscape.core.checks import check_least
from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue, require
from layerscape.measures.dimension.bottleneck import FOLDS, principal_axes, train_networks, training_part
from layerscape.measures.dimension.elbow import Elbow, find_elbow
from layerscape.measures.dimension.spectrum import gram, scatter
from layerscape.measures.rows import drawn

LEAST = 0.1  # a share of the variance that training and a torn bottleneck leave over, and that counts as explained
FEWEST, FEW = 50, 500
MOST, MOST_WIDE = 16384, 4096  # samples that are read, up to MOST_WIDE units and beyond
HELD, COMPONENTS = 0.999, 256
MOST_WEIGHTS = 2**24  # of all networks together, 128 MiB, of which training holds some copies
BETTER = 0.02  # a share of PCA's error that training must take off to be a gain


def autoencoder(
    x: Representation, /, *, max_width: int = 32, hidden: int = 32, steps: int = 2000, seed: int = 0
) -> Estimate:
    """How narrow a bottleneck can be from which a network still rebuilds samples that it has not seen.

    Non-linear PCA (Kramer 1991; Hinton and Salakhutdinov 2006): x̂ = g(f(x)) with w numbers f(x) at the bottleneck; its
    error is Σ‖x − x̂‖² / Σ‖x − x̄‖² over held-out samples, the share of the variance that w numbers do not explain.
    The value is the elbow of log error over w = 0, 1, 2, 3, 4, 6, 8, 12, 16, …, max_width (the error is 1 at w = 0, and
    one below 0.1 counts as 0.1): the point farthest below the chord between the curve's ends.

    The recipe, the same for every representation: center; turn to principal components, the fewest that hold 99.9 % of
    the variance and at most 256, what is left counting as unexplained; scale the whole to variance 1. Encoder and
    decoder are each a linear map plus a layer of ``hidden`` tanh units; the linear maps start as PCA and the others'
    outputs at 0, so that training starts from PCA and may only improve on it. Adam (rate 0.035/√r for r components,
    decays 0.9 and 0.99) takes steps of 64 samples; every 20 steps the error of at most 512 samples for validation is
    read; after 5 readings without a gain of 0.3 % the best weights are taken back and the rate falls to a fifth, at
    the second time training ends. Five folds: each fifth of the samples is held out once, the next is for validation,
    three are for training (up to 4 samples are left over). In float64, on the CPU.

    Parameters
    ----------
    x
        Shape (N, D), at least 50 distinct samples.
    max_width
        The widest bottleneck, 2 or more. At a width of D and more nothing is lost, and nothing is trained.
    hidden
        Units of the two hidden layers.
    steps
        At most so many steps of training.
    seed
        Of the folds, the first weights and the order of the samples.

    Returns
    -------
    Estimate
        A width, 1 to ``max_width``. The interval is the range of widths whose depth below the chord the folds cannot
        tell from the deepest (jackknife over folds), half a step wider on both sides, and open above if the largest is
        among them. ``details`` hold the curves ``widths``, ``error`` with its standard deviation ``error_sd``, and
        ``pca_error`` of the same folds; ``gain``, how much less the network leaves unexplained than PCA at the elbow;
        ``pca_elbow``, the elbow of PCA's curve; and ``depth`` of the elbow below the chord as a share of the fall.

    Raises
    ------
    InvalidValue
        If the samples are constant, fewer than 50 of them are distinct, an option is too small, or the networks would
        have more than 17 million weights together.
    MissingExtra
        If torch is not installed.

    Notes
    -----
    A network leaves more when samples are few, or it is too small or trained too little: the errors are upper bounds,
    of this recipe. Widths that are not in the list are not tried (a flat cloud of 5 dimensions reads 6). Where the
    curve falls smoothly the elbow moves with its end, ``max_width``: compare layers at one value, and read the curve.
    A gain over PCA is no proof of curvature: a curve that fills a cloud rebuilds a Gaussian better than a line does.
    Copies are left out, and of more than 16,384 samples (4,096 if there are more than 4,096 units) so many are drawn.

    References
    ----------
    Kramer 1991, doi:10.1002/aic.690370209; Hinton, Salakhutdinov 2006, doi:10.1126/science.1127647.

    Examples
    --------
    >>> t = np.random.default_rng(0).random(300)
    >>> arc = np.stack([t, np.cos(3 * t), np.sin(3 * t)], axis=1)
    >>> estimate = autoencoder(Representation(arc))
    >>> estimate.value, round(estimate.details["pca_elbow"])
    (1.0, 2)
    """
    check_least(2, max_width=max_width)
    check_least(1, hidden=hidden, steps=steps)
    cloud = _cloud(x, seed)
    parts = np.random.default_rng(seed).permutation(len(cloud.scores))[: len(cloud.scores) // FOLDS * FOLDS]
    parts = parts.reshape(FOLDS, -1)
    widths = _widths(max_width)
    trained = widths[widths < cloud.scores.shape[1]]
    totals, pca_left = _pca_left(cloud, parts, widths)
    left, unfinished = np.full(pca_left.shape, cloud.rest * parts.shape[1]), 0  # wide ones lose but what PCA left out
    if len(trained):
        _check_size(cloud.scores.shape[1], trained, hidden)
        torch = require("torch", "models")
        more, unfinished = train_networks(torch, cloud.scores, parts, trained, hidden=hidden, steps=steps, seed=seed)
        left[:, : len(trained)] += more
    error, without = _curves(left, totals)
    pca_error, pca_without = _curves(pca_left, totals)
    elbow = find_elbow(widths, error, without, least=LEAST)
    details = {
        "widths": widths,
        "error": error,
        "error_sd": np.sqrt((FOLDS - 1) * without.var(axis=0)),
        "pca_error": pca_error,
        "gain": float((pca_error - error)[elbow.place]),
        "pca_elbow": find_elbow(widths, pca_error, pca_without, least=LEAST).value,
        "depth": elbow.depth,
    }
    words = [*cloud.words, *_doubts(cloud, elbow, error, pca_error)]
    if unfinished:
        words.append(f"{unfinished} of {FOLDS * len(trained)} networks still improved after {steps} steps: raise steps")
    return Estimate(elbow.value, elbow.low, elbow.high, x.n_samples, x.n_units, details=details, warnings=tuple(words))


@dataclass(frozen=True)
class _Cloud:
    """Distinct samples along their principal components, nearest to the mean first, with a variance of 1 in all."""

    scores: np.ndarray
    rest: float  # the share of the variance that the components leave out
    words: tuple[str, ...]


def _cloud(x: Representation, seed: int) -> _Cloud:
    n, most = x.n_samples, MOST if x.n_units <= MOST_WIDE else MOST_WIDE
    words = []
    if n > most:
        x = x.take(drawn(n, most, seed))
        words.append(f"trained and tested on {most} of the {n} samples, drawn at random")
    first: dict[bytes, int] = {}
    for rows, block in x.blocks():
        for number, row in enumerate(block + 0.0, rows.start):  # which makes −0 a 0
            first.setdefault(blake2b(row.tobytes(), digest_size=16).digest(), number)
    if len(first) < x.n_samples:
        words.append(f"{x.n_samples - len(first)} exact copies left out; {len(first)} samples remain")
        x = x.take(np.array(list(first.values())))
    scores, total = _components(x)
    n = x.n_samples
    if n < FEWEST:
        raise InvalidValue(f"{n} distinct samples; autoencoder needs at least {FEWEST}, and hundreds to learn from.")
    scores /= np.sqrt(total / n)
    rest = max(0.0, 1 - float((scores**2).sum()) / n)
    # Neither the sign of a component nor the order of the rows may matter.
    scores *= np.where((scores**3).sum(axis=0) < 0, -1, 1)
    return _Cloud(scores[np.argsort((scores**2).sum(axis=1), kind="stable")], rest, tuple(words))


def _components(x: Representation) -> tuple[np.ndarray, float]:
    """The samples along the leading principal components, and their sum of squares in all of them; scaled alike."""
    if x.n_units <= x.n_samples:
        moments = scatter(x)
        values, vectors, total = _leading(moments.matrix)
        return np.concatenate([moments.centered(block) @ vectors for _, block in x.blocks()]), total
    values, vectors, total = _leading(gram(x).matrix)
    return vectors * np.sqrt(values), total


def _leading(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The largest eigenvalues that make up HELD of the trace, at most COMPONENTS, their vectors, and the trace."""
    values, vectors = np.linalg.eigh(matrix)
    values, vectors, total = values[::-1], vectors[:, ::-1], float(np.trace(matrix))
    count = min(COMPONENTS, int(np.searchsorted(np.cumsum(values), HELD * total)) + 1)
    return values[:count], vectors[:, :count], total


def _widths(max_width: int) -> np.ndarray:
    """1, 2, 3, 4, 6, 8, 12, 16, … and the largest."""
    widths, width = [1], 2
    while width < max_width:
        widths += [width, width * 3 // 2]
        width *= 2
    return np.array([width for width in widths if width < max_width] + [max_width])


def _check_size(d: int, widths: np.ndarray, hidden: int) -> None:
    """Raise if there is no room for networks with so many tanh units."""
    room, widest = MOST_WEIGHTS // (FOLDS * len(widths)), int(widths[-1])
    most = (room - 2 * d * widest) // (2 * (d + widest + 1))
    if hidden > most:
        raise InvalidValue(
            f"hidden={hidden}; for {d} components and bottlenecks of up to {widest} give at most {most}, so that "
            f"{FOLDS * len(widths)} networks fit into memory."
        )


def _pca_left(cloud: _Cloud, parts: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The squares of the held-out samples about the training part's mean, and what of them PCA leaves at each width."""
    totals, left = np.empty(FOLDS), np.empty((FOLDS, len(widths)))
    for fold, part in enumerate(parts):
        center, _, directions = principal_axes(cloud.scores[training_part(parts, fold)])
        along = (((cloud.scores[part] - center) @ directions) ** 2).sum(axis=0)
        beyond = cloud.rest * len(part)
        totals[fold] = along.sum() + beyond
        left[fold] = [along[width:].sum() + beyond for width in widths]
    return totals, left


def _curves(left: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of the squares that is left at each width, over all folds and without each of them."""
    return left.sum(axis=0) / totals.sum(), (left.sum(axis=0) - left) / (totals.sum() - totals)[:, None]


def _doubts(cloud: _Cloud, elbow: Elbow, error: np.ndarray, pca_error: np.ndarray) -> list[str]:
    """What is wrong with the value, in words."""
    words, n, count = elbow.warnings("max_width"), *cloud.scores.shape
    if n < FEW:
        words.append(f"only {n} samples: a network learns little curvature from so few, and the value may be too high")
    if count == COMPONENTS and cloud.rest > 1 - HELD:
        words.append(
            f"the first {count} principal components hold {1 - cloud.rest:.1%} of the variance; the rest counts as "
            "unexplained at every width"
        )
    if count > 1 and (error > (1 - BETTER) * pca_error)[: elbow.place + 1].all():
        words.append(
            "the networks explain no more than PCA does up to the elbow: the cloud is flat, or has too few samples to "
            "show that it is not"
        )
    return words


MEASURE = Measure(
    compute=autoencoder,
    unit="units at the bottleneck",
    bounds=(0, inf),
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Kramer 1991, doi:10.1002/aic.690370209; Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647",
    influence="the value is a whole number from networks that are trained anew for any other samples",
)
