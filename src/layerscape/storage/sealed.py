"""JSON that knows its own digest: what was changed since it was written is not read, and what is read has its types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from layerscape.errors import FileProblem, require
from layerscape.storage.files import readable

DIGEST = "digest"
T = TypeVar("T")


def digest(data: Any) -> str:
    """128 bits of XXH3 of some bytes, hexadecimal: it tells damage, and is no protection against malice.

    >>> digest(b"layerscape") == digest(bytearray(b"layerscape")) != digest(b"layerscapf")
    True
    """
    return _xxhash().xxh3_128_hexdigest(data)


@cache
def _xxhash() -> Any:
    return require("xxhash", "runs")


@cache
def _msgspec() -> Any:
    return require("msgspec", "runs")


def sealed(values: Mapping[str, Any]) -> bytes:
    """JSON text of the values and their digest, the same bytes whatever the order of their keys was."""
    text = json.dumps({**values, DIGEST: _digest(values)}, ensure_ascii=False, allow_nan=False)
    return _msgspec().json.format(text.encode(), indent=2)  # which json itself does one value at a time


def unsealed(path: Path, cure: str) -> dict[str, Any]:
    """The values in a file, without their digest if they have one; raises if it is not theirs."""
    with readable(path, cure):
        values = json.loads(path.read_bytes())
        if not isinstance(values, dict):
            raise ValueError(f"it holds a JSON {type(values).__name__} and no object")
        found = values.pop(DIGEST, None)
        changed = found is not None and found != _digest(values)
    if changed:
        raise FileProblem(f"{path} is damaged: it was changed after it was written; {cure}")
    return values


def typed(values: Any, kind: type[T]) -> T:
    """Plain values as a dataclass; raises at the first that is missing or of another type, for `readable` to say."""
    return _msgspec().convert(values, kind)


def plain(values: Any) -> Any:
    """A dataclass as plain values, which `typed` makes one of again."""
    return _msgspec().to_builtins(values)


def _digest(values: Mapping[str, Any]) -> str:
    return digest(json.dumps(values, sort_keys=True, ensure_ascii=False, allow_nan=False).encode())
