"""Networks from modules: the user's own, and the demonstration's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from layerscape.core.samples import Kind
from layerscape.errors import InvalidValue
from layerscape.extraction.custom import Custom, stack
from layerscape.extraction.network import Network
from layerscape.extraction.survey import Build


def open_module(
    module: torch.nn.Module,
    inputs: Callable[[list[Any]], Any] | None,
    kind: Kind,
    device: torch.device | None,
    dtype: torch.dtype,
) -> Network:
    """A network from a module, which stays as it is: it is copied if its device or type must change."""
    if inputs is None and kind != "array":
        raise InvalidValue(
            f"a module that takes samples of kind {kind!r} needs inputs=, a function from contents to tensors."
        )
    floating = [p for p in module.parameters() if p.is_floating_point()]
    if any(p.dtype != dtype or device not in (None, p.device) for p in floating):
        module = copy.deepcopy(module).to(device, dtype)
    name = type(module).__name__
    return Network(
        name,
        module,
        Custom(inputs or stack, kind),
        configuration=f"{type(module).__module__}.{name} {module!r}",
        facts={},
        build=Build.of(getattr(module, "config", None)),
    )


def open_demo(name: str, device: torch.device, dtype: torch.dtype) -> Network:
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
        build=Build(),
    )


def _grey_levels(contents: list[Any]) -> torch.Tensor:
    """uint8 pictures of 16 × 16 as levels from 0 to 1."""
    for content in contents:
        if np.shape(content) != (16, 16):
            raise InvalidValue(
                f"a picture of shape {np.shape(content)}; the demo model takes grey pictures of 16 × 16."
            )
    return torch.from_numpy(np.stack(contents).astype(np.float32) / 255)
