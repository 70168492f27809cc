"""Whole numbers: whether a network takes those of an array as they are, as numbers of tokens, or as floats."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from layerscape.errors import InvalidValue
from layerscape.extraction.cures import calm
from layerscape.extraction.custom import AsTokens, Custom, is_whole, stack
from layerscape.extraction.hooks import Inputs, where
from layerscape.extraction.parts import floating, parts_of, readable
from layerscape.extraction.readers import Encoded
from layerscape.extraction.towers import embeddings_of

CONFIGURED = "its configuration"
ROUNDING = 1e-3  # by which what comes of floats may differ from what comes of the whole numbers that they were


def settle(module: nn.Module, reader: Any, encoded: Sequence[Encoded]) -> None:
    """Have arrays of whole numbers read as the network takes them, shown by trying both on the first samples.

    They stay whole where an embedding gets them, or floats fail and they do not, or the two give something else. Else
    they are floats, as bytes of pictures are. What a table stores as floats, and is whole, is made so where it must be.

    Raises
    ------
    InvalidValue
        If the network takes bytes too and makes something else of them, as where it divides them by 255.
    """
    contents = [one.content for one in encoded]
    if isinstance(reader, Custom) and reader.make_inputs is not stack and not isinstance(reader.make_inputs, AsTokens):
        inputs, tokens = reader.batch(encoded)
        reader.padding = _padding(module, inputs.to(*where(module))) if tokens is None else {}
    if not (isinstance(reader, Custom) and reader.make_inputs is stack and all(map(is_whole, contents))):
        return
    if len({np.shape(content) for content in contents}) > 1:
        return
    looked_up, of_whole = _tried(module, stack(contents, np.int64))
    _, of_floats = _tried(module, stack(contents))
    bytes_only = {content.dtype for content in contents} <= {np.dtype(np.uint8)}
    as_floats = any(content.dtype.kind == "f" for content in contents)
    if _stay_whole(of_whole, of_floats, looked_up=bool(looked_up), as_floats=as_floats):
        first = next(iter(inspect.signature(module.forward).parameters))
        texts = [path for path, several in looked_up if several]
        reader.make_inputs = AsTokens(first, _pads(module, texts) if texts or not looked_up else None)
    if bytes_only and reader.make_inputs is stack and of_floats is not None:
        _, of_bytes = _tried(module, stack(contents, np.uint8))
        if of_bytes is not None and not _alike(of_bytes, of_floats):
            own = "lambda rows: torch.tensor(np.array(rows))"
            raise InvalidValue(
                f"{type(module).__name__} makes something else of bytes than of the same numbers as floats; say which "
                f"it is to get: make_inputs={own}, or make_inputs={own}.float()."
            )


def _stay_whole(
    of_whole: list[torch.Tensor] | None, of_floats: list[torch.Tensor] | None, *, looked_up: bool, as_floats: bool
) -> bool:
    """Whether numbers are handed over as whole ones, by what comes of them and of floats; of those that are stored
    ``as_floats`` only where nothing else is right.
    """
    surely = looked_up and not as_floats
    if of_floats is None:
        return of_whole is not None or surely  # where neither is taken, that is told of whole ones
    if of_whole is None:
        return False
    return surely if _alike(of_whole, of_floats) else looked_up or not as_floats


def _tried(module: nn.Module, rows: torch.Tensor) -> tuple[list[tuple[str, bool]], list[torch.Tensor] | None]:
    """Which embeddings are given the numbers, or some of them, and whether several of each sample, as of a text.

    And what the network puts out, None if it fails.
    """
    inputs, looked_up = Inputs((rows,)).to(*where(module)), list[tuple[str, bool]]()
    given = inputs.args[0]

    def look(path: str, args: Any, kwargs: Any) -> None:
        if rows.is_floating_point():
            return
        for part in (seen.tensor for _, seen in parts_of([args, kwargs]) if readable(seen.tensor)):
            same = part.untyped_storage().data_ptr() == given.untyped_storage().data_ptr()
            if same or (part.shape == given.shape and torch.equal(part.to(given.dtype), given)):
                looked_up.append((path, part.numel() > len(given)))

    try:
        with _at_embeddings(module, look):
            return looked_up, [seen.tensor for _, seen in floating(parts_of(module(*inputs.args)))]
    except Exception:  # it does not take such numbers
        return looked_up, None


def _padding(module: nn.Module, inputs: Inputs) -> dict[str | int, dict[int, str]]:
    """By argument that an embedding looks up, with which numbers it says that it pads, and what of it says so."""
    given = {
        key: value
        for key, value in inputs.named.items()
        if isinstance(value, torch.Tensor) and value.ndim == 2 and not value.is_floating_point()
    }
    found: dict[str | int, dict[int, str]] = {}
    main = embeddings_of(module) if hasattr(module, "config") else None

    def look(path: str, args: Any, kwargs: Any) -> None:
        numbers = _pads(module, [path])
        if module.get_submodule(path) is not main:  # of which the configuration speaks
            numbers = {number: who for number, who in numbers.items() if who != CONFIGURED}
        for rows in (seen.tensor for _, seen in parts_of([args, kwargs])):
            for key in (key for key, value in given.items() if torch.equal(value, rows)):
                found.setdefault(key, {}).update(numbers)

    try:
        with _at_embeddings(module, look):
            inputs.given_to(module)
    except Exception:  # what is wrong with it is said where it is looked at
        return {}
    return {key: numbers for key, numbers in found.items() if numbers}


@contextmanager
def _at_embeddings(module: nn.Module, look: Callable[[str, Any, Any], None]) -> Iterator[None]:
    """What every embedding is given is looked at by the path of that, while the network runs as in evaluation."""
    handles = [
        part.register_forward_pre_hook(lambda _, args, kwargs, path=path: look(path, args, kwargs), with_kwargs=True)
        for path, part in module.named_modules()
        if isinstance(part, (nn.Embedding, nn.EmbeddingBag))
    ]
    try:
        with calm(module, whole=False):
            yield
    finally:
        for handle in handles:
            handle.remove()


def _alike(ones: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> bool:
    if [one.shape for one in ones] != [other.shape for other in others]:
        return False
    pairs = [(one.double().nan_to_num(), other.double().nan_to_num()) for one, other in zip(ones, others, strict=True)]
    return all(float((a - b).norm()) <= ROUNDING * float(b.norm()) for a, b in pairs)


def _pads(module: nn.Module, looked_up: Sequence[str]) -> dict[int, str]:
    found = {}
    for path in looked_up:
        number = getattr(module.get_submodule(path), "padding_idx", None)
        if number is not None:
            found[int(number)] = f"the embedding {path!r}" if path else "the embedding"
    number = getattr(getattr(module, "config", None), "pad_token_id", None)
    return {number: CONFIGURED, **found} if isinstance(number, int) else found
