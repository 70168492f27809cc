"""Processing: the tokenizer or image processor of a model, as the reader of its inputs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from layerscape.core.samples import Kind
from layerscape.errors import InvalidValue
from layerscape.extraction.deployed import Deployment
from layerscape.extraction.pictures import Pictures
from layerscape.extraction.readers import Reader
from layerscape.extraction.spelling import knows_residues_only
from layerscape.extraction.texts import Texts
from layerscape.extraction.wishes import TOKENIZER_FILES, Wish, must_hold

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
UNBOUNDED = 10**6  # tokenizers that state no limit state an absurd one


def load_reader(wish: Wish, config: Any, module: Any, deployment: Deployment | None, *, targets: bool) -> Reader:
    """What makes inputs of samples, by the files beside the model, in the way in which it is deployed (`Texts`)."""
    accepted = tuple(inspect.signature(module.forward).parameters)
    kind = _kind(config, module)
    if wish.kind not in (None, kind) and {wish.kind, kind} != {"text", "protein"}:
        raise InvalidValue(f"kind={wish.kind!r} asked of {wish.model!r}, which takes {kind!r}; leave it out.")
    if kind == "image":
        if wish.shuffle_tokens is not None:
            raise InvalidValue(
                f"shuffle_tokens={wish.shuffle_tokens} for {wish.model!r}, which takes images; it is for texts and "
                "proteins: leave it out."
            )
        from transformers import AutoImageProcessor

        must_hold(wish, PROCESSOR_FILES, "image processor")
        # Early versions know only the one word, later ones only the other; the one not known is ignored.
        processor = AutoImageProcessor.from_pretrained(**wish.source, backend="pil", use_fast=False)
        return Pictures(processor, accepted, getattr(config, "num_channels", 3))
    from transformers import AutoTokenizer

    if wish.tokenizer is None:
        must_hold(wish, TOKENIZER_FILES, "tokenizer")
        tokenizer = AutoTokenizer.from_pretrained(**wish.source)
    else:
        tokenizer = AutoTokenizer.from_pretrained(wish.tokenizer, trust_remote_code=wish.trust_remote_code)
    if wish.kind is None and kind == "text" and knows_residues_only(tokenizer):
        kind = "protein"
    pads = (getattr(config, "pad_token_id", None), tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    limit = _limit(config, module, tokenizer)
    own_length = min(filter(None, (limit, deployment and deployment.max_length)), default=None)
    return Texts(
        tokenizer,
        wish.kind or kind,
        accepted,
        pad_id=next(pad for pad in pads if pad is not None and pad >= 0),
        vocabulary=module.get_input_embeddings().num_embeddings,
        max_length=_max_length(wish, limit, own_length, tokenizer),
        own_length=own_length,
        shuffle=wish.shuffle_tokens,
        deployment=deployment,
        targets=targets,
    )


def _kind(config: Any, module: Any) -> Kind:
    takes = inspect.signature(module.forward).parameters
    pictures = module.main_input_name not in takes and "pixel_values" in takes  # a tower that keeps the default name
    if pictures or module.main_input_name == "pixel_values" or config.model_type == "imagegpt":
        return "image"
    if module.main_input_name == "input_ids" and hasattr(module.get_input_embeddings(), "num_embeddings"):
        return "protein" if config.model_type == "esm" else "text"
    raise InvalidValue(
        f"models of type {config.model_type!r} take {_named(module, takes)!r}; text, proteins and images can be read: "
        "give any other model as a module, with make_inputs=."
    )


def _named(module: Any, takes: Mapping[str, Any]) -> str:
    return module.main_input_name if module.main_input_name in takes else next(iter(takes), "nothing")


def _limit(config: Any, module: torch.nn.Module, tokenizer: Any) -> int | None:
    """How many tokens the model can take."""
    bounds = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    for path, part in module.named_modules():
        # Where padding has a position of its own (RoBERTa), the first ones are not for tokens.
        if (
            path.endswith("position_embeddings")
            and isinstance(part, torch.nn.Embedding)
            and part.padding_idx is not None
        ):
            bounds.append(part.num_embeddings - part.padding_idx - 1)
    return min((bound for bound in bounds if bound is not None and 0 < bound < UNBOUNDED), default=None)


def _max_length(wish: Wish, limit: int | None, own_length: int | None, tokenizer: Any) -> int | None:
    """Where texts are cut: as the user wishes, or else where the model is deployed with, or can take no more."""
    if wish.max_length is None:
        return own_length
    least = tokenizer.num_special_tokens_to_add() + 1
    if wish.max_length < least or (limit is not None and wish.max_length > limit):
        raise InvalidValue(
            f"max_length={wish.max_length} for {wish.model!r}; it must lie in {least}..{limit or 'any number'} tokens."
        )
    return wish.max_length
