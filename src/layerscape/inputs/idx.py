"""IDX: the files in which MNIST and its kin are published."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from layerscape.errors import FileProblem
from layerscape.inputs.files import open_binary

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an IDX file, plain or gzipped."""
    with open_binary(path) as file:
        content = file.read()
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or not content[3]:
        raise FileProblem(f"{path} does not start as an IDX file does; check it, or download it again.")
    kind, n_axes = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * n_axes
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist()) if len(content) >= start else ()
    expected = start + math.prod(shape) * kind.itemsize
    if len(content) != expected or not all(shape):
        raise FileProblem(
            f"{path} says shape {shape} and holds {len(content)} bytes instead of {expected}; download it again."
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def labels_beside(path: Path) -> Path | None:
    """The labels file that goes with a file of images, if it is there."""
    sibling = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    return sibling if sibling != path and sibling.is_file() else None
