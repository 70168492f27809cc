"""Build: what the configuration of a network says of it before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from layerscape.extraction.answers import Answers
from layerscape.extraction.heads import Head
from layerscape.extraction.lacking import Lacking


@dataclass(frozen=True)
class Build:
    """What is known of a network before it runs.

    Attributes
    ----------
    n_blocks
        How many blocks its configuration states; None if it has none.
    patch
        Side of a patch in pixels, for vision transformers.
    n_registers
        How many of the tokens before the patches are registers.
    heads
        What makes the vector that the model is deployed with, or why there is none, in words: by the tower that it is
        of, where there are several.
    of_parts
        How many blocks it states of parts of the network, as of vision and text.
    answers
        What the user says of the axes of layers.
    lacking
        The weights that its checkpoint does not have, if there are any.
    """

    n_blocks: int | None = None
    patch: int | None = None
    n_registers: int = 0
    heads: Mapping[str, Head | str] = field(default_factory=dict)
    of_parts: tuple[int, ...] = ()
    answers: Answers = field(default_factory=dict)
    lacking: Lacking | None = None

    @classmethod
    def of(cls, config: Any) -> Build:
        """From a configuration in the words of transformers; or from None."""
        n_blocks, patch = getattr(config, "num_hidden_layers", None), getattr(config, "patch_size", None)
        if isinstance(patch, (list, tuple)):
            patch = patch[0] if len(set(patch)) == 1 else None
        return cls(
            n_blocks if isinstance(n_blocks, int) else None,
            patch if isinstance(patch, int) else None,
            getattr(config, "num_register_tokens", None) or 0,
            of_parts=tuple(_of_parts(config)),
        )


def _of_parts(config: Any) -> Iterator[int]:
    """How many blocks are stated in configurations within this one, and of a decoder."""
    parts = vars(config).values() if config is not None else ()
    for part in [*(part for part in parts if hasattr(part, "num_hidden_layers")), config]:
        for name in ("num_hidden_layers", "num_decoder_layers", "decoder_layers"):
            stated = getattr(part, name, None)
            if isinstance(stated, int) and not (part is config and name == "num_hidden_layers"):
                yield stated
