"""The one definition of a distance: d² in float64 from differences, summed in one stated order.

Column j goes into lane j mod 16; the 16 lanes are added as a fixed tree (8 + 8, 4 + 4, 2 + 2, 1 + 1); no fused
multiply-add. Every engine follows this order, so that all give the same bits and ties are the same for all.
"""

from __future__ import annotations

import numpy as np

from layerscape.errors import InvalidValue

LANES = 16


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances of paired rows.

    Parameters
    ----------
    a, b
        Float64 arrays of shapes (…, D) that broadcast against each other.

    Returns
    -------
    np.ndarray
        Shape (…), float64.

    Examples
    --------
    >>> squared_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))
    array([25.])
    """
    return squared_lengths(padded(a) - padded(b))


def padded(x: np.ndarray) -> np.ndarray:
    """``x`` with columns of zeros added up to a whole number of lanes; they change no sum."""
    missing = -x.shape[-1] % LANES
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)]) if missing else x


def squared_lengths(differences: np.ndarray) -> np.ndarray:
    """Sums of squares of padded rows, shape (…, D) to (…); the differences are overwritten."""
    differences *= differences
    # Along an axis that is not the last, numpy adds one element after the other.
    lanes = differences.reshape(*differences.shape[:-1], -1, LANES).sum(axis=-2)
    for half in (8, 4, 2, 1):
        lanes = lanes[..., :half] + lanes[..., half : 2 * half]
    return lanes[..., 0]


def distances_of(squared: np.ndarray, exponent: int) -> np.ndarray:
    """The roots, times two to the exponent; in the memory of ``squared``."""
    with np.errstate(over="ignore"):
        distances = np.sqrt(squared, out=squared)
        if exponent:
            np.ldexp(distances, exponent, out=distances)
    if not np.isfinite(distances[:, -1]).all():
        raise InvalidValue("a distance exceeds what float64 can hold (1.8e308); divide the data by 2 or more.")
    return distances
