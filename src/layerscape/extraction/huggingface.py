"""Networks from the Hugging Face hub or a local folder: the one door to transformers.

Weights come from safetensors; of a local folder that has none from ``.bin``, of which only tensors are unpickled. Image
processors run on PIL, so that torchvision is not needed and one picture gives the same input everywhere.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from layerscape.errors import InvalidValue, require
from layerscape.extraction.adapters import Adapter, adapter_of, telling_base
from layerscape.extraction.answers import Answers
from layerscape.extraction.both import read_both
from layerscape.extraction.build import Build
from layerscape.extraction.deployed import Deployment, Read, deployed_metric, deployment_of
from layerscape.extraction.heads import Head, head_of
from layerscape.extraction.hub import path_of, text_of, why_unreached
from layerscape.extraction.lacking import Lacking, head_without
from layerscape.extraction.loss import Loss
from layerscape.extraction.masked import MaskedLoss
from layerscape.extraction.network import Network
from layerscape.extraction.processing import load_reader
from layerscape.extraction.readers import Reader
from layerscape.extraction.texts import Texts
from layerscape.extraction.towers import (
    BOTH,
    DECODER_ALONE,
    check_towers,
    has_targets,
    head_of_stack,
    is_encoder_alone,
    stack_of,
)
from layerscape.extraction.weights import check_files, check_head, check_weights
from layerscape.extraction.wishes import Wish, check_place, explained

# With CLIP's and SigLIP's own loss and use.
TOWERS = {"metric": "cosine", "because": "its towers are compared by cosine"}


def open_pretrained(wish: Wish, device: torch.device, dtype: torch.dtype, answers: Answers) -> Network:
    """The network without its head, with its own tokenizer or image processor."""
    require("transformers", "models")
    name, adapter = wish.model, adapter_of(wish)
    if adapter is not None:
        wish = adapter.of_base(wish)
    check_place(wish)
    if wish.folder is None:
        wish = replace(wish, unreached=why_unreached())
    with _quiet(), telling_base(adapter), explained(wish):
        config = _config(wish)
        whole, path, full, (lacking, others) = _load_module(wish, config, dtype, adapter)
        module = whole.get_submodule(path)
        config = getattr(module, "config", config)
        read = partial(text_of, wish.source)
        if wish.part == BOTH:
            reader, heads = read_both(wish, whole, lacking)
        else:
            reader, heads = _read_one(wish, whole, path, read, others)
    made = {name: head for name, head in heads.items() if isinstance(head, Head)}
    words = "; ".join(f"{name}: {head.words}" if name else head.words for name, head in made.items())
    facts = {
        "revision": getattr(config, "_commit_hash", None) or wish.revision,
        "random_init": wish.random_init,
        "attention": getattr(module.config, "_attn_implementation", None),
        **({"adapter": adapter.facts} if adapter else {}),
        **({"lacks": [*lacking.names, *others.names]} if lacking or others else {}),
        **({"output": words} if words else {}),
        **({"alone": DECODER_ALONE} if path == "decoder" else {}),
    }
    return Network(
        name if wish.random_init is None else f"{name} (random weights, seed {wish.random_init})",
        module.to(device),
        reader,
        loss=full and _loss(full, config, reader, name).to(device),
        configuration=_configuration(config) + words + "".join(head.digest for head in made.values()),
        facts=facts,
        default_pooling="last" if is_causal(config) or path == "decoder" else "mean",
        build=replace(Build.of(config), heads=heads, answers=answers, lacking=lacking or None),
        deployed=TOWERS if made and (wish.part == BOTH or path not in ("", "encoder")) else deployed_metric(read),
    )


def _read_one(wish: Wish, whole: Any, path: str, read: Read, others: Lacking) -> tuple[Reader, dict[str, Head | str]]:
    """What makes inputs for the stack that is looked at, and what the model is deployed with."""
    module, deployment = whole.get_submodule(path), deployment_of(read)
    config = getattr(module, "config", whole.config)
    reader = load_reader(wish, config, module, deployment, targets=has_targets(whole, wish.part))
    if path in ("", "encoder"):
        return reader, {"": _head(wish, module, deployment, reader)}
    return reader, {"": head_without(others, partial(head_of_stack, whole, path, reader))}


def _head(wish: Wish, module: torch.nn.Module, deployment: Deployment | None, reader: Reader) -> Head | str:
    """What makes the model's own output of the network's; or why it cannot be had, in words."""
    if deployment is None:
        if getattr(module, "pooler", None) is not None:
            return Head("the pooler", "pooler", default=False)
        return "is what a model is deployed with, which its folder does not say"
    if not isinstance(reader, Texts):
        why_not: Head | str = f"is not for samples of kind {reader.kind!r}"
    elif reader.max_length != reader.own_length:
        why_not = f"cuts texts at {reader.own_length} tokens, and this run at {reader.max_length}"
    elif wish.random_init is not None and any(kind in ("Dense", "LayerNorm") for kind, _, _ in deployment.modules):
        why_not = "has layers after the network whose weights are not random"
    else:
        why_not = head_of(deployment, partial(path_of, wish.source), reader.n_prompt)
    return why_not if isinstance(why_not, Head) else f"is what the model is deployed with, which {why_not}"


def _config(wish: Wish) -> Any:
    """Its configuration; raises, before weights are loaded, at what this and the files do not allow."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(**wish.source)
    check_towers(wish.model, config, wish.part)
    if wish.folder is not None and wish.random_init is None:
        check_files(wish.model, wish.folder, getattr(config, "num_hidden_layers", None))
    known = (is_causal(config) or _fills_in(config)) and config.model_type != "imagegpt"
    if wish.loss and not known:
        raise InvalidValue(
            f"the loss of each text asked of {wish.model!r}, which is no language model that predicts what comes next, "
            "or what is hidden; ask no loss of it (--loss, loss=True, ablate)."
        )
    return config


