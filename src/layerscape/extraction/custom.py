"""Custom inputs: what a function of the user's makes of the contents of samples."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind
from layerscape.errors import InvalidType, InvalidValue, LayerscapeError
from layerscape.extraction.failures import in_words
from layerscape.extraction.hooks import Inputs, bytes_of
from layerscape.extraction.parts import each_part
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.readers import Encoded

MASKS = ("attention_mask", "special_tokens_mask")


class Custom:
    """Whatever a function of the user's makes of a list of contents.

    Parameters
    ----------
    make_inputs
        The function.
    kind
        What samples it takes.
    withheld
        Which of the masks are for the pooling only, since the network's forward does not take them.
    """

    varies = False
    has_cls = None

    def __init__(
        self,
        make_inputs: Callable[[list[Any]], Any],
        kind: Kind,
        examples: Sequence[Any] = (),
        withheld: Collection[str] = MASKS[1:],
    ) -> None:
        self.kind: Kind = kind
        self.examples = list(examples)
        self._make_inputs, self._withheld = make_inputs, withheld
        self._first = ""  # what the function made first, so that another one of its name makes another run

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        return [Encoded(content) for content in contents]

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, Tokens | None]:
        made, n_samples = self._made([one.content for one in encoded]), len(encoded)
        tokens = None
        if isinstance(made, torch.Tensor):
            inputs = Inputs((made,))
        elif isinstance(made, tuple):
            inputs = Inputs(tuple(made))
        elif isinstance(made, Mapping):
            real, special = (_mask(name, made.get(name), n_samples) for name in MASKS)
            if real is not None:
                tokens = Tokens(real, real if special is None else real & ~special)
            inputs = Inputs(kwargs={name: value for name, value in made.items() if name not in self._withheld})
        else:
            raise InvalidType(
                f"make_inputs returned {type(made).__name__}; it must return a tensor, or a tuple or dict of tensors."
            )
        tensors = inputs.tensors()
        if not tensors or tensors[0].ndim == 0 or len(tensors[0]) != n_samples:
            given = f"a tensor of shape {tuple(tensors[0].shape)}" if tensors else "no tensor"
            raise InvalidValue(f"make_inputs made {given} of {n_samples} samples; it must make one row per sample.")
        self._first = self._first or fingerprint(map(bytes_of, tensors))
        return inputs, tokens

    def _made(self, contents: list[Any]) -> Any:
        try:
            made = self._make_inputs(contents)
        except LayerscapeError:
            raise
        except Exception as error:
            raise InvalidValue(
                f"make_inputs fails on a list of {len(contents)} samples, the first of type "
                f"{type(contents[0]).__name__}: {in_words(error)}."
            ) from error
        if isinstance(made, PackedSequence):
            raise InvalidType(
                "make_inputs returned a PackedSequence; return the padded tensor, with an attention_mask or the "
                "lengths, and let forward pack it."
            )
        return each_part(made, lambda part: torch.from_numpy(part) if isinstance(part, np.ndarray) else part)

    def describe(self) -> dict[str, Any]:
        names = [getattr(self._make_inputs, part, None) or "" for part in ("__module__", "__qualname__")]
        told = {"inputs": ".".join(names).strip(".") or type(self._make_inputs).__name__}
        return told if names[0].startswith("layerscape.") else {**told, "made": self._first}


def stack(contents: list[Any]) -> torch.Tensor:
    """Arrays of one shape as a float32 batch."""
    for content in contents:
        if not hasattr(content, "dtype"):
            raise InvalidType(
                f"samples of type {type(content).__name__}; give make_inputs=, a function from a list of samples to "
                "what the network's forward takes."
            )
    shapes = {np.shape(content) for content in contents}
    if len(shapes) > 1:
        raise InvalidValue(f"samples of shapes {sorted(shapes)}; they must have one shape, or give make_inputs=.")
    return torch.from_numpy(np.stack([np.asarray(content, dtype=np.float32) for content in contents]))


def _mask(name: str, mask: Any, n_samples: int) -> torch.Tensor | None:
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor) or mask.ndim != 2 or len(mask) != n_samples:
        given = f"of shape {tuple(mask.shape)}" if isinstance(mask, torch.Tensor) else f"a {type(mask).__name__}"
        raise InvalidValue(f"{name} is {given}; it must be a tensor of shape (samples, tokens).")
    return mask.bool()
