"""Custom inputs: what a function of the user's makes of the contents of samples."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind
from layerscape.errors import InvalidType, InvalidValue, LayerscapeError, first_line
from layerscape.extraction.failures import Failed
from layerscape.extraction.hooks import Inputs, bytes_of
from layerscape.extraction.parts import each_part
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.readers import Encoded

MASKS = ("attention_mask", "special_tokens_mask", "decoder_attention_mask")
MOST = np.iinfo(np.int64).max
ROWS = "torch.tensor(np.array(rows))"  # as one would write it
LEAST_RUN = 2  # of one number at the end of a sample, from which on it looks like padding


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
        self.make_inputs, self._withheld = make_inputs, withheld
        self.padding: Mapping[str | int, Mapping[int, str]] = {}  # by argument, numbers that are no tokens
        self._first = ""  # what the function made first, so that another one of its name makes another run

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        return [Encoded(content, name=name) for content, name in zip(contents, ids, strict=True)]

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, Tokens | None]:
        made, n_samples = self._made([one.content for one in encoded]), len(encoded)
        tokens = None
        if isinstance(made, torch.Tensor):
            inputs = Inputs((made,))
        elif isinstance(made, tuple):
            inputs = Inputs(tuple(made))
        elif isinstance(made, Mapping):
            real, special, decoded = (_mask(name, made.get(name), n_samples) for name in MASKS)
            if real is not None:
                decoder = None if decoded is None else Tokens(decoded, decoded)
                tokens = Tokens(real, real if special is None else real & ~special, decoder=decoder)
                for each in filter(None, (tokens, decoder)):
                    _check_any(each, [one.name for one in encoded])
            inputs = Inputs(kwargs={name: value for name, value in made.items() if name not in self._withheld})
        else:
            raise InvalidType(
                f"make_inputs returned {type(made).__name__}; it must return a tensor, or a tuple or dict of tensors."
            )
        tensors = inputs.tensors()
        if not tensors or tensors[0].ndim == 0 or len(tensors[0]) != n_samples:
            given = f"a tensor of shape {tuple(tensors[0].shape)}" if tensors else "no tensor"
            raise InvalidValue(f"make_inputs made {given} of {n_samples} samples; it must make one row per sample.")
        if tokens is None:
            self._check_padding(inputs)
        self._first = self._first or fingerprint(map(bytes_of, tensors))
        return inputs, tokens

    def _check_padding(self, inputs: Inputs) -> None:
        """Raise where samples look padded, and nothing says which tokens are none."""
        for key, numbers in self.padding.items():
            for number, who in numbers.items():
                if _at_an_end(inputs.named.get(key), number):
                    raise InvalidValue(
                        f"make_inputs made samples that begin or end with {number}, with which {who} pads, and no "
                        "attention_mask; let it return a dict with one, 1 where a token counts and 0 where not."
                    )

    def _made(self, contents: list[Any]) -> Any:
        try:
            made = self.make_inputs(contents)
        except LayerscapeError:
            raise
        except Exception as error:
            raise Failed(
                f"make_inputs fails on a list of {len(contents)} samples, the first of type "
                f"{type(contents[0]).__name__}: {first_line(error)}."
            ) from error
        if isinstance(made, PackedSequence):
            raise InvalidType(
                "make_inputs returned a PackedSequence; return the padded tensor, with an attention_mask or the "
                "lengths, and let forward pack it."
            )
        return each_part(made, lambda part: torch.from_numpy(part) if isinstance(part, np.ndarray) else part)

    def look(self, model: str, read: Callable[[], Sequence[Any]], ids: Sequence[str]) -> str:
        return self.make_inputs.look(read()) if isinstance(self.make_inputs, AsTokens) else ""

    def describe(self) -> dict[str, Any]:
        named: Any = self.make_inputs if hasattr(self.make_inputs, "__qualname__") else type(self.make_inputs)
        module = named.__module__ or ""  # of methods of compiled classes it is None
        told = {"inputs": f"{module}.{named.__qualname__}".strip(".")}
        return told if module.startswith("layerscape.") else {**told, "made": self._first}


@dataclass(frozen=True)
class AsTokens:
    """Arrays of whole numbers as an int64 batch, for a network that looks them up.

    Attributes
    ----------
    argument
        What its forward calls them.
    padding
        With which of them it says that it pads, and what of it says so; None where it looks up one of each sample at a
        time, as in a table with columns of categories, of which none is padded.
    """

    argument: str
    padding: dict[int, str] | None

    def __call__(self, contents: Sequence[np.ndarray]) -> torch.Tensor:
        if not all(map(is_whole, contents)):
            raise Failed(
                "numbers that are not whole, where those of others are and are looked up; mend them, or say with "
                "make_inputs what the network gets."
            )
        rows = stack(contents, np.int64)
        for number, who in (self.padding or {}).items():
            if _at_an_end(rows, number):
                raise InvalidValue(
                    f"samples begin or end with {number}, with which {who} pads, and an array does not say which "
                    f"tokens are none; give make_inputs={self._with_mask(f'{ROWS} != {number}')}, or where all are "
                    f"tokens make_inputs={self._with_mask('torch.ones(np.shape(rows), dtype=int)')}."
                )
        return rows

    def look(self, contents: Sequence[np.ndarray]) -> str:
        """What is to be said of samples that look padded, where the network does not say with what it pads."""
        rows = np.stack(contents)
        told = self.padding is not None and rows.ndim == 2
        for side, ordered in (("end", rows[:, ::-1]), ("begin", rows)) if told else ():
            for number in np.unique(ordered[:, 0]).tolist():
                runs = np.logical_and.accumulate(ordered == number, axis=1).sum(1)
                nowhere_else = runs.sum() == (rows == number).sum()
                if nowhere_else and runs.max() >= LEAST_RUN and runs.min() < runs.max():
                    return (
                        f"samples {side} with up to {runs.max()} of {number}, which is nowhere else in the "
                        f"{len(rows)} tried, and all of it counts as tokens; if it is padding, give "
                        f"make_inputs={self._with_mask(f'{ROWS} != {number}')}"
                    )
        return ""

    def _with_mask(self, mask: str) -> str:
        """A function that says which tokens count, as one would write it."""
        return f'lambda rows: {{"{self.argument}": {ROWS}, "attention_mask": {mask}}}'


def _at_an_end(rows: Any, number: int) -> bool:
    """Whether a sample begins or ends with a number, as if it were padded."""
    return isinstance(rows, torch.Tensor) and rows.ndim == 2 and bool((rows[:, [0, -1]] == number).any())


def is_whole(content: Any) -> bool:
    """Whether it is an array of whole numbers, be they stored as floats, as tables have them."""
    dtype = getattr(content, "dtype", None)
    if isinstance(content, np.ndarray) and content.dtype.kind == "f":
        return bool(np.isfinite(content).all() and (content == np.rint(content)).all() and (abs(content) < 2**53).all())
    return getattr(dtype, "kind", "") in ("i", "u")


def stack(contents: Sequence[Any], dtype: type[np.number] = np.float32) -> torch.Tensor:
    """Arrays of one shape as a batch."""
    for content in contents:
        if not hasattr(content, "dtype"):
            raise InvalidType(
                f"samples of type {type(content).__name__}; give make_inputs=, a function from a list of samples to "
                "what the network's forward takes."
            )
    if dtype is np.int64 and any(content.dtype == np.uint64 and np.any(content > MOST) for content in contents):
        raise InvalidValue(f"whole numbers above {MOST}, of which no network takes any; make them smaller, or floats.")
    arrays = [np.asarray(content, dtype=dtype) for content in contents]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise InvalidValue(f"samples of shapes {sorted(shapes)}; they must have one shape, or give make_inputs=.")
    return torch.from_numpy(np.stack(arrays))


def _mask(name: str, mask: Any, n_samples: int) -> torch.Tensor | None:
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor) or mask.ndim != 2 or len(mask) != n_samples:
        given = f"of shape {tuple(mask.shape)}" if isinstance(mask, torch.Tensor) else f"a {type(mask).__name__}"
        raise InvalidValue(f"{name} is {given}; it must be a tensor of shape (samples, tokens).")
    if bool(((mask != 0) & (mask != 1)).any()):
        raise InvalidValue(f"{name} has values other than 0 and 1; make it 1 where a token counts and 0 where not.")
    return mask.bool()


def _check_any(tokens: Tokens, names: Sequence[str]) -> None:
    """Raise if a sample has no token that counts, of which there is no mean."""
    for mask, what in ((tokens.real, "its attention_mask is 0 everywhere"), (tokens.content, "all are special")):
        left = mask.any(dim=1)
        if not bool(left.all()):
            name = names[int(left.int().argmin())]
            raise InvalidValue(f"sample {name!r} has no token that counts: {what}; remove it, or mend make_inputs.")
