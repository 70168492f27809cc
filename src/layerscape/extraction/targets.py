"""Targets: texts as a decoder is given them in training, which is shifted by one token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TO_DECODER = "decoder_"  # what the names of arguments for a decoder begin with


class Targets:
    """A tokenizer of targets: before each comes what its decoder begins with.

    The special token that ends a text is what the decoder is to say last, and is never given to it.
    """

    def __init__(self, tokenizer: Any, start: int) -> None:
        self._tokenizer, self._start = tokenizer, start

    def __call__(self, texts: Sequence[str], **options: Any) -> dict[str, list[list[int]]]:
        """As the tokenizer itself, of a list of texts without padding."""
        made = self._tokenizer(text_target=list(texts), **options)
        begins = {"input_ids": self._start, "attention_mask": 1, "special_tokens_mask": 1}
        ends = [len(special) - bool(special and special[-1]) for special in made["special_tokens_mask"]]
        return {
            key: [[first, *row[:end]] for row, end in zip(made[key], ends, strict=True)]
            for key, first in begins.items()
        }

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)
