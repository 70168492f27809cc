"""Options: what a caller may say, read from the annotations of the function that takes them."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from layerscape.core.progress import shown
from layerscape.errors import InvalidType, InvalidValue, unknown_name

Function = TypeVar("Function", bound=Callable[..., Any])

# What options of these names must at least be, wherever they are.
LEAST = {"limit": 1, "batch_size": 1, "max_length": 1}
LEAST |= dict.fromkeys(("seed", "sample_seed", "random_init", "shuffle_tokens"), 0)
_GREATEST = 2**63 - 1  # of a whole number that compiled loops and files can hold
OF_COLUMNS = ": values of samples are a label column of a run, which has a name (run.add_labels)"
_IN_WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "a word", NoneType: "None"}


def checked(name: str, value: Any, hint: Any, owner: str = "") -> Any:
    """The value as its annotation says it, in Python's own types; what an annotation does not tell is let through.

    Parameters
    ----------
    name, value
        Of the option.
    hint
        Its annotation: int, float, bool, str, None, a Literal, a tuple of these, several str, or a union of them.
    owner
        Whose option it is, for error messages.

    Raises
    ------
    InvalidType
        If it is of another type.
    InvalidValue
        If it is not finite, or less than an option of that name must be.
    UnknownName
        If it is none of the words of a Literal.

    Examples
    --------
    >>> import numpy as np
    >>> type(checked("k", np.int64(3), int)), checked("discard", None, float | None)
    (<class 'int'>, None)
    >>> checked("k", "3", int | None)
    Traceback (most recent call last):
    layerscape.errors.InvalidType: k='3'; give a whole number or None.
    """
    if hint is int and type(value) is int:  # most are, and are asked for once per layer, label and group
        _check_size(name, value)
        return value
    kinds = _kinds(hint)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # one number of numpy's, or of torch's
        value = value.item()
    if not all(_is_known(kind) for kind in kinds):
        return value
    for kind in kinds:
        found = _as(value, kind)
        if found is not _NONE_SUCH:
            _check_size(name, found)
            return found
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if words and isinstance(value, str):
        raise unknown_name(f"{name} of {owner}" if owner else name, value, [*words, *(["None"] * (NoneType in kinds))])
    more = OF_COLUMNS if str in kinds and getattr(value, "ndim", 0) else ""
    raise InvalidType(f"{name}={_shown(value)}; give {' or '.join(map(_words, kinds))}{more}.")


def checking(function: Function) -> Function:
    """The function, which checks what it is given against its annotations before it does anything.

    One that takes a ``progress`` of stages gets whom to tell, and shows it where nothing is said.
    """
    signature = inspect.signature(function)
    hints = _hints(function)
    shows = "Show" in str(getattr(signature.parameters.get("progress"), "annotation", ""))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:  # of which the function itself says more
            return function(*args, **kwargs)
        for name, value in bound.arguments.items():
            if name in hints and value is not signature.parameters[name].default:
                bound.arguments[name] = checked(name, value, hints[name])
        if not shows:
            return function(*bound.args, **bound.kwargs)
        with shown(bound.arguments.get("progress")) as bound.arguments["progress"]:
            return function(*bound.args, **bound.kwargs)

    return call  # type: ignore[return-value]


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The annotations of parameters that `checked` can read; others may name what only type checkers import."""
    plain = {}
    for name, each in inspect.signature(function).parameters.items():
        if each.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        try:
            alone = SimpleNamespace(__annotations__={name: each.annotation})
            hint = get_type_hints(alone, function.__globals__)[name]
        except (NameError, TypeError):
            continue
        if all(_is_known(kind) for kind in _kinds(hint)):
            plain[name] = hint
    return plain


_NONE_SUCH = object()


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)


def _is_known(kind: Any) -> bool:
    if get_origin(kind) is tuple:
        return all(part is ... or _is_known(part) for part in get_args(kind))
    return kind in _IN_WORDS or get_origin(kind) is Literal or _is_several(kind)


def _is_several(kind: Any) -> bool:
    """Whether it stands for several words."""
    return get_origin(kind) in (Sequence, Iterable) and get_args(kind) == (str,)


def _as(value: Any, kind: Any) -> Any:
    """The value in the type that is asked for, or `_NONE_SUCH` if it is of another."""
    if get_origin(kind) is Literal:
        same = isinstance(value, (str, bool, int, NoneType)) and any(
            type(value) is type(word) and value == word for word in get_args(kind)
        )
        return value if same else _NONE_SUCH
    if get_origin(kind) is tuple:
        return _as_tuple(value, get_args(kind))
    if _is_several(kind):
        return _as_several(value)
    if kind is int and isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if kind is float and isinstance(value, Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return value if kind in (bool, str, NoneType) and isinstance(value, kind) else _NONE_SUCH


def _as_several(value: Any) -> Any:
    """The words as a list, so that an array of them is none of numpy's; what can be read but once is left as it is."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return _NONE_SUCH
    if not hasattr(value, "__len__"):
        return value
    return list(value) if all(isinstance(word, str) for word in value) else _NONE_SUCH


def _as_tuple(value: Any, kinds: tuple[Any, ...]) -> Any:
    if not isinstance(value, (list, tuple, np.ndarray)):
        return _NONE_SUCH
    kinds = kinds[:1] * len(value) if kinds[1:] == (...,) else kinds
    found = [_as(part, kind) for part, kind in zip(value, kinds, strict=False)]
    return _NONE_SUCH if len(value) != len(kinds) or _NONE_SUCH in found else tuple(found)


def _check_size(name: str, value: Any) -> None:
    for part in value if isinstance(value, tuple) else (value,):
        if isinstance(part, float) and not math.isfinite(part):
            raise InvalidValue(f"{name}={value}; give a finite number.")
        if isinstance(part, int) and part < LEAST.get(name, part):
            raise InvalidValue(f"{name}={value}; give at least {LEAST[name]}.")
        if isinstance(part, int) and abs(part) > _GREATEST:
            raise InvalidValue(f"{name}={value}; give a whole number that 64 bits can hold.")


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        return "numbers" if ... in parts else f"{len(parts)} numbers"
    return "several" if _is_several(kind) else _IN_WORDS[kind]


def _shown(value: Any) -> str:
    """A value as it would be written, cut to one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}…"
