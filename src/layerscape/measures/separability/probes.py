"""Linear maps fitted on all folds but one and read on that one, with units standardized on the training folds.

Ridge starts from moments: with S = ZᵀZ the scatter of the standardized units of the training folds, decomposed, every
penalty costs no more than a sum, so that generalized cross-validation (Golub, Heath, Wahba 1979,
doi:10.1080/00401706.1979.10489751) chooses it. Moments are streamed; where samples are no more than units, the rows
are held instead and their Gram matrix is decomposed, which is the smaller. Logistic regression holds the rows.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from layerscape.core.frame import Frame, frame_by_unit
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue

PENALTIES = np.geomspace(1e-6, 1e4, 41)  # of ridge, in units of the mean eigenvalue
KEYS = 16  # units whose values order the samples
TOLERANCE = 1e-4  # of the gradient of the logistic loss, per coordinate
ROUNDING = 1e-20  # of the variance of a unit whose largest value is 1


def readable(x: Representation) -> Frame:
    """Its frame, a scale for every unit; raises if all rows are equal."""
    framed = frame_by_unit(x)
    if not framed.peak.any():
        raise InvalidValue(f"all {x.n_samples} samples are equal: the representation is constant; nothing can be read.")
    return framed


def folds_of(x: Representation, of_sample: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of every sample, shape (N,): classes spread evenly, whatever the order of the rows."""
    columns = np.unique(np.linspace(0, x.n_units - 1, KEYS).astype(int))
    keys = np.concatenate([block[:, columns] for _, block in x.blocks()])
    order = np.lexsort(keys.T)[np.random.default_rng(seed).permutation(x.n_samples)]
    order = order[np.argsort(of_sample[order], kind="stable")]
    fold = np.empty(x.n_samples, dtype=int)
    fold[order] = np.arange(x.n_samples) % folds
    return fold


def ridge(x: Representation, targets: np.ndarray, fold: np.ndarray, *, together: int = 1) -> np.ndarray:
    """Out-of-fold predictions of the targets, shape (N, T); so many columns share a penalty."""
    fit = _from_rows if x.n_samples <= x.n_units else _from_moments
    return fit(x, targets, fold, together)


def logistic(x: Representation, of_sample: np.ndarray, fold: np.ndarray, n_classes: int) -> np.ndarray:
    """Out-of-fold scores of the classes, shape (N, C), by multinomial logistic regression with penalty ‖W‖²/2."""
    rows = readable(x)(x.read(slice(0, x.n_samples)))
    scores = np.empty((len(rows), n_classes))
    for f in range(fold.max() + 1):
        train = fold != f
        center, sd = _standard(rows[train])
        weights, bias = _logistic((rows[train] - center) / sd, np.eye(n_classes)[of_sample[train]])
        scores[~train] = (rows[~train] - center) / sd @ weights + bias
    return scores


def _logistic(z: np.ndarray, one_hot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    d, c = z.shape[1], one_hot.shape[1]
    # A class that is missing from the training folds would only drive its bias to −∞.
    present = one_hot.any(axis=0)
    one_hot = one_hot[:, present]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(d + 1, -1)
        scores = z @ w[:-1] + w[-1]
        norm = logsumexp(scores, axis=1, keepdims=True)
        error = np.exp(scores - norm) - one_hot
        value = float((norm - (scores * one_hot).sum(axis=1, keepdims=True)).sum() + (w[:-1] ** 2).sum() / 2)
        return value, np.vstack([z.T @ error + w[:-1], error.sum(axis=0)]).ravel()

    start = np.zeros((d + 1) * one_hot.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000, "gtol": TOLERANCE}).x
    weights, bias = np.zeros((d, c)), np.full(c, -np.inf)
    weights[:, present], bias[present] = found.reshape(d + 1, -1)[:-1], found.reshape(d + 1, -1)[-1]
    return weights, bias


def _standard(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    center = rows.mean(axis=0)
    return center, _root(((rows - center) ** 2).mean(axis=0))


def _root(variance: np.ndarray) -> np.ndarray:
    """Standard deviations; infinite for what is constant on the training folds, which so is left out."""
    return np.sqrt(np.where(variance > ROUNDING, variance, np.inf))


def _from_rows(x: Representation, targets: np.ndarray, fold: np.ndarray, together: int) -> np.ndarray:
    rows, found = readable(x)(x.read(slice(0, x.n_samples))), np.empty_like(targets)
    for f in range(fold.max() + 1):
        train = fold != f
        center, sd = _standard(rows[train])
        z, y = (rows[train] - center) / sd, targets[train]
        mean = y.mean(axis=0)
        values, sides = _decomposed(z @ z.T)
        roots = np.sqrt(values)[:, None]
        shrunk = _shrunk(values, roots * (sides.T @ (y - mean)), ((y - mean) ** 2).sum(axis=0), len(z), together)
        found[~train] = (rows[~train] - center) / sd @ (z.T @ (sides @ (shrunk / roots))) + mean
    return found


def _from_moments(x: Representation, targets: np.ndarray, fold: np.ndarray, together: int) -> np.ndarray:
    framed, folds, d = readable(x), int(fold.max()) + 1, x.n_units
    shifted = targets - targets.mean(axis=0)
    squares, cross = np.zeros((folds, d, d)), np.zeros((folds, d, targets.shape[1]))
    sums = np.zeros((folds, d))
    for rows, block in x.blocks():
        z = framed(block)
        for f in range(folds):
            mine = fold[rows] == f
            squares[f] += z[mine].T @ z[mine]
            cross[f] += z[mine].T @ shifted[rows][mine]
            sums[f] += z[mine].sum(axis=0)
    maps = []
    for f in range(folds):
        others = np.arange(folds) != f
        y, n = shifted[fold != f], int((fold != f).sum())
        center, mean = sums[others].sum(axis=0) / n, y.mean(axis=0)
        scatter = squares[others].sum(axis=0) - n * np.outer(center, center)
        sd = _root(np.diag(scatter) / n)
        values, directions = _decomposed(scatter / sd[:, None] / sd)
        along = directions.T @ ((cross[others].sum(axis=0) - n * np.outer(center, mean)) / sd[:, None])
        weights = directions @ _shrunk(values, along, ((y - mean) ** 2).sum(axis=0), n, together) / sd[:, None]
        maps.append((weights, mean - center @ weights))
    found = np.empty_like(targets)
    for rows, block in x.blocks():
        z, mine = framed(block), fold[rows]
        for f, (weights, bias) in enumerate(maps):
            found[np.arange(rows.start, rows.stop)[mine == f]] = z[mine == f] @ weights + bias
    return found + targets.mean(axis=0)


def _decomposed(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(matrix)
    kept = values > len(matrix) * np.finfo(float).eps * values[-1]
    return values[kept], vectors[:, kept]


def _shrunk(values: np.ndarray, along: np.ndarray, total: np.ndarray, n: int, together: int) -> np.ndarray:
    """The coefficients along the directions, shape (r, T), at the penalty of the least generalized error."""
    penalties = PENALTIES * values.mean()
    errors = np.empty((len(penalties), along.shape[1]))
    for i, penalty in enumerate(penalties):
        left = total - ((values + 2 * penalty) / (values + penalty) ** 2) @ along**2
        errors[i] = left / (n - 1 - (values / (values + penalty)).sum()) ** 2
    of_group = errors.reshape(len(penalties), -1, together).sum(axis=2)
    best = np.repeat(np.argmin(of_group, axis=0), together)
    return along / (values[:, None] + penalties[best])
