"""Steps of a training, read from the names of its checkpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from layerscape.errors import InvalidValue

Step = int | float | str
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def steps_in(names: Sequence[str]) -> list[int | float] | None:
    """The number in which names of one form differ; None where they are of several forms, or differ in no number.

    Names with several such numbers are understood where one of them follows the word *step*, or where all of them
    put the names into the same order: then the last one counts.

    Raises
    ------
    InvalidValue
        Where several numbers could be the step and give different orders, or one with a point may be a decimal or a
        version.

    Examples
    --------
    >>> steps_in(["checkpoint-500", "checkpoint-1000"])
    [500, 1000]
    >>> steps_in(["epoch=0-step=9", "epoch=1-step=18"]), steps_in(["base", "large"])
    ([9, 18], None)
    """
    if len({_NUMBER.sub("0", name) for name in names}) != 1:
        return None
    columns = [_numbers(column, names[0]) for column in zip(*map(_NUMBER.findall, names), strict=True)]
    places = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if not places:
        return None
    before = _NUMBER.split(names[0])
    called = [place for place in places if re.search(r"steps?[^a-z0-9]*$", before[place], re.IGNORECASE)]
    if len(called) == 1:
        return columns[called[0]]
    orders = {tuple(sorted(range(len(names)), key=columns[place].__getitem__)) for place in places}
    if len(orders) > 1:
        raise InvalidValue(
            f"names like {names[0]!r} hold {len(places)} numbers that give different orders; say with steps= which "
            "step each is of."
        )
    return columns[places[-1]]


def _numbers(texts: Sequence[str], name: str) -> list[int | float]:
    """One number of every name; 1.10 may come before 1.9, or after it."""
    decimals = [float(text) for text in texts]
    versions = [tuple(map(int, text.split("."))) for text in texts]
    places = range(len(texts))
    surely = any(re.search(r"\.0\d", text) for text in texts)  # no version has such zeros
    if not surely and sorted(places, key=decimals.__getitem__) != sorted(places, key=versions.__getitem__):
        raise InvalidValue(
            f"names like {name!r} hold numbers that are decimals or versions, which come in different orders; say with "
            "steps= which step each is of."
        )
    return [int(text) if "." not in text else value for text, value in zip(texts, decimals, strict=True)]
