"""Samples of whole numbers and of bits, of known dimension: for `i3d` and `bid`."""

from __future__ import annotations

import math

import numpy as np

from layerscape.datasets.cloud import Cloud, check_whole, stream
from layerscape.errors import InvalidValue


def lattice(n_samples: int, dimension: int, *, side: int = 50, seed: int = 0) -> Cloud:
    """Uniform on the points {0, …, side − 1}^d of a lattice.

    True dimension d = D, of a lattice; measures for real numbers see ties.

    Parameters
    ----------
    n_samples, dimension
        N and d, both at least 1.
    side
        How many values each unit has, at least 2.
    seed
        Of the draw.

    References
    ----------
    Macocco, Glielmo, Grilli, Laio 2023, doi:10.1103/PhysRevLett.130.067401.

    Examples
    --------
    >>> np.unique(lattice(1000, 2, side=3).x)
    array([0., 1., 2.])
    """
    check_whole("dimension", dimension, 1)
    check_whole("side", side, 2, 2**31 - 1)
    x = stream(seed, n_samples).randint(side, size=(n_samples, dimension)).astype(np.float64)
    law = f"Uniform on the points of a lattice of {dimension} dimensions, {side} along each."
    return Cloud(x, dimension, "lattice", law, "Macocco et al. 2023, doi:10.1103/PhysRevLett.130.067401")


def counts(n_samples: int, dimension: int, *, mean: float = 100.0, seed: int = 0) -> Cloud:
    """Independent Poisson counts of d kinds of event: a lattice whose density falls off over about √mean points.

    True dimension d = D, at scales below √mean.

    Parameters
    ----------
    n_samples, dimension
        N and d, both at least 1.
    mean
        Of every count, above 0 and at most 1e9.
    seed
        Of the draw.

    Examples
    --------
    >>> bool((counts(1000, 3).x % 1 == 0).all())
    True
    """
    check_whole("dimension", dimension, 1)
    if not 0 < mean <= 1e9:
        raise InvalidValue(f"mean={mean}; give the mean of the counts, above 0 and at most 1e9.")
    x = stream(seed, n_samples).poisson(mean, (n_samples, dimension)).astype(np.float64)
    return Cloud(x, dimension, "counts", f"Independent Poisson counts of {dimension} kinds, of mean {mean:g}.")


def bits(n_samples: int, n_units: int, *, correlation: float = 0.0, seed: int = 0) -> Cloud:
    """Strings of fair bits in which neighboring bits are correlated: a Markov chain, or Ising spins in a row.

    The first bit is fair; each next one equals that before it with probability (1 + ρ)/2, so that bits i and j, as −1
    and 1, have the correlation ρ^|i−j|. Two samples coincide with probability ½·((1 + ρ²)/2)^(D−1), as D′ independent
    fair bits do with 2^−D′. This

        D′ = 1 + (D − 1)·(1 − log₂(1 + ρ²))

    is ``dimension``: the effective number of bits at distance 0. `bid` extrapolates to it along a straight d(r), which
    is exact for ρ = 0 and reads above D′ the more the bits depend on each other: at D = 100 by 2 % for ρ = 0.3, by 6 %
    for 0.5 and by 15 % for 0.7.

    Parameters
    ----------
    n_samples
        N, at least 1.
    n_units
        D, how long the strings are, at least 1.
    correlation
        ρ, in [0, 1).
    seed
        Of the draw.

    Returns
    -------
    Cloud
        Of zeros and ones.

    References
    ----------
    Acevedo, Rodriguez, Laio 2025, arXiv:2411.02126, has the dimension of bits; D′ is the Rényi entropy of order 2.

    Examples
    --------
    >>> bits(1000, 100).dimension, round(bits(1000, 100, correlation=0.5).dimension, 1)
    (100.0, 68.1)
    """
    check_whole("n_units", n_units, 1)
    if not 0 <= correlation < 1:
        raise InvalidValue(f"correlation={correlation}; give that of neighboring bits, 0 ≤ correlation < 1.")
    u = stream(seed, n_samples).random_sample((n_samples, n_units))
    changes = u >= (1 + correlation) / 2
    changes[:, 0] = u[:, 0] >= 0.5
    x = (np.cumsum(changes, axis=1) % 2).astype(np.float64)
    effective = 1 + (n_units - 1) * (1 - math.log2(1 + correlation**2))
    law = f"Strings of {n_units} fair bits; neighboring ones have the correlation {correlation:g}."
    return Cloud(x, effective, "bits", law, "Acevedo et al. 2025, arXiv:2411.02126")
