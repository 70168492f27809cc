"""One text for many that differ in numbers or names only."""

from __future__ import annotations

import contextlib
import re
import warnings as python_warnings
from collections.abc import Iterable, Iterator, Sequence

from layerscape.core.words import listed

DIFFERS = re.compile(r"'[^'\n]*'|(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?")
FEW = 3  # names or numbers that are listed; of more, the first or the ends are said


def merged(texts: Iterable[str]) -> dict[str, list[str]]:
    """Texts that differ in quoted names and numbers only as one, each with those that it stands for, in their order.

    >>> list(merged(["unit 3 of 'a' holds 91%", "no label", "unit 3 of 'b' holds 99%"]))
    ["unit 3 of 'a' and 'b' holds 91 and 99%", 'no label']
    >>> list(merged([f"{n} of layer {n}" for n in (12, 4, 300, 7)]))
    ['4 to 300 of layer 4 to 300']
    """
    alike: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        alike.setdefault(DIFFERS.sub(lambda found: found[0][0] if found[0][0] == "'" else "0", text), []).append(text)
    return {_one(own): own for own in alike.values()}


@contextlib.contextmanager
def warned_once() -> Iterator[None]:
    """Of the warnings given within, those that differ in numbers and names only are given as one, at the end."""
    with python_warnings.catch_warnings(record=True) as heard:
        python_warnings.simplefilter("always")
        yield
    kinds = {str(each.message): each.category for each in heard}
    for text, each in merged(kinds).items():
        python_warnings.warn(text, kinds[each[0]], stacklevel=5)


def _one(texts: Sequence[str]) -> str:
    columns = zip(*(DIFFERS.findall(text) for text in texts), strict=True)
    words = iter([_together(list(dict.fromkeys(column))) for column in columns])
    return DIFFERS.sub(lambda _: next(words), texts[0])


def _together(found: Sequence[str]) -> str:
    if len(found) <= FEW:
        return listed(found)
    if found[0].startswith("'"):
        return f"{', '.join(found[:FEW])} and {len(found) - FEW} more"
    ends = sorted(found, key=lambda each: float(each.replace(",", "")))
    return f"{ends[0]} to {ends[-1]}"
