"""Rows turned so that no coordinate is far larger than all others."""

from __future__ import annotations

import numpy as np

from layerscape.core.jit import compiled

ORDERS = 64, 16  # of Hadamard's matrices, among whose columns what is large in one is spread
DEARER = 1 / 16  # of a row: how many columns may be added for the first of these orders


def width_to_mix(n_units: int) -> int:
    """How wide a row is once zeros make it whole blocks of an order.

    >>> width_to_mix(768), width_to_mix(1000), width_to_mix(300)
    (768, 1024, 304)
    """
    most, least = (-(-n_units // order) * order for order in ORDERS)
    return most if most - n_units <= DEARER * n_units else least


@compiled
def mix(x):
    """Multiply a row of whole blocks, in place, by an orthogonal matrix: those columns that lie a 64th of the row apart
    by Hadamard's of order 64, or a 16th by that of 16.

    It is Sylvester's fast product; the parts of a row are one after the other, so that loops take many columns at once.
    """
    wide = len(x) % 64 == 0
    step = len(x) // (64 if wide else 16)
    while step < len(x):
        for start in range(0, len(x), 2 * step):
            for j in range(np.uint64(start), np.uint64(start + step)):
                a, b = x[j], x[j + np.uint64(step)]
                x[j], x[j + np.uint64(step)] = a + b, a - b
        step *= 2
    share = 0.125 if wide else 0.25  # exact, as sums and differences are but for their rounding
    for j in range(len(x)):
        x[j] *= share
