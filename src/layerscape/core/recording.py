"""Samples that follow each other in time: how long what one says of the next lasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.fft import next_fast_len

from layerscape.core.apart import Apart
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue

Lag = int | Literal["auto"]
FADED = 0.1  # autocorrelation below which samples say little of each other
LONG = 5  # times the correlation time up to which autocorrelations are summed (Sokal's window)
AT_ONCE = 2**22  # values that are transformed at a time


@dataclass(frozen=True)
class Recording:
    """N samples in the order in which they were taken.

    Attributes
    ----------
    lag
        Samples within so many rows of each other are no neighbors.
    time
        τ, so that N samples say as much as N/τ independent ones.
    n_samples
        N.
    whole
        Whether each sample follows the one before it, with none left out between them.
    """

    lag: int
    time: float
    n_samples: int
    whole: bool = True

    @classmethod
    def of(cls, lag: Lag, layers: Iterable[Representation]) -> Recording:
        """With a lag that is given or, ``"auto"``, the one at which the autocorrelation of all layers is below 0.1.

        Raises
        ------
        InvalidValue, InvalidType
            If the lag is no whole number that leaves neighbors, or the autocorrelation of a layer does not fall.
        """
        if isinstance(lag, str) and lag != "auto":
            raise InvalidType(f"lag={lag!r}; give how many rows before and after are no neighbors, or 'auto'.")
        longest, time, n = 0, 1.0, 0
        for x in layers:
            n, rho = x.n_samples, autocorrelation(x)
            faded = np.flatnonzero(rho < FADED)
            if not len(faded):
                raise InvalidValue(
                    f"{x.title}: the autocorrelation stays above {FADED} over {len(rho) - 1} rows, as where it drifts; "
                    "shifts in time need series that do not: give groups= of recordings."
                )
            longest, time = max(longest, int(faded[0])), max(time, correlation_time(rho))
        found = longest if lag == "auto" else lag
        Apart.lag(found, n)
        return cls(int(found), time, n)

    @property
    def apart(self) -> Apart | None:
        """Samples that are no neighbors."""
        return Apart.lag(self.lag, self.n_samples)

    @property
    def words(self) -> str:
        """What is left out, and how many samples these are worth.

        >>> Recording(12, 9.5, 500).words
        'lag 12, N/τ = 53'
        """
        return f"lag {self.lag}, N/τ = {self.worth:.0f}"

    @property
    def worth(self) -> float:
        """N/τ."""
        return self.n_samples / self.time


def autocorrelation(x: Representation) -> np.ndarray:
    """ρ(0), ρ(1), … ρ(N/2): the mean of x_i·x_{i+ℓ} over that of x_i·x_i, summed over centered units.

    >>> rho = autocorrelation(Representation(np.cumsum(np.random.default_rng(0).standard_normal((500, 2)), axis=0)))
    >>> len(rho), float(rho[0]), bool(rho[1] > 0.9)
    (251, 1.0, True)
    """
    n = x.n_samples
    size = next_fast_len(2 * n, real=True)
    total, step = np.zeros(n // 2 + 1), max(1, AT_ONCE // n)
    values = x.read(slice(None))
    for first in range(0, x.n_units, step):
        part = np.asarray(values[:, first : first + step], float)
        part = part - part.mean(axis=0)
        power = np.abs(np.fft.rfft(part, size, axis=0)) ** 2
        total += np.fft.irfft(power.sum(axis=1), size)[: len(total)]
    if not total[0] > 0:
        raise InvalidValue(f"{x.title} is constant over the samples: it has no autocorrelation; leave it out.")
    return total / (n - np.arange(len(total))) / (total[0] / n)


def correlation_time(rho: np.ndarray) -> float:
    """τ = 1 + 2·Σ ρ(ℓ) up to the first m of at least 5·τ, or up to the last there is; at least 1."""
    times = 1 + 2 * np.cumsum(rho[1:])
    enough = np.flatnonzero(np.arange(1, len(times) + 1) >= LONG * times)
    return max(1.0, float(times[enough[0] if len(enough) else -1]))
