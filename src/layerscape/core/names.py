"""Names as users give them: a string is one name, wherever several may be given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def as_names(given: Any) -> list[Any]:
    """What was given as a list: a string, a `Measure` or a function alone is one.

    >>> as_names("twonn"), as_names(("twonn", "gride")), as_names(len) == [len]
    (['twonn'], ['twonn', 'gride'], True)
    """
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
