"""How long `extract` takes of few samples and of more, and which of its parts: for the second table of `extraction`."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from layerscape import extract, extraction
from layerscape.core.samples import Kind
from layerscape.extraction import Network
from layerscape.pipeline.passes import Pass

N, FEW = 128, 16  # samples, and those of which a run is nearly only what is done once
PARTS = {  # what of it takes time, by what is called
    "dry run": (Network, "_surveyed"),
    "proofs": (extraction, "prove"),
    "pass and writing": (Pass, "fill"),
}


def whole_run(
    kind: Kind, make: Callable[[Path], tuple[Network, list[Any]]], repeats: int, clock: Callable[[], float]
) -> list[float]:
    """Median seconds of few samples, of all, and of the parts of the latter, the model opened each time.

    A model of arrays is a module that is there already; a first round loads what is imported when it is wanted.
    """
    taken: list[list[float]] = []
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        network, contents = make(Path(place) / "model")
        model: Any = network._module if kind == "array" else str(Path(place) / "model")
        parts = [stack.enter_context(timed(*part, clock)) for part in PARTS.values()]
        for repeat in range(repeats + 1):
            whole: list[float] = []
            for n in (FEW, N):
                given = _held(kind, contents[:n])
                for part in parts:
                    part.clear()
                start = clock()
                extract(model, given, out=Path(place) / f"run_{repeat}_{n}", device="cpu")
                whole.append(clock() - start)
            taken.append([*whole, *map(sum, parts)])
    return [statistics.median(each) for each in zip(*taken[1:], strict=True)]


@contextmanager
def timed(owner: Any, name: str, clock: Callable[[], float]) -> Iterator[list[float]]:
    """The seconds of each call of a function while it is watched; of calls within each other those of the outer."""
    called, taken, within = getattr(owner, name), list[float](), 0

    def watched(*args: Any, **kwargs: Any) -> Any:
        nonlocal within
        start, within = clock(), within + 1
        try:
            return called(*args, **kwargs)
        finally:
            within -= 1
            if not within:
                taken.append(clock() - start)

    setattr(owner, name, watched)
    try:
        yield taken
    finally:
        setattr(owner, name, called)


def _held(kind: Kind, contents: list[Any]) -> Any:
    """As one would have them in memory."""
    if kind == "array":
        return np.stack(contents)
    return [Image.fromarray(each) for each in contents] if kind == "image" else contents
