"""Linear predictivity: how much of one representation a linear map of another predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, nan

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.estimate import Estimate
from layerscape.core.exchange import Score, of_each
from layerscape.core.folds import Folds
from layerscape.core.frame import frame
from layerscape.core.groups import Groups
from layerscape.core.interval import Z95, margin_of_groups
from layerscape.core.measure import Measure
from layerscape.core.permutation import chance_by_permutation
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.explained import ends_of_explained
from layerscape.measures.similarity.pairing import drawn_rows, same_samples

FAR_BELOW = -0.5  # R² that no penalty chosen on honest folds would give
FEWEST = 20
PENALTIES = 10.0 ** np.arange(-16, 3, 0.5)  # times the largest squared singular value
ROUNDING = 1e-12


def linear_predictivity(
    a: Representation,
    b: Representation,
    /,
    *,
    folds: int = 5,
    sample: int = 2_000,
    permutations: int = 19,
    seed: int = 0,
    parts: Folds | None = None,
) -> Estimate:
    """Share of the variance of b that a linear map of a predicts in samples that it has not seen: cross-validated R².

    R² = 1 − Σ‖bᵢ − b̂ᵢ‖² / Σ‖bᵢ − b̄ᵢ‖², where b̂ᵢ is the ridge regression on aᵢ, and b̄ᵢ the mean, of the other folds. The
    penalty, one for all units, is that of least generalized cross-validation (Golub, Heath, Wahba 1979) within those
    other folds. Units of b count by their variance, and one that holds most of it is named.

    Parameters
    ----------
    a, b
        Shapes (N, D_a) and (N, D_b): the same samples in the same order. a predicts b.
    folds
        Number of parts, 2…N/4, of which one after the other is predicted.
    sample
        Most samples that are looked at: a fixed draw beyond it, which is said in a warning.
    permutations, seed
        How many random pairings of the samples chance is taken from, and which; the seed draws samples and folds too.
    parts
        The folds themselves, in place of ``folds``: there is then neither chance nor an interval.
        ``ls.estimate(…, groups=…)`` makes them of whole groups, and finds both.

    Returns
    -------
    Estimate
        At most 1; 0 is no better than the mean, and less is worse. ``details``: ``per_unit``, the R² of each unit of b
        (NaN where it is constant, which is said), ``penalty``, the mean over folds of the chosen penalty over the
        largest squared singular value, and ``null``, the value at each permutation.

    Raises
    ------
    InvalidValue
        If the numbers of samples differ, there are fewer than 20, an option is out of range, or a side is constant.

    Notes
    -----
    Not symmetric: a map to fewer dimensions is easier. It depends on N, most of all where N is not many times D_a:
    compare values of the same N only. Copies of samples in different folds are predicted by each other and raise it.
    Unrelated data read 0 or slightly less. Folds are alike in the lengths of a's rows. The interval comes from
    groups of samples left out, of learning and of testing, at the same folds and penalties, on the scale of
    log(1 − R²). The rows looked at are held in memory.

    References
    ----------
    Golub, Heath, Wahba 1979, doi:10.1080/00401706.1979.10489751; Yamins et al. 2014, doi:10.1073/pnas.1403112111.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> round(linear_predictivity(Representation(x), Representation(x[:, :2] + 1)).value, 9)
    1.0
    """
    rows, of_sample = _rows(a, b, folds, sample, seed)
    words = [*of_sample]
    x, y = _centered(a, rows), _centered(b, rows)
    known = [_fold(x, test) for test in (_tests(x, folds, seed) if parts is None else _of_parts(parts, rows))]
    # With its basis turned, and the directions without variance left out, b gives the same sums at less cost.
    turned = _narrowed(y)
    fits = [part.fit(turned) for part in known]
    value, n = _value(fits), len(x)
    by_unit = [part.fit(y) for part in known]
    missed, sums = (sum((getattr(fit, side) ** 2).sum(axis=0) for fit in by_unit) for side in ("errors", "apart"))
    varies = y.any(axis=0)
    if not varies.all():
        words.append(f"{int((~varies).sum())} of {b.n_units} units of b are constant: their R² is NaN")
    by_sample = np.concatenate([(fit.errors**2).sum(axis=1) for fit in fits])
    if by_sample.max() > by_sample.sum() / 2 and 1 - value > ROUNDING:
        row = np.concatenate([part.tested for part in known])[by_sample.argmax()]
        words.append(f"sample {a.ids[rows[row]]!r} alone makes up more than half of the squared errors")
    elif value < FAR_BELOW:
        words.append("a map predicts worse than the mean does: copies or far samples mislead the choice of its penalty")
    per_unit = 1 - np.divide(missed, sums, out=np.full(b.n_units, np.nan), where=varies)
    details = {"per_unit": per_unit, "penalty": float(np.mean([fit.penalty for fit in fits]))}
    result = Estimate(value, nan, nan, a.n_samples, details=details, warnings=tuple(words))
    if parts is not None:
        return result
    chance, null = chance_by_permutation(
        lambda order: _value([part.fit(turned[order]) for part in known]), value, n, permutations, seed
    )
    # Which penalty unrelated data get is chance, which the jackknife at given penalties does not see.
    spread = Z95 * float(null.std()) * (1 - max(value, 0.0))
    low, high = ends_of_explained(value, hypot(margin_of_groups(lambda kept: _value_of(fits, kept, n), n), spread))
    return replace(result, low=low, high=high, chance=chance, details={**details, "null": null})


def _rows(
    a: Representation, b: Representation, folds: int, sample: int, seed: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Which samples are looked at, and a warning if not all are."""
    rows, words = drawn_rows(same_samples(a, b, "linear_predictivity", FEWEST), sample, seed, FEWEST)
    if not 2 <= folds <= len(rows) // 4:
        raise InvalidValue(f"folds={folds}; give 2 to {len(rows) // 4} for {len(rows)} samples.")
    return rows, words


