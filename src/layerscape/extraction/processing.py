"""Processing: the tokenizer or image processor of a model, as the reader of its inputs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from layerscape.core.samples import Kind
from layerscape.errors import InvalidValue
from layerscape.extraction.deployed import Deployment
from layerscape.extraction.pictures import Pictures
from layerscape.extraction.readers import Reader
from layerscape.extraction.spelling import knows_residues_only
from layerscape.extraction.targets import TO_DECODER, Targets
from layerscape.extraction.texts import Texts
from layerscape.extraction.towers import embeddings_of
from layerscape.extraction.wishes import TOKENIZER_FILES, Wish, must_hold

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
UNBOUNDED = 10**6  # tokenizers that state no limit state an absurd one


def load_reader(
    wish: Wish, config: Any, module: Any, deployment: Deployment | None = None, *, targets: bool = False
) -> Reader:
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
    tokenizer = _tokenizer(wish)
    if wish.kind is None and kind == "text" and knows_residues_only(tokenizer):
        kind = "protein"
    return _texts(replace(wish, kind=wish.kind or kind), config, module, tokenizer, accepted, deployment, targets)


def load_targets(wish: Wish, whole: Any) -> Texts:
    """What makes of texts the inputs of the decoder of a model that has an encoder too."""
    start = getattr(whole.config, "decoder_start_token_id", None)
    if start is None:
        raise InvalidValue(
            f"part='both' asked of {wish.model!r}, whose configuration does not say what its decoder begins with "
            "(decoder_start_token_id); say it there, or give the whole as a module with make_inputs=."
        )
    accepted = [name.removeprefix(TO_DECODER) for name in inspect.signature(whole.forward).parameters]
    return _texts(wish, whole.config, whole.get_submodule("decoder"), Targets(_tokenizer(wish), start), accepted)


def _tokenizer(wish: Wish) -> Any:
    from transformers import AutoTokenizer

    if wish.tokenizer is not None:
        return AutoTokenizer.from_pretrained(wish.tokenizer, trust_remote_code=wish.trust_remote_code)
    must_hold(wish, TOKENIZER_FILES, "tokenizer")
    return AutoTokenizer.from_pretrained(**wish.source)


def _texts(
    wish: Wish,
    config: Any,
    module: Any,
    tokenizer: Any,
    accepted: Sequence[str],
    deployment: Deployment | None = None,
    targets: bool = False,
) -> Texts:
    pads = (getattr(config, "pad_token_id", None), tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    limit = _limit(config, module, tokenizer)
    own_length = min(filter(None, (limit, deployment and deployment.max_length)), default=None)
    return Texts(
        tokenizer,
        wish.kind or "text",
        accepted,
        pad_id=next(pad for pad in pads if pad is not None and pad >= 0),
        vocabulary=embeddings_of(module).num_embeddings,  # type: ignore[union-attr]
        max_length=_max_length(wish, limit, own_length, tokenizer),
        own_length=own_length,
        shuffle=wish.shuffle_tokens,
        deployment=deployment,
        targets=targets,
    )


def _kind(config: Any, module: Any) -> Kind:
    takes = inspect.signature(module.forward).parameters
    main = _main(module)
    pictures = main not in takes and "pixel_values" in takes  # a tower that keeps the default name
    if pictures or main == "pixel_values" or config.model_type == "imagegpt":
        return "image"
    if main == "input_ids" and hasattr(embeddings_of(module), "num_embeddings"):
        return "protein" if config.model_type == "esm" else "text"
    raise InvalidValue(
        f"models of type {config.model_type!r} take {_named(module, takes)!r}; text, proteins and images can be read: "
        "give any other model as a module, with make_inputs=."
    )


def _main(module: Any) -> str:
    """What its first argument is called, as transformers says it; of a tower that is no model of its own as it is."""
    return getattr(module, "main_input_name", None) or next(iter(inspect.signature(module.forward).parameters), "")


def _named(module: Any, takes: Mapping[str, Any]) -> str:
    return _main(module) if _main(module) in takes else next(iter(takes), "nothing")


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
