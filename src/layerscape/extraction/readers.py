"""Readers: from the contents of samples to what a network's forward takes. The contract that each of them keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from layerscape.core.samples import Kind
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.pooling import Tokens


@dataclass(frozen=True)
class Encoded:
    """A sample on its way to a batch: how many tokens it has, whether some were cut off, and its id, for errors."""

    content: Any
    length: int = 1
    truncated: bool = False
    name: str = ""


class Reader(Protocol):
    """Turns contents into inputs.

    Attributes
    ----------
    kind
        What it reads.
    varies
        Whether samples differ in length.
    has_cls
        Whether the first token is a class token; None if that is for the network to say.
    examples
        Contents of two samples for a dry run; empty if there is no telling what they look like.
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def varies(self) -> bool: ...

    @property
    def has_cls(self) -> bool | None: ...

    @property
    def examples(self) -> list[Any]: ...

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        """Each sample on its own; ids are for errors."""
        ...

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, Tokens | None]:
        """Inputs of a batch, and which tokens are real and content if there are any."""
        ...

    def look(self, model: str, read: Callable[[], Sequence[Any]], ids: Sequence[str]) -> str:
        """Raise if samples that are tried, which `read` gives, tell the model hardly anything; what is to be said."""
        ...

    def describe(self) -> dict[str, Any]:
        """Everything that can change an input, as plain values."""
        ...
