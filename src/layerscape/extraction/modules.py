"""Networks from modules: the user's own, and the demonstration's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import is_lazy

from layerscape.core.samples import Kind
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.answers import Answers
from layerscape.extraction.build import Build
from layerscape.extraction.custom import MASKS, Custom, stack
from layerscape.extraction.made import Factory, factory_name, made_module
from layerscape.extraction.network import Network


def open_module(
    module: torch.nn.Module,
    make_inputs: Callable[[list[Any]], Any] | None,
    kind: Kind | None,
    device: torch.device | None,
    dtype: torch.dtype | None,
    answers: Answers,
    facts: Mapping[str, Any] | None = None,
) -> Network:
    """A network from a module, which stays as it is: it is copied if its device or type must change.

    ``None`` for either is what the module has.

    What only spreads a module over devices or compiles it is taken off: layers are called as in the module itself.
    """
    module = _plain(module)
    if make_inputs is None and kind not in (None, "array"):
        raise InvalidValue(
            f"a module that takes samples of kind {kind!r} needs make_inputs=, a function from contents to tensors."
        )
    floating = [p for p in module.parameters() if p.is_floating_point()]
    if any(dtype not in (None, p.dtype) or device not in (None, p.device) for p in floating):
        module = copy.deepcopy(module).to(device=device, dtype=dtype)
    name = type(module).__name__
    return Network(
        name,
        module,
        Custom(make_inputs or stack, kind or "array", withheld=[name for name in MASKS if not _takes(module, name)]),
        configuration=f"{type(module).__module__}.{name} {module!r}",
        facts=facts or {},
        build=replace(Build.of(getattr(module, "config", None)), answers=answers),
        any_kind=kind is None,
    )


def open_made(
    path: str,
    factory: Factory,
    seed: int | None,
    make_inputs: Callable[[list[Any]], Any] | None,
    kind: Kind | None,
    device: torch.device | None,
    dtype: torch.dtype | None,
    answers: Answers,
) -> Network:
    """A network of weights in a file, or with a seed of random ones, in the module that a factory makes."""
    module, own = made_module(factory, path, seed)
    facts = {"factory": factory_name(factory)}
    network = open_module(module, make_inputs or own, kind, device, dtype, answers, facts)
    network.name = path if seed is None else f"{path} (random weights, seed {seed})"
    return network


def _plain(module: torch.nn.Module) -> torch.nn.Module:
    """Without wrappers; raises if there is nothing to look into."""
    while (inside := dict(module.named_children()).get(_wrapped(module))) is not None:
        module = inside
    name = type(module).__name__
    for path, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            which = f"the part {path!r} of {name}" if path else name
            raise InvalidType(
                f"{which} is compiled to TorchScript, which shows no layers; give the module it was made of."
            )
    if "eval" in vars(module):  # put there by torch.export, in place of the method
        raise InvalidType(f"{name} is an exported program, which shows no layers; give the module it was made of.")
    weights = [*module.parameters(), *module.buffers()]
    if any(is_lazy(weight) for weight in weights):
        raise InvalidValue(f"{name} has parameters of no shape yet; run it once on a batch, then give it.")
    if any(weight.is_meta for weight in weights):
        raise InvalidValue(f"{name} has weights on the meta device, which have no values; load them first.")
    return module


def _wrapped(module: torch.nn.Module) -> str:
    """What the module that it wraps is called in it, if it wraps one; `torch.compile` is told without loading it."""
    return "module" if isinstance(module, (torch.nn.DataParallel, DistributedDataParallel)) else "_orig_mod"


def _takes(module: torch.nn.Module, mask: str) -> bool:
    """Whether forward takes it; ``special_tokens_mask`` only where it is named."""
    known = signature(module.forward).parameters.values()
    anything = mask == MASKS[0] and any(each.kind is Parameter.VAR_KEYWORD for each in known)
    return anything or any(each.name == mask for each in known)


def open_demo(name: str, device: torch.device, dtype: torch.dtype, answers: Answers) -> Network:
    """The small image network that ships inside; ``demo@untrained`` and the like are its checkpoints."""
    from layerscape.extraction.demo import load_demo

    checkpoint = name.partition("@")[2] or "final"
    module = load_demo(checkpoint).to(device, dtype)
    ramp = (np.arange(512) % 251).astype(np.uint8).reshape(2, 16, 16)
    return Network(
        name,
        module,
        Custom(_grey_levels, "image", examples=list(ramp)),
        configuration=f"demo {module!r}",
        facts={"checkpoint": checkpoint},
        build=Build(answers=answers),
    )


def _grey_levels(contents: list[Any]) -> torch.Tensor:
    """uint8 pictures of 16 × 16 as levels from 0 to 1."""
    for content in contents:
        if np.shape(content) != (16, 16):
            raise InvalidValue(
                f"a picture of shape {np.shape(content)}; the demo model takes grey pictures of 16 × 16."
            )
    return torch.from_numpy(np.stack(contents).astype(np.float32) / 255)
