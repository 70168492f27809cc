"""How inner loops are compiled: by numba, which keeps the machine code on disk.

None of them holds Python's lock, so threads run them side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """``function`` as machine code: sums are added in the order written, and no product is fused into a sum."""
    import numba

    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True, **options)(function)


def compiled_in_any_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with sums added in whatever order is fastest: for bounds that allow for any."""
    return compiled(function, fastmath={"reassoc", "contract"})


def compiled_when_called(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and numba is loaded by the first call: for measures, whose files are read to list them."""
    machine_code = cache(lambda: compiled(function))
    return wraps(function)(lambda *arguments: machine_code()(*arguments))
