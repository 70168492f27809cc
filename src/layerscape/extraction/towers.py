"""Towers: which part of a model that has several is looked at, and what it is compared by."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from layerscape.errors import InvalidValue
from layerscape.extraction.heads import Head
from layerscape.extraction.hooks import Site, Taps
from layerscape.extraction.pooling import Tokens, pool
from layerscape.extraction.readers import Reader
from layerscape.extraction.untouched import evaluating

# How models call them that have two towers.
_TOWERS = {
    "vision": ("vision_model", "vision_tower", "visual", "image_model"),
    "text": ("text_model", "language_model"),
}
NOT_KNOWN = "is what a model is deployed with, and what this part is deployed with is not known"
ROUNDINGS = 1000  # units in the last place, within which two vectors are one
BOTH = "both"  # parts, of samples that are pairs
ASK = (
    "a vision and a text part; say which with --part vision or --part text (part=), or --part both where samples are "
    "pairs of a picture and a text."
)
WITHOUT_HEAD = "is what a model is deployed with, and what one that writes texts is deployed with is no vector"
DECODER_ALONE = (
    "its decoder alone, which reads texts without a source: cross-attention has nothing to read and is left out"
)


def check_towers(model: str, config: Any, part: str | None) -> None:
    """Raise if a model has two towers by its configuration and nobody said which; before its weights are loaded."""
    if hasattr(config, "text_config") and hasattr(config, "vision_config") and part not in (*_TOWERS, BOTH):
        asked = f"part={part!r} asked of {model!r}, which has" if part else f"{model!r} has"
        raise InvalidValue(f"{asked} {ASK}")


def towers_of(module: nn.Module) -> dict[str, str]:
    """The paths of its towers by what they are called here; of a model that has not two of them those that it has."""
    children = dict(module.named_children())
    return {name: found for name, called in _TOWERS.items() for found in called if found in children}


def stack_of(model: str, module: nn.Module, part: str | None) -> str:
    """The path of the stack that is asked for; empty where the whole is one.

    Parameters
    ----------
    model
        What the user calls it.
    module
        The whole.
    part
        What the user asked for, if anything.

    Raises
    ------
    InvalidValue
        If there is no such part, or it reads what is not there.
    """
    children = dict(module.named_children())
    towers = towers_of(module)
    if len(towers) == 2 and part in (None, *_TOWERS, BOTH):
        if part is None:
            raise InvalidValue(f"{model!r} has {ASK}")
        return "" if part == BOTH else towers[part]
    if {"encoder", "decoder"} <= children.keys():
        if part in ("decoder", BOTH) and not _reads_texts(children["decoder"]):
            raise InvalidValue(
                f"part={part!r} asked of {model!r}, whose decoder reads no texts by itself; choose the encoder, or "
                "give the whole as a module with make_inputs=."
            )
        if part in (None, "encoder", "decoder", BOTH):
            return "" if part == BOTH else part or "encoder"
    if part is not None:
        known = " and ".join(towers) or ("an encoder and a decoder" if "decoder" in children else "one stack")
        raise InvalidValue(f"part={part!r} asked of {model!r}, which has {known}; leave it out.")
    return ""


def _reads_texts(decoder: Any) -> bool:
    """Whether it makes embeddings of tokens itself."""
    return isinstance(embeddings_of(decoder), nn.Embedding)


def embeddings_of(module: Any) -> nn.Module | None:
    """What looks up the tokens that it is given, as it says itself or as its only table of words is called."""
    try:
        return module.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        names = ("token_embedding", "word_embeddings", "embed_tokens")
        found = [part for name, part in module.named_modules() if name.split(".")[-1] in names]
        return found[0] if len(found) == 1 else None


def has_targets(module: Any, part: str | None) -> bool:
    """Whether a second text may be for its decoder, since nobody said which part is meant; an encoder may be alone."""
    return (
        part is None and not is_encoder_alone(module) and {"encoder", "decoder"} <= dict(module.named_children()).keys()
    )


def is_encoder_alone(module: Any) -> bool:
    """Whether its configuration says that no decoder was saved with it."""
    return any(name.endswith("EncoderModel") for name in module.config.architectures or ())


def head_of_stack(module: nn.Module, path: str, reader: Reader) -> Head | str:
    """What a tower is compared by with the other one: its projection, or its own pooling; or why there is none.

    It is there where it gives of two samples what the model's own function for this tower gives.
    """
    if path == "decoder":
        return "is what a model is deployed with, which reads its encoder too"
    return _proven(_likely_head(module, path), module, path, reader)


def _likely_head(module: nn.Module, path: str) -> Head | str:
    stack = module.get_submodule(path)
    called = "visual_projection" if path in _TOWERS["vision"] else "text_projection"
    projection = getattr(module, called, None)
    if path in _TOWERS["vision"] and isinstance(projection, nn.Linear):
        norm = next((name for name, _ in stack.named_modules() if name.split(".")[-1] == "post_layernorm"), None)
        if norm is not None:
            return Head("the class token, normed and projected", norm, (_projected(projection),))
    if path in _TOWERS["text"] and isinstance(projection, nn.Linear):
        return Head("the last token, projected", "", (_last, _projected(projection)))
    head = next((name for name, _ in stack.named_modules() if name.split(".")[-1] == "head"), None)
    if path in _TOWERS["vision"] and head is not None and hasattr(module, "logit_bias"):
        return Head("the pooling of the tower", head)
    return NOT_KNOWN


def _proven(head: Head | str, module: nn.Module, path: str, reader: Reader) -> Head | str:
    called = "get_image_features" if path in _TOWERS["vision"] else "get_text_features"
    own: Any = getattr(module, called, None)
    if isinstance(head, str) or own is None:
        return head
    found = next(module.parameters())
    try:
        inputs, tokens = reader.batch(reader.encode(reader.examples, ["0", "1"]))
        inputs = inputs.to(found.device, found.dtype)
        with evaluating(module), Taps(module.get_submodule(path), {"": Site(head.module)}) as run:
            ours = run(inputs, lambda _, seen: head(seen.tensor, tokens))[""]
            theirs = own(**(inputs.kwargs or {}))
    except Exception:  # it takes something else than the tower
        return NOT_KNOWN
    theirs = getattr(theirs, "pooler_output", theirs).detach().float()
    alike = ours.shape == theirs.shape and float((ours - theirs).norm()) <= ROUNDINGS * float(theirs.norm()) * (
        torch.finfo(found.dtype).eps
    )
    return head if alike else NOT_KNOWN


def _last(hidden: torch.Tensor, tokens: Tokens | None) -> torch.Tensor:
    return pool(hidden, "last", tokens)


def _projected(projection: nn.Linear) -> Any:
    def step(hidden: torch.Tensor, _: Tokens | None) -> torch.Tensor:
        weight = projection.weight.detach().to(hidden.device, hidden.dtype)
        bias = None if projection.bias is None else projection.bias.detach().to(hidden.device, hidden.dtype)
        return nn.functional.linear(hidden, weight, bias)

    return step
