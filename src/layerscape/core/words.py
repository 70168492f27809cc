"""How numbers are written for people, on the page, in a terminal and in a figure."""

from __future__ import annotations

import math


def number(value: float | None, step: float | None = None) -> str:
    """A value with the digits that its uncertainty ``step`` leaves; four digits without one, a dash for nothing.

    A step that starts with 1 or 2 leaves two digits of its own, any other one.

    >>> number(13.5571, 0.28), number(0.71934, 0.004), number(0.037688), number(123456.7), number(None)
    ('13.56', '0.719', '0.03769', '123457', '–')
    """
    if value is None or value != value:
        return "–"
    if step is None or not 0 < step < math.inf:
        return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"
    digits = min(6, max(0, -math.floor(math.log10(step / 3))))
    return f"{value:.{digits}f}"


def said(value: float | None, low: float | None, high: float | None, name: str = "") -> str:
    """A value with its interval in brackets, in the digits that the interval leaves.

    >>> said(13.5571, 13.274, 13.848), said(13.5571, None, None), said(None, None, None)
    ('13.56 [13.27, 13.85]', '13.56 [no interval]', 'no estimate')
    """
    if value is None:
        return "no estimate"
    if low is None or high is None:
        return f"{number(value)} [no interval]"
    step = (high - low) / 2
    return f"{number(value, step)} [{name}{number(low, step)}, {number(high, step)}]"
