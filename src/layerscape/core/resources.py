"""Resources: what a computation may use. They change how long it takes and never a number."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from layerscape.core.threads import thread_count
from layerscape.errors import InvalidType, InvalidValue, unknown_name

MEMORY = 512 * 2**20  # bytes a search works with, unless it is told otherwise
DEVICES = ("auto", "cpu", "cuda", "cuda:1")  # as examples: any number may follow cuda


@dataclass(frozen=True)
class Resources:
    """How it is computed.

    Attributes
    ----------
    device
        ``"cpu"``; ``"cuda"``, ``"cuda:1"``, …, where torch multiplies matrices on a GPU; or ``"auto"``, which takes
        CUDA where it is there and the search large. The graph is the same to the bit.
    memory
        Bytes of working memory, beside what grows with the result.
    threads
        How many may run at a time; as many as there are processors, or as OMP_NUM_THREADS says, when left out.
    """

    device: str = field(default="auto", metadata={"help": "That searches: auto, cpu, cuda, cuda:1."})
    memory: int = field(default=MEMORY, metadata={"help": "MiB to work with.", "unit": 2**20})
    threads: int | None = field(
        default=None, metadata={"help": "That work side by side; OMP_NUM_THREADS or all processors if left out."}
    )

    def __post_init__(self) -> None:
        if self.device == "mps":
            raise InvalidValue(
                "device='mps': Apple's float32 products can be wrong without an error (pytorch issues 193487 and "
                "195163), so that nothing could be proven from them; use device='cpu'."
            )
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(self.device)):
            raise unknown_name("device", str(self.device), DEVICES)
        if isinstance(self.memory, bool) or not isinstance(self.memory, (int, np.integer)):
            raise InvalidType(f"memory={self.memory!r} is no whole number; give how many bytes to work with.")
        if self.memory < 1:
            raise InvalidValue(f"memory={self.memory} bytes; give at least 1.")
        thread_count(self.threads)

    @property
    def n_threads(self) -> int:
        """How many threads run."""
        return thread_count(self.threads)


def memory_of_machine() -> int | None:
    """Bytes of memory that this machine has, or that this process may have of it; None where nothing tells."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # of Windows
        return None
    with suppress(OSError, ValueError):  # no limit is a word there
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found


def peak_memory() -> int:
    """Bytes that this process has taken at the most."""
    import resource

    with suppress(OSError, ValueError, IndexError):  # of Linux: what a parent took does not count here
        lines = Path("/proc/self/status").read_text().splitlines()
        line = next((line for line in lines if line.startswith("VmHWM")), "")
        return 1024 * int(line.split()[1])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def check_room(n_bytes: float, what: str, remedy: str) -> None:
    """Raise where something takes more memory than there is, and say how much, and what to do."""
    there = memory_of_machine()
    if there is not None and n_bytes > there:
        raise InvalidValue(
            f"{what} takes {n_bytes / 1e9:,.1f} GB of memory, and this machine has {there / 1e9:,.1f} GB; {remedy}."
        )