@dataclass(frozen=True)
class _Fold:
    """What ridge regression of any b on a in one fold needs: X = U·diag(roots)·Vᵀ of the rows that it learns from."""

    learned: np.ndarray
    tested: np.ndarray
    u: np.ndarray
    roots: np.ndarray
    along: np.ndarray  # the tested rows times V

    def fit(self, y: np.ndarray) -> _Fit:
        known, mean = y[self.learned], y[self.learned].mean(axis=0)
        z = self.u.T @ (known - mean)
        penalty = self.penalty((z * z).sum(axis=1), float(((known - mean) ** 2).sum()))
        left = penalty / ((self.roots / self.roots[:1]) ** 2 + penalty)
        apart = y[self.tested] - mean
        return _Fit(self, penalty, left, z, known - mean, apart, apart - (self.along * ((1 - left) / self.roots)) @ z)

    @property
    def free(self) -> int:
        """Directions in which the rows that it learns from do not vary."""
        return len(self.learned) - 1 - len(self.roots)

    def penalty(self, energies: np.ndarray, total: float) -> float:
        """The one of least generalized cross-validation, over the largest squared singular value."""
        shares = (self.roots / self.roots[:1]) ** 2
        left = PENALTIES[:, None] / (shares + PENALTIES[:, None])  # what shrinking leaves of each direction
        outside = max(0.0, total - energies.sum()) if self.free else 0.0
        return float(PENALTIES[np.argmin((left**2 @ energies + outside) / (left.sum(axis=1) + self.free) ** 2)])


@dataclass(frozen=True)
class _Fit:
    """The ridge regression of b on a in one fold.

    Attributes
    ----------
    penalty, left
        The penalty over the largest squared singular value, and what it leaves unlearned of each direction.
    z, known, apart, errors
        b along the directions; the rows that it learned from and those that it tests, less the mean; errors of these.
    """

    fold: _Fold
    penalty: float
    left: np.ndarray
    z: np.ndarray
    known: np.ndarray
    apart: np.ndarray
    errors: np.ndarray

    def without(self, kept: np.ndarray) -> tuple[float, float]:
        """Squared errors of the prediction and of the mean if only some rows are there, at the same penalty.

        Without rows g the fit moves by H·(I − H_gg)⁻¹·(y − ŷ)_g, H the hat matrix. Where these rows alone vary in some
        direction, I − H_gg is 0 along one, and all is fitted anew.
        """
        fold, n = self.fold, len(self.fold.learned)
        g, tested = ~kept[fold.learned], kept[fold.tested]
        u, along = fold.u[g], fold.along[tested] * ((1 - self.left) / fold.roots)
        missed, inner = (u * self.left) @ self.z, (u * self.left) @ u.T
        if fold.free:
            missed += self.known[g] - u @ self.z
            inner += np.eye(len(u)) - 1 / n - u @ u.T
        values, turn = np.linalg.eigh(inner)
        if len(values) and values[0] < ROUNDING:
            return self._anew(~g, tested)
        pull = turn @ ((turn.T @ missed) / values[:, None])
        errors = self.errors[tested] + (along @ u.T + 1 / n) @ pull
        apart = self.apart[tested] + self.known[g].sum(axis=0) / (n - len(u))
        return float((errors**2).sum()), float((apart**2).sum())

    def _anew(self, learned: np.ndarray, tested: np.ndarray) -> tuple[float, float]:
        fold, y, x = self.fold, self.known[learned], (self.fold.u * self.fold.roots)[learned]
        u, roots, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        roots[roots <= max(x.shape) * np.finfo(float).eps * fold.roots[0]] = 0
        shrunk, apart = roots / (roots**2 + self.penalty * fold.roots[0] ** 2), self.apart[tested] - y.mean(axis=0)
        errors = apart - ((fold.along[tested] - x.mean(axis=0)) @ v.T * shrunk) @ (u.T @ (y - y.mean(axis=0)))
        return float((errors**2).sum()), float((apart**2).sum())


