"""How inner loops are compiled: by numba, which keeps the machine code on disk.

None of them holds Python's lock, so threads run them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np


def compiled(function: Any, **options: Any) -> Callable[..., Any]:
    """``function`` as machine code: sums are added in the order written, and no product is fused into a sum."""
    import numba

    options = {"no_cfunc_wrapper": True, **options}  # nothing is called from C, and each takes a tenth of the time
    try:
        found: Any = numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True, **options)(function)
    _guard(found._cache)
    kept = found._cache._cache_file
    kept._source_stamp = kept._source_stamp, *_elsewhere(function)
    return found


def _guard(kept: Any) -> None:
    """Let nothing that is wrong with the machine code on disk cost more than compiling again.

    It may be damaged, or of an earlier version, whose classes have other names: numba reads what it keeps as a pickle,
    before it looks how old that is.
    """
    load, keep = kept.load_overload, kept.save_overload

    def load_if_it_can(*asked: Any) -> Any:
        try:
            return load(*asked)
        except Exception:  # whatever an unreadable pickle may raise
            with suppress(OSError):
                kept.flush()  # forgets it, since what is kept next is put beside it
            return None

    def keep_if_it_can(*made: Any) -> None:
        with suppress(OSError):  # as on a full disk
            keep(*made)

    kept.load_overload, kept.save_overload = load_if_it_can, keep_if_it_can


def _elsewhere(function: FunctionType) -> tuple[Any, ...]:
    """What machine code is made from beside its own file: the files of what it calls, and constants of others.

    numba asks for its own file only, so that code on disk would stay as it was when what it calls was changed.
    """
    files, constants = set[str](), {}
    package, waiting, met = function.__module__.partition(".")[0], [function], {function}
    while waiting:
        one = waiting.pop()
        files.add(one.__code__.co_filename)
        for name, value in _named(one):
            value = getattr(value, "py_func", getattr(value, "_defn", value))
            if isinstance(value, (int, float, str, bytes, tuple, np.generic)):
                constants[one.__module__, name] = repr(value)
            elif isinstance(value, FunctionType) and value not in met and value.__module__.partition(".")[0] == package:
                met.add(value)
                waiting.append(value)
    files.discard(function.__code__.co_filename)
    return *sorted(map(_state, files)), *sorted(constants.items())


def _named(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The values of the names in its code, of those in functions within it, and of modules' attributes."""
    waiting, names = [function.__code__], set()
    while waiting:
        code = waiting.pop()
        names.update(code.co_names)
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            yield from ((f"{name}.{each}", vars(value)[each]) for each in names & vars(value).keys())
        else:
            yield name, value


@cache
def _state(file: str) -> tuple[str, float, int]:
    """What tells a file from what it was before; nothing where there is none, as of what was typed in."""
    try:
        found = Path(file).stat()
    except OSError:
        return "", 0.0, 0
    return Path(file).name, found.st_mtime, found.st_size


def compiled_in_any_order(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with sums added in whatever order is fastest: for bounds that allow for any."""
    return compiled(function, fastmath={"reassoc", "contract"})


def compiled_within(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, as a part of each function that calls it and not by itself, which takes longer to compile."""
    return compiled(function, inline="always")


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
