"""Adapters: a folder that holds what LoRA has learned beside a base model, merged into the weights of that.

W + s B A, with s = α / r, or α / √r where it says so (Hu et al. 2022; Kalajdzievski 2023). What does anything else is
refused: it needs the library that made it.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import torch
from torch import nn

from layerscape.errors import FileProblem, InvalidValue
from layerscape.extraction.weights import read_weights
from layerscape.extraction.wishes import TOKENIZER_FILES, Wish, check_place

CONFIGURATION, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
START = "base_model.model."  # of every name
# What changes nothing about how weights are merged, whatever it is; of all else only what is off is allowed.
_HARMLESS = {
    *("base_model_name_or_path", "peft_type", "peft_version", "task_type", "inference_mode", "revision"),
    *("auto_mapping", "megatron_core", "qalora_group_size", "init_lora_weights", "bias"),
    *("r", "lora_alpha", "lora_dropout", "use_rslora", "alpha_pattern", "rank_pattern", "fan_in_fan_out"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save"),
}
_BEGUN = (None, True, False, "gaussian", "orthogonal")  # other ways to begin change the weights of the base


class Adapter:
    """What a folder of an adapter holds.

    Raises
    ------
    FileProblem, InvalidValue
        If it cannot be read, or is no plain LoRA.
    """

    def __init__(self, wish: Wish, folder: Path) -> None:
        self.name, config = wish.model, {}
        try:
            config = json.loads((folder / CONFIGURATION).read_text())
            self.base = str(config["base_model_name_or_path"] or "")
        except (OSError, ValueError, KeyError, TypeError):
            self.base = ""
        if not self.base:
            raise FileProblem(f"{CONFIGURATION} of {wish.model!r} does not name a base model; save it again.")
        self._config: Mapping[str, Any] = config
        self.revision = config.get("revision")
        file = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
        if file is None:
            raise FileProblem(f"adapter {wish.model!r} has none of {', '.join(WEIGHTS)}; save it again.")
        self._check(wish)
        self._weights = read_weights(file)

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of it in a run."""
        return {"base": self.base, "r": self._config.get("r"), "lora_alpha": self._config.get("lora_alpha")}

    def of_base(self, wish: Wish) -> Wish:
        """The wish for the base model, with the adapter's own tokenizer if it has one, as it was trained with."""
        near = self.base and not Path(self.base).expanduser().is_absolute() and wish.folder is not None
        beside = wish.folder.parent / self.base if near and wish.folder else None
        model = str(beside) if beside is not None and beside.is_dir() else self.base
        folder = wish.folder
        own = folder is not None and any(any(folder.glob(pattern)) for pattern in TOKENIZER_FILES)
        base = replace(wish, model=model, revision=self.revision, tokenizer=folder if own else None)
        with telling_base(self):
            check_place(base)
        return base

    def merge(self, module: Any) -> None:
        """Add what was learned to the weights of a model, or of a model without the head that it was learned with."""
        unused = []
        for name, weight, scale in self._changes():
            path, _, which = name.rpartition(".")
            part = _part(module, path)
            if part is None:
                unused.append(name)
                continue
            own = getattr(part, which, None)
            change = weight.T if scale is not None and type(part).__name__ == "Conv1D" else weight
            if not isinstance(own, nn.Parameter) or own.shape != change.shape:
                shape = None if own is None else tuple(own.shape)
                raise InvalidValue(
                    f"adapter {self.name!r} has {name!r} of shape {tuple(change.shape)}, and its base model "
                    f"{self.base!r} of shape {shape}; give the base that it was made for."
                )
            with torch.no_grad():
                own.copy_(change if scale is None else own.float() + scale * change.to(own.device))
        of_stack = [name for name in unused if name.startswith(f"{module.base_model_prefix}.")]
        if of_stack or len(unused) == len(list(self._changes())):
            raise InvalidValue(
                f"adapter {self.name!r} changes {(of_stack or unused)[0]!r}, which its base model {self.base!r} has "
                "not; give the base that it was made for."
            )
        if unused:
            warnings.warn(f"{len(unused)} weights of adapter {self.name!r} are not used: {unused[0]}", stacklevel=2)

    def _changes(self) -> Iterator[tuple[str, torch.Tensor, float | None]]:
        """Names of weights, what is added to them and by which factor; None where it takes their place."""
        for key, weight in self._weights.items():
            name = key.removeprefix(START)
            if key.endswith(".lora_A.weight"):
                path = name.removesuffix(".lora_A.weight")
                other = self._weights.get(f"{key.removesuffix('.lora_A.weight')}.lora_B.weight")
                if other is None or weight.ndim != 2 or other.ndim != 2 or len(weight) != other.shape[1]:
                    raise self._other(f"{name!r}, which is no matrix of two factors")
                yield f"{path}.weight", other.float() @ weight.float(), self._scale(path, len(weight))
            elif ".lora_" in key and not key.endswith(".lora_B.weight"):
                raise self._other(repr(name))
            elif ".lora_" not in key:
                yield name, weight, None

    def _scale(self, path: str, rank: int) -> float:
        patterns = self._config.get("alpha_pattern") or {}
        fits = (alpha for key, alpha in patterns.items() if re.match(rf"(.*\.)?({key})$", path))
        alpha = next(fits, self._config.get("lora_alpha", 8))
        return alpha / (sqrt(rank) if self._config.get("use_rslora") else rank)

    def _check(self, wish: Wish) -> None:
        config = self._config
        if config.get("peft_type") != "LORA":
            raise self._other(f"type {config.get('peft_type')!r}")
        odd = [name for name, value in config.items() if name not in _HARMLESS and value]
        odd += ["init_lora_weights"] if config.get("init_lora_weights") not in _BEGUN else []
        odd += ["bias"] if config.get("bias", "none") != "none" else []
        if odd:
            raise self._other(f"{odd[0]}={config[odd[0]]!r}")
        if wish.random_init is not None:
            raise InvalidValue(f"random weights asked of {wish.model!r}, an adapter; ask it of its base {self.base!r}.")

    def _other(self, what: str) -> InvalidValue:
        return InvalidValue(
            f"{self.name!r} is an adapter with {what}, which only peft can merge: save the whole by "
            "PeftModel.from_pretrained(BASE, ADAPTER).merge_and_unload().save_pretrained(FOLDER) and give FOLDER."
        )


def adapter_of(wish: Wish) -> Adapter | None:
    """The adapter that a local folder holds in place of a model; None where it holds a model, or is none."""
    folder = wish.folder
    if folder is None or not (folder / CONFIGURATION).is_file():
        return None
    if (folder / "config.json").is_file() and any((folder / name).is_file() for name in WEIGHTS):
        raise InvalidValue(
            f"folder {wish.model!r} holds a model and an adapter (config.json and {CONFIGURATION}); give a folder with "
            "one of them."
        )
    return None if (folder / "config.json").is_file() else Adapter(wish, folder)


@contextmanager
def telling_base(adapter: Adapter | None) -> Iterator[None]:
    """Around the loading of a base model, so that what is wrong with it is not looked for in the adapter."""
    try:
        yield
    except FileProblem as error:
        raise (error if adapter is None else FileProblem(f"the base of adapter {adapter.name!r}: {error}")) from None


def _part(module: Any, path: str) -> nn.Module | None:
    """The module at a path, which may begin with what the model without its head is called in the whole."""
    for at in (path, path.removeprefix(f"{module.base_model_prefix}.")):
        try:
            return module.get_submodule(at)
        except AttributeError:
            pass
    return None
