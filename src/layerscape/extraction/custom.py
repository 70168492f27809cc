"""Custom inputs: what a function of the user's makes of the contents of samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from layerscape.core.samples import Kind
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.readers import Encoded


class Custom:
    """Whatever a function of the user's makes of a list of contents."""

    varies = False
    has_cls = None

    def __init__(self, inputs: Callable[[list[Any]], Any], kind: Kind, examples: Sequence[Any] = ()) -> None:
        self.kind: Kind = kind
        self.examples = list(examples)
        self._inputs = inputs

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        return [Encoded(content) for content in contents]

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, Tokens | None]:
        made = self._inputs([one.content for one in encoded])
        tokens = None
        if isinstance(made, torch.Tensor):
            inputs = Inputs((made,))
        elif isinstance(made, tuple):
            inputs = Inputs(made)
        elif isinstance(made, Mapping):
            kwargs = dict(made)
            special = kwargs.pop("special_tokens_mask", None)
            if (mask := kwargs.get("attention_mask")) is not None:
                real = mask.bool()
                tokens = Tokens(real, real if special is None else real & ~special.bool())
            inputs = Inputs(kwargs=kwargs)
        else:
            raise InvalidType(
                f"inputs returned {type(made).__name__}; it must return a tensor, or a tuple or dict of tensors."
            )
        tensors = inputs.tensors()
        if not tensors or len(tensors[0]) != len(encoded):
            given = f"{len(tensors[0])} rows" if tensors else "no tensor"
            raise InvalidValue(f"inputs made {given} of {len(encoded)} samples; it must make one row per sample.")
        return inputs, tokens

    def describe(self) -> dict[str, Any]:
        names = [getattr(self._inputs, part, "") for part in ("__module__", "__qualname__")]
        return {"inputs": ".".join(names).strip(".") or type(self._inputs).__name__}


def stack(contents: list[Any]) -> torch.Tensor:
    """Arrays of one shape as a float32 batch."""
    shapes = {np.shape(content) for content in contents}
    if len(shapes) > 1:
        raise InvalidValue(f"samples of shapes {sorted(shapes)}; they must have one shape, or give inputs=.")
    return torch.from_numpy(np.stack([np.asarray(content, dtype=np.float32) for content in contents]))
