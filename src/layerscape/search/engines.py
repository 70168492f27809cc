"""Which engine searches: that of the processor, or that of a GPU where the search is worth loading torch for it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from layerscape.search import compiled
from layerscape.search.engine import Found, Job

GPU_WORK = 2e10  # products below which a search ends before torch is loaded
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA's, Windows' and AMD's


def engine_for(device: str, work: int) -> Callable[[Job], Found]:
    """What searches on a device; ``work`` is queries × samples × units."""
    if device == "cpu" or (device == "auto" and (work < GPU_WORK or not _gpu_in_sight())):
        return compiled.search
    from layerscape.search import gpu  # loads torch, which takes seconds

    found = gpu.available(device)
    return compiled.search if found is None else partial(gpu.search, device=found)


def check_device(device: str) -> None:
    """Raise unless the device is there."""
    engine_for(device, 0)


def _gpu_in_sight() -> bool:
    """Whether it is worth loading torch to see if it can use a GPU."""
    if sys.modules.get("torch"):
        return True
    driver = any(Path(file).exists() for file in DRIVERS) or shutil.which("nvidia-smi") is not None
    return driver and find_spec("torch") is not None
