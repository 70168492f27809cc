"""Telling values apart: what the 95 % intervals of rows allow to say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from layerscape.figures.rows import Row


def known(rows: Iterable[Row]) -> list[Row]:
    """Those with a value."""
    return [row for row in rows if row["value"] is not None]


def highest(rows: Iterable[Row]) -> Row:
    """The row of the highest value."""
    return max(rows, key=lambda row: row["value"])


def lowest(rows: Iterable[Row]) -> Row:
    """The row of the lowest value."""
    return min(rows, key=lambda row: row["value"])


def above(a: Row, b: Row) -> bool:
    """Whether the interval of ``a`` lies wholly above that of ``b``; a missing interval tells nothing."""
    return a["low"] is not None and b["high"] is not None and a["low"] > b["high"]


def below(a: Row, b: Row) -> bool:
    """Whether the interval of ``a`` lies wholly below that of ``b``."""
    return above(b, a)


def told_apart(rows: Sequence[Row]) -> tuple[str, Row, Row, Row, Row]:
    """What values by depth do as far as the intervals tell; of which rows: the first, highest, lowest and last."""
    first, top, bottom, last = rows[0], highest(rows), lowest(rows), rows[-1]
    does = "change" if above(top, bottom) else "nothing"
    if above(top, first) and above(top, last):
        does = "peak"
    elif above(first, bottom) and above(last, bottom):
        does = "dip"
    elif above(last, first):
        does = "rise"
    elif above(first, last):
        does = "fall"
    return does, first, top, bottom, last


def named(row: Row, key: str = "layer") -> str:
    """The name of a layer, in quotes."""
    return repr(row[key])


def asked(rows: Sequence[Row]) -> str:
    """Which of several questions the rows answer, if the measure was asked more than one."""
    return f"; {rows[0]['variant']}" if rows[0]["variant"] else ""


def not_told_apart(rows: Sequence[Row], best: Row, beats: Callable[[Row, Row], bool], what: str = "") -> str:
    """Who shares the first place with the best one, as far as the intervals can tell."""
    names = [named(row) for row in rows if row is not best and not beats(best, row)]
    if not names:
        return ""
    if len(names) > max(4, len(rows) / 2):
        return f" (its interval touches that of {len(names)} of the {len(rows) - 1} others)"
    return f" (its interval touches that of {what}{', '.join(names)})"
