"""Spectrum decay: how fast the variance falls from direction to direction."""

from __future__ import annotations

from math import inf

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.influence import Influence
from layerscape.core.interval import Z95
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.moments import KEPT
from layerscape.measures.dimension.secular import eigenvalues_without
from layerscape.measures.dimension.spectrum import Spectrum, extrapolated, jackknife_sd, spectrum

FEWEST_RANKS = 3
FEW_RANKS = 10
STRAIGHT = 0.95  # of R², below which the points are no line
BENT = 0.5  # a change of the exponent between the halves of the range, relative, above which it is no power law
PER_RANK = 10  # samples per rank, below which the sample's eigenvalues fall faster than the law's


def spectrum_decay(x: Representation, /, *, first: int = 4, last: int = 100) -> Estimate:
    """Exponent α of the power law λₖ ∝ k^(−α) that the eigenvalues of the covariance follow over a range of ranks.

    The slope of log λₖ against −log k for k = first…last by least squares with weights 1/k, which give every octave of
    ranks the same weight. Agrawal et al. 2022 (α-ReQ) fit a line in log-log scale and name no range; ranks 4…100 and
    the weights are those of their code, which took the weights from Stringer et al. 2019 (whose ranks are 11…500).

    Parameters
    ----------
    x
        Shape (N, D).
    first, last
        The ranks fitted, counted from 1; ``last`` is cut to the number of directions that have variance.

    Returns
    -------
    Estimate
        The exponent, at least 0. The interval is the spread of α over draws of the samples by the infinitesimal
        jackknife, and reaches from the value to where halves of the samples say that infinitely many would lead
        (``extrapolated`` in the details, if halves have all the ranks); it does not say how well a line fits.
        ``details`` hold too the weighted ``r_squared`` of the line, the exponents ``alpha_first_half`` and
        ``alpha_second_half`` of the halves of the range in log k, ``first`` and ``last`` as used, and the points
        ``log_rank``, ``log_eigenvalue`` (of λ / Σλ) and ``log_fit``.

    Raises
    ------
    InvalidValue
        If the ranks are out of order, fewer than 3 of them have variance, or the data are constant.

    Notes
    -----
    The eigenvalues are the sample's. The last ones of few samples fall faster than the law's, so that α reads high
    unless N is many times ``last``. Stringer et al. show that smooth codes of d-dimensional inputs need α > 1 + 2/d.

    References
    ----------
    Agrawal, Mondal, Ghosh, Richards 2022, α-ReQ, Advances in Neural Information Processing Systems 35; Stringer,
    Pachitariu, Steinmetz, Carandini, Harris 2019, doi:10.1038/s41586-019-1346-5.

    Examples
    --------
    >>> rank = np.arange(1, 51)
    >>> x = np.random.default_rng(0).standard_normal((5000, 50)) * rank**-0.75
    >>> round(spectrum_decay(Representation(x), last=40).value, 1)
    1.5
    """
    found, end = _read(x, first, last)
    rank, logs = np.arange(first, end + 1), np.log(found.eigenvalues[first - 1 : end] / found.total)
    weights = _weights(rank)
    value = float(weights @ logs)
    moved = found.scores[:, first - 1 : end] ** 2 / found.eigenvalues[first - 1 : end]
    margin = Z95 * jackknife_sd(moved @ weights, found.n_samples)
    halves = found.halves[:, first - 1 : end]
    beyond = extrapolated(value, [float(weights @ np.log(half)) for half in halves] if (halves > 0).all() else [])
    details = {**_details(rank, logs, value), "extrapolated": beyond}
    return Estimate(
        max(0.0, value),
        max(0.0, min(value, beyond) - margin),
        max(value, beyond) + margin,
        found.n_samples,
        found.n_units,
        details=details,
        warnings=_warnings(found, details),
    )


def _read(x: Representation, first: int, last: int, most: int = KEPT) -> tuple[Spectrum, int]:
    """The spectrum, and the last rank that is fitted."""
    if not 1 <= first < last:
        raise InvalidValue(f"first={first} and last={last}; they are the ranks fitted: give 1 ≤ first < last.")
    found = spectrum(x, most)
    known = int((found.eigenvalues > 0).sum())
    end = min(last, known)
    if end - first + 1 < FEWEST_RANKS:
        raise InvalidValue(
            f"ranks {first} to {last} of {known} directions that have variance are fewer than {FEWEST_RANKS}, too few "
            "for a line; give a smaller first, a larger last, or more samples."
        )
    return found, end


