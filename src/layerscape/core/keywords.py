"""The keywords of a search, the same at every door: what is near, and how it is computed.

A door writes ``**search: Unpack[Search]`` (or takes them among its ``**options``) and passes on the two nouns that
`chosen` makes of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypedDict, TypeVar

from layerscape.core.nearness import Nearness
from layerscape.core.options import checking
from layerscape.core.resources import Resources
from layerscape.errors import unknown_name

Door = TypeVar("Door", bound=Callable[..., Any])


class Search(TypedDict, total=False):
    """The fields of `Nearness` and of `Resources`, which say what they mean."""

    metric: str
    standardize: str | None
    near_copies: float
    device: str
    memory: int
    threads: int | None


FIELDS = {each.name: each for noun in (Nearness, Resources) for each in fields(noun) if "help" in each.metadata}


def taken(options: dict[str, Any]) -> Search:
    """The keywords of a search, taken out of those of a call that has others too."""
    found: Any = {name: options.pop(name) for name in FIELDS if name in options}
    return found


def chosen(search: Mapping[str, Any]) -> tuple[Nearness, Resources]:
    """The two nouns from the keywords of a search; raises at any other."""
    for name in search:
        if name not in (*FIELDS, "apart"):  # which no door names: it is passed on within the package
            raise unknown_name("option", name, FIELDS)
    near, how = (
        {each.name: search[each.name] for each in fields(noun) if each.name in search} for noun in (Nearness, Resources)
    )
    return Nearness(**near), Resources(**how)


def among(search: Mapping[str, Any], rows: Any) -> Search:
    """The keywords of a search among some of the samples, which are kept apart as they were among all."""
    found: Any = dict(search)
    if found.get("apart") is not None:
        found["apart"] = found["apart"].take(rows)
    return found


def keywords_of(function: Callable[..., Any]) -> list[str]:
    """The names of what a function may be told, those of a search among them."""
    parameters = inspect.signature(function).parameters.items()
    return [name for name, each in parameters if each.default is not each.empty]


def door(function: Door) -> Door:
    """The function, whose options are checked, and whose signature names each keyword of a search, for ``help``."""
    checks = checking(function)
    shown = inspect.signature(function)
    every = list(shown.parameters.values())
    named = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type)
        for name, each in FIELDS.items()
    ]
    rest = [each for each in every if each.kind is inspect.Parameter.VAR_KEYWORD and each.name != "search"]
    others = [each for each in every if each.kind is not inspect.Parameter.VAR_KEYWORD]
    checks.__signature__ = shown.replace(parameters=[*others, *named, *rest])  # type: ignore[attr-defined]
    return checks
