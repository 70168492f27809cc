"""Whole: whether all of a JPEG or a PNG is there, as its own marks and sums show without decoding it.

Nearly everything that befalls a file is seen: one that is cut, filled with zeros or with something else, or altered in
a table. What this proves whole is decoded once, when it is read; of all else a decoder is the judge
(`benchmarks/damaged_pictures.py` counts what each of the two finds).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

PNG = b"\x89PNG\r\n\x1a\n"
LAST = (b"IDAT", b"tEXt", b"tIME", b"IEND")  # what may follow pixels and changes none
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of the color types of a PNG
DENSEST = 1032  # bytes that deflate makes one of, at most
# Markers of a JPEG (ITU-T T.81, table B.1).
START, END, SCAN, HUFFMAN, QUANTIZATION, RESTART = b"\xff\xd8", 0xD9, 0xDA, 0xC4, 0xDB, 0xDD
SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1), 0xC2
NUMBERS, COEFFICIENTS, MOST_BLOCKS = range(4), 64, 10  # of tables, of a block, and that go together


def is_whole(content: bytes) -> bool:
    """Whether these are the bytes of a JPEG or a PNG of which nothing is lacking; else nothing is said of them."""
    try:
        return _whole_png(content) if content.startswith(PNG) else _Jpeg().is_whole(content)
    except (IndexError, KeyError, ValueError):  # a segment is shorter than what it says
        return False


def _whole_png(content: bytes) -> bool:
    """Whether the sum of each chunk is right, up to the last, and pixels are not far too few."""
    place, n_bytes = len(PNG), 0
    while True:
        size = int.from_bytes(content[place : place + 4], "big")
        kind, end = content[place + 4 : place + 8], place + 8 + size
        if zlib.crc32(content[place + 4 : end]).to_bytes(4, "big") != content[end : end + 4]:
            return False
        if kind == b"IDAT":
            n_bytes += size
        elif n_bytes and kind not in LAST:
            return False
        if kind == b"IEND":
            return DENSEST * n_bytes >= _n_pixel_bytes(content)
        place = end + 4


def _n_pixel_bytes(content: bytes) -> int:
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    bits, color = content[24:26]
    return height * (1 + (width * bits * CHANNELS[color] + 7) // 8)


class _Jpeg:
    """What is known of a JPEG, segment by segment."""

    def __init__(self) -> None:
        self._tables: set[tuple[int, int]] = set()  # marker and number, of Huffman codes with their class
        self._parts: dict[int, int] = {}  # the table of quantization of each component
        self._left: dict[tuple[int, int], int | None] = {}  # bits of a coefficient that no scan has brought yet
        self._frame, self._restarts = 0, False

    def is_whole(self, content: bytes) -> bool:
        """Whether every segment can be what it is, and scans bring all bits of all coefficients before the end."""
        takes = {HUFFMAN: self._huffman, QUANTIZATION: self._quantization, SCAN: self._scan}
        for marker, body, restarts in _segments(content):
            if marker == END:
                return bool(self._left) and not any(left != 0 for left in self._left.values())
            if marker in (*SEQUENTIAL, PROGRESSIVE):
                good = self._begin(marker, body)
            elif marker == RESTART:
                good, self._restarts = len(body) == 2, any(body)
            elif marker in takes:
                good = takes[marker](body) and (self._restarts or not restarts)
            else:
                good = 0xE0 <= marker <= 0xEF or marker == 0xFE  # of applications, or a comment
            if not good:
                return False
        return False

    def _begin(self, marker: int, body: bytes) -> bool:
        depth, n_parts = body[0], body[5]
        parts = [body[start : start + 3] for start in range(6, len(body), 3)]
        steps = [(both >> 4, both & 15) for _, both, _ in parts]
        self._parts = {part: table for part, _, table in parts}
        self._left = {(part, at): None for part in self._parts for at in range(COEFFICIENTS)}
        known = not self._frame and depth == 8 and n_parts in (1, 3, 4) and any(body[1:3]) and any(body[3:5])
        known &= sum(across * down for across, down in steps) <= MOST_BLOCKS and set(sum(steps, ())) <= {1, 2, 4}
        self._frame = marker
        return known and n_parts == len(parts) == len(self._parts)

    def _huffman(self, body: bytes) -> bool:
        while body:
            counts, values = body[1:17], body[17 : 17 + sum(body[1:17])]
            room = sum(count << (16 - length) for length, count in enumerate(counts, 1))
            of_sums = body[0] < 16  # of which a code says a number of bits
            known = body[0] & ~16 in NUMBERS and len(values) == sum(counts)
            if not known or room >= 2**16 or (of_sums and max(values, default=0) > 15):
                return False
            self._tables.add((HUFFMAN, body[0]))
            body = body[17 + len(values) :]
        return True

    def _quantization(self, body: bytes) -> bool:
        while body:
            size = COEFFICIENTS << (body[0] >> 4)
            if len(body) <= size or body[0] & ~16 not in NUMBERS:
                return False
            self._tables.add((QUANTIZATION, body[0] & 15))
            body = body[1 + size :]
        return True

    def _scan(self, body: bytes) -> bool:
        n_parts = body[0]
        first, last, both = body[1 + 2 * n_parts :]
        before, after = both >> 4, both & 15  # bits that are left, of which 0 before means that none came yet
        if self._frame == PROGRESSIVE:
            good = last < COEFFICIENTS and (first <= last if first and n_parts == 1 else first == last == 0)
        else:
            good = (first, last, both) == (0, COEFFICIENTS - 1, 0)
        for part, tables in (body[start : start + 2] for start in range(1, 1 + 2 * n_parts, 2)):
            codes = [tables >> 4] if not first else []
            codes += [16 + (tables & 15)] if last else []
            refined = before > 0 and not last  # bit by bit, without a code
            good &= (QUANTIZATION, self._parts[part]) in self._tables
            good &= refined or all((HUFFMAN, code) in self._tables for code in codes)
            for at in range(first, last + 1):
                good &= self._left[part, at] == (before or None)
                self._left[part, at] = after
        return good


def _segments(content: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Marker and body of each segment, and whether there are restarts in the scan that follows it."""
    pixels = np.frombuffer(content, np.uint8)
    places = np.flatnonzero(pixels[:-1] == 0xFF)
    after = pixels[places + 1]
    places, after = (found[(after != 0) & (after != 0xFF)] for found in (places, after))
    restart = (after >= 0xD0) & (after <= 0xD7)
    marks, restarts = places[~restart], places[restart]
    place = len(START)
    if not content.startswith(START):
        return
    while content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # may be repeated
            place += 1
            continue
        if marker == END:
            yield marker, b"", False
            return
        size = int.from_bytes(content[place + 2 : place + 4], "big")
        body, place = content[place + 4 : place + 2 + size], place + 2 + size
        if len(body) != size - 2:
            return
        end = int(marks[np.searchsorted(marks, place)]) if marker == SCAN else place
        yield marker, body, bool(np.diff(np.searchsorted(restarts, (place, end)))[0])
        place = end