def _weights(rank: np.ndarray) -> np.ndarray:
    """What each log λₖ adds to α: minus the slope of least squares with weights 1/k."""
    weight = 1 / rank
    apart = np.log(rank) - float(weight @ np.log(rank)) / weight.sum()
    return -weight * apart / float(weight @ apart**2)


def _details(rank: np.ndarray, logs: np.ndarray, value: float) -> dict[str, float | np.ndarray]:
    log_rank, weight = np.log(rank), 1 / rank
    center = float(weight @ logs) / weight.sum()
    fit = center - value * (log_rank - float(weight @ log_rank) / weight.sum())
    spread = float(weight @ (logs - center) ** 2)
    known: dict[str, float | np.ndarray] = {
        "r_squared": 1 - float(weight @ (logs - fit) ** 2) / spread if spread > 0 else 0.0,
        "first": int(rank[0]),
        "last": int(rank[-1]),
        "log_rank": log_rank,
        "log_eigenvalue": logs,
        "log_fit": fit,
    }
    early = log_rank < (log_rank[0] + log_rank[-1]) / 2
    if early.sum() >= FEWEST_RANKS:
        known["alpha_first_half"] = float(_weights(rank[early]) @ logs[early])
        known["alpha_second_half"] = float(_weights(rank[~early]) @ logs[~early])
    return known


def _warnings(found: Spectrum, details: dict[str, float | np.ndarray]) -> tuple[str, ...]:
    words = found.warnings()
    first, last = int(details["first"]), int(details["last"])
    straight = float(details["r_squared"])
    if last - first + 1 < FEW_RANKS:
        words.append(f"only ranks {first} to {last} have variance: so few points nearly always lie on a line")
    halves = [float(details[name]) for name in ("alpha_first_half", "alpha_second_half") if name in details]
    bent = bool(halves) and abs(halves[0] - halves[1]) > BENT * max(map(abs, halves))
    if straight < STRAIGHT or bent:
        exponents = f", exponent {halves[0]:.2f} in the first half and {halves[1]:.2f} in the second" if halves else ""
        words.append(
            f"the eigenvalues do not follow a power law over ranks {first} to {last} (R² = {straight:.2f}{exponents}): "
            "look at the spectrum, or choose other ranks"
        )
    if found.n_samples < PER_RANK * last:
        words.append(
            f"{found.n_samples} samples for rank {last}: the last eigenvalues fall faster than those of the law, so "
            "that the exponent reads high; give more samples or a smaller last"
        )
    return tuple(words)


def _influence(x: Representation, /, *, first: int, last: int) -> Influence:
    """How each sample moves the exponent: without it, and to first order by its weight."""
    n = x.n_samples
    found, end = _read(x, first, last, most=n)
    known = found.eigenvalues > 0
    sums, squares = found.eigenvalues[known] * (n - 1), found.scores[:, known] ** 2
    weights = _weights(np.arange(first, end + 1))
    left = eigenvalues_without(sums, squares * (n / (n - 1)), first - 1, end)
    # A sample that alone spans a direction takes the last rank with it.
    whole = left[:, -1] > len(sums) * np.finfo(float).eps * sums[0]
    without = np.log(np.where(whole[:, None], left, 1.0)) @ weights
    if not whole.all():
        without[~whole] = np.log(left[~whole, :-1]) @ _weights(np.arange(first, end))
    value = float(weights @ np.log(sums[first - 1 : end]))
    alone = (squares[:, first - 1 : end] / sums[first - 1 : end]) @ weights * ((n - 1) / n)
    return Influence(max(0.0, value), value - without, alone - alone.mean())


MEASURE = Measure(
    compute=spectrum_decay,
    unit="exponent",
    bounds=(0, inf),
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    influence=_influence,
    source="Agrawal et al. 2022, α-ReQ, NeurIPS 35; Stringer et al. 2019, doi:10.1038/s41586-019-1346-5",
)
