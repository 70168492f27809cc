"""A folder of pictures as a source: found whole before any work begins, and decoded when they are needed."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from layerscape.errors import FileProblem, InvalidValue, require
from layerscape.inputs.contents import Bad, Contents
from layerscape.inputs.files import reason_of
from layerscape.inputs.whole import is_whole

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")  # no other decoder is run
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2", ".avif")
# Of pictures that are not read, so that they are not left out without a word.
OTHERS = (
    *(".heic", ".heif", ".jxl", ".jfif", ".jpe", ".svg", ".psd", ".tga", ".exr", ".dcm", ".eps", ".ico"),
    *(".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"),
)
MOST_BYTES = 256 * 2**20  # of one file
MOST_PIXELS = 2**26  # of one picture, 67 million
SPLITS = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")
ORIENTATION = 0x0112  # in EXIF
_AT_ONCE = 4096  # files in the queue of the threads

_T = TypeVar("_T")


def open_folder(folder: Path, *, follow_links: bool = False) -> Contents:
    """The pictures below a folder, in the order of their paths; links that leave it are followed only if asked for.

    The label column ``class`` is the subfolder at the top; where folders lie deeper, ``folder`` is the whole way. Where
    all folders at the top are splits (``train``, ``val``, ``test``, …) with folders below, ``split`` is that at the top
    and ``class`` that below it.
    """
    require("PIL.Image", "models")
    found = sorted(_pictures(folder, follow_links))
    ids = [name for name in found if name.lower().endswith(ENDINGS)]
    left_out = Counter(Path(name).suffix.lower() for name in found if not name.lower().endswith(ENDINGS))
    others = ", ".join(f"{n} {ending}" for ending, n in left_out.most_common())
    if not ids:
        beside = f"; convert those that are there, {others}" if others else ""
        raise FileProblem(f"{folder} holds no images; they end in {', '.join(ENDINGS)}{beside}.")
    if others:
        warnings.warn(f"{folder}: left out pictures of formats that are not read, {others}; convert them", stacklevel=4)

    return _of_files([folder / name for name in ids], ids, _labels([name.rpartition("/")[0] for name in ids]))


def open_files(paths: Sequence[Path]) -> Contents:
    """The pictures in these files, in their order: the id is the path below the folder that all are in."""
    require("PIL.Image", "models")
    whole = [path.absolute() for path in paths]
    home = os.path.commonpath([path.parent for path in whole])
    ids = [path.relative_to(home).as_posix() for path in whole]
    return _of_files(paths, ids if len(set(ids)) == len(ids) else [str(row) for row in range(len(ids))], {})


def _of_files(paths: Sequence[Path], ids: Sequence[str], labels: Mapping[str, np.ndarray]) -> Contents:
    def read(rows: Sequence[int]) -> list[np.ndarray]:
        if len(rows) == 1:  # in a thread of whoever asks, who has several
            return [_read(paths[rows[0]])]
        with ThreadPoolExecutor() as threads:
            return list(threads.map(lambda row: _read(paths[row]), rows))

    def inspect(rows: Sequence[int]) -> Iterator[str | Bad]:
        from tqdm import tqdm

        # Says nothing where standard error is no terminal.
        progress = tqdm(total=len(rows), desc="checking images", unit=" images", disable=None, leave=False)
        with progress, ThreadPoolExecutor() as threads:
            for start in range(0, len(rows), _AT_ONCE):
                for found in threads.map(lambda row: _inspect(paths[row]), rows[start : start + _AT_ONCE]):
                    progress.update()
                    yield found

    return Contents(ids, "image", read, inspect, labels)


def _labels(ways: Sequence[str]) -> dict[str, np.ndarray]:
    """What the folders on the way to each picture say of it."""
    if not any(ways):
        return {}
    deep = any("/" in way for way in ways)
    parts = [way.split("/") for way in ways]
    labels = {}
    if all(len(part) > 1 and part[0].lower() in SPLITS for part in parts):
        labels["split"] = np.array([part.pop(0) for part in parts])
        names = ", ".join(np.unique(labels["split"]))
        warnings.warn(f"{names}: taken as splits; label 'split' says which, 'class' is the folder below", stacklevel=5)
    labels["class"] = np.array([part[0] for part in parts])
    return labels | ({"folder": np.array(ways)} if deep else {})


def _pictures(folder: Path, follow_links: bool) -> Iterator[str]:
    seen: set[str] = set()
    home = os.path.realpath(folder)
    for root, folders, files in os.walk(folder, followlinks=True, onerror=_unreadable):
        real = os.path.realpath(root)
        if real in seen:  # a link led back to it
            folders.clear()
            continue
        seen.add(real)
        if not follow_links:
            _must_stay(Path(root), real, home)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.lower().endswith((*ENDINGS, *OTHERS)) and not name.startswith("."):
                path = Path(root) / name
                if path.is_symlink() and not follow_links:
                    _must_stay(path, os.path.realpath(path), home)
                yield path.relative_to(folder).as_posix()


def _must_stay(path: Path, real: str, home: str) -> None:
    """Raise if a link leaves the folder: it may lead to anything that its user can read."""
    if os.path.commonpath([real, home]) != home:
        raise FileProblem(
            f"{path} is a link that leaves the folder, to {real}; copy what it leads to, or follow such links with "
            "--follow-links (follow_links=True)."
        )


def _unreadable(error: OSError) -> None:
    raise FileProblem(f"{error.filename} cannot be read ({error.strerror}); check who may read it.") from None


def _read(path: Path) -> np.ndarray:
    found = tried(lambda: decode(_content(path)))
    if isinstance(found, Bad):
        raise FileProblem(
            f"{path} {found.reason}, though it looked whole at first; check the disk, or repair or remove it, and "
            "start again."
        )
    return found


def _inspect(path: Path) -> str | Bad:
    return tried(lambda: digest_of(_content(path)))


def tried(read: Callable[[], _T]) -> _T | Bad:
    """What is read of a picture, or why it cannot be."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:  # a decoder may raise anything on corrupt bytes
        return Bad(f"cannot be decoded ({reason_of(error)})")


