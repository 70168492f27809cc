"""Whether the weights of a checkpoint are those of the model that its configuration describes."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from layerscape.errors import FileProblem, InvalidValue

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_GLOBAL = re.compile(r"GLOBAL (\S+)")  # what torch calls a class or function that it does not load
_MOST_SHARED = 100  # blocks that one weight may serve


def check_files(model: str, folder: Path, n_blocks: Any) -> None:
    """Raise if an index leads out of the folder, or if weights are far too few for so many blocks.

    Both before anything is built: a billion blocks take all memory that there is.
    """
    if (folder / WEIGHTS).is_file():
        with safe_open(folder / WEIGHTS, "pt") as file:
            n_weights = len(file.keys())
    elif (folder / INDEX).is_file():
        n_weights = len(of_index(model, folder))
    else:
        return
    if isinstance(n_blocks, int) and n_blocks > _MOST_SHARED * n_weights:
        raise InvalidValue(
            f"by its configuration {model!r} has {n_blocks:,} blocks, and its weights are {n_weights:,}; mend the "
            "number of layers in config.json, or fetch the model again."
        )


def of_index(model: str, folder: Path) -> Mapping[str, Any]:
    """The file of every weight, by the index of a folder."""
    try:
        found = json.loads((folder / INDEX).read_text())["weight_map"]
        places = {os.path.normpath(name) for name in found.values()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FileProblem(
            f"{INDEX} of {model!r} does not say which file holds which weight; save the model again with "
            "save_pretrained."
        ) from None
    for place in sorted(places):
        if Path(place).is_absolute() or place.startswith(os.pardir):
            raise FileProblem(
                f"{INDEX} of {model!r} leads out of the folder, to {place!r}; put the weights beside it, and name them."
            )
    return found


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of one file, of safetensors or of torch; nothing but tensors is ever unpickled.

    Raises
    ------
    FileProblem
        If it is damaged, or holds something else.
    """
    found = read_file(path)
    if not isinstance(found, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in found.values()):
        raise FileProblem(f"{str(path)!r} holds more than tensors by name; save the state_dict of the model alone.")
    return found


def read_file(path: Path) -> Any:
    """What a file of weights holds: tensors and plain values, since nothing else is unpickled.

    Raises
    ------
    FileProblem
        If it is damaged, or holds objects of other kinds.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # zip, pickle and safetensors have errors of their own
        reason = " ".join(str(error).split()).partition("WeightsUnpickler error: ")
        if (name := _GLOBAL.search(reason[2])) is not None:
            raise FileProblem(
                f"weights {str(path)!r} hold more than tensors and plain values ({name[1]}), which is never loaded; "
                "where you trust the file, open it by torch.load(…, weights_only=False) and save the state_dict alone."
            ) from None
        said = (reason[2] or reason[0])[:120]
        said = said if re.search("[a-z]", said) else "no file of torch"  # of junk it raises but a number
        raise FileProblem(f"weights {str(path)!r} cannot be read ({said}); fetch or save them again.") from None


def check_head(model: str, head: Any, report: Mapping[str, Any]) -> dict[str, list[str]]:
    """Raise if a language model has no weights of its head; what loading it told of all else, by the base's names."""
    start = f"{head.base_model_prefix}."

    def names(keys: Iterable[Any]) -> list[Any]:
        return [_renamed(key, start) for key in keys]

    lacking = [key for key in report["missing_keys"] if not key.startswith(start)]
    if lacking:
        raise InvalidValue(
            f"the loss of each text asked of {model!r}, which has no weights of its head ({lacking[0]} is missing); "
            "fetch the language model with its head, or leave --loss (loss=True) out."
        )
    return {name: names(keys) for name, keys in report.items() if name.endswith("_keys")}


def _renamed(key: Any, start: str) -> Any:
    return key.removeprefix(start) if isinstance(key, str) else (key[0].removeprefix(start), *key[1:])


def check_weights(model: str, module: torch.nn.Module, report: Mapping[str, Any], path: str = "") -> list[str]:
    """Raise if weights are of another shape, or of blocks that the model has not; name those not used.

    A pooler without weights is taken away: it would be random, and is a head, after the last layer.

    Parameters
    ----------
    model
        What the user calls it.
    module
        The model with its weights.
    report
        What loading them told: ``missing_keys``, ``unexpected_keys``, ``mismatched_keys``.
    path
        Of the part that is used, where not the whole is.

    Returns
    -------
    list
        The weights that are lacking, of which it depends on what is asked of the model whether they are needed.
    """
    start = f"{path}." if path else ""
    missing = sorted(report["missing_keys"])
    if any(key.startswith(f"{start}pooler.") for key in missing):
        module.get_submodule(path).pooler = None  # type: ignore[assignment]
        missing = [key for key in missing if not key.startswith(f"{start}pooler.")]
    for key, found, wanted in sorted(report["mismatched_keys"]):
        raise InvalidValue(
            f"the weights of {model!r} do not fit its configuration: {key!r} has shape {tuple(found)}, and the model "
            f"{tuple(wanted)}; mend config.json, or fetch the model again."
        )
    unused = sorted(report["unexpected_keys"])
    for key in unused:
        blocks = _blocks_without(module, key)
        if blocks is not None:
            raise InvalidValue(
                f"the weights of {model!r} have {key!r}, and by its configuration the model has {len(blocks)} blocks "
                "there; mend the number of layers in config.json, or fetch the model again."
            )
    if unused:
        warnings.warn(
            f"{len(unused)} weights of {model!r} are not used, as those of a head are not: {_parts(unused)}",
            stacklevel=2,
        )
    return missing


def _blocks_without(module: torch.nn.Module, key: str) -> torch.nn.ModuleList | None:
    """The list of blocks that has no such number, if a weight is of one."""
    prefix = f"{getattr(module, 'base_model_prefix', '')}."
    place: Any = module
    for name in key.removeprefix(prefix).split("."):
        if isinstance(place, torch.nn.ModuleList) and name.isdigit() and int(name) >= len(place):
            return place
        place = getattr(place, name, None)
    return None


def _parts(keys: Iterable[str]) -> str:
    """The parts of a model that weights belong to."""
    parts = list(dict.fromkeys(".".join(key.split(".")[:2]) for key in keys))
    return ", ".join(parts[:3]) + (", …" if len(parts) > 3 else "")
