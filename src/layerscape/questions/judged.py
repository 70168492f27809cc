"""The layers that are judged beside each other, of one run or of several, and what sentences call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from layerscape.errors import InvalidValue
from layerscape.run import Run


@dataclass(frozen=True)
class Judged:
    """A layer among those of one run or of several.

    Attributes
    ----------
    run, layer
        Where it is.
    run_name
        What its run is called; empty where there is no other.
    """

    run: Run
    layer: str
    run_name: str = ""

    @property
    def name(self) -> str:
        """What it is called: LAYER, or RUN/LAYER among several runs."""
        return f"{self.run_name}/{self.layer}" if self.run_name else self.layer

    @property
    def depth(self) -> float | None:
        return self.run.depths[self.layer]


def judged_layers(runs: Sequence[Run]) -> list[Judged]:
    """All layers of one run, or of several, run by run."""
    names = names_of(runs) if len(runs) > 1 else [""]
    return [Judged(run, layer, name) for run, name in zip(runs, names, strict=True) for layer in run.layers]


def names_of(runs: Sequence[Run]) -> list[str]:
    """One name for each: of its folder, with as many of those above it as tell them apart; "run 2" for one in memory.

    Raises
    ------
    InvalidValue
        If a run is given twice.
    """
    paths = [run.path.resolve() for run in runs]
    for place, path in enumerate(paths):
        if path in paths[:place]:
            raise InvalidValue(f"{str(runs[place].path)!r} is given twice; give each run once.")
    for length in count(1):
        names = [
            f"run {place}" if run.temporary else "/".join(path.parts[-length:]).lstrip("/")
            for place, (run, path) in enumerate(zip(runs, paths, strict=True), 1)
        ]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("paths that differ have names that differ")
