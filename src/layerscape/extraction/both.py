"""Both: samples that are pairs, each side of which is read by a part of the network of its own.

A source and its target go to an encoder and its decoder, a picture and its text to two towers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from layerscape.core.samples import Captioned, Kind, TextPair
from layerscape.errors import InvalidType, InvalidValue, first_line
from layerscape.extraction.heads import Head
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.lacking import Lacking, head_without
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.processing import load_reader, load_targets
from layerscape.extraction.readers import Encoded, Reader
from layerscape.extraction.targets import TO_DECODER
from layerscape.extraction.texts import Texts
from layerscape.extraction.towers import WITHOUT_HEAD, head_of_stack, towers_of
from layerscape.extraction.untouched import evaluating
from layerscape.extraction.wishes import Wish


class Both:
    """Pairs through two readers, and into one forward.

    Parameters
    ----------
    first, second
        Those of the two sides.
    decodes
        Whether the second side is for a decoder, whose arguments have names of their own.
    """

    def __init__(self, first: Reader, second: Texts, *, decodes: bool) -> None:
        self._first, self._second, self._decodes = first, second, decodes
        self.kind: Kind = first.kind
        self.varies, self.max_length = first.varies, second.max_length
        self.by_itself = getattr(first, "by_itself", False)
        self.has_cls = bool(first.has_cls and second.has_cls)
        # Sides of one sample are of unlike length, so that it can be told which of them a layer follows.
        sides = zip(first.examples, reversed(second.examples), strict=True)
        self.examples = [(TextPair if decodes else Captioned)(*each) for each in sides]

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        self._check_pairs(contents, ids)
        sides = (reader.encode(side, ids) for reader, side in zip(self._readers, _sides(contents), strict=True))
        return [
            Encoded((one, other), one.length + other.length, one.truncated or other.truncated)
            for one, other in zip(*sides, strict=True)
        ]

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, Tokens | None]:
        sides = _sides(one.content for one in encoded)
        (made, tokens), (other, others) = (
            reader.batch(side) for reader, side in zip(self._readers, sides, strict=True)
        )
        named = other.kwargs or {}
        if self._decodes:
            named = {TO_DECODER + name: value for name, value in named.items()}
        decoder = tokens and replace(tokens, decoder=others)
        return Inputs(kwargs={**(made.kwargs or {}), **named}), decoder or others

    def look(self, model: str, read: Callable[[], Sequence[Any]], ids: Sequence[str]) -> str:
        contents = read()
        self._check_pairs(contents, ids)
        sides = _sides(contents)
        said = (
            reader.look(model, lambda side=side: side, ids) for reader, side in zip(self._readers, sides, strict=True)
        )
        return "; ".join(filter(None, said))

    def describe(self) -> dict[str, Any]:
        sides = {"first": self._first.describe(), "second": self._second.describe()}
        return {**sides, "max_length": self.max_length}

    def _check_pairs(self, contents: Sequence[Any], ids: Sequence[str]) -> None:
        wanted, words = (
            (TextPair, "a source and its target") if self._decodes else (Captioned, "a picture and its text")
        )
        for content, name in zip(contents, ids, strict=True):
            if not isinstance(content, wanted):
                columns = "--text-column SOURCE,TARGET" if self._decodes else "--image-column and --text-column"
                raise InvalidType(
                    f"sample {name!r} is {_said(content)}; with --part both (part=) a sample is {words}: name their "
                    f"columns ({columns}), or give another part."
                )

    @property
    def _readers(self) -> tuple[Reader, Texts]:
        return self._first, self._second


def read_both(wish: Wish, whole: Any, lacking: Lacking) -> tuple[Both, dict[str, Head | str]]:
    """What makes inputs of pairs, and what each tower is compared by.

    Raises
    ------
    InvalidValue
        If the whole does not take pairs, or does not say what its decoder begins with.
    """
    towers = towers_of(whole)
    if len(towers) < 2:
        reader = Both(load_reader(wish, whole.config, whole), load_targets(wish, whole), decodes=True)
        _check_takes(wish, whole, reader, "encoder", "decoder")
        return reader, {"": WITHOUT_HEAD}
    readers: dict[str, Any] = {}
    heads: dict[str, Head | str] = {}
    for name, path in towers.items():
        part = whole.get_submodule(path)
        readers[name] = load_reader(replace(wish, kind=None), part.config, part)
        head = head_without(lacking, partial(head_of_stack, whole, path, readers[name]))
        if isinstance(head, Head):
            head = replace(head, module=f"{path}.{head.module}".rstrip("."))
        heads[name] = head
    reader = Both(readers["vision"], readers["text"], decodes=False)
    _check_takes(wish, whole, reader, "vision", "text")
    return reader, heads


def _check_takes(wish: Wish, whole: Any, reader: Both, *parts: str) -> None:
    """Raise unless the whole runs on pairs, as one does not that puts the picture among the tokens of its text."""
    inputs, _ = reader.batch(reader.encode(reader.examples, ["0", "1"]))
    found = next(whole.parameters())
    try:
        with evaluating(whole), torch.no_grad():
            whole(**(inputs.to(found.device, found.dtype).kwargs or {}))
    except Exception as error:  # whatever its forward makes of it
        raise InvalidValue(
            f"part='both' asked of {wish.model!r}, which does not take the two as they are ({first_line(error)}); "
            f"choose {' or '.join(f'--part {part}' for part in parts)}."
        ) from None


def _sides(pairs: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    one, other = zip(*pairs, strict=True)
    return list(one), list(other)


def _said(content: Any) -> str:
    kinds = {str: "one text", TextPair: "a pair of texts", np.ndarray: "a picture alone"}
    return next((words for kind, words in kinds.items() if isinstance(content, kind)), f"a {type(content).__name__}")
