"""A line of values layer by layer, as small as a word."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from layerscape.figures.rows import Row

WIDTH, HEIGHT, MARGIN = 100, 24, 2  # in units of the drawing


def sparkline(rows: Sequence[Row]) -> str:
    """The values as the path of a drawing of 100 × 24, from 0 or the lowest up, broken between branches.

    Empty for fewer than three layers, of which a sentence says all.

    >>> sparkline([{"value": value, "branch": 0} for value in (0, 1, 0.5)])
    'M2 22 L50 2 L98 12'
    >>> sparkline([{"value": 1}, {"value": 2}])
    ''
    """
    if len(rows) < 3:
        return ""
    values = [row["value"] for row in rows]
    low, high = min(0.0, *values), max(values)
    across, up = (WIDTH - 2 * MARGIN) / (len(rows) - 1), (HEIGHT - 2 * MARGIN) / ((high - low) or 1)
    at = [(MARGIN + n * across, HEIGHT - MARGIN - (value - low) * up) for n, value in enumerate(values)]
    placed = sorted(zip(rows, at, strict=True), key=_branch)
    branches = groupby(placed, key=_branch)
    return " ".join(
        f"M{' L'.join(f'{x:.3g} {y:.3g}' for _, (x, y) in points)}" for points in (list(own) for _, own in branches)
    )


def _branch(placed: tuple[Row, tuple[float, float]]) -> int:
    return placed[0].get("branch") or 0
