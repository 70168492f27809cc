"""Telling values apart: what the 95 % intervals of rows allow to say of them, however many are compared."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from layerscape.core.quantity import Quantity
from layerscape.core.words import number
from layerscape.figures.rows import Row, with_ceiling

LEVEL = 0.05
MOST = "; the most possible is "
MANY = 4  # names of layers in one bracket; of more, only how many they are


def known(rows: Iterable[Row]) -> list[Row]:
    """Those with a value."""
    return [row for row in rows if row["value"] is not None]


def highest(rows: Iterable[Row]) -> Row:
    """The row of the highest value."""
    return max(rows, key=lambda row: row["value"])


def lowest(rows: Iterable[Row]) -> Row:
    """The row of the lowest value."""
    return min(rows, key=lambda row: row["value"])


@cache
def times(number: int) -> float:
    """By how much a 95 % margin is widened where any two of so many values may be compared.

    The studentized range (Tukey 1953; of unequal intervals Kramer 1956, which is then too wide, as Hayter 1984 proved):
    of equal values, none is told apart from another in 95 % of cases. Values of the same samples go up and down
    together, which only makes that rarer.

    >>> round(times(2), 3), round(times(13), 2), round(times(49), 2)
    (1.0, 1.69, 2.03)
    """
    from scipy.stats import norm, studentized_range

    return float(studentized_range.ppf(1 - LEVEL, max(2, number), math.inf) / math.sqrt(2) / norm.isf(LEVEL / 2))


def margin(upper: Row, lower: Row, of: int) -> float:
    """How far the first must lie above the second to be told from it, of so many; infinite where an end is missing."""
    if upper["low"] is None or lower["high"] is None:
        return math.inf
    return times(of) * math.hypot(upper["value"] - upper["low"], lower["high"] - lower["value"])


def above(a: Row, b: Row, of: int = 2) -> bool:
    """Whether ``a`` is told to lie above ``b``, where any two of so many may be compared."""
    return a["value"] - b["value"] > margin(a, b, of)


def below(a: Row, b: Row, of: int = 2) -> bool:
    """Whether ``a`` is told to lie below ``b``."""
    return above(b, a, of)


def named(row: Row, key: str = "layer") -> str:
    """The name of a layer, in quotes."""
    return repr(row[key])


def asked(rows: Sequence[Row]) -> str:
    """Which of several questions the rows answer, if the measure was asked more than one."""
    return f"; {rows[0]['variant']}" if rows[0]["variant"] else ""


def not_told_apart(
    rows: Sequence[Row], best: Row, beats: Callable[[Row, Row, int], bool], what: str = "", of: int | None = None
) -> str:
    """Who shares the first place with the best one, as far as intervals can tell where any of all may be the best."""
    number = of or len(rows)
    names = [named(row) for row in rows if row is not best and not beats(best, row, number)]
    if not names:
        return ""
    if len(names) > MANY:
        return f" (not told apart from {len(names)} of the {len(rows) - 1} others)"
    return f" (not told apart from {what}{', '.join(names)})"


def beside_chance(measure: Quantity, row: Row) -> str:
    """What a value is to be compared with, in as many digits, and the most that it can be."""
    chance, low, high = row.get("chance"), row["low"], row["high"]
    if chance is None:
        return ""
    step = (high - low) / 2 if chance and low is not None and high is not None else None
    most = f"{MOST}{number(measure.bounds[1])}" if math.isfinite(measure.bounds[1]) else ""
    held = row.get("held")
    of = "" if held is None else f" of samples whose value is {number(held, step)}, of groups cut to equal sizes"
    return f" (chance gives {number(chance, step)}{of}{most})"


def under_ceiling(row: Row) -> str:
    """A sentence on how far noise lets a value of means over repeats reach, and on the value over that; or none."""
    found = with_ceiling(row)
    if "reach" not in found:
        return ""
    return f" Noise in the repeats lets that reach {found['reach']}; over this ceiling it is {found['over']}."


def once(sentences: Iterable[str]) -> list[str]:
    """The sentences, of which the first that says the most possible keeps it."""
    told: set[str] = set()
    found = []
    for sentence in sentences:
        for words in re.findall(rf"{MOST}[^);]*", sentence):
            sentence = sentence.replace(words, "") if words in told else sentence
            told.add(words)
        found.append(sentence)
    return found
