"""How things show themselves: in a prompt as a few lines, in a notebook as a small table with a curve."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import shorten
from typing import TypeVar

from layerscape.core.words import number, said

MOST = 8  # lines of one kind; a screen holds all of them
WIDTH = 110
SIZE = 240, 72  # of a curve, in pixels
_Line = TypeVar("_Line")


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


class Shown(ABC):
    """What shows its card."""

    @abstractmethod
    def _card(self) -> Card:
        """What is shown of it."""

    def __repr__(self) -> str:
        card = self._card()
        facts = [f"  {name}: {text}" if name else f"  {text}" for name, text in _few(card.facts, _nameless)]
        warnings = [f"  warning: {text}" for text in _few(card.warnings, str)]
        return "\n".join(shorten_line(line) for line in (card.title, *facts, *warnings))

    def _repr_html_(self) -> str:
        card = self._card()
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in _few(card.facts, _nameless)
        )
        warnings = "".join(f"<li>{escape(text)}</li>" for text in _few(card.warnings, str))
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


def _few(lines: Sequence[_Line], line_of: Callable[[str], _Line]) -> list[_Line]:
    """The first of them, and a last one that says how many more there are."""
    more = [line_of(f"… and {len(lines) - MOST} more")] if len(lines) > MOST else []
    return [*lines[:MOST], *more]


def _nameless(text: str) -> tuple[str, str]:
    return "", text


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
