"""Failures: what went wrong in code of the user's, or for want of memory, in one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from layerscape.errors import InvalidValue, LayerscapeError, wants_memory
from layerscape.extraction.hooks import Inputs


@contextmanager
def explained(module: torch.nn.Module, inputs: Inputs, device: torch.device) -> Iterator[None]:
    """Around a forward pass; what the network raised stays behind the error, as its cause."""
    try:
        yield
    except LayerscapeError:
        raise
    except Exception as error:
        if wants_memory(error):
            n_samples = len(inputs.tensors()[0])
            raise InvalidValue(
                f"a batch of {n_samples} samples does not fit into the memory of {device}; "
                f"give a --batch-size below {n_samples}, or a smaller --max-length."
            ) from None
        shapes = " and ".join(str(tuple(tensor.shape)) for tensor in inputs.tensors())
        raise InvalidValue(
            f"{type(module).__name__} fails on inputs of shape {shapes}: {in_words(error)}; give samples of the shape "
            "that its forward takes, or say with make_inputs what it gets."
        ) from error


def in_words(error: Exception) -> str:
    """The kind and the first line of an error that is not ours."""
    return f"{type(error).__name__}: {str(error).strip().split(chr(10))[0]}".strip().rstrip(".:")
