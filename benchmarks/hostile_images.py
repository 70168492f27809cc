"""Folders of images that no careful program would write, and the pictures in each."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

GRAY = np.full((4, 4), 9, np.uint8)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><script href="x"/></svg>'


@dataclass(frozen=True)
class Folder:
    """A folder of one good picture and what `put` adds, with the pictures that are right beside the good one.

    Where `right` is None the folder is refused in one line; a name that it lacks must be left out, with a reason.
    """

    what: str
    put: Callable[[Path], object]
    right: dict[str, Any] | None

    def write(self, folder: Path) -> Path:
        """The path of the folder, once it is written."""
        path = folder / "pictures"
        path.mkdir()
        Image.fromarray(GRAY).save(path / "good.png")
        self.put(path)
        return path


def saved(picture: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def holds(what: str, content: bytes, right: Any = None, name: str = "x.png") -> Folder:
    """One more picture by its bytes; without a value it must be left out."""
    return Folder(what, lambda path: (path / name).write_bytes(content), {} if right is None else {name: right})


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header says anything."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def long_text(n_bytes: int) -> bytes:
    """A small PNG with a compressed text that unpacks to many bytes."""
    content = b"note\0\0" + zlib.compress(bytes(n_bytes))
    text = struct.pack(">I", len(content)) + b"zTXt" + content + struct.pack(">I", zlib.crc32(b"zTXt" + content))
    whole = saved(Image.fromarray(GRAY), "PNG")
    return whole[:33] + text + whole[33:]


def as_they_are() -> list[Folder]:
    """Pictures of every kind that can be read."""
    color, other = Image.new("RGB", (3, 2), (10, 20, 30)), Image.new("RGB", (3, 2), "red")
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    deep = Image.fromarray(np.array([[0, 257, 65535]], np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.new("L", (2, 1))
    wide.putpixel((0, 0), 200)
    colors = np.broadcast_to(np.array([10, 20, 30], np.uint8), (2, 3, 3))
    animation = saved(color, "GIF", save_all=True, append_images=[other])
    whole = saved(Image.fromarray(GRAY), "PNG")
    return [
        holds("one pixel", saved(Image.new("L", (1, 1), 7), "PNG"), [[7]]),
        holds("black and white", saved(Image.new("1", (2, 1), 1), "PNG"), [[255, 255]]),
        holds("a palette", saved(palette, "PNG"), [[[10, 20, 30]]]),
        holds("16 bits", saved(deep, "PNG"), [[0, 1, 255]]),
        holds("transparent", saved(Image.new("RGBA", (1, 1), (1, 2, 3, 0)), "PNG"), [[[255, 255, 255]]]),
        holds("CMYK", saved(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF"), [[[255, 0, 0]]], "x.tif"),
        holds("turned by its EXIF", saved(wide, "PNG", exif=exif), [[200], [0]]),
        holds("animated", animation, colors, "x.gif"),
        holds("two pages", saved(color, "TIFF", save_all=True, append_images=[other]), colors, "x.tiff"),
        holds("another format than its name", saved(color, "BMP"), colors, "x.jpg"),
        holds("more at its end", whole + bytes(1000), GRAY),
        holds("a name of two lines", whole, GRAY, "a\nb.png"),
        holds("a name in Greek and emoji", whole, GRAY, "α🧠.png"),
        holds("a name that asks the terminal", whole, GRAY, "\x1b[2Jx.png"),
        holds("1 × 60,000 pixels", saved(Image.new("L", (1, 60_000)), "PNG"), np.zeros((60_000, 1), np.uint8)),
    ]


def broken() -> list[Folder]:
    """Pictures that cannot be read, each of which is left out with its reason."""
    whole = saved(Image.fromarray(GRAY), "PNG")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    jpeg = saved(noise, "JPEG")
    exif = b"Exif\0\0" + b"MM\0*" + struct.pack(">I", 8) + b"\xff" * 40
    return [
        holds("nothing", b""),
        holds("a text", b"hello"),
        holds("EPS, which Ghostscript would run", EPS),
        holds("SVG", SVG),
        holds("a PDF", b"%PDF-1.4\n1 0 obj\n"),
        holds("magic only", whole[:8]),
        holds("a PNG that is cut", whole[:-20]),
        holds("a JPEG that is cut", jpeg[: len(jpeg) // 2], name="x.jpg"),
        holds("a GIF that is cut", saved(noise, "GIF")[:900], name="x.gif"),
        holds("flipped bits", whole[:45] + b"\xff\xff" + whole[47:]),
        holds("broken EXIF", saved(noise, "JPEG", exif=exif), np.array(Image.open(io.BytesIO(jpeg))), "x.jpg"),
        holds("no pixels", png(0, 4)),
        holds("2³¹ × 2³¹ pixels claimed", png(2**31 - 1, 2**31 - 1)),
        holds("72 million pixels in some kilobytes", saved(Image.new("1", (9000, 8000)), "PNG")),
        holds("fewer rows than it claims", png(8000, 8000, bytes(8001))),
        holds("a text of 300 MB in some kilobytes", long_text(300_000_000)),
        holds("floats", saved(Image.new("F", (2, 2)), "TIFF"), name="x.tiff"),
        holds("a TIFF whose pages go round", circle(saved(Image.fromarray(GRAY), "TIFF")), GRAY, "x.tiff"),
        Folder("300 MB", sparse, {}),
        Folder("a pipe", lambda path: os.mkfifo(path / "x.png"), {}),
        Folder("a folder called .png", lambda path: (path / "x.png").mkdir(), {}),
    ]


def circle(tiff: bytes) -> bytes:
    """A TIFF whose last directory says that the next one is the first."""
    (start,) = struct.unpack("<I", tiff[4:8])
    (count,) = struct.unpack("<H", tiff[start : start + 2])
    place = start + 2 + 12 * count
    return tiff[:place] + tiff[4:8] + tiff[place + 4 :]


def sparse(path: Path) -> None:
    with (path / "x.png").open("wb") as file:
        file.write(saved(Image.fromarray(GRAY), "PNG"))
        file.truncate(300_000_000)


def links() -> list[Folder]:
    """Folders whose links lead elsewhere."""

    def outside(path: Path) -> None:
        Image.fromarray(GRAY).save(path.parent / "other.png")
        (path / "x.png").symlink_to(path.parent / "other.png")

    def chain(path: Path) -> None:
        (path / "x.png").symlink_to(path / "y.png")
        (path / "y.png").symlink_to(path / "good.png")

    return [
        Folder("a link out of the folder", outside, None),
        Folder("a link to a folder outside", lambda path: (path / "x").symlink_to("/usr"), None),
        Folder("an endless device", lambda path: (path / "x.png").symlink_to("/dev/zero"), None),
        Folder("a link to nothing", lambda path: (path / "x.png").symlink_to(path / "nothing"), {}),
        Folder("a link to itself", lambda path: (path / "x.png").symlink_to("x.png"), {}),
        Folder("links in a chain", chain, {"x.png": GRAY, "y.png": GRAY}),
        Folder("a link to the folder itself", lambda path: (path / "again").symlink_to(path), {}),
        Folder("no pictures", lambda path: (path / "good.png").unlink(), None),
    ]


def folders() -> list[Folder]:
    """All of them."""
    return [*as_they_are(), *broken(), *links()]
