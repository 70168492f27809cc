"""How the inner loops are compiled: by numba, which keeps the machine code on disk.

None of them holds Python's lock, so threads run them side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """``function`` as machine code: sums are added in the order written, and no product is fused into a sum."""
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True, **options)(function)


def compiled_in_any_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with sums added in whatever order is fastest: for bounds that allow for any."""
    return compiled(function, fastmath={"reassoc", "contract"})
