"""Failures: what went wrong in code of the user's, or for want of memory, in one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from layerscape.errors import InvalidValue, LayerscapeError, first_line, wants_memory
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.layers import INPUT
from layerscape.extraction.parts import each_part
from layerscape.extraction.readers import Encoded


class NoRoom(InvalidValue):
    """A batch does not fit into memory; fewer samples may."""


class Failed(InvalidValue):
    """The network, or what makes its inputs, fails on a batch; its own error is the cause."""


class Spoiled(InvalidValue):
    """A sample has values that are not finite beside others, and none alone."""


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
            remedy = f"give a --batch-size below {n_samples}, or a smaller --max-length"
            raise NoRoom(
                f"a batch of {n_samples} samples does not fit into the memory of {device}; "
                f"{remedy if n_samples > 1 else 'give smaller samples, or a smaller --max-length'}."
            ) from None
        shapes = " and ".join(str(tuple(tensor.shape)) for tensor in inputs.tensors())
        reach = _reach(inputs) if isinstance(error, IndexError) else ""
        wanted = "samples of the shape that its forward takes"
        if "'indices'" in str(error) and (given := inputs.floating()) is not None:
            whole = bool((given == given.round()).all())
            wanted = f"whole numbers, {'as x.astype(int)' if whole else 'which these are not'}"
        raise Failed(
            f"{type(module).__name__} fails on inputs of shape {shapes}: {first_line(error)}{reach}; give {wanted}, or "
            "say with make_inputs what it gets."
        ) from error


@contextmanager
def of_which(run: Callable[[list[Encoded]], Any], encoded: Sequence[Encoded], ids: Sequence[str]) -> Iterator[None]:
    """Around a pass of a batch; where that fails, its samples are tried alone, and the first that fails is named."""
    try:
        yield
    except Failed as error:
        if "CUDA" in str(error):  # after which nothing runs there any more
            raise
        for name, one in zip(ids, encoded, strict=True):
            try:
                run([one])
            except Failed as alone:
                raise Failed(f"sample {name!r}: {alone}") from alone.__cause__
        raise Failed(f"samples {ids[0]!r} to {ids[-1]!r}, together: {error}") from error.__cause__


def _reach(inputs: Inputs) -> str:
    """From which to which whole number it is given, one of which is none that it knows."""
    whole = [each for each in inputs.tensors() if not each.is_floating_point() and each.dtype != torch.bool]
    if not whole:
        return ""
    return (
        f", of whole numbers from {min(int(each.min()) for each in whole)} to {max(int(each.max()) for each in whole)}"
    )


def check_finite(
    dtype: torch.dtype,
    name: str,
    values: np.ndarray,
    ids: Sequence[str],
    n_units: int,
    encoded: Sequence[Encoded],
    run: Callable[[list[Encoded]], Mapping[str, torch.Tensor]],
) -> None:
    """Raise unless the vectors of a batch have as many units as those before them, all of them finite.

    A sample that has not is ``run`` alone, to say whether that is its own or comes of the others.
    """
    if values.shape[1] != n_units:
        instead = "choose layers without it" if name == INPUT else "choose a pooling other than flatten"
        raise InvalidValue(
            f"layer {name!r} has {values.shape[1]} units for sample {ids[0]!r} and {n_units} for others; "
            f"make the samples equal in size, or {instead}."
        )
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite.all(axis=1)))
        if _lacks(encoded[row].content):
            raise InvalidValue(f"sample {ids[row]!r} holds NaN or infinite values; fill them in, or leave it out.")
        if len(ids) > 1 and bool(run([encoded[row]])[name].isfinite().all()):
            raise Spoiled(
                f"layer {name!r} gives NaN or infinite values for sample {ids[row]!r} beside others of its batch, and "
                "none alone, as where padding attends to nothing; give --batch-size 1 (batch_size=1)."
            )
        half = dtype in (torch.float16, torch.bfloat16)
        remedy = "compute with --dtype float32" if half else "check the model's weights, or leave the sample out"
        raise InvalidValue(f"layer {name!r} gives NaN or infinite values for sample {ids[row]!r}; {remedy}.")


def _lacks(content: Any) -> bool:
    """Whether an array in it has a value that is no finite number."""
    found = False

    def look(part: Any) -> None:
        nonlocal found
        if isinstance(part, np.ndarray) and part.dtype.kind in "fc":
            found |= not bool(np.isfinite(part).all())

    each_part(content, look)
    return found
