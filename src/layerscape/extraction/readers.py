"""Readers: from the contents of samples to what a network's forward takes, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.pooling import Tokens


@dataclass(frozen=True)
class Encoded:
    """A sample on its way to a batch: how many tokens it has, and whether some were cut off."""

    content: Any
    length: int = 1
    truncated: bool = False


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

    def describe(self) -> dict[str, Any]:
        """Everything that can change an input, as plain values."""
        ...


class Texts:
    """Texts and proteins through a tokenizer, padded on the right.

    Right padding is right for every network: a causal one never sees it, and positions count from the first token.
    """

    varies = True

    def __init__(
        self,
        tokenizer: Any,
        kind: Kind,
        accepted: Sequence[str],
        pad_id: int,
        vocabulary: int,
        max_length: int | None,
    ) -> None:
        self.kind: Kind = kind
        self.max_length = max_length
        self._tokenizer, self._accepted = tokenizer, accepted
        self._pad_id, self._vocabulary = pad_id, vocabulary
        # Before the first call, which leaves its padding and truncation in the serialized tokenizer.
        self._digest = _tokenizer_digest(tokenizer)
        proteins = ["MKTAYIAKQRQISFVKSHFSRQ", "MADEEKLPPGWEKRM"]
        texts = ["The sun rises in the east and sets in the west.", "Water boils."]
        self.examples = proteins if kind == "protein" else texts
        first = self._tokenize(self.examples[:1])["input_ids"][0][:1]
        self.has_cls = tokenizer.cls_token_id is not None and first == [tokenizer.cls_token_id]

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        for content, name in zip(contents, ids, strict=True):
            if not isinstance(content, str):
                raise InvalidType(f"sample {name!r} is {type(content).__name__}; a {self.kind} must be a string.")
        encoded = []
        table = self._tokenize(contents)
        for i, (content, name) in enumerate(zip(contents, ids, strict=True)):
            row = {key: values[i] for key, values in table.items()}
            length = len(row["input_ids"])
            if truncated := self.max_length is not None and length > self.max_length:
                cut = self._tokenize([content], truncation=True, max_length=self.max_length)
                row = {key: values[0] for key, values in cut.items()}
            self._check(content, row, name)
            encoded.append(Encoded(row, len(row["input_ids"]), truncated))
        return encoded

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, Tokens]:
        width = max(one.length for one in encoded)
        rows = [one.content for one in encoded]

        def padded(key: str, fill: int) -> torch.Tensor:
            array = np.full((len(rows), width), fill, dtype=np.int64)
            for i, row in enumerate(rows):
                array[i, : len(row[key])] = row[key]
            return torch.from_numpy(array)

        kwargs = {
            key: padded(key, self._pad_id if key == "input_ids" else 0) for key in rows[0] if key in self._accepted
        }
        special = padded("special_tokens_mask", 1).bool()
        real = torch.arange(width) < torch.tensor([one.length for one in encoded])[:, None]
        return Inputs(kwargs=kwargs), Tokens(real, real & ~special)

    def describe(self) -> dict[str, Any]:
        return {
            "tokenizer": type(self._tokenizer).__name__,
            "digest": self._digest,
            "max_length": self.max_length,
            "padding_side": "right",
        }

    def _tokenize(self, contents: Sequence[str], **options: Any) -> Mapping[str, list[list[int]]]:
        return self._tokenizer(
            list(contents),
            return_special_tokens_mask=True,
            return_attention_mask=True,
            padding=False,
            verbose=False,
            **options,
        )

    def _check(self, content: str, row: Mapping[str, list[int]], name: str) -> None:
        if not content.strip() or all(row["special_tokens_mask"]):
            raise InvalidValue(
                f"sample {name!r} is empty: no token is left of {content[:20]!r}; remove it from the input."
            )
        if max(row["input_ids"]) >= self._vocabulary:
            raise InvalidValue(
                f"the tokenizer gives token {max(row['input_ids'])} for sample {name!r}, but the model knows "
                f"0..{self._vocabulary - 1} only; they do not belong together: save both from one model."
            )


class Pictures:
    """Pictures, uint8 of shape (height, width) or (height, width, 3), through the model's own image processor."""

    kind: Kind = "image"
    varies = False

    def __init__(self, processor: Any, accepted: Sequence[str], channels: int) -> None:
        self._processor, self._accepted, self._channels = processor, accepted, channels
        # Token networks on pixels (ImageGPT) have no class token; of the others the shapes tell.
        self.has_cls = None
        ramp = np.arange(32 * 32 * 3, dtype=np.int64).reshape(32, 32, 3)
        self.examples: list[Any] = [(ramp % 251).astype(np.uint8), (ramp % 241).astype(np.uint8)]

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        for content, name in zip(contents, ids, strict=True):
            array = np.asarray(content)
            if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,)):
                raise InvalidValue(
                    f"sample {name!r} has shape {array.shape} and type {array.dtype}; "
                    "a picture is uint8 of shape (height, width) or (height, width, 3)."
                )
        return [Encoded(content) for content in contents]

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, None]:
        from PIL import Image

        pictures: list[Any] = [Image.fromarray(np.squeeze(np.asarray(one.content))) for one in encoded]
        if self._channels == 1:
            pictures = [np.asarray(picture.convert("L"))[..., None] for picture in pictures]
            made = self._processor(images=pictures, return_tensors="pt", input_data_format="channels_last")
        else:
            made = self._processor(images=[picture.convert("RGB") for picture in pictures], return_tensors="pt")
        return Inputs(kwargs={key: value for key, value in made.items() if key in self._accepted}), None

    def describe(self) -> dict[str, Any]:
        settings = self._processor.to_dict()
        if settings.get("clusters") is not None:
            settings["clusters"] = fingerprint([np.asarray(settings["clusters"], dtype=np.float64).tobytes()])
        return {"processor": type(self._processor).__name__, "settings": settings}


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


def _tokenizer_digest(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return fingerprint([backend.to_str()])
    return fingerprint([str(sorted(tokenizer.get_vocab().items())), str(tokenizer.special_tokens_map)])