def _fold(x: np.ndarray, tested: np.ndarray) -> _Fold:
    learned = np.setdiff1d(np.arange(len(x)), tested)
    known, mean = x[learned], x[learned].mean(axis=0)
    u, roots, v = np.linalg.svd(known - mean, full_matrices=False)
    largest = max(roots[0], float(np.abs(x).max()))  # of all samples, since one of those that are tested may be all
    rank = min(int((roots > max(known.shape) * np.finfo(float).eps * largest).sum()), len(learned) - 1)
    return _Fold(learned, tested, u[:, :rank], roots[:rank], (x[tested] - mean) @ v[:rank].T)


def _of_parts(parts: Folds, rows: np.ndarray) -> list[np.ndarray]:
    """Numbers of the rows of each fold that is given."""
    of = parts.take(rows).of
    return [np.flatnonzero(of == fold) for fold in range(int(of.max()) + 1)]


def _tests(x: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Numbers of the rows of each fold: one of every few that follow each other in length, whatever their order."""
    order, rng = np.argsort(np.einsum("ij,ij->i", x, x), kind="stable"), np.random.default_rng(seed)
    member = np.empty(len(x), dtype=int)
    for start in range(0, len(x), folds):
        some = order[start : start + folds]
        member[some] = rng.permutation(folds)[: len(some)]
    return [np.flatnonzero(member == fold) for fold in range(folds)]


def _value(fits: Sequence[_Fit]) -> float:
    return 1 - sum(float((fit.errors**2).sum()) for fit in fits) / sum(float((fit.apart**2).sum()) for fit in fits)


def _value_of(fits: Sequence[_Fit], rows: np.ndarray, n: int) -> float:
    """The value if only some rows are there."""
    kept = np.isin(np.arange(n), rows)
    return float(1 - np.divide(*np.sum([fit.without(kept) for fit in fits], axis=0)))


def _narrowed(y: np.ndarray) -> np.ndarray:
    """Rows of as many dimensions as there are samples at most, with the same inner products."""
    if y.shape[1] <= len(y):
        return y
    values, vectors = np.linalg.eigh(y @ y.T)
    return vectors * np.sqrt(np.maximum(values, 0))


def _centered(x: Representation, rows: np.ndarray) -> np.ndarray:
    """Rows less their mean, scaled by a power of two; a unit that is constant is exactly 0."""
    some = Representation(x.read(rows))
    framed = frame(some)
    if not framed.peak:
        raise constant(x, "; linear_predictivity cannot compare it")
    return framed(some.matrix)


def _folds(
    a: Representation, b: Representation, /, *, groups: Groups, folds: int, sample: int, permutations: int, seed: int
) -> Folds:
    """Whole groups."""
    _rows(a, b, folds, sample, seed)
    return Folds.of_groups(groups, folds, seed)


def _score(
    a: Representation, b: Representation, /, *, folds: int, sample: int, permutations: int, seed: int, parts: Folds
) -> Score:
    """R² with the samples of b in another order, at the same folds."""
    rows, _ = _rows(a, b, folds, sample, seed)
    x, y = _centered(a, rows), _narrowed(_centered(b, np.arange(b.n_samples)))
    known = [_fold(x, test) for test in _of_parts(parts, rows)]
    return of_each(lambda order: _value([part.fit(y[order[rows]]) for part in known]))


MEASURE = Measure(
    compute=linear_predictivity,
    unit="share of variance",
    bounds=(-np.inf, 1),
    closer="high",
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Yamins et al. 2014, doi:10.1073/pnas.1403112111",
    swayed_by={"target unit"},
    symmetric=False,
    folds=_folds,
    score=_score,
    influence=("one sample fewer deals all others into other folds, which moves the value more than the sample does"),
    ceiling="it also loses by learning from noisy samples, and repeats do not tell how much; a value over a ceiling "
    "would be wrong by that",
)
