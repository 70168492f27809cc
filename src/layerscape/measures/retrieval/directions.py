"""Directions: rows brought to length 1, on the sphere on which alignment and uniformity are told."""

from __future__ import annotations

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.memo import remembered
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue


@remembered
def directions(x: Representation) -> np.ndarray:
    """Shape (N, D): every row over its length.

    Raises
    ------
    InvalidValue
        If all samples are equal, one is a row of zeros, or a value is not finite.
    """
    rows = x.read(slice(None))
    if (rows == rows[0]).all():
        raise constant(x, ": all lie in one direction, and none is nearer than another")
    largest = np.abs(rows).max(axis=1)
    if not largest.all():
        name = x.ids[int(np.argmin(largest))]
        raise InvalidValue(f"sample {name!r} is a row of zeros, which has no direction; leave it out.")
    rows = np.ldexp(rows, -np.frexp(largest)[1][:, None])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
