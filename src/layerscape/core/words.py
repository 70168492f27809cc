"""How numbers are written for people, on the page, in a terminal and in a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST_P = 1e-6  # what laws of chance that are fitted to some hundred permutations can resolve
MOST_TIMES = 1000  # up to which it says something how many times one number is another


def number(value: float | None, step: float | None = None) -> str:
    """A value with the digits that its uncertainty ``step`` leaves; four digits without one, a dash for nothing.

    A step that starts with 1 or 2 leaves two digits of its own, any other one; from 0.1 on there are four decimals at
    the most.

    >>> number(13.5571, 0.28), number(0.71934, 0.004), number(0.037688), number(123456.7), number(None)
    ('13.56', '0.719', '0.03769', '123457', '–')
    >>> number(1.0, 1e-9), number(0.001234567, 1e-6)
    ('1.0000', '0.001235')
    """
    if value is None or value != value:
        return "–"
    if step is None or not 0 < step < math.inf:
        return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"
    digits = min(4 if abs(value) >= 0.1 else 6, max(0, -math.floor(math.log10(step / 3))))
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


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence in a row.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def counted(n: int, what: str) -> str:
    """So many of something.

    >>> counted(1, "layer"), counted(2, "layer")
    ('1 layer', '2 layers')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def firsts(names: Sequence[object], most: int = 3) -> str:
    """The first few of names in a row, and that there are more.

    >>> firsts(["a", "b"]), firsts(["a", "b", "c", "d"])
    ("'a', 'b'", "'a', 'b', 'c', …")
    """
    return ", ".join(map(repr, names[:most])) + ", …" * (len(names) > most)


def p_value(p: float) -> str:
    """A p-value as it stands in a cell: no test resolves one of 0, nor one below a millionth.

    >>> p_value(0.0312), p_value(0.0), p_value(math.nan)
    ('0.031', '< 1e-6', '–')
    """
    if p != p:
        return "–"
    return f"{p:.2g}" if p > LEAST_P else "< 1e-6"


def p_said(p: float) -> str:
    """A p-value as it stands in a sentence.

    >>> p_said(0.05), p_said(1e-300)
    ('p = 0.05', 'p < 1e-6')
    """
    found = p_value(p)
    return f"p {found}" if found.startswith("<") else f"p = {found}"


def share_of(ratio: float) -> str:
    """How much one number is of another: a percentage where that is read at a glance.

    >>> share_of(0.25), share_of(3.14159), share_of(1.7e6)
    ('25% of', '3.1 times', 'more than 1000 times')
    """
    if ratio < 2:
        return f"{ratio:.0%} of"
    if ratio > MOST_TIMES:
        return f"more than {MOST_TIMES} times"
    return f"{ratio:.2g} times" if ratio < 100 else f"{ratio:.0f} times"


def more_than(ratio: float) -> str:
    """How much more one number is than another, which follows.

    >>> more_than(1.25), more_than(3.14159)
    ('25% more than', '3.1 times what')
    """
    return f"{ratio - 1:.0%} more than" if ratio < 2 else f"{share_of(ratio)} what"
