"""How inner loops are compiled: by numba, which keeps the machine code on disk.

None of them holds Python's lock, so threads run them side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from types import FunctionType
from typing import Any


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """``function`` as machine code: sums are added in the order written, and no product is fused into a sum."""
    import numba

    try:
        found: Any = numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True, **options)(function)
    keep = found._cache.save_overload

    def keep_if_it_can(*made: Any) -> None:
        with suppress(OSError):  # on a full disk it is compiled again the next time, and nothing else
            keep(*made)

    found._cache.save_overload = keep_if_it_can
    return found


def compiled_in_any_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with sums added in whatever order is fastest: for bounds that allow for any."""
    return compiled(function, fastmath={"reassoc", "contract"})


def compiled_when_called(*functions: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and numba is loaded by the first call: for measures, whose files are read to list them.

    The last of the functions is compiled; those before it, made in the same way, are parts that it calls.
    """
    *parts, function = functions

    @cache
    def machine_code() -> Callable[..., Any]:
        names = {part.__name__: part.machine_code() for part in parts}  # type: ignore[attr-defined]
        return compiled(_with(function, names) if names else function)

    found = wraps(function)(lambda *arguments: machine_code()(*arguments))
    found.machine_code = machine_code  # type: ignore[attr-defined]
    return found


def _with(function: Any, names: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The function where these names mean machine code."""
    code = function.__code__
    return wraps(function)(FunctionType(code, {**function.__globals__, **names}, function.__name__))
