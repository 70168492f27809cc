"""Names as users give them: a string is one name, wherever several may be given, and a pattern stands for paths."""

from __future__ import annotations

from collections.abc import Iterable
from glob import has_magic
from pathlib import Path
from typing import Any


def as_names(given: Any) -> list[Any]:
    """What was given as a list: a string, a `Measure` or a function alone is one.

    >>> as_names("twonn"), as_names(("twonn", "gride")), as_names(len) == [len]
    (['twonn'], ['twonn', 'gride'], True)
    """
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def paths_like(pattern: str | Path) -> list[Path] | None:
    """What a pattern of paths names, sorted; None for what is the path of something, or no pattern.

    >>> paths_like("runs"), paths_like("no-such-*")
    (None, [])
    """
    path = Path(pattern)
    if not has_magic(str(path)) or path.exists():
        return None
    root = Path(path.anchor)
    return sorted(root.glob(str(path.relative_to(root))))