def _loss(whole: Any, config: Any, reader: Reader, name: str) -> Loss | MaskedLoss:
    """What reads a loss from a model with its head."""
    return Loss(whole) if is_causal(config) else MaskedLoss(whole, getattr(reader, "mask", None), name)


def _load_module(
    wish: Wish, config: Any, dtype: torch.dtype, adapter: Adapter | None
) -> tuple[torch.nn.Module, str, Any, tuple[Lacking, Lacking]]:
    """The whole, the path of the stack that is looked at, it with its head for the loss, and what both lack."""
    if wish.random_init is not None:
        (module, head), missing = _random(wish, config), list[str]()
    else:
        module, head, missing = _loaded(wish, config, dtype)
    if adapter is not None:
        adapter.merge(module if head is None else head)
    path = stack_of(wish.model, module, wish.part)
    module.get_submodule(path).config.use_cache = False
    parted = _parted(wish, module, path, missing)
    return module.to(dtype).eval(), path, head and head.to(dtype).eval(), parted


def _parted(wish: Wish, whole: torch.nn.Module, path: str, missing: Sequence[str]) -> tuple[Lacking, Lacking]:
    """The weights that are lacking in the stack that is looked at, and those beside it, of which it is said."""
    start = f"{path}." if path else ""
    lacking = Lacking(wish.model, whole, [key for key in missing if key.startswith(start)])
    others = Lacking(wish.model, whole, [key for key in missing if not key.startswith(start)])
    if lacking and wish.loss:
        lacking.refuse("the loss", "leave --loss (loss=True) out")
    if others and not is_encoder_alone(whole):
        warnings.warn(f"{others.words}, which its part {path!r} does not need", stacklevel=2)
    return lacking, others


def _random(wish: Wish, config: Any) -> tuple[Any, Any]:
    """With random weights, which are the same with a head as without."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

    assert wish.random_init is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(wish.random_init)
        module: Any = AutoModel.from_config(config, trust_remote_code=wish.trust_remote_code)
        if not wish.loss:
            return module, None
        kind: Any = AutoModelForCausalLM if is_causal(config) else AutoModelForMaskedLM
        return module, _around(module, kind.from_config(config, trust_remote_code=wish.trust_remote_code))


def _loaded(wish: Wish, config: Any, dtype: torch.dtype) -> tuple[Any, Any, list[str]]:
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

    head = None
    if wish.loss and is_causal(config):
        head, report = _pretrained(AutoModelForCausalLM, wish, config, dtype)
        module, report = head.base_model, check_head(wish.model, head, report)
    else:
        module, report = _pretrained(AutoModel, wish, config, dtype)
        if wish.loss:
            head, told = _pretrained(AutoModelForMaskedLM, wish, config, dtype)
            check_head(wish.model, head, told)
            unused = [key for key in report["unexpected_keys"] if key in told["unexpected_keys"]]
            head, report = _around(module, head), {**report, "unexpected_keys": unused}
    return module, head, check_weights(wish.model, module, report, stack_of(wish.model, module, wish.part))


def _around(module: torch.nn.Module, head: Any) -> Any:
    """The model with its head around the network that is looked at without it too."""
    setattr(head, head.base_model_prefix, module)
    head.tie_weights()
    return head


def _pretrained(kind: Any, wish: Wish, config: Any, dtype: torch.dtype) -> tuple[Any, dict[str, Any]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # by which weights that are lacking are drawn
        return kind.from_pretrained(
            **wish.source,
            config=config,
            dtype=dtype,
            use_safetensors=not wish.pickled,
            weights_only=True,
            ignore_mismatched_sizes=True,  # they are refused by name
            output_loading_info=True,
        )


def is_causal(config: Any) -> bool:
    """Whether every token of a network sees those before it only."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    return config.model_type in CAUSAL and config.model_type not in MASKED and not config.is_encoder_decoder


def _fills_in(config: Any) -> bool:
    """Whether a network is trained to say which tokens are hidden."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    return config.model_type in MASKED and not config.is_encoder_decoder


def _configuration(config: Any) -> str:
    """The configuration without what does not change the network."""
    kept = config.to_dict()
    for name in ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "_commit_hash"):
        kept.pop(name, None)
    return json.dumps(kept, sort_keys=True, default=str)


@contextmanager
def _quiet() -> Iterator[None]:
    """Standard error is the user's: transformers' advice on unused weights and its bars stay out of it."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
