"""While a network trains: its representations of a fixed set of samples, step by step, as a series.

`Monitor` is for a loop of one's own, `TrainerCallback` for the Trainer of Hugging Face and `LightningCallback` for that
of Lightning.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerscape.training.huggingface import TrainerCallback as TrainerCallback
    from layerscape.training.lightning import LightningCallback as LightningCallback
    from layerscape.training.monitor import Monitor as Monitor

_HOMES = {"Monitor": "monitor", "TrainerCallback": "huggingface", "LightningCallback": "lightning"}
__all__ = ["Monitor", "TrainerCallback", "LightningCallback"]


def __getattr__(name: str) -> Any:
    """On first use, since what they stand on is heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
