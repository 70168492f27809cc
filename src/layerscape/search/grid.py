"""Values on a grid, as of pixels, counts and codes, which bytes hold without rounding."""

from __future__ import annotations

import numpy as np

LOOKED_AT = 8  # rows that tell the step of a grid
MOST_VALUES = 256  # that a byte tells apart
NEAR = 2.0**-10  # of a step: what a value may be beside the grid, as pixels that were divided by 255
LONGER = 8  # times the squared length around the center, up to which another one is taken


def grid_of(sample: np.ndarray, center: np.ndarray) -> tuple[np.ndarray, float]:
    """A center, shape (D,), from which values of a sample are −128 to 127 steps away, and the step.

    Where they are on no grid of so few steps, it is the center that was given, and the step is 0. Rows that are not of
    the sample may be anywhere: bounds are true for any center and step.

    >>> grid_of(np.array([[0.0, 255.0], [3.0, 1.0]]), np.array([0.0, 1.0]))
    (array([128., 128.]), 1.0)
    >>> grid_of(np.array([[0.0, 2.5], [0.3, 1.0]]), np.array([0.0, 1.0]))
    (array([0., 1.]), 0.0)
    """
    seen = np.unique(sample[:LOOKED_AT])
    if not 2 <= len(seen) <= MOST_VALUES:
        return center, 0.0
    low, high = float(sample.min()), float(sample.max())
    ratio = (high - low) / float(np.diff(seen).min())
    if not ratio < MOST_VALUES - 0.5:
        return center, 0.0
    n_steps = round(ratio)
    step = (high - low) / n_steps
    places = (sample - low) / step
    if np.abs(places - np.rint(places)).max() > NEAR:
        return center, 0.0
    given = (center - low) / step
    taken = np.rint(np.clip(given, n_steps - 127, 128))
    if ((places - taken) ** 2).sum() > LONGER * ((places - given) ** 2).sum():
        return center, 0.0
    return low + step * taken, step
