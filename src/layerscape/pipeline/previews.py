"""Previews: what a sample looks like on the page, small enough to be kept for every sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from layerscape.core.samples import Samples, TextPair
from layerscape.errors import require

LONGEST_TEXT = 300
LARGEST_SIDE = 64


def previews(samples: Samples, rows: Sequence[int]) -> list[str | bytes] | None:
    """One short text or the bytes of one small PNG per row; None for arrays, which look like nothing."""
    if samples.kind == "array":
        return None
    contents = samples.read(rows)
    if samples.kind == "image":
        return [_thumbnail(image) for image in contents]
    if any(isinstance(content, TextPair) for content in contents):
        half = LONGEST_TEXT // 2
        return ["\n".join(_short(text, half) for text in pair) for pair in contents]
    return [_short(text, LONGEST_TEXT) for text in contents]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class Previewing:
    """The previews of samples, made as their contents are read for the network, so that none is decoded for them."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._made: dict[int, bytes] = {}
        self.samples = replace(samples, read=self._read) if samples.kind == "image" else samples

    def _read(self, rows: Sequence[int]) -> list[Any]:
        contents = self._samples.read(rows)
        self._made.update((row, _thumbnail(image)) for row, image in zip(rows, contents, strict=True))
        return contents

    def previews(self, rows: Sequence[int]) -> list[str | bytes] | None:
        """As `previews`; what was seen is forgotten, so that no more than a block of them is held."""
        seen, self._made = self._made, {}
        if not all(row in seen for row in rows):
            return previews(self._samples, rows)
        return [seen[row] for row in rows]


def _thumbnail(pixels: Any) -> bytes:
    image = require("PIL.Image", "report").fromarray(pixels)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
