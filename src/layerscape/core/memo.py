"""What is derived from a graph or a representation, made once and kept while that lives."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, ref

import numpy as np

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


def remembered_within(
    most: int,
) -> Callable[[Callable[Concatenate[Owner, Asked], np.ndarray]], Callable[Concatenate[Owner, Asked], np.ndarray]]:
    """The same for large arrays, of which those that were asked for last are kept, up to so many bytes together.

    Who gets one must not write into it. Further arguments are given by position.
    """

    def decorate(
        make: Callable[Concatenate[Owner, Asked], np.ndarray],
    ) -> Callable[Concatenate[Owner, Asked], np.ndarray]:
        kept: dict[tuple[object, ...], np.ndarray] = {}  # the one that was asked for last at the end

        def forget(gone: ref[Owner]) -> None:
            for key in [key for key in kept if key[0] is gone]:
                del kept[key]

        @wraps(make)
        def found(owner: Owner, *asked: Asked.args, **named: Asked.kwargs) -> np.ndarray:
            key = (ref(owner, forget), *asked)
            made = kept.pop(key, None)
            if made is None:
                made = make(owner, *asked, **named)
            held = sum(each.nbytes for each in kept.values()) + made.nbytes
            while kept and held > most:
                held -= kept.pop(next(iter(kept))).nbytes
            if held <= most:
                kept[key] = made
            return made

        return found

    return decorate
