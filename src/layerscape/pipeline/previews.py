"""Previews: what a sample looks like on the page, small enough to be kept for every sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import SEEK_END, BytesIO
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from threading import Lock
from typing import Any

from layerscape.core.samples import Captioned, Samples, TextPair
from layerscape.errors import require
from layerscape.storage import file_problems

LONGEST_TEXT = 300
LARGEST_SIDE = 64


def previews(samples: Samples, rows: Sequence[int]) -> list[str | bytes] | None:
    """One short text or the bytes of one small PNG per row; None for arrays, which look like nothing."""
    if samples.kind == "array":
        return None
    contents = samples.read(rows)
    if samples.kind == "image":
        return list(map(_thumbnail, contents))
    if any(isinstance(content, TextPair) for content in contents):
        half = LONGEST_TEXT // 2
        return ["\n".join(_short(text, half) for text in pair) for pair in contents]
    return [_short(text, LONGEST_TEXT) for text in contents]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class Kept(Sequence[bytes]):
    """Bytes of some rows, written into a file without a name as they come, so that they take no memory.

    Threads that read pictures would else hold thousands of small pieces of memory, each in a part of its own, of which
    the system has back nothing.
    """

    def __init__(self) -> None:
        self._file, self._lock = TemporaryFile(), Lock()  # noqa: SIM115 (closed when nobody has it)
        self._places: dict[int, tuple[int, int]] = {}
        self._rows: Sequence[int] = ()

    def __del__(self) -> None:
        self._file.close()

    def add(self, row: int, data: bytes) -> None:
        """Keep the bytes of a row."""
        with self._lock, file_problems(Path(gettempdir())):
            self._places[row] = self._file.seek(0, SEEK_END), len(data)
            self._file.write(data)

    def of(self, rows: Sequence[int]) -> Kept | None:
        """Itself, as those of these rows in their order; None where some are not there."""
        self._rows = rows
        return self if all(row in self._places for row in rows) else None

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(len(self))[at]]
        start, size = self._places[self._rows[at]]
        with self._lock, file_problems(Path(gettempdir())):
            self._file.seek(start)
            return self._file.read(size)


class Previewing:
    """The previews of samples, made as their contents are read for the network, so that none is decoded for them."""

    def __init__(self, samples: Samples) -> None:
        self._samples, self._seen = samples, Kept()
        self.samples = replace(samples, read=self._read) if samples.kind == "image" else samples

    def _read(self, rows: Sequence[int]) -> list[Any]:
        contents = self._samples.read(rows)
        for row, image in zip(rows, contents, strict=True):
            self._seen.add(row, _thumbnail(image))
        return contents

    def previews(self, rows: Sequence[int]) -> Sequence[str | bytes] | None:
        """As `previews`; what was seen is forgotten, so that no more than a block of them is kept."""
        seen, self._seen = self._seen, Kept()
        found = seen.of(rows)
        return previews(self._samples, rows) if found is None else found


def _thumbnail(content: Any) -> bytes:
    pixels = content.picture if isinstance(content, Captioned) else content
    image = require("PIL.Image", "report").fromarray(pixels)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
