"""Provenance: how a result came to be, so that it can be made again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("layerscape", "numpy", "scipy", "numba", "torch", "transformers", "zarr", "safetensors")


def versions() -> dict[str, str]:
    """Python and the installed libraries that can change a number, by version; nothing is imported for it."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def fingerprint(parts: Iterable[bytes | memoryview | str]) -> str:
    """Hexadecimal SHA-256 of a sequence of parts; where one part ends and the next begins counts too.

    >>> fingerprint(["ab", "c"]) == fingerprint(["a", "bc"])
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
