"""How things show themselves: in a prompt as a few lines, in a notebook as a small table with a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import shorten
from typing import Any

from layerscape.core.words import number, said

MOST = 8  # lines of one kind; a screen holds all of them
WIDTH = 110
SIZE = 240, 72  # of a curve, in pixels


@dataclass(frozen=True)
class Card:
    """What is shown of a thing.

    Attributes
    ----------
    title
        What it is, and how large.
    facts
        Name and text of what else is to be known, the most important first.
    warnings
        In words.
    curve
        (value, low, high) of each point, in order.
    """

    title: str
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    curve: Sequence[tuple[float, float, float]] = field(default=())


class Shown:
    """What shows its `Card`."""

    def _card(self) -> Card:
        raise NotImplementedError

    def __repr__(self) -> str:
        card = self._card()
        facts = [f"  {name}: {text}" if name else f"  {text}" for name, text in _few(card.facts)]
        warnings = [f"  warning: {text}" for text in _few([("", text) for text in card.warnings], only_text=True)]
        return "\n".join(shorten_line(line) for line in (card.title, *facts, *warnings))

    def _repr_html_(self) -> str:
        card = self._card()
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in _few(card.facts)
        )
        warnings = "".join(
            f"<li>{escape(text)}</li>" for text in _few([("", w) for w in card.warnings], only_text=True)
        )
        listed = f"<ul style='color:#b35900'>{warnings}</ul>" if warnings else ""
        return f"<div><b>{escape(card.title)}</b><table>{rows}</table>{_svg(card.curve)}{listed}</div>"


def shorten_line(line: str) -> str:
    """One line of a screen."""
    indent = line[: len(line) - len(line.lstrip())]
    return indent + shorten(line, WIDTH, placeholder=" …")


def interval(value: float, low: float, high: float) -> str:
    """A value with its interval, where they are finite."""
    middle, left, right = (each if math.isfinite(each) else None for each in (value, low, high))
    return said(middle, left, right)


def warned(warnings: Sequence[str]) -> tuple[str, ...]:
    """Each warning once."""
    return tuple(dict.fromkeys(warnings))


def _few(rows: Sequence[tuple[str, str]], *, only_text: bool = False) -> list[Any]:
    shown = list(rows[:MOST])
    if len(rows) > MOST:
        shown.append(("", f"… and {len(rows) - MOST} more"))
    return [text for _, text in shown] if only_text else shown


def _svg(curve: Sequence[tuple[float, float, float]]) -> str:
    """A curve with its band, in the order of its points."""
    points = [point for point in curve if all(map(math.isfinite, point))]
    if len(points) < 2:
        return ""
    width, height = SIZE
    low, high = min(point[1] for point in points), max(point[2] for point in points)
    span = (high - low) or 1.0

    def place(point: int, value: float) -> str:
        x = 4 + (width - 8) * point / (len(points) - 1)
        y = height - 4 - (height - 8) * (value - low) / span
        return f"{x:.1f},{y:.1f}"

    line = " ".join(place(n, value) for n, (value, _, _) in enumerate(points))
    band = [place(n, each) for n, (_, each, _) in enumerate(points)]
    band += [place(n, each) for n, (_, _, each) in reversed(list(enumerate(points)))]
    label = escape(f"curve of {len(points)} points from {number(low)} to {number(high)}")
    return (
        f"<svg width='{width}' height='{height}' role='img' aria-label='{label}'>"
        f"<polygon points='{' '.join(band)}' fill='currentColor' opacity='0.15'/>"
        f"<polyline points='{line}' fill='none' stroke='currentColor' stroke-width='1.5'/></svg>"
    )