def digest_of(content: bytes) -> str:
    """Of a picture that is whole, which a decoder says where its own sums and marks do not show it."""
    with _opened(content) as image:
        if "exif" in image.info and image.getexif().get(ORIENTATION, 1) != 1:
            image.getexif().tobytes()  # it will be turned, and this is written anew then
    if not is_whole(content):
        decode(content)
    return hashlib.sha256(content).hexdigest()


def _content(path: Path) -> bytes:
    """The bytes of a regular file: reading a pipe or a device may never end."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise InvalidValue("it is no regular file")
    if found.st_size > MOST_BYTES:
        raise InvalidValue(f"it has {found.st_size:,} bytes, and at most {MOST_BYTES:,} are read")
    return path.read_bytes()


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    """A picture of PIL, of which only the head was read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise InvalidValue(
                    f"it has {image.width} × {image.height} pixels, and at most {MOST_PIXELS:,} are read"
                )
            yield image
    except Image.UnidentifiedImageError:
        raise InvalidValue("it is no picture of a known format") from None


def decode(content: bytes) -> np.ndarray:
    """A picture as uint8 of shape (height, width) if it is gray, otherwise (height, width, 3).

    It is turned as its EXIF entry says; transparent parts lie on white; 16-bit gray is scaled to 8 bits; of an
    animation the first picture is taken.
    """
    with _opened(content) as image:
        return as_picture(image)


def as_picture(image: Any) -> np.ndarray:
    """A picture of PIL as `decode` gives it."""
    from PIL import ImageOps

    return np.array(_eight_bits(ImageOps.exif_transpose(image)))


def read_picture(path: Path) -> np.ndarray:
    """The picture in a file; raises where there is none."""
    found = tried(lambda: decode(_content(path)))
    if isinstance(found, Bad):
        raise FileProblem(f"{path} {found.reason}; repair it, or leave it out.")
    return found


def _eight_bits(image: Any) -> Any:
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise InvalidValue(f"its values lie in {values.min()}..{values.max()}, beyond 16 bits")
        return np.rint(values / 257).astype(np.uint8)
    if image.mode == "F":
        raise InvalidValue("its pixels are floats; save it with 8 or 16 bits, or give an array")
    if image.has_transparency_data:
        white = image.convert("RGBA")
        ground = white.copy()
        ground.paste((255, 255, 255, 255), (0, 0, *white.size))
        ground.alpha_composite(white)
        return ground.convert("L" if image.mode == "LA" else "RGB")
    return image.convert("RGB")
