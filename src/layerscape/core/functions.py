"""What a callable says of itself: a function, a method, a partial one, or an object that can be called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_type_hints

from layerscape.errors import InvalidType


def behind(function: Callable[..., Any]) -> Callable[..., Any]:
    """Who has the annotations: of a partial function the whole one, of an object its ``__call__``.

    >>> behind(partial(max, key=abs)) is max
    True
    """
    while isinstance(function, partial):
        function = function.func
    plain = inspect.isroutine(function) or inspect.isclass(function) or hasattr(function, "__wrapped__")
    return function if plain else type(function).__call__


def name_of(function: Callable[..., Any]) -> str:
    """Its own name; of a partial function that of the whole one, of an object that of its class.

    >>> name_of(partial(max, key=abs))
    'max'
    """
    while isinstance(function, partial) and not hasattr(function, "__name__"):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def parameters_of(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """Its parameters, less those that a partial function was given by place.

    Raises
    ------
    InvalidType
        If it is a class, does not tell its parameters, or was given some that it has not.
    """
    if inspect.isclass(function):
        raise InvalidType(f"measure {name_of(function)!r} is a class; give a function, or an object of that class.")
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise InvalidType(
            f"measure {name_of(function)!r} does not tell its parameters ({why}); give a function that names each."
        ) from None


def annotations_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Parameter to annotation.

    Raises
    ------
    InvalidType
        If an annotation cannot be read where the function was defined.
    """
    try:
        return get_type_hints(behind(function))
    except Exception as error:  # whatever an annotation in quotes runs into
        raise InvalidType(
            f"an annotation of measure {name_of(function)!r} cannot be read ({error}); import what it names where the "
            "function is defined, and not for type checkers alone."
        ) from None


def check_parameter(name: str, each: inspect.Parameter) -> None:
    """Raise, naming it, at a parameter that is neither data by place nor an option by name with a default."""
    if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
        raise InvalidType(f"measure {name!r} takes {each}; name each of its parameters.")
    if each.kind is not each.KEYWORD_ONLY and each.default is not each.empty:
        raise InvalidType(
            f"parameter {each.name!r} of measure {name!r} has a default, and so is an option: put * before it, as in "
            "(graph: Neighbors, /, *, k: int = 30)."
        )
    if each.kind is each.KEYWORD_ONLY and each.default is each.empty:
        raise InvalidType(f"option {each.name!r} of measure {name!r} has no default; give it one.")
