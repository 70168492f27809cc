"""Distances around rows, of which is asked how many points are nearer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Radii:
    """Distances from the rows of a tile, to be counted among its columns.

    Attributes
    ----------
    places
        Shape (P,): the row of each, which do not decrease.
    low, high
        Shape (P,), float32: points of which half the squared distance is below ``low`` are nearer, and those above
        ``high`` are not, nor do they tie.
    row_doubts, column_doubts
        What bounds are in doubt by, as the arithmetic has filled them in.
    weights
        How many samples each column stands for.
    surely
        Shape (P,), int64: to which the weights of the columns are added that are surely nearer.
    """

    places: np.ndarray
    low: np.ndarray
    high: np.ndarray
    row_doubts: np.ndarray
    column_doubts: np.ndarray
    weights: np.ndarray
    surely: np.ndarray
