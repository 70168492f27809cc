"""Previews: what a sample looks like on the page, small enough to be kept for every sample."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from layerscape.core.samples import Samples
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
    return [text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…" for text in contents]


def _thumbnail(pixels: Any) -> bytes:
    image = require("PIL.Image", "report").fromarray(pixels)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
