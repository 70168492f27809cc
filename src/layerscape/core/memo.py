"""What is derived from a graph or a representation, made once and kept while that lives."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Owner = TypeVar("Owner")
Asked = ParamSpec("Asked")
Made = TypeVar("Made")


def remembered(make: Callable[Concatenate[Owner, Asked], Made]) -> Callable[Concatenate[Owner, Asked], Made]:
    """``make`` with a memory: for one owner and equal further arguments it is called once.

    A graph takes part in as many comparisons as there are layers. What is made must not hold its owner, which would
    then live for ever.
    """
    known: WeakKeyDictionary[Owner, dict[tuple[object, ...], Made]] = WeakKeyDictionary()

    @wraps(make)
    def found(owner: Owner, *asked: Asked.args, **named: Asked.kwargs) -> Made:
        of_owner = known.setdefault(owner, {})
        key = (*asked, *named.items())
        if key not in of_owner:
            of_owner[key] = make(owner, *asked, **named)
        return of_owner[key]

    return found
