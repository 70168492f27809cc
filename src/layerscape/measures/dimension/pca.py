"""PCA: how many linear directions hold most of the variance."""

from __future__ import annotations

from math import inf

import numpy as np

from layerscape.core.estimate import Estimate
from layerscape.core.interval import Z95
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.spectrum import Spectrum, extrapolated, jackknife_sd, spectrum

SHARES = (80, 90, 95, 99)
ROUNDING = 1e-12  # relative: a share that is met but for rounding is met
PER_COMPONENT = 10  # samples per component, below which the count is held down by the number of samples


def pca(x: Representation, /, *, share: float = 0.9) -> Estimate:
    """Number of principal components that hold a share of the variance: a linear upper guess of the dimension.

    The smallest m with c_m = Σ_{a≤m} λₐ / Σₐ λₐ ≥ share, for the eigenvalues λ₁ ≥ λ₂ ≥ … of the covariance. (Ansuini et
    al. 2019 count from 0, and so read one component fewer.)

    Parameters
    ----------
    x
        Shape (N, D), N ≥ 3.
    share
        The share of the variance to be held, between 0 and 1.

    Returns
    -------
    Estimate
        A whole number of components. With ±margin the 95 % of c_m by the infinitesimal jackknife, the interval goes
        from where c, drawn as a line from point to point, crosses share − margin, up to the count at share + margin;
        of c as it is and as extrapolated to infinitely many samples (from halves of the samples), whichever reaches
        further. ``details`` hold ``extrapolated``, the count so corrected; ``components_80``, ``components_90``,
        ``components_95`` and ``components_99``; and ``spectrum``, the eigenvalues, falling, in units of the data
        squared.

    Raises
    ------
    InvalidValue
        If the share is not between 0 and 1, there are fewer than 3 samples, or the data are constant; or if neither N
        nor D is below 4,097 and the 1,024 directions then looked at do not hold the share.

    Notes
    -----
    Linear: a curved line fills many components. The eigenvalues are the sample's, whose spread is too wide when N is
    not much larger than the count, so that few samples read low.

    References
    ----------
    Jolliffe 2002, Principal Component Analysis, doi:10.1007/b98835, section 6.1.1; Ansuini, Laio, Macke, Zoccolan 2019,
    arXiv:1905.12784.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((500, 3)) @ np.diag([3.0, 2.0, 0.1])
    >>> estimate = pca(Representation(x))
    >>> estimate.value, estimate.details["components_80"], len(estimate.details["spectrum"])
    (2.0, 2, 3)
    """
    if not 0 < share < 1:
        raise InvalidValue(f"share={share}; it is the share of the variance to be held: give 0 < share < 1.")
    found = spectrum(x)
    held = np.cumsum(found.eigenvalues) / found.total
    count = _count(held, share)
    if count is None:
        raise InvalidValue(
            f"the first {len(held)} directions hold {held[-1]:.1%} of the variance, and no more are computed of "
            f"{x.n_samples} × {x.n_units} values; give a share below that."
        )
    margin = Z95 * _sd(found, count)
    beyond = _with_more_samples(found, held)
    low = min(_crossing(curve, share - margin) for curve in (held, beyond))
    high = max(_count(curve, share + margin) or min(x.n_samples - 1, x.n_units) for curve in (held, beyond))
    details: dict[str, float | np.ndarray] = {
        "spectrum": found.in_units,
        "extrapolated": _count(beyond, share) or len(beyond),
    }
    for percent in SHARES:
        at = _count(held, percent / 100)
        if at is not None:
            details[f"components_{percent}"] = at
    return Estimate(
        count, low, high, found.n_samples, found.n_units, details=details, warnings=_warnings(found, count, share)
    )


def _count(held: np.ndarray, share: float) -> int | None:
    """How many components hold the share, the first being number 1; None if all that are known do not."""
    reached = np.flatnonzero(held >= share * (1 - ROUNDING))
    return int(reached[0]) + 1 if len(reached) else None


def _crossing(held: np.ndarray, share: float) -> float:
    """Where the line through the points of the curve reaches the share."""
    return float(np.interp(share, np.concatenate([[0.0], held]), np.arange(len(held) + 1)))


def _with_more_samples(found: Spectrum, held: np.ndarray) -> np.ndarray:
    """The shares that infinitely many samples would show, which lie below those of few."""
    halves = [np.cumsum(values) / values.sum() for values in found.halves]
    return np.maximum.accumulate(np.clip(extrapolated(held, halves), 0, held[-1]))


def _sd(found: Spectrum, count: int) -> float:
    """Standard deviation of the share that so many components hold."""
    share = float(found.eigenvalues[:count].sum()) / found.total
    along = (found.scores[:, :count] ** 2).sum(axis=1)
    return jackknife_sd((along - share * found.lengths) / found.total, found.n_samples)


def _warnings(found: Spectrum, count: int, share: float) -> tuple[str, ...]:
    words = found.warnings()
    if found.n_samples < PER_COMPONENT * count:
        words.append(
            f"{found.n_samples} samples for {count} components at {share:.0%} of the variance: more samples would show "
            "more components; participation_ratio corrects for that"
        )
    return tuple(words)


MEASURE = Measure(
    compute=pca,
    title="PCA",
    unit="components",
    bounds=(0, inf),
    swayed_by={"sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Jolliffe 2002, doi:10.1007/b98835; Ansuini et al. 2019, arXiv:1905.12784",
    influence=("the value is a whole number, which stays as it is under most deletions and jumps under the others"),
)
