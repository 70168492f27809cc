"""Pictures: arrays of pixels through an image processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Captioned, Kind
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.readers import Encoded


class Pictures:
    """Pictures, uint8 of shape (height, width) or (height, width, 3), through the model's own image processor."""

    kind: Kind = "image"
    varies = False
    has_cls = None

    def __init__(self, processor: Any, accepted: Sequence[str], channels: int) -> None:
        self._processor, self._accepted, self._channels = processor, accepted, channels
        ramp = np.arange(32 * 32 * 3, dtype=np.int64).reshape(32, 32, 3)
        self.examples: list[Any] = [(ramp % 251).astype(np.uint8), (ramp % 241).astype(np.uint8)]

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        for content, name in zip(contents, ids, strict=True):
            if isinstance(content, Captioned):
                raise InvalidType(
                    f"sample {name!r} is a picture and its text, for a network that sees pictures; give pictures "
                    "alone, or of a model that reads both say --part both (part=)."
                )
            array = np.asarray(content)
            if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,)):
                raise InvalidValue(
                    f"sample {name!r} has shape {array.shape} and type {array.dtype}; "
                    "a picture is uint8 of shape (height, width) or (height, width, 3)."
                )
        if not self.by_itself:
            return [Encoded(content) for content in contents]
        # So that what is large is gone as soon as it is read; a call for several takes half as long as one for each.
        made = self._made(contents)
        if all(len(value) == len(contents) for value in made.values()):
            return [Encoded({key: value[at : at + 1] for key, value in made.items()}) for at in range(len(contents))]
        return [Encoded(self._made([content])) for content in contents]

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, None]:
        if self.by_itself:
            return Inputs(kwargs=_joined([one.content for one in encoded])), None
        return Inputs(kwargs=self._made([one.content for one in encoded])), None

    @cached_property
    def by_itself(self) -> bool:
        """Whether the processor makes the same of a picture alone and beside a larger one, which some pad it to."""
        some = [self.examples[0], np.tile(self.examples[1], (2, 3, 1))[:40, :72]]
        try:
            together, alone = self._made(some), _joined([self._made([each]) for each in some])
            return all(bool(torch.equal(together[key], alone[key])) for key in together.keys() | alone.keys())
        except Exception:  # it makes no tensors of one size
            return False

    def _made(self, contents: Sequence[Any]) -> dict[str, Any]:
        from PIL import Image

        pictures: list[Any] = [Image.fromarray(np.squeeze(np.asarray(content))) for content in contents]
        if self._channels == 1:
            pictures = [np.asarray(picture.convert("L"))[..., None] for picture in pictures]
            made = self._processor(images=pictures, return_tensors="pt", input_data_format="channels_last")
        else:
            pictures = [each if each.mode == "RGB" else each.convert("RGB") for each in pictures]  # which would copy it
            made = self._processor(images=pictures, return_tensors="pt")
        return {key: value for key, value in made.items() if key in self._accepted}

    def look(self, model: str, read: Callable[[], Sequence[Any]], ids: Sequence[str]) -> str:
        return ""

    def describe(self) -> dict[str, Any]:
        settings = self._processor.to_dict()
        if settings.get("clusters") is not None:
            settings["clusters"] = fingerprint([np.asarray(settings["clusters"], dtype=np.float64).tobytes()])
        return {"processor": type(self._processor).__name__, "settings": settings}


def _joined(parts: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
