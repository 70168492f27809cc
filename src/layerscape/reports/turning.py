"""Where a profile turns and where it stays: as much as the intervals tell, corrected for having been looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscape.figures.rows import Row
from layerscape.reports.telling import above, highest, lowest, margin

FEWEST, SHARE = 3, 0.2  # layers of a plateau, and of all layers
SAME = 0.1  # of the span from the lowest to the highest turn: what moves less is called a plateau


@dataclass(frozen=True)
class Turns:
    """Where values by depth start, turn and end; each is told apart from the next.

    Attributes
    ----------
    points
        Places among the rows; none if no two rows are told apart.
    ways
        Of each two points that follow each other 1 for a rise, -1 for a fall.
    doubt
        Two places between which values may turn back, which these intervals do not tell; None if nothing looks like it.
    plateaus
        First and last place of every stretch in which values stay, as far as intervals can say.
    """

    points: tuple[int, ...]
    ways: tuple[int, ...]
    doubt: tuple[int, int] | None
    plateaus: tuple[tuple[int, int], ...]

    def plateau(self, place: int) -> tuple[int, int] | None:
        """The stretch that a place lies in."""
        return next((ends for ends in self.plateaus if ends[0] <= place <= ends[1]), None)


def turns(rows: Sequence[Row]) -> Turns:
    """The most turns that the intervals tell, and of those the farthest apart.

    Any two rows may be compared, and the intervals are widened for that (`telling.times`): of values that are all the
    same, a rise or a fall is said in at most 5 % of cases.
    """
    points, ways = _longest(rows)
    if not points:
        return Turns((), (), None, ())
    ends = rows[0], rows[-1]
    if _moves(ends[0], rows[points[1]], ways[0], len(rows)):
        points = (0, *points[1:])
    if _moves(rows[points[-2]], ends[1], ways[-1], len(rows)):
        points = (*points[:-1], len(rows) - 1)
    return Turns(points, ways, _doubt(rows, points, ways), _plateaus(rows, points))


def _moves(first: Row, second: Row, way: int, of: int) -> bool:
    return above(second, first, of) if way > 0 else above(first, second, of)


def _longest(rows: Sequence[Row]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places that follow each other up and down, each told apart from the next: as many as can be, then the farthest.

    ``best[way][j]``: of the paths that come to j by that way, how many moves, how far in all, the path, its ways.
    """
    start = (0, 0.0, (), ())
    best: dict[int, list] = {1: [], -1: []}
    for j, row in enumerate(rows):
        for way in (1, -1):
            found = start
            for i in range(j):
                if _moves(rows[i], row, way, len(rows)):
                    moves, far, path, ways = best[-way][i] if best[-way][i][0] else (0, 0.0, (i,), ())
                    step = way * (row["value"] - rows[i]["value"])
                    found = max(found, (moves + 1, far + step, (*path, j), (*ways, way)))
            best[way].append(found)
    _, _, path, ways = max((*best[1], *best[-1]), default=start)
    return path, ways


def _doubt(rows: Sequence[Row], points: Sequence[int], ways: Sequence[int]) -> tuple[int, int] | None:
    """Where a way looks most like turning back, if two rows of it would be told apart were no others compared.

    What comes before the first point and after the last is part of their ways: turns that nothing tells may lie there.
    """
    found = []
    borders = (0, *points, len(rows) - 1)
    for first, last, way in zip(borders, borders[1:], (ways[0], *ways, ways[-1]), strict=False):
        for i in range(first, last + 1):
            for j in range(i + 1, last + 1):
                upper, lower = (rows[i], rows[j]) if way > 0 else (rows[j], rows[i])
                back = upper["value"] - lower["value"]
                if back > margin(upper, lower, 2):
                    found.append((back, (i, j)))
    return max(found)[1] if found else None


def _plateaus(rows: Sequence[Row], points: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The longest stretches, none of which share a row, that move by less than a tenth of the span, and surely so."""
    at = [rows[place]["value"] for place in points]
    same = SAME * (max(at) - min(at))
    fewest = max(FEWEST, SHARE * len(rows))
    found: list[tuple[int, int]] = []
    for length in range(len(rows), 0, -1):
        if length < fewest:
            break
        for first in range(len(rows) - length + 1):
            last = first + length - 1
            apart = all(last < a or first > b for a, b in found)
            if apart and _stays(rows[first : last + 1], same, len(rows)):
                found.append((first, last))
    return tuple(sorted(found))


def _stays(rows: Sequence[Row], same: float, of: int) -> bool:
    top, bottom = highest(rows), lowest(rows)
    if top["value"] - bottom["value"] > same or any(row["low"] is None or row["high"] is None for row in rows):
        return False
    return max(row["high"] - row["low"] for row in rows) / 2 <= same and not above(top, bottom, of)
