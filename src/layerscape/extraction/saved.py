"""Saved tensors: what `torch.save` wrote, read without unpickling anything but tensors and plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from layerscape.errors import FileProblem, InvalidType


def read_tensors(path: Path) -> dict[str, Any]:
    """Name to tensor, or to a list of words or numbers; ``a/b`` in nested dicts, the place in a list or tuple.

    The one tensor of a file is called ``""``.

    Raises
    ------
    FileProblem, InvalidType
        If it is broken, or holds anything but tensors, numbers, words, lists and dicts.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # a broken file may make torch raise anything
        more = "weights_only" in str(error) or "Unsupported" in str(error)
        why = "it holds more than tensors, which is never loaded" if more else "it is none of torch.save, or broken"
        raise FileProblem(
            f"{path} cannot be read ({why}); save a tensor or a dict of tensors, with torch.save(x, {path.name!r})."
        ) from None
    return _leaves(path, found)


def _leaves(path: Path, value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, torch.Tensor):
        return {prefix: value.detach()}
    if isinstance(value, Mapping):
        named = {str(name): part for name, part in value.items()}
    elif isinstance(value, (list, tuple)):
        if value and all(isinstance(part, (str, int, float)) or part is None for part in value):
            return {prefix: list(value)}
        if value and all(isinstance(part, torch.Tensor) and part.ndim == 1 for part in value):
            raise InvalidType(
                f"{path} holds a list of {len(value)} vectors, which may be samples or layers; save one tensor "
                "(samples, units), made by torch.stack, or a dict of such."
            )
        named = {str(place): part for place, part in enumerate(value)}
    else:
        return {}  # a number or a word, which says nothing of each sample
    found: dict[str, Any] = {}
    for name, part in named.items():
        found |= _leaves(path, part, f"{prefix}/{name}" if prefix else name)
    return found
