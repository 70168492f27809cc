"""Networks from the Hugging Face hub or a local folder: the one door to transformers.

Weights come from safetensors only, and nothing is unpickled. Image processors run on PIL, so that torchvision is not
needed and one picture gives the same input everywhere.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from layerscape.core.samples import Kind
from layerscape.errors import FileProblem, InvalidValue, LayerscapeError, require
from layerscape.extraction.deployed import deployed_metric
from layerscape.extraction.hub import text_of, why_unreached
from layerscape.extraction.network import Network
from layerscape.extraction.pictures import Pictures
from layerscape.extraction.readers import Reader
from layerscape.extraction.survey import Build
from layerscape.extraction.texts import Texts
from layerscape.extraction.weights import check_files, check_weights

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.*", "*.model", "*.tiktoken")
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
UNBOUNDED = 10**6  # tokenizers that state no limit state an absurd one


@dataclass(frozen=True)
class Wish:
    """What the user asked of `open_model`; see there."""

    model: str
    kind: Kind | None
    revision: str | None
    trust_remote_code: bool
    max_length: int | None
    random_init: int | None
    shuffle_tokens: int | None = None
    unreached: str | None = None  # why only what was fetched before can be had

    @property
    def folder(self) -> Path | None:
        """The local folder, if it is one."""
        path = Path(self.model).expanduser()
        return path if path.is_dir() else None

    @property
    def source(self) -> dict[str, Any]:
        """What every loader of transformers is told."""
        name = str(self.folder or self.model)
        return {
            "pretrained_model_name_or_path": name,
            "revision": self.revision,
            "trust_remote_code": self.trust_remote_code,
            "local_files_only": self.unreached is not None,
        }


def open_pretrained(wish: Wish, device: torch.device, dtype: torch.dtype) -> Network:
    """The network without its head, with its own tokenizer or image processor."""
    require("transformers", "models")
    _check_place(wish)
    if wish.folder is None:
        wish = replace(wish, unreached=why_unreached())
    with _quiet(), _explained(wish):
        config = _load_config(wish)
        if wish.folder is not None and wish.random_init is None:
            check_files(wish.model, wish.folder, getattr(config, "num_hidden_layers", None))
        module = _load_module(wish, config, dtype)
        reader = _load_reader(wish, config, module)
        deployed = deployed_metric(partial(text_of, wish.source))
    facts = {
        "revision": getattr(config, "_commit_hash", None) or wish.revision,
        "random_init": wish.random_init,
        "attention": getattr(module.config, "_attn_implementation", None),
    }
    return Network(
        wish.model if wish.random_init is None else f"{wish.model} (random weights, seed {wish.random_init})",
        module.to(device),
        reader,
        configuration=_configuration(config),
        facts=facts,
        default_pooling="last" if _is_causal(config) else "mean",
        build=Build.of(config),
        deployed=deployed,
    )


def _check_place(wish: Wish) -> None:
    """What a local folder must hold, before anything is loaded."""
    folder = wish.folder
    if folder is None:
        path = Path(wish.model).expanduser()
        if path.is_file():
            raise FileProblem(f"model {wish.model!r} is a file; give the folder of a model, which holds config.json.")
        if wish.model.startswith((".", "/", "~")) or wish.model.count("/") > 1 or "\\" in wish.model:
            raise FileProblem(f"no model folder {wish.model!r}{_nearest(wish.model)}; give a folder with config.json.")
        return
    if not (folder / "config.json").is_file():
        raise FileProblem(
            f"folder {wish.model!r} has no config.json; give a folder made by save_pretrained of a transformers model."
        )
    if wish.random_init is None and not any(folder.glob("*.safetensors")):
        others = ", ".join(sorted(path.name for path in folder.glob("*.bin"))) or "none"
        raise FileProblem(
            f"folder {wish.model!r} has no weights in safetensors (in other formats: {others}, which are not read); "
            "save the model with safe_serialization=True, or ask for random weights."
        )


def _load_config(wish: Wish) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(**wish.source)
    if hasattr(config, "text_config") and hasattr(config, "vision_config"):
        raise InvalidValue(
            f"{wish.model!r} ({config.model_type}) has a text and a vision part; "
            "load it with transformers and give the part you mean as a module, with make_inputs=."
        )
    return config


def _load_module(wish: Wish, config: Any, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import AutoModel

    if wish.random_init is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(wish.random_init)
            module = AutoModel.from_config(config, trust_remote_code=wish.trust_remote_code)
    else:
        module, report = AutoModel.from_pretrained(
            **wish.source,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # they are refused by name below
            output_loading_info=True,
        )
        check_weights(wish.model, module, report)
    if config.is_encoder_decoder:
        module = module.get_encoder()
    module.config.use_cache = False
    return module.to(dtype).eval()


def _load_reader(wish: Wish, config: Any, module: Any) -> Reader:
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

        _check_files(wish, PROCESSOR_FILES, "image processor")
        # Early versions know only the one word, later ones only the other; the one not known is ignored.
        processor = AutoImageProcessor.from_pretrained(**wish.source, backend="pil", use_fast=False)
        return Pictures(processor, accepted, getattr(config, "num_channels", 3))
    from transformers import AutoTokenizer

    _check_files(wish, TOKENIZER_FILES, "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(**wish.source)
    pads = (getattr(config, "pad_token_id", None), tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return Texts(
        tokenizer,
        wish.kind or kind,
        accepted,
        pad_id=next(pad for pad in pads if pad is not None and pad >= 0),
        vocabulary=module.get_input_embeddings().num_embeddings,
        max_length=_max_length(wish, config, module, tokenizer),
        shuffle=wish.shuffle_tokens,
    )


def _kind(config: Any, module: Any) -> Kind:
    if module.main_input_name == "pixel_values" or config.model_type == "imagegpt":
        return "image"
    if module.main_input_name == "input_ids":
        return "protein" if config.model_type == "esm" else "text"
    raise InvalidValue(
        f"models of type {config.model_type!r} take {module.main_input_name!r}; text, proteins and images can be read: "
        "give any other model as a module, with make_inputs=."
    )


def _max_length(wish: Wish, config: Any, module: torch.nn.Module, tokenizer: Any) -> int | None:
    """How many tokens the model can take, and no more than the user wishes."""
    bounds = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    for path, part in module.named_modules():
        # Where padding has a position of its own (RoBERTa), the first ones are not for tokens.
        if (
            path.endswith("position_embeddings")
            and isinstance(part, torch.nn.Embedding)
            and part.padding_idx is not None
        ):
            bounds.append(part.num_embeddings - part.padding_idx - 1)
    limit = min((bound for bound in bounds if bound is not None and 0 < bound < UNBOUNDED), default=None)
    if wish.max_length is None:
        return limit
    least = tokenizer.num_special_tokens_to_add() + 1
    if wish.max_length < least or (limit is not None and wish.max_length > limit):
        raise InvalidValue(
            f"max_length={wish.max_length} for {wish.model!r}; it must lie in {least}..{limit or 'any number'} tokens."
        )
    return wish.max_length


def _is_causal(config: Any) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    return config.model_type in CAUSAL and config.model_type not in MASKED and not config.is_encoder_decoder


def _configuration(config: Any) -> str:
    """The configuration without what does not change the network."""
    kept = config.to_dict()
    for name in ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "_commit_hash"):
        kept.pop(name, None)
    return json.dumps(kept, sort_keys=True, default=str)


def _check_files(wish: Wish, patterns: tuple[str, ...], what: str) -> None:
    if wish.folder is not None and not any(any(wish.folder.glob(pattern)) for pattern in patterns):
        raise FileProblem(
            f"folder {wish.model!r} has no {what} (none of {', '.join(patterns)}); save it there with save_pretrained."
        )


def _nearest(model: str) -> str:
    path = Path(model).expanduser()
    if not path.parent.is_dir():
        return ""
    near = get_close_matches(path.name, [other.name for other in path.parent.iterdir() if other.is_dir()], n=3)
    return f"; nearest: {', '.join(str(path.parent / name) for name in near)}" if near else ""


@contextmanager
def _explained(wish: Wish) -> Iterator[None]:
    """What transformers raises when a model cannot be had, in one line."""
    try:
        yield
    except LayerscapeError:
        raise
    except SafetensorError as error:
        raise FileProblem(f"the weights of {wish.model!r} are damaged ({error}); fetch or save them again.") from None
    except OSError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if wish.unreached:
            raise FileProblem(
                f"model {wish.model!r} is no local folder{_nearest(wish.model)}, was not fetched before, and the hub "
                f"cannot be reached ({wish.unreached}); check the name and the network."
            ) from None
        raise FileProblem(
            f"model {wish.model!r} is no local folder{_nearest(wish.model)}, and the hub did not give it ({reason}) "
            "Check the name and the network; what was fetched once opens offline with HF_HUB_OFFLINE=1."
            if wish.folder is None
            else f"model folder {wish.model!r} cannot be read ({reason}); save it again with save_pretrained."
        ) from None
    except Exception as error:  # a strange configuration may lead to any of them
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if "trust_remote_code" in str(error):
            raise InvalidValue(
                f"model {wish.model!r} comes with code of its own, which is not run unless you ask for it; "
                "read that code, then give --trust-remote-code."
            ) from None
        raise InvalidValue(f"model {wish.model!r} cannot be opened: {reason}") from None


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
