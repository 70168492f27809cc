"""What a bound can be wrong by on account of a row that was rounded: see docs/search.md."""

from __future__ import annotations

from typing import Any

import numpy as np


def halves_of(
    length: Any, error: Any, middle: Any, ratio: Any, largest: Any, dropped: Any, along: Any
) -> tuple[Any, Any, Any]:
    """Half a squared length less and plus what a bound can be wrong by on account of the row, and twice the latter."""
    up = 1 + 2.0**-30
    error, middle = error * up + 2.0**-48 * length, middle * up
    doubt = (error * error / ratio + ratio * middle * middle + dropped * dropped * up) / 2 + along * up
    half = length * length / 2
    doubt = doubt * up + 2.0**-19 * (largest * largest + half + doubt)
    return np.float32(half - doubt), np.float32(half + doubt), np.float32(2 * doubt * (1 + 2.0**-20))
